//! Files that are too large to be held.

use super::*;
use crate::analyzers::elf::tests::builder::Program;

/// A configuration of a miner, with a server of documentation and a wallet of nobody's.
fn configuration() -> String {
    format!(
        r#"{{"cpu": true, "donate-level": 1, "pools": [{{"algo": "rx/0", "url": "pool.example:3333", "user": "{}", "keepalive": true}}]}}"#,
        monero(18)
    )
}

fn facts(path: &str, text: &[u8]) -> Option<MinerFacts> {
    let mut image = Fixture::new();
    image.file(path, 0o644, text);
    image.view(|image| {
        image.layers[0].facts.facts.iter().find_map(|(_, fact)| match fact {
            Fact::Miner(facts) => Some((**facts).clone()),
            _ => None,
        })
    })
}

#[test]
fn a_configuration_behind_megabytes_of_nothing_is_found() {
    for blank in [5 << 20, (5 << 20) - 60, (6 << 20) - 200] {
        let text = [" ".repeat(blank), "\n".to_owned(), configuration()].concat();
        let found = facts("etc/worker.json", text.as_bytes()).unwrap();
        let config = found.config.unwrap();
        assert_eq!((config.line, found.wallets.len()), (2, 1), "{blank}");
    }
}

#[test]
fn a_server_in_a_large_program_is_found() {
    let program = Program { code: vec![0x90; 20 << 20], ..Program::library() };
    let program = program.texts(&["stratum+tcp://pool.example:3333"]).build();
    let found = facts("usr/lib/large.so", &program).unwrap();
    assert_eq!(found.endpoints.len(), 1);
    assert!(found.program);
}

#[test]
fn large_lists_and_logs_say_nothing() {
    let log: String = (0..200_000).map(|number| format!("{number} GET /index.html 200 mozilla\n")).collect();
    assert!(log.len() > 4 << 20);
    assert_eq!(facts("var/log/access.log", log.as_bytes()), None);
    // A list of servers is one, however many parts it is read in.
    let list: String = (0..200_000).map(|number| format!("stratum+tcp://h{number}.example:1\n")).collect();
    let found = facts("usr/share/list.txt", list.as_bytes()).unwrap();
    assert!(found.many_servers && found.endpoints.len() <= 25, "{}", found.endpoints.len());
    let json = format!("[{}0]", r#"{"name": "a", "pools": []},"#.repeat(200_000));
    assert_eq!(facts("srv/data.json", json.as_bytes()).and_then(|found| found.config), None);
}
