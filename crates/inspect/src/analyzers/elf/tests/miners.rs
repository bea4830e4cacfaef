use super::*;

const OPTIONS: [&str; 5] =
    ["donate-level", "cpu-max-threads-hint", "randomx-1gb-pages", "rig-id", "health-print-time"];
const TABLE: [&str; 5] = ["rx/0", "cn/r", "kawpow", "ghostrider", "argon2/chukwa"];
const CLIENT: [&str; 3] = ["mining.subscribe", "mining.authorize", "keepalived"];
const SALT: &str = "RandomX\x03";

fn miner() -> Program {
    Program::new().texts(&OPTIONS).texts(&TABLE).texts(&CLIENT)
}

#[test]
fn a_whole_miner_convicts_where_it_is_started() {
    let found = ["S-MIN-ALGOS corroborates", "S-MIN-FAMILY convicts"];
    check(&started("opt/worker", &miner().build()), &found);
    let found = ["S-MIN-ALGOS corroborates", "S-MIN-FAMILY corroborates"];
    check(&lying("opt/worker", &miner().build()), &found);
    for (wide, little) in [(true, false), (false, true), (false, false)] {
        let program = Program { wide, little, machine: 40, ..miner() };
        check(&lying("opt/worker", &program.build()), &found);
    }
    let program = Program { interpreter: None, imports: Vec::new(), sections: false, kind: 2, ..miner() };
    check(&lying("opt/worker", &program.build()), &found);
}

#[test]
fn a_part_of_a_miner_corroborates() {
    let options = Program::new().texts(&OPTIONS);
    check(&started("opt/worker", &options.build()), &["S-MIN-FAMILY corroborates"]);
    check(&lying("opt/worker", &options.build()), &["S-MIN-FAMILY context"]);
    check(&lying("opt/worker", &options.texts(&CLIENT).build()), &["S-MIN-FAMILY corroborates"]);
    let table = Program::new().texts(&TABLE);
    check(&started("opt/worker", &table.build()), &["S-MIN-ALGOS corroborates"]);
}

#[test]
fn words_of_scanners_are_not_words_of_miners() {
    // Programs in Go and Rust run their texts into each other; rules are long texts.
    let scanner = Program::new().prose(&OPTIONS).prose(&TABLE).prose(&CLIENT);
    check(&started("usr/local/bin/scanner", &scanner.build()), &[]);
    let rule = "strings: $a = \"donate-level\" $b = \"cpu-max-threads-hint\" $c = \"rig-id\" $d = \"rx/0\" $e = \"cn/r\"";
    let rules = Program::new().texts(&[rule, "stratum+tcp://", "mining.subscribe"]);
    check(&started("usr/local/bin/scanner", &rules.build()), &[]);
    // A text that is no program is nothing at all.
    let mut image = Fixture::new();
    image.file(
        "rules.yar",
        0o644,
        [OPTIONS.join("\0"), TABLE.join("\0"), CLIENT.join("\0")].join("\0").as_bytes(),
    );
    check(&image, &[]);
}

#[test]
fn a_browser_has_switches_and_no_settings_of_miners() {
    let switches = [
        "disable-gpu-watchdog",
        "disable-gpu",
        "keepalive",
        "user-agent",
        "retries",
        "cpu-affinity",
        "submit",
    ];
    check(&started("usr/bin/browser", &Program::new().texts(&switches).build()), &[]);
}

#[test]
fn a_password_store_has_one_algorithm() {
    let store = Program::new().texts(&["argon2id", "argon2/chukwa", "argon2d"]);
    check(&started("usr/bin/store", &store.build()), &[]);
}

#[test]
fn randomx_counts_with_a_client_or_a_second_coin() {
    let node = Program::new().texts(&[SALT]);
    check(&started("usr/bin/node", &node.build()), &["S-MIN-RXCONST context"]);
    let client = node.clone().texts(&CLIENT);
    check(&started("usr/bin/node", &client.build()), &["S-MIN-RXCONST corroborates"]);
    let coins = node.texts(&["RandomWOW\x01"]);
    check(&started("usr/bin/node", &coins.build()), &["S-MIN-RXCONST corroborates"]);
    let talk = Program::new().texts(&["RandomX\\x03", "RandomX", "RandomX v2"]);
    check(&started("usr/bin/node", &talk.build()), &[]);
}

