//! Real clients over loopback HTTP.

use crate::house::{House, name, run};
use std::path::Path;
use std::process::{Command, Output};
use test_support::{ImageBuilder, LayerBuilder, peer};

fn image() -> test_support::Image {
    ImageBuilder::new()
        .layer(LayerBuilder::new().dir("etc", 0o755).file("etc/greeting", 0o644, "hello"))
        .layer(LayerBuilder::new().dir("srv", 0o755).file("srv/data", 0o644, vec![7; 100_000]))
        .build()
}

async fn output(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().expect("the program runs")).await.expect("no panic")
}

async fn check(command: Command) -> String {
    let shown = format!("{command:?}");
    let output = output(command).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{shown}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

fn copy(skopeo: &Path, from: &str, to: &str, who: &str) -> Command {
    let login = format!("{who}:{who}-secret");
    let mut command = Command::new(skopeo);
    command.args(["copy", "--quiet", "--src-tls-verify=false", "--dest-tls-verify=false"]);
    command.arg(if from.starts_with("docker:") { "--src-creds" } else { "--dest-creds" });
    command.args([&login, from, to]);
    command
}

#[test]
fn skopeo_pushes_and_pulls() {
    let Some(skopeo) = peer("skopeo") else { return };
    run(async {
        let house = House::new().await;
        let directory = tempfile::tempdir().unwrap();
        let image = image();
        image.write_oci_layout(&directory.path().join("in"), Some("1")).unwrap();
        let local = |folder: &str| format!("oci:{}:1", directory.path().join(folder).display());
        let remote = |repository: &str| format!("docker://{}/{repository}:1", house.address);
        check(copy(&skopeo, &local("in"), &remote("team/app"), "pusher")).await;
        // Before it is released its pusher alone gets it. Skopeo would ask again for a minute, so this is a HEAD by hand.
        assert_eq!(house.get("puller", "/v2/team/app/manifests/1").await.status().as_u16(), 429);
        check(copy(&skopeo, &remote("team/app"), &local("back"), "pusher")).await;
        let digest = image.digest().parse().unwrap();
        house.release("team/app", &digest).await;
        check(copy(&skopeo, &remote("team/app"), &local("out"), "puller")).await;
        for folder in ["back", "out"] {
            let read =
                std::fs::read(directory.path().join(folder).join("blobs/sha256").join(digest.hex())).unwrap();
            assert_eq!(read, image.manifest());
        }
        let mut inspect = Command::new(&skopeo);
        inspect.args([
            "inspect",
            "--tls-verify=false",
            "--creds",
            "puller:puller-secret",
            &remote("team/app"),
        ]);
        assert!(check(inspect).await.contains(image.digest()));
        let mut list = Command::new(&skopeo);
        list.args(["list-tags", "--tls-verify=false", "--creds", "puller:puller-secret"]);
        list.arg(format!("docker://{}/team/app", house.address));
        assert!(check(list).await.contains("\"1\""));
        // Others are refused, and told why.
        for (who, repository, word) in [("stranger", "team/app", "denied"), ("puller", "team/new", "denied")]
        {
            let refused = match repository {
                "team/app" => output(copy(&skopeo, &remote(repository), &local("no"), who)).await,
                _ => output(copy(&skopeo, &local("in"), &remote(repository), who)).await,
            };
            let text = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert!(!refused.status.success() && text.contains(word), "{text}");
        }
        house.deny("team/app", &digest).await;
        let refused = output(copy(&skopeo, &remote("team/app"), &local("no"), "puller")).await;
        let text = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(text.contains("no-miners refuses /usr/bin/xmrig in layer 1"), "{text}");
        // Docker's first schema is told to go away.
        let mut old = copy(&skopeo, &local("in"), &remote("team/old"), "pusher");
        old.args(["--format", "v2s1"]);
        let refused = output(old).await;
        let text = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(text.contains("schema 1 is not taken"), "{text}");
        // And its second is taken.
        let mut docker = copy(&skopeo, &local("in"), &remote("team/docker"), "owner");
        docker.args(["--format", "v2s2"]);
        check(docker).await;
        assert!(house.store.tag(&name("team/docker"), &"1".parse().unwrap()).await.unwrap().is_some());
        let mut delete = Command::new(&skopeo);
        delete.args([
            "delete",
            "--tls-verify=false",
            "--creds",
            "owner:owner-secret",
            &remote("team/docker"),
        ]);
        check(delete).await;
        assert!(house.store.tag(&name("team/docker"), &"1".parse().unwrap()).await.unwrap().is_none());
    });
}

#[test]
fn podman_logs_in_pushes_and_pulls() {
    let Some(podman) = peer("podman") else { return };
    run(async {
        let house = House::new().await;
        let directory = tempfile::tempdir().unwrap();
        let at = |folder: &str| directory.path().join(folder).display().to_string();
        std::fs::write(at("image.tar"), image().oci_archive(None)).unwrap();
        let podman = |store: &str, arguments: &[&str]| {
            let mut command = Command::new(&podman);
            command.args([
                "--root",
                &at(&format!("{store}/root")),
                "--runroot",
                &at(&format!("{store}/run")),
            ]);
            command.args(["--storage-driver", "vfs"]).args(arguments);
            command.env("REGISTRY_AUTH_FILE", at("auth.json"));
            command
        };
        let host = house.address.to_string();
        let remote = format!("{host}/team/app:1");
        let login = |who: &str| {
            let secret = format!("{who}-secret");
            podman("one", &["login", "--tls-verify=false", "-u", who, "-p", &secret, &host])
        };
        check(login("pusher")).await;
        check(podman("one", &["load", "--quiet", "--input", &at("image.tar")])).await;
        let images = check(podman("one", &["images", "--quiet"])).await;
        let id = images.trim().to_owned();
        check(podman("one", &["push", "--quiet", "--tls-verify=false", &id, &remote])).await;
        let pushed = house.table.pushed.lock().unwrap().last().cloned().unwrap();
        house.release("team/app", &pushed.1).await;
        check(login("puller")).await;
        check(podman("two", &["pull", "--quiet", "--tls-verify=false", &remote])).await;
        let pulled = check(podman("two", &["images", "--quiet"])).await;
        assert_eq!(pulled.trim(), id);
        let wrong = podman("one", &["login", "--tls-verify=false", "-u", "puller", "-p", "wrong", &host]);
        assert!(!output(wrong).await.status.success());
    });
}

#[test]
fn umoci_reads_what_was_pulled() {
    let (Some(umoci), Some(skopeo)) = (peer("umoci"), peer("skopeo")) else { return };
    run(async {
        let house = House::new().await;
        let directory = tempfile::tempdir().unwrap();
        let at = |folder: &str| directory.path().join(folder).display().to_string();
        let run_umoci = |arguments: &[&str]| {
            let mut command = Command::new(&umoci);
            command.args(arguments);
            command
        };
        check(run_umoci(&["init", "--layout", &at("in")])).await;
        let from = format!("{}:1", at("in"));
        check(run_umoci(&["new", "--image", &from])).await;
        check(run_umoci(&["insert", "--rootless", "--image", &from, "/etc/hostname", "/etc/greeting"])).await;
        let remote = format!("docker://{}/team/app:1", house.address);
        check(copy(&skopeo, &format!("oci:{from}"), &remote, "pusher")).await;
        let pushed = house.table.pushed.lock().unwrap().last().cloned().unwrap();
        house.release("team/app", &pushed.1).await;
        check(copy(&skopeo, &remote, &format!("oci:{}:1", at("out")), "puller")).await;
        check(run_umoci(&["unpack", "--rootless", "--image", &format!("{}:1", at("out")), &at("bundle")]))
            .await;
        let read = std::fs::read(directory.path().join("bundle/rootfs/etc/greeting")).unwrap();
        assert_eq!(read, std::fs::read("/etc/hostname").unwrap());
    });
}

#[test]
fn buildah_pushes_and_pulls() {
    let Some(buildah) = peer("buildah") else { return };
    run(async {
        let house = House::new().await;
        let directory = tempfile::tempdir().unwrap();
        let at = |folder: &str| directory.path().join(folder).display().to_string();
        std::fs::write(at("image.tar"), image().oci_archive(None)).unwrap();
        std::fs::write(at("auth.json"), "{}").unwrap();
        let buildah = |store: &str, arguments: &[&str]| {
            let mut command = Command::new(&buildah);
            command.args(["--root", &at(&format!("{store}/root"))]);
            command.args(["--runroot", &at(&format!("{store}/run"))]);
            command.args(["--storage-driver", "vfs"]).args(arguments);
            command.env("REGISTRY_AUTH_FILE", at("auth.json"));
            command
        };
        let remote = format!("docker://{}/team/app:1", house.address);
        let over = |who: &str| format!("--creds={who}:{who}-secret");
        let id =
            check(buildah("one", &["pull", "--quiet", &format!("oci-archive:{}", at("image.tar"))])).await;
        let push = |who: &str| {
            buildah("one", &["push", "--quiet", "--tls-verify=false", &over(who), id.trim(), &remote])
        };
        assert!(!output(push("puller")).await.status.success(), "who may pull may not push");
        check(push("pusher")).await;
        let pushed = house.table.pushed.lock().unwrap().last().cloned().unwrap();
        house.release("team/app", &pushed.1).await;
        let pull = |store: &str, who: &str| {
            buildah(store, &["pull", "--quiet", "--tls-verify=false", &over(who), &remote])
        };
        assert_eq!(check(pull("two", "puller")).await.trim(), id.trim());
        assert!(!output(pull("three", "stranger")).await.status.success());
    });
}
