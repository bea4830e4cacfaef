//! A hundred thousand images. What a page costs is measured with the database that the product uses, and printed; the bound
//! is ten times what a person should wait, as tests run beside others and without optimisation.
use super::{Browser, add_user, grant};
use crate::running::Running;
use std::time::{Duration, Instant};

/// Repositories of ten teams; images of four states; a tag and some terms for each.
const FILL: &str = "
    CREATE TEMP TABLE n (i INTEGER PRIMARY KEY);
    INSERT INTO n WITH RECURSIVE up (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM up WHERE i < 100000) SELECT i FROM up;
    INSERT INTO repositories (id, name, created)
        SELECT 10 + i, 'team' || (i % 10) || '/app' || i, 0 FROM n WHERE i <= 2000;
    CREATE TEMP TABLE images AS SELECT i, 11 + i % 2000 AS repository, 'sha256:' || lower(hex(randomblob(32))) AS digest FROM n;
    INSERT INTO standings (repository, digest, content, state, decision, first_seen, decided)
        SELECT repository, digest, digest,
            CASE WHEN i % 1000 = 0 THEN 'revoked' WHEN i % 50 = 0 THEN 'denied' WHEN i % 10 = 0 THEN 'quarantined' ELSE 'released' END,
            '{\"effect\":\"hold\",\"rule\":\"look\",\"message\":\"' || hex(randomblob(200)) || '\",\"reference\":\"x\",\"verdict\":\"suspicious\"}',
            1700000000000 + i * 1000, 1700000000000 + i * 1000 FROM images;
    INSERT INTO tags (repository, name, digest, updated) SELECT repository, 'v' || i, digest, 0 FROM images;
    INSERT INTO terms (kind, term, repository, digest)
        SELECT 'host', 'h' || (i % 5000) || '.example', repository, digest FROM images WHERE i % 10 = 0 ORDER BY 2;
    INSERT INTO terms (kind, term, repository, digest) SELECT 'layer', substr(digest, 8), repository, digest FROM images ORDER BY 2;
    INSERT INTO terms (kind, term, repository, digest) SELECT 'rule', 's-rule-' || (i % 40), repository, digest FROM images ORDER BY 2;
    INSERT INTO terms (kind, term, repository, digest)
        SELECT 'technique', 't' || (1000 + i % 60), repository, digest FROM images WHERE i % 4 = 0 ORDER BY 2;
    DROP TABLE images;
    DROP TABLE n;";

#[test]
fn every_page_is_quick_with_a_hundred_thousand_images() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let start = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (store, _) = store::Store::open(store::Options::new(&data)).await.unwrap();
        store.fill_for_tests(FILL).await.unwrap();
        store.close().await;
    });
    println!("filled in {:?}", start.elapsed());
    let (gate, admin) = Running::set_up(
        folder.path(),
        "[quarantine]\nrescan-every = \"12h\"\n[upkeep]\ncollect-every = \"0s\"\nscrub-every = \"0s\"\n",
    );
    add_user(&gate, &admin, "dev", false);
    grant(&gate, &admin, "dev", "team3/*", "pull");
    let (own, dev) = (Browser::of(&gate, "admin"), Browser::of(&gate, "dev"));
    let page = own.page("/console?state=denied");
    let after = |marker: &str| {
        let (_, rest) = page.split_once(marker).unwrap_or_else(|| panic!("{marker} is not in {page}"));
        rest.split(['"', '&']).next().unwrap().to_owned()
    };
    let digest = after("digest=");
    let repository = after("/console/image?repository=");
    let image = format!("/console/image?repository={repository}&digest={digest}");
    let last = format!("/console?state=all&last={repository}@{digest}");
    for (who, browser) in [("admin", &own), ("dev", &dev)] {
        for path in [
            "/console",
            "/console?state=all",
            "/console?state=released",
            "/console?state=revoked",
            "/console/rows?state=all",
            "/console?state=all&repository=app77",
            "/console?state=all&repository=nothing",
            &last,
            &image,
            "/console/search?q=s-rule-7",
            "/console/search?q=h77.example",
            "/console/search?q=app77",
            "/console/search?q=s-rule-7&from=800",
            "/console/search?q=abcdef",
            "/console/search?q=nothing",
            &format!("/console/search?q={}", &digest[7..]),
            "/console/coverage",
            "/console/exceptions",
            "/console/journal",
            "/console/accounts",
            "/console/health",
        ] {
            // The best of three: what else the machine does is no matter of the page.
            let once = || {
                let start = Instant::now();
                let status = browser.get(path).status().as_u16();
                let expected = if who == "admin" { status == 200 } else { status == 200 || status == 404 };
                assert!(expected, "{who} {path}: {status}");
                start.elapsed()
            };
            let took = once().min(once()).min(once());
            println!("{who:5} {:>8.1} ms  {path}", took.as_secs_f64() * 1e3);
            assert!(took < Duration::from_millis(500), "{who} {path}: {took:?}");
        }
    }
    // A search goes as far as pages go, and each image is there once.
    let mut path = "/console/search?q=s-rule-7".to_owned();
    let mut seen = std::collections::BTreeSet::new();
    let mut pages = 0;
    loop {
        let page = own.page(&path);
        seen.extend(
            page.split("digest=sha256:").skip(1).map(|part| part.chars().take(64).collect::<String>()),
        );
        pages += 1;
        let next = page.split_once("rel=\"next\"").and_then(|(before, _)| before.rsplit_once("href=\""));
        let Some((_, next)) = next else {
            assert!(page.contains("This is as far as pages go"), "{page}");
            break;
        };
        path = next.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    }
    assert_eq!((pages, seen.len()), (9, 900));
    assert!(own.page("/console/search?q=nothing&from=100").contains("No more images"));
    // The list goes to its end, page by page, and each image is there once.
    let mut path = "/console?state=revoked".to_owned();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let page = own.page(&path);
        for part in page.split("digest=sha256:").skip(1) {
            seen.insert(part.chars().take(64).collect::<String>());
        }
        let Some((_, next)) = page.rsplit_once("&#38;last=").or_else(|| page.rsplit_once("&amp;last="))
        else {
            break;
        };
        path = format!("/console?state=revoked&last={}", next.split('"').next().unwrap());
    }
    assert_eq!(seen.len(), 100);
}
