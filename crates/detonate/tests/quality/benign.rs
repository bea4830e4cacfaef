//! Images of honest services from Debian packages.

use crate::case::Case;

/// Group, name of the layer, packages, start, what its output must hold or where it must listen.
struct Service {
    group: &'static str,
    name: &'static str,
    packages: &'static str,
    start: &'static [&'static str],
    expect: &'static [&'static str],
}

pub(crate) fn cases() -> Vec<Case> {
    SERVICES
        .iter()
        .map(|service| {
            let mut case = Case {
                honest: true,
                group: service.group,
                name: service.name.to_owned(),
                packages: Some((service.name, service.packages)),
                expect: service.expect.to_vec(),
                seconds: 150,
                ..Case::default()
            };
            case.config.os = "linux".to_owned();
            case.config.architecture = "amd64".to_owned();
            case.config.config.entrypoint = service.start.iter().map(|word| (*word).to_owned()).collect();
            case
        })
        .collect()
}

const SERVICES: &[Service] = &[
    Service { group: "databases", name: "redis", packages: "redis-server", start: &["redis-server", "--protected-mode", "no"], expect: &["Ready to accept connections"] },
    Service { group: "web servers", name: "nginx", packages: "nginx-light", start: &["nginx", "-g", "daemon off;"], expect: &["listens:80"] },
    Service { group: "languages", name: "python", packages: "python3", start: &["python3", "-u", "-m", "http.server", "8000"], expect: &["listens:8000"] },
];
