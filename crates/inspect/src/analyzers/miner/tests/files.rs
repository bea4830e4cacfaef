use super::*;

fn facts(text: &str) -> MinerFacts {
    parse::text(text.as_bytes(), &crate::Signs::of(text.as_bytes())).unwrap_or_default()
}

const POOLS: &str = r#"{"autosave": true, "donate-level": 1, // one
    "cpu": {"huge-pages": true, "max-threads-hint": 100,},
    /* the "pools" */ "donate-level": 1,
    "pools": [ {"algo": null, "url": "pool.example:3333", "user": "WALLET", "pass": "x", "keepalive": true, "tls": false,},
    ], "print-time": 60}"#;

#[test]
fn configurations_are_read_as_data() {
    let wallet = monero(42);
    for text in [
        POOLS.replace("WALLET", &wallet),
        POOLS.replace("WALLET", "somebody"),
        format!("#!/bin/sh\ncat > /tmp/c.json <<EOF\n{}\nEOF\n", POOLS.replace("WALLET", &wallet)),
        format!(
            "c = \"{}\"",
            POOLS.replace("// one", "").replace('\n', "\\n").replace('"', "\\\"").replace("WALLET", &wallet)
        ),
        format!(r#"{{"pools":[{{"url":"192.0.2.1:1","user":"{wallet}","pass":"x","keepalive":true}}]}}"#),
        r#"{"url" : "stratum+tcp://pool.example:3333", "user" : "me", "pass" : "x", "algo" : "lyra2z"}"#
            .to_owned(),
    ] {
        let facts = facts(&text);
        let shape = facts.config.unwrap_or_else(|| panic!("{text}"));
        assert!(shape.is_miner() && shape.endpoint.is_some(), "{text}");
        assert_eq!(shape.wallet.is_some(), shape.account && text.contains(&wallet), "{text}");
    }
}

#[test]
fn other_pools_are_no_configuration_of_a_miner() {
    for text in [
        // HikariCP, PgBouncer, a proxy, a park of worker threads, and the default of a miner without its keys.
        r#"{"pools":[{"name":"main","url":"jdbc:postgresql://db.example:5432/app","user":"app","pass":"x","keepalive":30}]}"#,
        r#"{"pools":[{"url":"db.example:5432","user":"app","pass":"x","keepalive":true}],"retry-pause":5,"print-time":60}"#,
        r#"{"pools": {"url": "db.example:6432", "user": "app", "daemon": true}}"#,
        r#"{"pools":[{"host":"a.example","max":3},{"host":"b.example"}],"threads":4}"#,
        r#"{"pools":[],"donate-level":1,"randomx":{}}"#,
        r#"{"pools":["db.example:80"],"user":"a"}"#,
        "[databases]\nuser = app\npools = 4\nurl = db.example:80\n",
        r#""pools":"#,
    ] {
        assert_eq!(facts(text).config, None, "{text}");
    }
}

#[test]
fn servers_are_found_in_plain_and_hidden_form() {
    let hosts = |text: &str| -> Vec<String> {
        facts(text).endpoints.iter().map(|found| found.what.shown()).collect()
    };
    assert_eq!(hosts("pool = 'stratum+tcp://pool.example:3333'"), ["stratum://pool.example:3333"]);
    let escaped: String = "stratum+ssl://a.example:1".bytes().map(|byte| format!("\\x{byte:02x}")).collect();
    assert_eq!(hosts(&format!("p = \"{escaped}\"")), ["stratum://a.example:1"]);
    assert_eq!(hosts("eval $(echo c3RyYXR1bSt0Y3A6Ly9wb29sLmV4YW1wbGU6MTIz | base64 -d)"), ["stratum://…"]);
    assert!(facts("echo eHN0cmF0dW0rdGNwOi8vcG9vbC5leGFtcGxlOjEyMw==").encoded);
    assert!(facts("echo eHlzdHJhdHVtK3RjcDovL3Bvb2wuZXhhbXBsZToxMjM=").encoded);
    assert_eq!(
        hosts("curl xmr.nanopool.org:14444; ping 107.191.47.239:3333"),
        ["xmr.nanopool.org:14444", "107.191.47.239:3333"]
    );
    assert_eq!(hosts("the stratum of ntp.example is 3, see http://stratum.example/"), [""; 0]);
    let lines = "\n".repeat(70) + "x = 'stratum://pool.example:1'";
    assert_eq!(facts(&lines).endpoints[0].line, 71);
}

#[test]
fn programs_are_read_for_their_strings() {
    let elf = |text: &str| [b"\x7fELF\x02\x01\x01\0".as_slice(), &[0; 64], text.as_bytes(), &[0; 8]].concat();
    let wallet = monero(18);
    let read = |text: &str| parse::program(&elf(text)).unwrap_or_default();
    let found = read(&format!("abc\0stratum+tcp://pool.example:3333\0{wallet}\0"));
    assert_eq!((found.endpoints.len(), found.wallets.len(), found.program), (1, 1, true));
    assert_eq!(read("stratum+tcp://%s:%d\0-o\0--donate-level\0"), MinerFacts::default());
}

#[test]
fn what_else_is_done_for_a_miner_is_marked() {
    let marks = |text: &str| facts(text).marks.iter().map(|found| found.what).collect::<Vec<_>>();
    for (text, expect) in [
        ("apk add --no-cache xmrig", vec![Mark::Package]),
        ("apt-get install -y cpuminer-opt=1.2", vec![Mark::Package]),
        ("apt-get install -y libxmrig-doc-free gnome-mines # miner", vec![]),
        ("apt-get remove minergate && apt-get install curl", vec![]),
        ("git clone https://git.example/xmrig/xmrig.git && make", vec![Mark::Source]),
        ("git clone https://git.example/me/undetermined-miner.git && make", vec![]),
        ("sed -i 's/1/0/' src/donate.h", vec![Mark::Source]),
        ("sysctl -w vm.nr_hugepages=1280", vec![Mark::LargePages]),
        ("grep nr_hugepages /etc/sysctl.conf", vec![]),
        ("modprobe msr; wrmsr -a 0x1a4 0xf", vec![Mark::Registers]),
        ("echo 0 > /proc/sys/kernel/nmi_watchdog", vec![Mark::Watchdog]),
        ("var m = new Some.Anonymous('abcdefghijklmnopqrstuvwx', {}); m.start();", vec![Mark::Web]),
        ("var u = new Session.Anonymous('abcdefghijklmnopqrstuvwx');", vec![]),
        ("auth.Anonymous(user).start()", vec![]),
        ("./client -tou-accept -email a@b.example -pass x -device d", vec![Mark::Bandwidth]),
        ("./client start accept --token abcdef", vec![Mark::Bandwidth]),
        ("ID=sdk-node-0123456789abcdef0123456789abcdef", vec![Mark::Bandwidth]),
        ("ws = connect('wss://secure.ws.teneo.pro/x')", vec![Mark::Bandwidth]),
        ("terms: run installer --accept-tos to accept", vec![]),
        ("# apk add xmrig", vec![]),
    ] {
        assert_eq!(marks(text), expect, "{text}");
    }
    assert_eq!(facts("pkill -f kinsing\npkill kdevtmpfsi; killall xmrig minerd\n").rivals, 4);
    assert_eq!(facts("ps aux | grep xmrig | awk '{print $2}' | xargs kill -9").rivals, 0);
    assert_eq!(facts("names: kinsing kdevtmpfsi xmrig minerd").rivals, 0);
}

#[test]
fn lists_and_rules_are_told_by_their_shape() {
    let stratum = "stratum+tcp://pool.example:3333";
    for text in [
        format!("rule x {{\n strings:\n  $a = \"{stratum}\"\n condition:\n  $a\n}}"),
        format!("- rule: x\n  condition: proc.cmdline contains \"{stratum}\"\n"),
        format!("- list: miners\n  items: [\"{stratum}\"]\n"),
        format!("title: x\nlogsource:\n  product: linux\ndetection:\n  a: '{stratum}'\n  condition: a\n"),
        format!("alert tcp any any -> any any (msg:\"x\"; content:\"{stratum}\"; sid:1;)"),
        (0..40).map(|at| format!("0.0.0.0 p{at}.nanopool.org\n")).collect(),
        (0..40).map(|at| format!("||p{at}.nanopool.org^\n")).collect(),
    ] {
        assert!(facts(&text).rules, "{text}");
    }
    let many: String = (0..30).map(|at| format!("x p{at}.nanopool.org y\n")).collect();
    assert!(facts(&many).many_servers);
    assert!(!facts(&format!("#!/bin/sh\nx -o {stratum} -u a\n")).rules);
}
