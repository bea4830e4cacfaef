//! A disk that is full, and one that is read-only.
use crate::house::*;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use store::{Error, Origin};

/// A small disk, where the system lets us have one.
struct Disk(tempfile::TempDir);

impl Disk {
    fn of(size: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(directory.path())
            .output();
        if mount.is_ok_and(|output| output.status.success()) {
            return Some(Self(directory));
        }
        assert!(std::env::var_os("CI").is_none(), "no small disk can be mounted here, and CI tests with one");
        println!(
            "SKIPPED: no small disk can be mounted here: the test of full and read-only disks passes by"
        );
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Tries for a while: until the last file is closed, which happens on threads of the engine, the disk is busy.
    fn remount(&self, options: &str) {
        let deadline = Instant::now() + Duration::from_secs(10);
        let remount = || {
            let mut command = Command::new("mount");
            command.args(["-o", &format!("remount,{options}")]).arg(self.path());
            command.output().unwrap().status.success()
        };
        while !remount() {
            assert!(Instant::now() < deadline, "the disk cannot be made {options}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[test]
fn a_full_disk_is_an_error_and_leaves_nothing_half() {
    let Some(disk) = Disk::of("6m") else { return };
    run(async {
        let (store, _) = open_at(disk.path()).await;
        let app = name("team/app");
        store.create_repository(&app, &Origin::Hosted).await.unwrap();
        let image = push(&store, &app, "config", &["layer"], &["latest"]).await;
        store.release(&app, &image.root, decision()).await.unwrap();
        // A blob that does not fit, in one request and as an upload.
        let large = vec![1; 8 << 20];
        let pushed = push_blob_as(&store, &app, model::Algorithm::Sha256, &large).await;
        assert!(matches!(pushed, Err(Error::Full { .. })), "{pushed:?}");
        let id = store.begin_upload(&app, None, "pusher").await.unwrap().id;
        let mut append = store.append(&app, &id, None).await.unwrap();
        let written = async {
            for piece in large.chunks(100_000) {
                append.write(bytes::Bytes::copy_from_slice(piece)).await?;
            }
            append.finish().await
        };
        assert!(matches!(written.await, Err(Error::Full { .. })));
        let size = store.upload(&app, &id).await.unwrap().size;
        assert!(size > 0 && size < 8 << 20);
        store.cancel_upload(&app, &id).await.unwrap();
        // Rows that do not fit: the disk is filled to the last block.
        let filler = disk.path().join("filler");
        let mut bytes = 8 << 20;
        let mut file = std::fs::File::create(&filler).unwrap();
        while bytes > 0 {
            if std::io::Write::write_all(&mut file, &vec![0; bytes]).is_err() {
                bytes /= 2;
            }
        }
        let mut refused = 0;
        for n in 0..2000 {
            let text = index_text(&[(sha256(format!("child {n}").as_bytes()), 5)]);
            match put(&store, &app, &text, &[]).await {
                Ok(_) => {}
                Err(Error::Full { .. }) => refused += 1,
                Err(error) => panic!("{error:?}"),
            }
            if refused > 3 {
                break;
            }
        }
        assert!(refused > 3);
        assert!(is_given(&store, &app, &image.root).await, "what is released is given all the same");
        drop(file);
        std::fs::remove_file(&filler).unwrap();
        push(&store, &app, "config 2", &["layer 2"], &["latest"]).await;
        store.revoke(&app, &image.root, decision()).await.unwrap();
        assert!(!is_given(&store, &app, &image.root).await);
        store.close().await;
        let (store, recovered) = open_at(disk.path()).await;
        assert_eq!(recovered.lost, []);
        store.close().await;
    });
    let checked = store::journal::verify(&disk.path().join("roadstead.db"), None).unwrap();
    assert_eq!(checked.broken, None);
}

#[test]
fn a_disk_that_became_read_only_still_gives_what_is_released() {
    let Some(disk) = Disk::of("16m") else { return };
    run(async {
        let (store, _) = open_at(disk.path()).await;
        let app = name("team/app");
        store.create_repository(&app, &Origin::Hosted).await.unwrap();
        let image = push(&store, &app, "config", &["layer"], &["latest"]).await;
        store.release(&app, &image.root, decision()).await.unwrap();
        store.close().await;
    });
    let blobs = disk.path().join("blobs");
    run(async {
        let (store, _) = open_at(disk.path()).await;
        let app = name("team/app");
        let root = store.tag(&app, &tag("latest")).await.unwrap().unwrap().digest;
        assert!(is_given(&store, &app, &root).await);
        // A file system with files open for writing cannot be remounted; the blobs alone are enough here.
        let bind = |options: &str| {
            let mut command = Command::new("mount");
            command.args(["-o", options]);
            if options == "bind" {
                command.arg(&blobs);
            }
            assert!(command.arg(disk.path().join("blobs")).status().unwrap().success());
        };
        bind("bind");
        bind("remount,bind,ro");
        let pushed = push_blob_as(&store, &app, model::Algorithm::Sha256, b"new").await;
        let text = index_text(&[(sha256(b"child"), 5)]);
        let put = put(&store, &app, &text, &[]).await;
        let given = is_given(&store, &app, &root).await;
        let unmounted = Command::new("umount").arg(&blobs).status().unwrap();
        assert!(unmounted.success());
        assert!(matches!(pushed, Err(Error::ReadOnly { .. } | Error::Io { .. })), "{pushed:?}");
        assert!(put.is_err() && given);
        assert!(store.blob(&app, &sha256(b"new")).await.unwrap().is_none());
        store.close().await;
    });
    // All of it, from the start.
    disk.remount("ro");
    run(async {
        let opened = store::Store::open(store::Options::new(disk.path())).await;
        assert!(opened.is_err());
    });
    disk.remount("rw");
}
