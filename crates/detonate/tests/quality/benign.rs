//! Images of honest services from Debian packages.

use crate::case::Case;

/// Group, name of the layer, packages, start, what its output must hold or where it must listen.
struct Service {
    group: &'static str,
    name: &'static str,
    packages: &'static str,
    start: &'static [&'static str],
    expect: &'static [&'static str],
    more: fn(Case) -> Case,
}

fn plain(case: Case) -> Case {
    case
}

pub(crate) fn cases() -> Vec<Case> {
    SERVICES
        .iter()
        .map(|service| {
            let mut case = Case {
                honest: true,
                group: service.group,
                name: service.name.to_owned(),
                packages: Some((service.name, service.packages)),
                expect: service.expect.to_vec(),
                seconds: 150,
                ..Case::default()
            };
            case.config.os = "linux".to_owned();
            case.config.architecture = "amd64".to_owned();
            case.config.config.entrypoint = service.start.iter().map(|word| (*word).to_owned()).collect();
            (service.more)(case)
        })
        .collect()
}

const SERVICES: &[Service] = &[
    Service {
        group: "databases",
        name: "redis",
        packages: "redis-server",
        start: &["redis-server", "--protected-mode", "no"],
        expect: &["Ready to accept connections"],
        more: plain,
    },
    Service {
        group: "databases",
        name: "postgresql",
        packages: "postgresql",
        start: &["/usr/lib/postgresql/15/bin/postgres", "-D", "/var/lib/postgresql/15/main", "-c", "config_file=/etc/postgresql/15/main/postgresql.conf"],
        expect: &["ready to accept connections"],
        more: |case| case.user("postgres"),
    },
    Service {
        group: "databases",
        name: "mariadb",
        packages: "mariadb-server",
        start: &["/bin/sh", "-c", "mkdir -p /run/mysqld; chown mysql /run/mysqld; exec mariadbd --user=mysql"],
        expect: &["ready for connections"],
        more: plain,
    },
    Service {
        group: "databases",
        name: "memcached",
        packages: "memcached",
        start: &["memcached", "-u", "nobody"],
        expect: &["listens:11211"],
        more: plain,
    },
    Service {
        group: "databases",
        name: "etcd",
        packages: "etcd-server",
        start: &["etcd", "--data-dir", "/srv/etcd"],
        expect: &["listens:2379"],
        more: plain,
    },
    Service {
        group: "databases",
        name: "slapd",
        packages: "slapd",
        start: &["slapd", "-d", "0", "-h", "ldap:///"],
        expect: &["listens:389"],
        more: plain,
    },
    Service {
        group: "databases",
        name: "pgbouncer",
        packages: "pgbouncer",
        start: &["pgbouncer", "/etc/pgbouncer/pgbouncer.ini"],
        expect: &["listens:6432"],
        more: |case| case.user("postgres"),
    },
    Service {
        group: "databases",
        name: "influxdb",
        packages: "influxdb",
        start: &["influxd", "run"],
        expect: &["listens:8086"],
        more: plain,
    },
    Service {
        group: "web servers",
        name: "nginx",
        packages: "nginx-light",
        start: &["nginx", "-g", "daemon off;"],
        expect: &["listens:80"],
        more: plain,
    },
    Service {
        group: "web servers",
        name: "apache2",
        packages: "apache2",
        start: &["apachectl", "-D", "FOREGROUND"],
        expect: &["listens:80"],
        more: plain,
    },
    Service {
        group: "web servers",
        name: "lighttpd",
        packages: "lighttpd",
        start: &["lighttpd", "-D", "-f", "/etc/lighttpd/lighttpd.conf"],
        expect: &["listens:80"],
        more: plain,
    },
    Service {
        group: "web servers",
        name: "haproxy",
        packages: "haproxy",
        start: &["haproxy", "-W", "-f", "/srv/haproxy.cfg"],
        expect: &["listens:8080"],
        more: |case| {
            case.file(
                "srv/haproxy.cfg",
                0o644,
                "defaults\n  mode http\n  timeout connect 1s\n  timeout client 5s\n  timeout server 5s\nfrontend f\n  bind :8080\n  default_backend b\nbackend b\n  server s 10.0.0.7:80 check\n",
            )
        },
    },
    Service {
        group: "web servers",
        name: "squid",
        packages: "squid",
        start: &["/bin/sh", "-c", "exec squid -N -d1"],
        expect: &["listens:3128"],
        more: plain,
    },
    Service {
        group: "web servers",
        name: "varnish",
        packages: "varnish",
        start: &["varnishd", "-F", "-a", ":6081", "-b", "10.0.0.7:80"],
        expect: &["listens:6081"],
        more: plain,
    },
    Service {
        group: "web servers",
        name: "tomcat",
        packages: "tomcat10",
        start: &["/usr/share/tomcat10/bin/catalina.sh", "run"],
        expect: &["listens:8080"],
        more: |case| case.env("CATALINA_HOME=/usr/share/tomcat10").env("CATALINA_BASE=/var/lib/tomcat10").user("tomcat"),
    },
    Service {
        group: "languages",
        name: "python",
        packages: "python3",
        start: &["python3", "-u", "-m", "http.server", "8000"],
        expect: &["listens:8000"],
        more: plain,
    },
    Service {
        group: "languages",
        name: "flask",
        packages: "python3-flask gunicorn",
        start: &["gunicorn", "-b", "0.0.0.0:8000", "--chdir", "/srv", "app:app"],
        expect: &["listens:8000"],
        more: |case| {
            case.file("srv/app.py", 0o644, "from flask import Flask\napp = Flask(__name__)\n@app.route('/')\ndef index(): return 'hello'\n")
        },
    },
    Service {
        group: "languages",
        name: "nodejs",
        packages: "nodejs",
        start: &["node", "/srv/app.js"],
        expect: &["listens:3000"],
        more: |case| {
            case.file(
                "srv/app.js",
                0o644,
                "const http = require('http');\nhttp.createServer((q, r) => r.end('hello')).listen(3000, () => console.log('up'));\nsetInterval(() => 0, 1000);\n",
            )
        },
    },
    Service {
        group: "languages",
        name: "jdk",
        packages: "openjdk-17-jdk-headless",
        start: &["java", "-Xmx256m", "/srv/Web.java"],
        expect: &["listens:8080"],
        more: |case| {
            case.file(
                "srv/Web.java",
                0o644,
                "import com.sun.net.httpserver.*; import java.net.*;\npublic class Web { public static void main(String[] a) throws Exception { HttpServer s = HttpServer.create(new InetSocketAddress(8080), 0); s.createContext(\"/\", x -> { x.sendResponseHeaders(200, 2); x.getResponseBody().write(\"ok\".getBytes()); x.close(); }); s.start(); System.out.println(\"started\"); } }\n",
            )
        },
    },
    Service {
        group: "languages",
        name: "php",
        packages: "php-fpm",
        start: &["/bin/sh", "-c", "mkdir -p /run/php; exec php-fpm8.2 -F -O"],
        expect: &["ready to handle connections"],
        more: plain,
    },
    Service {
        group: "languages",
        name: "ruby",
        packages: "ruby ruby-webrick",
        start: &["ruby", "-rwebrick", "-e", "WEBrick::HTTPServer.new(Port: 8000).start"],
        expect: &["listens:8000"],
        more: plain,
    },
    Service {
        group: "languages",
        name: "perl",
        packages: "libhttp-daemon-perl",
        start: &["perl", "-MHTTP::Daemon", "-e", "my $d = HTTP::Daemon->new(LocalPort => 8000) or die; while (my $c = $d->accept) { $c->send_error(404); $c->close }"],
        expect: &["listens:8000"],
        more: plain,
    },
    Service {
        group: "networks",
        name: "sshd",
        packages: "openssh-server",
        start: &["/bin/sh", "-c", "mkdir -p /run/sshd; exec /usr/sbin/sshd -D -e"],
        expect: &["Server listening on"],
        more: plain,
    },
    Service {
        group: "networks",
        name: "tor",
        packages: "tor",
        start: &["tor", "--SocksPort", "0.0.0.0:9050"],
        expect: &["listens:9050"],
        more: |mut case| {
            case.declared = vec!["tor"];
            case
        },
    },
    Service {
        group: "networks",
        name: "bind9",
        packages: "bind9",
        start: &["named", "-g", "-u", "bind"],
        expect: &["running"],
        more: plain,
    },
    Service {
        group: "networks",
        name: "unbound",
        packages: "unbound",
        start: &["unbound", "-d", "-v"],
        expect: &["start of service"],
        more: |case| {
            case.file(
                "etc/unbound/unbound.conf",
                0o644,
                "server:\n  interface: 0.0.0.0\n  do-daemonize: no\n  use-syslog: no\n  username: \"\"\n  chroot: \"\"\n  module-config: \"iterator\"\n",
            )
        },
    },
    Service {
        group: "networks",
        name: "dnsmasq",
        packages: "dnsmasq-base",
        start: &["dnsmasq", "-k", "--log-facility=-", "--user=root"],
        expect: &["started, version"],
        more: plain,
    },
    Service {
        group: "networks",
        name: "mosquitto",
        packages: "mosquitto",
        start: &["mosquitto", "-v", "-p", "1883"],
        expect: &["running"],
        more: plain,
    },
    Service {
        group: "networks",
        name: "rabbitmq",
        packages: "rabbitmq-server",
        start: &["rabbitmq-server"],
        expect: &["listens:5672"],
        more: plain,
    },
    Service {
        group: "networks",
        name: "ngircd",
        packages: "ngircd",
        start: &["ngircd", "-n"],
        expect: &["listens:6667"],
        more: plain,
    },
    Service {
        group: "mail and files",
        name: "postfix",
        packages: "postfix",
        start: &["postfix", "start-fg"],
        expect: &["listens:25"],
        more: plain,
    },
    Service {
        group: "mail and files",
        name: "exim4",
        packages: "exim4-daemon-light",
        start: &["exim4", "-bdf", "-q30m"],
        expect: &["listens:25"],
        more: plain,
    },
    Service {
        group: "mail and files",
        name: "dovecot",
        packages: "dovecot-imapd",
        start: &["dovecot", "-F"],
        expect: &["listens:143"],
        more: plain,
    },
    Service {
        group: "mail and files",
        name: "vsftpd",
        packages: "vsftpd",
        start: &["/bin/sh", "-c", "mkdir -p /var/run/vsftpd/empty; exec vsftpd /etc/vsftpd.conf -obackground=NO -olisten=YES -olisten_ipv6=NO"],
        expect: &["listens:21"],
        more: plain,
    },
    Service {
        group: "mail and files",
        name: "samba",
        packages: "samba",
        start: &["smbd", "-F", "--debug-stdout", "--no-process-group"],
        expect: &["listens:445"],
        more: plain,
    },
    Service {
        group: "mail and files",
        name: "rsync",
        packages: "rsync",
        start: &["rsync", "--daemon", "--no-detach", "--log-file=/dev/stdout", "--config=/srv/rsyncd.conf"],
        expect: &["listens:873"],
        more: |case| case.file("srv/rsyncd.conf", 0o644, "[files]\npath = /srv\nread only = yes\n"),
    },
    Service {
        group: "mail and files",
        name: "git",
        packages: "git",
        start: &["git", "daemon", "--export-all", "--verbose", "--base-path=/srv"],
        expect: &["listens:9418"],
        more: plain,
    },
    Service {
        group: "supervisors and time",
        name: "cron",
        packages: "cron",
        start: &["cron", "-f"],
        expect: &["tick"],
        more: |case| case.file("etc/cron.d/tick", 0o644, "* * * * * root echo tick > /proc/1/fd/1\n"),
    },
    Service {
        group: "supervisors and time",
        name: "supervisor",
        packages: "supervisor",
        start: &["supervisord", "-n"],
        expect: &["entered RUNNING state"],
        more: |case| case.file("etc/supervisor/conf.d/web.conf", 0o644, "[program:web]\ncommand=python3 -m http.server 8000\n"),
    },
    Service {
        group: "supervisors and time",
        name: "s6",
        packages: "s6",
        start: &["s6-svscan", "/srv/services"],
        expect: &["serving"],
        more: |case| case.file("srv/services/web/run", 0o755, "#!/bin/sh\necho serving\nexec sleep 3600\n"),
    },
    Service {
        group: "supervisors and time",
        name: "runit",
        packages: "runit",
        start: &["runsvdir", "-P", "/srv/services"],
        expect: &["serving"],
        more: |case| case.file("srv/services/web/run", 0o755, "#!/bin/sh\necho serving\nexec sleep 3600\n"),
    },
    Service {
        group: "supervisors and time",
        name: "logrotate",
        packages: "logrotate",
        start: &["/bin/sh", "-c", "echo line > /var/log/app.log; logrotate -v -f /etc/logrotate.d/app /etc/logrotate.conf 2>&1; echo rotated all"],
        expect: &["rotated all"],
        more: |case| case.file("etc/logrotate.d/app", 0o644, "/var/log/app.log {\n  rotate 3\n  compress\n  create 640 root root\n}\n"),
    },
    Service {
        group: "supervisors and time",
        name: "prometheus",
        packages: "prometheus",
        start: &["prometheus", "--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/srv/data"],
        expect: &["listens:9090"],
        more: plain,
    },
    Service {
        group: "supervisors and time",
        name: "node-exporter",
        packages: "prometheus-node-exporter",
        start: &["prometheus-node-exporter"],
        expect: &["listens:9100"],
        more: plain,
    },
    Service {
        group: "tools at start",
        name: "stress",
        packages: "stress-ng",
        start: &["stress-ng", "--cpu", "2", "--timeout", "6s"],
        expect: &["successful run completed"],
        more: plain,
    },
    Service {
        group: "tools at start",
        name: "gcc",
        packages: "gcc libc6-dev make",
        start: &["/bin/sh", "-c", "cd /srv && make -s && ./app"],
        expect: &["built and ran"],
        more: |case| {
            case.file("srv/app.c", 0o644, "#include <stdio.h>\nint main(void) { puts(\"built and ran\"); return 0; }\n")
                .file("srv/Makefile", 0o644, "app: app.c\n\tcc -O1 -o app app.c\n")
        },
    },
    Service {
        group: "tools at start",
        name: "apt",
        packages: "",
        start: &["/bin/sh", "-c", "apt-get update; apt-get install -y curl; echo went on"],
        expect: &["went on"],
        more: plain,
    },
    Service {
        group: "tools at start",
        name: "ansible",
        packages: "ansible-core",
        start: &["/bin/sh", "-c", "ansible localhost -c local -m ping; echo played"],
        expect: &["pong"],
        more: plain,
    },
    Service {
        group: "tools at start",
        name: "restic",
        packages: "restic",
        start: &["/bin/sh", "-c", "restic init && restic backup /etc && echo kept"],
        expect: &["kept"],
        more: |case| case.env("RESTIC_REPOSITORY=/srv/backup").env("RESTIC_PASSWORD=s3cret"),
    },
    Service {
        group: "tools at start",
        name: "borg",
        packages: "borgbackup",
        start: &["/bin/sh", "-c", "borg init -e none /srv/repository && borg create --stats /srv/repository::one /etc && echo kept"],
        expect: &["kept"],
        more: plain,
    },
    Service {
        group: "tools at start",
        name: "curl",
        packages: "curl ca-certificates",
        start: &["/bin/sh", "-c", "curl -fsS https://status.example.com/health; for i in 1 2 3; do curl -s -o /dev/null http://localhost:9/; sleep 10; done; echo checked"],
        expect: &["checked"],
        more: plain,
    },
];
