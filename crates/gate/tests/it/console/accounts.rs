//! Users, robots and grants by forms.
use super::{Browser, gate};
use crate::running::PASSWORD;

#[test]
fn users_are_added_and_changed_and_one_administrator_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, _) = gate(folder.path(), "");
    let browser = Browser::of(&gate, "admin");
    let add = |name: &str, password: &str| {
        browser.sends("/console/accounts/users", &[("name", name), ("password", password)])
    };
    assert!(add("Eve!", PASSWORD).contains("name: "));
    assert!(!add("eve", "short").contains("There is a user"));
    assert!(add("eve", PASSWORD).contains("There is a user eve now."));
    assert!(add("eve", PASSWORD).contains("there is already"));
    let change = |name: &str, what: &str| {
        browser.sends("/console/accounts/users/change", &[("name", name), ("change", what)])
    };
    assert!(change("admin", "disable").contains("this is the last administrator"));
    assert!(change("admin", "no-admin").contains("this is the last administrator"));
    assert!(change("eve", "fly").contains("change is disable, enable, admin or no-admin"));
    let eve = Browser::of(&gate, "eve");
    assert_eq!(eve.get("/console/journal").status(), 404);
    assert!(change("eve", "admin").contains("User eve is an administrator now."));
    assert_eq!(Browser::of(&gate, "eve").get("/console/journal").status(), 200);
    assert!(change("eve", "disable").contains("User eve is disabled."));
    assert_eq!(eve.get("/console").status(), 303);
    let path = "/console/accounts/users/change";
    assert_eq!(browser.send(path, &[("name", "nobody"), ("change", "disable")]).status(), 404);
}

#[test]
fn the_secret_of_a_robot_is_shown_once_and_opens() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, _) = gate(folder.path(), "");
    let browser = Browser::of(&gate, "admin");
    let fields = [
        ("name", "ci"),
        ("repositories", "team/*"),
        ("actions", "pull"),
        ("actions", "push"),
        ("expires", ""),
    ];
    let secret = |page: &str| {
        let (_, rest) = page.split_once("rdst_robot_").unwrap();
        let end =
            rest.find(|character: char| !(character.is_ascii_alphanumeric() || character == '_')).unwrap();
        format!("rdst_robot_{}", &rest[..end])
    };
    let page = browser.sends("/console/accounts/robots", &fields);
    let first = secret(&page);
    assert!(page.contains("team/* pull, push"), "{page}");
    assert!(!browser.page("/console/accounts").contains("rdst_robot_"));
    let opens = |secret: &str| gate.token("robot+ci", secret, "repository:team/app:pull").is_ok();
    assert!(opens(&first));
    let change =
        |what: &str| browser.sends("/console/accounts/robots/change", &[("name", "ci"), ("change", what)]);
    let second = secret(&change("secret"));
    assert!(opens(&second) && !opens(&first));
    change("disable");
    assert!(!opens(&second));
    change("enable");
    assert!(opens(&second));
    change("remove");
    assert!(!opens(&second) && !browser.page("/console/accounts").contains("team/* pull"));
    for (fields, expect) in [
        ([("name", "ci"), ("repositories", "team/app*"), ("actions", "pull")], "repositories: "),
        ([("name", "ci"), ("repositories", "team/*"), ("actions", "fly")], "nothing that can be granted"),
        ([("name", "ci"), ("repositories", "team/*"), ("other", "pull")], "tick what may be done"),
    ] {
        let page = browser.sends("/console/accounts/robots", &fields);
        assert!(page.contains(expect) && !page.contains("rdst_robot_"), "{expect}: {page}");
    }
}

#[test]
fn grants_are_given_and_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, admin) = gate(folder.path(), "");
    super::add_user(&gate, &admin, "dev", false);
    let browser = Browser::of(&gate, "admin");
    let grant = [("principal", "user:dev"), ("repositories", "team/*"), ("actions", "pull")];
    let page = browser.sends("/console/accounts/grants", &grant);
    assert!(page.contains("user:dev has what was granted in team/*."), "{page}");
    let page = browser.sends("/console/accounts/grants", &[("principal", "robot:ci"), grant[1], grant[2]]);
    assert!(page.contains("grants are for users"), "{page}");
    let page = browser.sends("/console/accounts/grants/revoke", &grant);
    assert!(page.contains("is taken back"), "{page}");
    assert_eq!(browser.send("/console/accounts/grants/revoke", &grant).status(), 404);
}

#[test]
fn a_password_is_changed_by_whoever_knows_it() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, admin) = gate(folder.path(), "");
    super::add_user(&gate, &admin, "dev", false);
    for name in ["admin", "dev"] {
        let browser = Browser::of(&gate, name);
        let path = "/console/accounts/password";
        assert!(browser.page("/console/accounts").contains(&format!("action=\"{path}\"")), "{name}");
        let other = "another horse battery";
        assert_eq!(browser.send(path, &[("current", "a guess"), ("password", other)]).status(), 403);
        assert_eq!(browser.send(path, &[("current", PASSWORD), ("password", "short")]).status(), 400);
        let answer = browser.send(path, &[("current", PASSWORD), ("password", other)]);
        assert_eq!(answer.headers()["location"], "/console/login");
        assert_eq!(browser.get("/console").status(), 303);
        let mut browser = Browser::new(&gate);
        assert_eq!(browser.log_in(name, PASSWORD, "").status(), 401);
        assert_eq!(browser.log_in(name, other, "").status(), 303);
    }
}
