use super::parse::{official, publishers, registries};
use super::*;
use crate::analyzers::fixture::Fixture;

fn check(name: &str, expect: &[&str]) {
    assert_eq!(Fixture::named(name).ids(&Names), expect, "{name}");
}

fn check_severity(name: &str, expect: Severity) {
    let found = Fixture::named(name).run(&Names).findings;
    assert!(found.iter().any(|finding| finding.severity == expect), "{name}: {found:?}");
}

#[test]
fn names_of_the_campaigns_are_told() {
    check("c43602f9cc95/openjdk:0da242bd93b7f", &["S-META-HEXNS", "S-META-HEXTAG", "S-META-IMPERSON"]);
    check("700888880a0/golang:e2e26c727b88", &["S-META-HEXNS", "S-META-HEXTAG", "S-META-IMPERSON"]);
    let hex_tag = |name: &str| {
        let found = Fixture::named(name).run(&Names).findings;
        let tag = found.into_iter().find(|finding| finding.id == HEX_TAG.id).unwrap();
        (tag.severity, tag.role)
    };
    assert_eq!(hex_tag("c43602f9cc95/openjdk:0da242bd93b7f"), (Severity::Medium, Role::Context));
    assert_eq!(hex_tag("acme/billing:0da242bd93b7f"), (Severity::Low, Role::Context));
    check("azurenql/227_135:442", &["S-META-NSSQUAT"]);
    check("alpineos/dockerapi", &["S-META-NSSQUAT"]);
    check("vibersastra/ubuntu", &["S-META-IMPERSON"]);
    check("gakeaws/nginx:v2.0", &["S-META-IMPERSON"]);
    // Their names say nothing.
    for name in [
        "thanhtudo/thanhtudo",
        "kazutod/tene:ten",
        "docker123321/cron",
        "robbertignacio328832/oracleiv_latest",
    ] {
        check(name, &[]);
    }
}

#[test]
fn typing_mistakes_in_official_names_are_told() {
    for name in [
        "ngnix",
        "postgers",
        "debain",
        "a1pine",
        "my-sql",
        "rabbit-mq",
        "hello_world",
        "elasticsaerch",
        "wordpres5",
    ] {
        check(name, &["S-META-SQUAT"]);
        check_severity(name, Severity::Medium);
    }
    // One letter, or a word more: a hint, because ordinary words are that near.
    for name in ["someone/mango", "someone/nginz", "someone/redist", "mysql-official", "someone/alpine-pro"] {
        check(name, &["S-META-SQUAT"]);
        check_severity(name, Severity::Low);
    }
}

#[test]
fn famous_and_ordinary_names_are_not_told() {
    for name in [
        "grafana/grafana",
        "traefik/traefik",
        "jenkins/jenkins",
        "mysql/mysql-server",
        "redislabs/redis",
        "arm64v8/nginx",
        "prom/prometheus",
        "bitnami/postgresql",
        "1and1internet/tool",
        "3scale/apicast",
        "linuxserver/plex",
        "acme/billing",
        "acme/web:2024.1",
        "acme/web:v1.2.3",
        "acme/web:latest",
        "acme/kindle",
        "acme/tide-table:1.4",
        "minio/minio",
        "ghcr.io/someone/ngnix",
        "localhost:5000/ngnix",
        "harbor-pilots/signal-lamp:2.0",
        "acme/web:20240101",
    ] {
        check(name, &[]);
    }
    check("someone/nginx-unprivileged", &[]);
}

#[test]
fn no_listed_name_imitates_another() {
    for name in official() {
        check(name, &[]);
    }
    for publisher in publishers() {
        check(&format!("{publisher}/tool-of-ours"), &[]);
    }
    for host in registries() {
        check(&format!("{host}/someone/tool-of-ours"), &[]);
        check(&format!("eu.{host}/someone/tool-of-ours"), &[]);
    }
}

#[test]
fn look_alikes_of_registries_are_told() {
    for host in [
        "ghrc.io",
        "gchr.io",
        "qauy.io",
        "quay.i0",
        "mcr.microsft.com",
        "registry.gitl4b.com",
        "dockeer.io",
        "registry.k8s.i0",
        "gcr.i0:443",
    ] {
        check(&format!("{host}/someone/tool-of-ours"), &["S-META-HOST"]);
    }
    for host in [
        "docker.com",
        "registry.example.com",
        "10.0.0.1:5000",
        "cr.example.org",
        "localhost:5000",
        "harbor.corp",
        "eu.icr.io",
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
    ] {
        check(&format!("{host}/someone/tool-of-ours"), &[]);
    }
}

#[test]
fn no_name_convicts() {
    assert!(DETECTIONS.iter().all(|detection| detection.role != Role::Convicts));
    assert_eq!(Fixture::new().ids(&Names), [""; 0]);
}