#[test]
fn a_miner_under_another_name_convicts_wherever_it_lies() {
    for path in [
        "usr/sbin/nginx",
        "usr/bin/[kworker0:0]",
        "var/sbin/work",
        "opt/systemd-journal",
        "opt/...",
        "opt/java",
    ] {
        let image = lying(path, &miner().build());
        let found = verdicts(&image);
        assert!(found.contains(&"S-MIN-RENAMED convicts".to_owned()), "{path} {found:?}");
        // What calls itself a miner is not in disguise, and what bears the name and is no miner is not one.
        assert!(!verdicts(&lying(path, &Program::new().build())).iter().any(|one| one.contains("RENAMED")));
    }
    let half = Program::new().texts(&OPTIONS).texts(&CLIENT);
    let found = verdicts(&lying("usr/sbin/nginx", &half.build()));
    assert_eq!(found, ["S-MIN-FAMILY corroborates", "S-MIN-RENAMED corroborates"]);
    assert!(!verdicts(&lying("usr/bin/miner", &miner().build())).iter().any(|one| one.contains("RENAMED")));
}

#[test]
fn a_miner_under_remote_control_convicts_where_it_is_started() {
    let control = ["cc-url", "cc-access-token", "cc-worker-id"];
    let program = miner().texts(&control).build();
    let found = verdicts(&started("opt/worker", &program));
    assert!(found.contains(&"S-MIN-CC convicts".to_owned()), "{found:?}");
    let found = verdicts(&lying("opt/worker", &program));
    assert!(found.contains(&"S-MIN-CC corroborates".to_owned()), "{found:?}");
    // Other programs have settings of these names.
    check(&started("opt/mailer", &Program::new().texts(&control).build()), &[]);
}

#[test]
fn kernels_for_graphics_cards_count_with_what_starts_them() {
    let kernels = ["ethash_search", "ethash_calculate_dag_item"];
    let program = Program::new().texts(&kernels).texts(&["clEnqueueNDRangeKernel"]);
    check(&started("opt/worker", &program.build()), &["S-MIN-GPU corroborates"]);
    check(&started("opt/worker", &Program::new().texts(&kernels).build()), &[]);
    let library =
        Program::library().texts(&["clEnqueueNDRangeKernel", "cuLaunchKernel", "__kernel void gemm"]);
    check(&started("opt/tool", &library.build()), &[]);
}

#[test]
fn a_miner_that_a_later_layer_took_away_is_residue() {
    let mut image = Fixture::new();
    image.file("usr/sbin/nginx", 0o755, &miner().build());
    image.layer().file("usr/sbin/nginx", 0o755, &Program::new().texts(&["nginx"]).build());
    let found = image.run(&ElfStructure).findings;
    let ids: Vec<_> = found.iter().map(|one| (one.id.as_str(), one.is_residue())).collect();
    assert_eq!(ids, [("S-MIN-RENAMED", true)]);
}

#[test]
fn a_miner_without_its_settings_is_one_all_the_same() {
    let fork = Program::new().texts(&[SALT]).texts(&TABLE).texts(&CLIENT);
    let found = ["S-MIN-ALGOS corroborates", "S-MIN-FAMILY convicts", "S-MIN-RXCONST corroborates"];
    check(&started("opt/worker", &fork.build()), &found);
}

#[test]
fn no_crowd_of_lesser_finds_hides_a_conviction() {
    let half = Program::new().texts(&OPTIONS).texts(&CLIENT).build();
    let mut image = Fixture::new();
    for number in 0..100 {
        image.file(&format!("a{number}/nginx"), 0o755, &half);
    }
    image.file("z/nginx", 0o755, &miner().build());
    let found = image.run(&ElfStructure).findings;
    let renamed: Vec<_> = found.iter().filter(|one| one.id == "S-MIN-RENAMED").collect();
    assert_eq!(renamed.len(), 64);
    assert_eq!((renamed[0].role, renamed[0].path.as_deref()), (Role::Convicts, Some("/z/nginx")));
    assert!(renamed[63].explanation.ends_with("37 more files are not shown."));
}
