//! Who sees what. What somebody may not see is not there.
use super::{Browser, add_user, clean, gate, grant, page_of, pushed};
use crate::running::Running;

const ADMINISTRATION: [&str; 4] =
    ["/console/coverage", "/console/journal", "/console/upstreams", "/console/health"];

struct House {
    _folder: tempfile::TempDir,
    gate: Running,
    mine: test_support::Image,
    theirs: test_support::Image,
}

fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let (gate, admin) = gate(folder.path(), "");
    let (mine, theirs) = (clean("mine"), clean("theirs"));
    pushed(&gate, &admin, "held/mine", "blue", &mine);
    pushed(&gate, &admin, "held/theirs", "green", &theirs);
    add_user(&gate, &admin, "dev", false);
    add_user(&gate, &admin, "ops", false);
    add_user(&gate, &admin, "new", false);
    grant(&gate, &admin, "dev", "held/mine", "pull");
    grant(&gate, &admin, "ops", "held/mine", "push");
    grant(&gate, &admin, "new", "held/mine", "delete");
    House { _folder: folder, gate, mine, theirs }
}

#[test]
fn a_developer_sees_what_they_may_pull_or_push_and_decides_nothing() {
    let house = house();
    for name in ["dev", "ops"] {
        let browser = Browser::of(&house.gate, name);
        for path in [
            "/console",
            "/console?state=all",
            "/console/rows",
            "/console?repository=held",
            "/console/search?q=held",
        ] {
            let page = browser.page(path);
            assert!(page.contains("held/mine"), "{path}: {page}");
            assert!(!page.contains("held/theirs") && !page.contains("green"), "{path}: {page}");
        }
        let page = browser.page(&page_of("held/mine", &house.mine));
        assert!(page.contains(house.mine.digest()), "{page}");
        for form in ["approve", "deny", "revoke", "rescan"] {
            assert!(!page.contains(&format!("/console/image/{form}")), "{form}");
        }
        for path in ADMINISTRATION {
            assert!(!page.contains(&format!("href=\"{path}\"")), "{path} is linked");
        }
        // The digest of what they do not see finds nothing, nor does its beginning.
        for query in [house.theirs.digest(), &house.theirs.digest()[7..20], "theirs"] {
            let page = browser.page(&format!("/console/search?q={query}"));
            assert!(!page.contains("held/theirs"), "{page}");
        }
        let own = format!("held/mine@{}", house.mine.digest());
        let other = format!("held/theirs@{}", house.theirs.digest());
        assert_eq!(browser.get(&format!("/console/compare?old={own}&new={own}")).status(), 200);
        let none = |path: &str| {
            let answer = browser.get(path);
            assert_eq!(answer.status(), 404, "{path}");
            answer.text().unwrap()
        };
        none(&format!("/console/compare?old={own}&new={other}"));
        none(&format!("/console/compare?old={other}&new={own}"));
        for part in ["", "/standing", "/report", "/report.html"] {
            let query = |repository: &str, digest: &str| {
                format!("/console/image{part}?repository={repository}&digest={digest}")
            };
            assert_eq!(browser.get(&query("held/mine", house.mine.digest())).status(), 200);
            // Nobody learns from the answer whether there is such an image.
            let hidden = none(&query("held/theirs", house.theirs.digest()));
            let absent = none(&query("held/nothing", house.theirs.digest()));
            assert_eq!(hidden, absent);
            none(&query("held/mine", house.theirs.digest()));
            none(&query("../x", "y"));
        }
        for path in ADMINISTRATION {
            none(path);
        }
        // Of accounts they see their own, and of rights what they may.
        let page = browser.page("/console/accounts");
        assert!(page.contains("Your password") && page.contains("held/mine"), "{page}");
        for hidden in [
            "admin",
            "new",
            "/console/accounts/users",
            "/console/accounts/robots",
            "/console/accounts/grants",
        ] {
            assert!(
                !page.contains(&format!(">{hidden}<")) && !page.contains(&format!("action=\"{hidden}")),
                "{hidden}: {page}"
            );
        }
    }
}

#[test]
fn whoever_may_neither_pull_nor_push_sees_nothing() {
    let house = house();
    let browser = Browser::of(&house.gate, "new");
    for path in ["/console", "/console?state=all", "/console/search?q=held", "/console?repository=held/mine"]
    {
        let page = browser.page(path);
        assert!(!page.contains("blue") && !page.contains(house.mine.digest()), "{path}: {page}");
    }
    assert_eq!(browser.get(&page_of("held/mine", &house.mine)).status(), 404);
}

#[test]
fn nobody_but_an_administrator_decides_whatever_they_send() {
    let house = house();
    let browser = Browser::of(&house.gate, "dev");
    let mine =
        [("repository", "held/mine"), ("digest", house.mine.digest()), ("reason", "looked at it by hand")];
    let user = [("name", "mallory"), ("password", crate::running::PASSWORD), ("admin", "on")];
    let robot = [("name", "mallory"), ("repositories", "**"), ("actions", "pull")];
    let grant = [("principal", "user:dev"), ("repositories", "**"), ("actions", "push")];
    for (path, fields) in [
        ("/console/image/approve", &mine[..]),
        ("/console/image/deny", &mine[..]),
        ("/console/image/revoke", &mine[..]),
        ("/console/image/rescan", &mine[..]),
        ("/console/exceptions/approve", &[("id", "1")]),
        ("/console/exceptions/withdraw", &[("id", "1")]),
        ("/console/accounts/users", &user[..]),
        ("/console/accounts/users/change", &[("name", "dev"), ("change", "admin")]),
        ("/console/accounts/robots", &robot[..]),
        ("/console/accounts/robots/change", &[("name", "ci"), ("change", "secret")]),
        ("/console/accounts/grants", &grant[..]),
        ("/console/accounts/grants/revoke", &grant[..]),
    ] {
        assert_eq!(browser.send(path, fields).status(), 404, "{path}");
    }
    let admin = Browser::of(&house.gate, "admin");
    let page = admin.page(&page_of("held/mine", &house.mine));
    assert!(page.contains("quarantined"), "{page}");
    let accounts = admin.page("/console/accounts");
    assert!(!accounts.contains("mallory"), "{accounts}");
}
