use super::*;
use crate::analyzers::fixture::Fixture;

fn roles(image: &Fixture) -> Vec<(String, Role)> {
    let mut found: Vec<_> =
        image.run(&Configuration).findings.into_iter().map(|finding| (finding.id, finding.role)).collect();
    found.sort();
    found
}

fn check(set: impl FnOnce(&mut Fixture), expect: &[(&str, Role)]) {
    let mut image = Fixture::new();
    image.file("bin/app", 0o755, b"app");
    set(&mut image);
    let expect: Vec<_> = expect.iter().map(|(id, role)| ((*id).to_owned(), *role)).collect();
    assert_eq!(roles(&image), expect);
}

fn check_workdir(path: &str, expect: &[(&str, Role)]) {
    check(|image| image.config.config.working_dir = path.to_owned(), expect);
}

fn check_start(word: &str, expect: &[(&str, Role)]) {
    check(
        |image| {
            image.start(&["/bin/app"], &[word]);
        },
        expect,
    );
}

const OUT: &[(&str, Role)] = &[("S-ESC-WORKDIR", Role::Convicts)];

#[test]
fn working_directories_in_descriptors_convict() {
    for path in [
        "/proc/self/fd/7",
        "/proc/self/fd/7/",
        "//proc/./self/fd/8/../../..",
        "/proc/1/fd/3",
        "/proc/thread-self/fd/9",
        "/dev/fd/7",
        "/x/../proc/self/fd/7",
        "/proc/self/task/1/fd/7",
    ] {
        check_workdir(path, OUT);
    }
    for path in ["", "/", "/app", "/proc", "/srv/proc/self/fd", "/usr/src/app", "/devices/fd"] {
        check_workdir(path, &[]);
    }
    check(
        |image| {
            image.config.history.push(model::History {
                created_by: "/bin/sh -c #(nop) WORKDIR /proc/self/fd/8".to_owned(),
                ..Default::default()
            })
        },
        OUT,
    );
    check(
        |image| {
            image.config.history.push(model::History {
                created_by: "RUN echo WORKDIR /proc/self/fd/8 # buildkit".to_owned(),
                ..Default::default()
            })
        },
        &[],
    );
}

#[test]
fn links_to_descriptors_convict_where_the_start_passes_them() {
    let mut image = Fixture::new();
    image.symlink("srv/app", "/proc/self/fd/8");
    assert_eq!(roles(&image), []);
    image.config.config.working_dir = "/srv/app/x".to_owned();
    assert_eq!(roles(&image), [("S-ESC-WORKDIR".to_owned(), Role::Convicts)]);
    let mut image = Fixture::new();
    image.symlink("app", "../../../etc").symlink("srv/www", "../var/www");
    image.config.config.working_dir = "/app".to_owned();
    assert_eq!(roles(&image), [("S-ESC-WORKLINK".to_owned(), Role::Corroborates)]);
    image.config.config.working_dir = "/srv/www".to_owned();
    assert_eq!(roles(&image), []);
}

#[test]
fn words_through_descriptors_convict_and_logging_to_one_does_not() {
    check_start("/proc/self/fd/7/../../../bin/sh", OUT);
    check_start("--root=/proc/7/fd/3/etc", OUT);
    check_start("/dev/fd/9/../..", OUT);
    check_start("--log=/proc/self/fd/1", &[]);
    check_start("/dev/fd/2", &[]);
    check_start("/proc/self/fd/", &[]);
    check_start("/proc/self/exe", &[]);
}

#[test]
fn volumes_over_the_system_are_told() {
    let volume = |path: &str| {
        let path = path.to_owned();
        move |image: &mut Fixture| {
            image.config.config.volumes.insert(path, serde_json::json!({}));
        }
    };
    check(volume("/../../../var/lib/kubelet"), &[("S-ESC-VOLUME", Role::Corroborates)]);
    check(volume("/proc/sys"), &[("S-ESC-VOLUME", Role::Corroborates)]);
    check(volume("/dev"), &[("S-ESC-VOLUME", Role::Corroborates)]);
    check(volume("/etc"), &[("S-ESC-VOLUME", Role::Context)]);
    check(volume("/proc/self/fd/7"), OUT);
    for path in [
        "/data",
        "/sys/fs/cgroup",
        "/dev/shm",
        "/etc/nginx",
        "/var/lib/postgresql/data",
        "/a/../b",
        "/development",
    ] {
        check(volume(path), &[]);
    }
}

