use super::*;
use crate::Gate;
use axum::routing::MethodRouter;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The methods that a router answers, by what it shows of itself: there is no other way to ask.
fn methods(router: &MethodRouter<Arc<Gate>>) -> Vec<&'static str> {
    let shown = format!("{router:?}");
    let is_there = |method: &&str| {
        let name = format!(" {}: ", method.to_lowercase());
        let (_, rest) =
            shown.split_once(&name).unwrap_or_else(|| panic!("{shown} does not tell of {method}"));
        !rest.starts_with("None")
    };
    ["GET", "POST", "PUT", "PATCH", "DELETE"].into_iter().filter(is_there).collect()
}

/// The described requests of a group are those that its router answers.
fn check(operations: &[Operation], routes: Vec<(&'static str, MethodRouter<Arc<Gate>>)>) {
    let described: BTreeSet<String> =
        operations.iter().map(|one| format!("{} {}", one.method, one.path)).collect();
    assert_eq!(described.len(), operations.len(), "one stands twice");
    let answered: BTreeSet<String> = routes
        .iter()
        .flat_map(|(path, router)| {
            let path = path.replace("{*", "{");
            methods(router).into_iter().map(move |method| format!("{method} {path}"))
        })
        .collect();
    assert_eq!(described, answered, "describe it in reference/operations.rs");
}

#[test]
fn every_request_that_is_answered_is_described() {
    check(ADMIN, crate::admin::routes());
    check(OPERATIONS, crate::serve::operations());
    check(HARBOR, crate::harbor::routes());
    check(OIDC, crate::oidc::routes());
    for operation in ADMIN {
        assert_eq!(
            operation.who == Who::Anybody,
            crate::admin::OPEN.contains(&operation.path),
            "{}",
            operation.path
        );
    }
}

#[test]
fn the_description_is_whole() {
    let document: Value = serde_json::from_str(&openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let mut ids = BTreeSet::new();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
            let named: BTreeSet<&str> =
                path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
            let parameters =
                operation["parameters"].as_array().unwrap().iter().filter(|one| one["in"] == "path");
            assert_eq!(named, parameters.map(|one| one["name"].as_str().unwrap()).collect(), "{path}");
        }
    }
    let all: usize = GROUPS.iter().map(|(.., operations)| operations.len()).sum();
    assert_eq!(ids.len(), all);
    assert!(api_page().matches("\n| `").count() > all);
}

#[test]
fn every_metric_has_a_kind_and_a_meaning() {
    let page = metrics_page();
    for (name, labels) in [
        ("roadstead_jobs", "`kind`, `state`"),
        ("roadstead_registry_requests_total", "`method`"),
        ("roadstead_broken_blobs_total", ""),
    ] {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        assert!(row.is_some_and(|row| row.contains(labels) && !row.contains("|  |  |")), "{name} in {page}");
    }
    assert!(page.lines().filter(|line| line.starts_with("| `roadstead_")).count() > 12, "{page}");
}
