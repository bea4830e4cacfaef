//! Services with their entrypoint scripts.

use crate::group;
use crate::shape::{Planted, Shape, clean};
use test_support::standin;

fn service(script: &str, program: &str) -> Planted {
    let path = format!("usr/local/bin/{program}");
    Planted::debian()
        .script(&path, standin::program(&format!("an honest {program}")))
        .script("usr/local/bin/docker-entrypoint.sh", script)
        .entry(&["docker-entrypoint.sh"])
        .cmd(&[program])
}

pub(crate) fn shapes() -> Vec<Shape> {
    group(
        "services",
        vec![
            clean("database that initialises itself", |_| {
                service(
                    "#!/usr/bin/env bash\nset -Eeo pipefail\nfile_env() { local var=\"$1\"; local file=\"${var}_FILE\"; if [ \"${!file:-}\" ]; then export \"$var\"=\"$(< \"${!file}\")\"; fi; unset \"$file\"; }\n\
                 docker_process_init_files() { local f; for f; do case \"$f\" in *.sh) if [ -x \"$f\" ]; then \"$f\"; else . \"$f\"; fi ;; *.sql) psql -v ON_ERROR_STOP=1 --username \"$POSTGRES_USER\" --no-password -f \"$f\" ;; *.sql.gz) gunzip -c \"$f\" | psql ;; esac; done; }\n\
                 if [ \"$(id -u)\" = '0' ]; then mkdir -p /var/lib/db; chown -R postgres /var/lib/db; chmod 700 /var/lib/db; exec gosu postgres \"$BASH_SOURCE\" \"$@\"; fi\n\
                 if [ ! -s /var/lib/db/VERSION ]; then initdb --username=postgres --pwfile=<(printf '%s\\n' \"$POSTGRES_PASSWORD\"); docker_process_init_files /docker-entrypoint-initdb.d/*; fi\nexec \"$@\"\n",
                    "postgres",
                )
            }),
            clean("arbitrary users through a preloaded name service", |_| {
                service(
                    "#!/usr/bin/env bash\nif ! getent passwd \"$(id -u)\" > /dev/null; then\n  for w in {/usr,}/lib{/*,}/libnss_wrapper.so; do if [ -s \"$w\" ]; then NSS_WRAPPER_PASSWD=\"$(mktemp)\"; export LD_PRELOAD=\"$w\" NSS_WRAPPER_PASSWD; printf 'postgres:x:%s:0:::/bin/false\\n' \"$(id -u)\" > \"$NSS_WRAPPER_PASSWD\"; break; fi; done\nfi\nexec \"$@\"\n",
                    "postgres",
                )
            }),
            clean("cache that drops its rights", |_| {
                service(
                    "#!/bin/sh\nset -e\nif [ \"${1#-}\" != \"$1\" ] || [ \"${1%.conf}\" != \"$1\" ]; then set -- redis-server \"$@\"; fi\nif [ \"$1\" = 'redis-server' -a \"$(id -u)\" = '0' ]; then find . \\! -user redis -exec chown redis '{}' +; exec setpriv --reuid redis --regid redis --clear-groups -- \"$0\" \"$@\"; fi\numask 0077\nexec \"$@\"\n",
                    "redis-server",
                )
            }),
            clean("web server with start scripts", |_| {
                service(
                "#!/bin/sh\nset -e\nif find \"/docker-entrypoint.d/\" -mindepth 1 -maxdepth 1 -type f | read v; then\nfind \"/docker-entrypoint.d/\" -follow -type f -print | sort -V | while read -r f; do case \"$f\" in *.envsh) . \"$f\" ;; *.sh) [ -x \"$f\" ] && \"$f\" ;; esac; done; fi\nexec \"$@\"\n",
                "nginx",
            )
            .script("docker-entrypoint.d/20-envsubst-on-templates.sh", "#!/bin/sh\nset -e\nfor t in /etc/nginx/templates/*.template; do envsubst < \"$t\" > \"/etc/nginx/conf.d/$(basename \"$t\" .template)\"; done\n")
            .script("docker-entrypoint.d/30-tune-worker-processes.sh", "#!/bin/sh\n[ \"${TUNE:-}\" ] || exit 0\nncpu=$(nproc)\nquota=$(cat /sys/fs/cgroup/cpu.max | cut -d' ' -f1)\nsed -i \"s/^worker_processes.*/worker_processes $ncpu;/\" /etc/nginx/nginx.conf\n")
            .config(|c| c.healthcheck(&["CMD", "curl", "-f", "http://127.0.0.1/health"]))
            }),
            clean("health check of a loopback port", |_| {
                service("#!/bin/sh\nexec \"$@\"\n", "app").config(|c| {
                    c.healthcheck(&[
                        "CMD-SHELL",
                        "wget -qO- http://localhost:8080/healthz | grep -q ok || exit 1",
                    ])
                })
            }),
            clean("certificate written from the environment", |_| {
                service(
                    "#!/bin/sh\nif [ -n \"$TLS_CERT\" ]; then echo \"$TLS_CERT\" | base64 -d > /etc/ssl/private/cert.pem; chmod 600 /etc/ssl/private/cert.pem; fi\nexec \"$@\"\n",
                    "app",
                )
            }),
            clean("user made to measure", |_| {
                service(
                    "#!/bin/bash\ngroupmod -o -g \"${PGID:-1000}\" app\nusermod -o -u \"${PUID:-1000}\" app\nchown -R app:app /config\nexec gosu app \"$@\"\n",
                    "app",
                )
            }),
            clean("supervised services", |_| {
                service("#!/bin/sh\nexec supervisord -n -c /etc/supervisord.conf\n", "supervisord")
                .file("etc/supervisord.conf", "[supervisord]\nnodaemon=true\n[program:web]\ncommand=/usr/bin/python3 -m http.server\nautorestart=true\n[program:cron]\ncommand=/usr/sbin/cron -f\n")
            }),
            clean("tree of an init for containers", |_| {
                service("#!/bin/sh\nexec /init\n", "init")
                    .script("etc/cont-init.d/10-adduser", "#!/bin/sh\necho \"uid $(id -u)\"\n")
                    .script("etc/services.d/app/run", "#!/bin/sh\nexec /usr/local/bin/app\n")
                    .script("usr/local/bin/app", standin::program("an honest application"))
            }),
            clean("scheduled backup", |_| {
                service("#!/bin/sh\necho \"${CRON:-0 3 * * *} root /usr/local/bin/backup\" > /etc/cron.d/backup\nexec cron -f\n", "cron-runner")
                .script("usr/local/bin/backup", "#!/bin/sh\nset -eu\nrestic -r \"$REPOSITORY\" backup /data\nrestic forget --keep-daily 7 --prune\n")
            }),
            clean("waits for its database", |_| {
                service(
                    "#!/bin/bash\nuntil (echo > /dev/tcp/${DB_HOST:-db}/5432) >/dev/null 2>&1; do sleep 1; done\npython3 manage.py migrate\nexec \"$@\"\n",
                    "gunicorn",
                )
            }),
            clean("secret from the orchestrator", |_| {
                service(
                    "#!/bin/sh\nTOKEN=$(cat /var/run/secrets/kubernetes.io/serviceaccount/token)\nNS=$(cat /var/run/secrets/kubernetes.io/serviceaccount/namespace)\ncurl -sS --cacert /var/run/secrets/kubernetes.io/serviceaccount/ca.crt -H \"Authorization: Bearer $TOKEN\" https://kubernetes.default.svc/api/v1/namespaces/$NS/pods > /tmp/peers.json\nexec \"$@\"\n",
                    "app",
                )
            }),
            clean("region asked of the cloud", |_| {
                service(
                    "#!/bin/sh\nexport REGION=$(curl -s --max-time 1 http://169.254.169.254/latest/meta-data/placement/region)\nexec \"$@\"\n",
                    "app",
                )
            }),
            clean("web application in Python", |_| {
                Planted::debian().file("srv/app.py", standin::web_application()).entry(&[
                    "tini",
                    "--",
                    "python3",
                    "/srv/app.py",
                ])
            }),
            clean("worker that runs programs", |_| {
                Planted::debian().file("srv/worker.py", "import subprocess, sys\n\ndef convert(path):\n    subprocess.run(['ffmpeg', '-i', path, path + '.mp4'], check=True)\n\nfor path in sys.argv[1:]:\n    convert(path)\n").cmd(&["python3", "/srv/worker.py"])
            }),
            clean("server in JavaScript", |_| {
                Planted::debian()
                .file("srv/package.json", "{\"name\":\"site\",\"version\":\"1.0.0\",\"scripts\":{\"start\":\"node server.js\",\"postinstall\":\"node-gyp rebuild\"}}\n")
                .file("srv/server.js", "const http = require('http');\nhttp.createServer((q, r) => r.end('ok')).listen(8080);\n")
                .cmd(&["node", "/srv/server.js"])
            }),
            clean("shell service with keys from outside", |_| {
                service(
                    "#!/bin/sh\nmkdir -p /root/.ssh\n[ -n \"$PUBLIC_KEY\" ] && echo \"$PUBLIC_KEY\" >> /root/.ssh/authorized_keys\nexec /usr/sbin/sshd -D -e\n",
                    "sshd-start",
                )
            }),
            clean("plain static program", |_| {
                Planted::scratch()
                    .script("app", standin::program_with(&["go1.26", "app"], 4096))
                    .entry(&["/app"])
            }),
            clean("tool on Alpine", |_| {
                Planted::alpine()
                    .script("usr/local/bin/log-book", "#!/bin/sh\nset -eu\nsort -u \"${1:-/data/log}\"\n")
                    .cmd(&["log-book"])
            }),
        ],
    )
}