#[test]
fn linked_mount_points_are_told() {
    check(
        |image| {
            image.symlink("dev", "/tmp/x");
        },
        &[("S-ESC-DEVLINK", Role::Corroborates)],
    );
    check(
        |image| {
            image.symlink("dev/stdout", "/proc/self/fd/1").symlink("lib", "usr/lib");
        },
        &[],
    );
}

#[test]
fn labels_that_command_the_runtime_are_told() {
    let label = |key: &str, value: &str| {
        let (key, value) = (key.to_owned(), value.to_owned());
        move |image: &mut Fixture| {
            image.config.config.labels.insert(key, value);
        }
    };
    check(label("nerdctl/log-uri", "binary:///bin/sh?-c=id"), &[("S-CFG-BINARYLOGGER", Role::Convicts)]);
    check(label("anything", " Binary://x"), &[("S-CFG-BINARYLOGGER", Role::Convicts)]);
    check(label("io.containerd.runc.v2.group", "x"), &[("S-CFG-BINARYLOGGER", Role::Corroborates)]);
    check(label("org.opencontainers.image.source", "https://example.org/binary://x"), &[]);
    check(label("io.k8s.description", "a database"), &[]);
}

#[test]
fn users_that_wrap_around_are_told() {
    for user in ["2147483648", "1000:4294967296", "-1", "99999999999999999999", "root\n", "a/b"] {
        check(
            |image| image.config.config.user = user.to_owned(),
            &[("S-CFG-USEROVERFLOW", Role::Corroborates)],
        );
    }
    for user in [
        "",
        "0",
        "root",
        "1000:1000",
        "65534",
        "www-data",
        "2147483647",
        "node:node",
        "ContainerUser",
        "${USER}",
    ] {
        check(|image| image.config.config.user = user.to_owned(), &[]);
    }
}

#[test]
fn giant_account_files_are_told() {
    check(
        |image| {
            image.sized_file("etc/group", 0o644, b"root:x:0:\n", 9 << 20);
        },
        &[("S-CFG-GIANTGROUP", Role::Corroborates)],
    );
    check(
        |image| {
            image.file("etc/group", 0o644, b"root:x:0:\n");
        },
        &[],
    );
    // Removed above: no runtime reads it.
    check(
        |image| {
            image.sized_file("etc/passwd", 0o644, b"x", 9 << 20).layer().file("etc/.wh.passwd", 0o644, b"");
        },
        &[],
    );
}

#[test]
fn checkpoints_are_told() {
    check(
        |image| {
            image
                .config
                .config
                .labels
                .insert("io.kubernetes.cri-o.annotations.checkpoint.name".to_owned(), "x".to_owned());
        },
        &[("S-CFG-CHECKPOINT", Role::Corroborates)],
    );
    check(
        |image| {
            image.file("checkpoint/inventory.img", 0o600, b"x").file("config.dump", 0o600, b"{}");
        },
        &[("S-CFG-CHECKPOINT", Role::Corroborates)],
    );
    // A model's training checkpoint.
    check(
        |image| {
            image.file("checkpoint/model.bin", 0o600, b"x").file("models/config.dump", 0o600, b"{}");
        },
        &[],
    );
}

#[test]
fn a_history_of_other_layers_only_explains() {
    let entry = |created_by: &str, empty_layer| model::History {
        created_by: created_by.to_owned(),
        empty_layer,
        ..Default::default()
    };
    check(
        |image| image.config.history = vec![entry("ADD", false), entry("RUN", false)],
        &[("S-META-HISTMISMATCH", Role::Context)],
    );
    check(|image| image.config.history = vec![entry("ADD", false), entry("CMD", true)], &[]);
    check(|image| image.config.history = Vec::new(), &[]);
}
