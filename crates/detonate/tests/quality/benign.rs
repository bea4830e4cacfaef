//! Images of honest services from Debian packages.

mod services;

use crate::case::Case;
use services::SERVICES;

/// Group, name of the layer, packages, start, what its output must hold or where it must listen.
struct Service {
    group: &'static str,
    name: &'static str,
    packages: &'static str,
    start: &'static [&'static str],
    expect: &'static [&'static str],
    more: fn(Case) -> Case,
}

fn plain(case: Case) -> Case {
    case
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
                // A run ends when nothing more happens: this is for machines that are busy.
                seconds: 240,
                ..Case::default()
            };
            case.config.os = "linux".to_owned();
            case.config.architecture = "amd64".to_owned();
            case.config.config.entrypoint = service.start.iter().map(|word| (*word).to_owned()).collect();
            (service.more)(case)
        })
        .collect()
}
