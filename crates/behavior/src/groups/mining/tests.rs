use crate::scene::{FIRST, Scene, text};
use events::{Coin, FileOp, Http, NetOp, Origin, Pool, Said, WireKind};

fn check(build: impl FnOnce(&mut Scene), expect: &[&str]) {
    let mut scene = Scene::of(&["/usr/bin/app", "--serve"]);
    build(&mut scene);
    assert_eq!(scene.accused(), expect);
}

fn pool(step: &str, valid: Option<bool>) -> WireKind {
    WireKind::Pool(Box::new(Pool {
        coin: Coin::Monero,
        step: step.into(),
        account: text("someone"),
        worker: text("x"),
        agent: text("agent/1"),
        algorithms: vec![text("rx/0")],
        valid,
    }))
}

#[test]
fn who_logs_in_at_a_pool_mines() {
    check(
        |scene| {
            let flow = scene.connect(FIRST, None, "203.0.113.9:443");
            scene.wire(flow, pool("login", None));
        },
        &["D-MIN-STRATUM convicts"],
    );
    // A pool that takes logins accepts connections and says nothing of the kind itself.
    check(|scene| scene.net(FIRST, NetOp::Accept(None)), &[]);
}

#[test]
fn an_open_miner_stands_on_its_axis_and_counts() {
    let mut scene = Scene::of(&["/usr/bin/miner"]);
    scene.image.declared.insert("miner".into());
    let flow = scene.connect(FIRST, None, "203.0.113.9:443");
    scene.wire(flow, pool("login", None));
    assert_eq!(scene.accused(), ["D-MIN-STRATUM convicts"]);
    assert_eq!(scene.outcome().findings[0].axis, Some(model::Axis::Pua));
}

#[test]
fn a_share_for_our_job_is_proof() {
    let talk = |valid| {
        move |scene: &mut Scene| {
            let flow = scene.connect(FIRST, Some("host.example"), "198.18.4.4:3333");
            scene.wire(flow, pool("login", None));
            scene.wire(flow, pool("submit", Some(valid)));
        }
    };
    check(talk(true), &["D-MIN-STRATUM convicts", "D-MIN-SUBMIT convicts"]);
    check(talk(false), &["D-MIN-STRATUM convicts"]);
}

#[test]
fn the_evidence_names_account_and_command() {
    let mut scene = Scene::of(&["/usr/lib/worker", "-c", "/etc/w.json"]);
    let flow = scene.connect(FIRST, Some("host.example"), "198.18.4.4:3333");
    scene.wire(flow, pool("login", None));
    let finding = &scene.outcome().findings[0];
    let evidence: Vec<(&str, &str)> =
        finding.evidence.iter().map(|piece| (piece.kind.as_str(), piece.value.as_str())).collect();
    assert!(evidence.contains(&("account", "someone")), "{evidence:?}");
    assert!(evidence.contains(&("command", "/usr/lib/worker -c /etc/w.json")), "{evidence:?}");
    assert!(evidence.contains(&("host", "host.example:3333")), "{evidence:?}");
}

#[test]
fn listed_pools_corroborate() {
    let ask = |host: &'static str| {
        move |scene: &mut Scene| {
            scene.image.pool_hosts.insert("pool.example".into());
            scene.connect(FIRST, Some(host), "198.18.4.4:80");
        }
    };
    check(ask("pool.example"), &["D-MIN-POOLDNS corroborates"]);
    check(ask("notpool.example"), &[]);
}

#[test]
fn all_processors_for_a_minute_corroborate() {
    let work = |seconds: u64, share: u64, asked: Option<u64>| {
        move |scene: &mut Scene| {
            for second in 0..=seconds {
                scene.used(FIRST, second * share, 5, 0);
                scene.wait(1);
                if asked == Some(second) {
                    scene.net(FIRST, NetOp::Accept(None));
                }
            }
        }
    };
    check(work(70, 4, None), &["D-MIN-CPU corroborates"]);
    check(work(70, 3, None), &[]);
    check(work(40, 4, None), &[]);
    check(work(70, 4, Some(50)), &[]);
    // One question at the beginning, which every port is asked, explains no minute of work.
    check(work(70, 4, Some(3)), &["D-MIN-CPU corroborates"]);
}

#[test]
fn small_messages_to_a_bare_address_while_it_works() {
    let talk = |name: Option<&'static str>| {
        move |scene: &mut Scene| {
            let flow = scene.connect(FIRST, name, "203.0.113.9:443");
            for second in 0..=50_u64 {
                scene.used(FIRST, second * 4, 5, 0);
                scene.wait(1);
                if second % 8 == 1 {
                    let said = Said {
                        guest: true,
                        decrypted: false,
                        offset: second,
                        length: 200,
                        bytes: text("\u{1}"),
                    };
                    scene.wire(flow, WireKind::Said(said));
                }
            }
        }
    };
    check(talk(None), &["D-MIN-PROXYTLS corroborates"]);
    check(talk(Some("telemetry.example")), &[]);
}

#[test]
fn memory_of_randomx() {
    let map = |sizes: &'static [u64]| {
        move |scene: &mut Scene| {
            for &size in sizes {
                scene.call(FIRST, "mmap", [0, size, 3, 0x22, u64::MAX, 0], None);
            }
        }
    };
    check(map(&[256 << 20, 2_181_038_080, 2 << 20]), &["D-MIN-RXMEM corroborates"]);
    check(map(&[256 << 20, 2 << 20, 2 << 20]), &["D-MIN-RXMEM corroborates"]);
    // The heap of a virtual machine has a size that people choose.
    check(map(&[256 << 20, 2 << 30]), &[]);
}

#[test]
fn pinned_and_idle() {
    let pin = |idle: bool| {
        move |scene: &mut Scene| {
            for thread in 0..4 {
                scene.call(FIRST, "sched_setaffinity", [10 + thread, 128, 0, 0, 0, 0], None);
            }
            if idle {
                scene.call(FIRST, "setpriority", [0, 0, 19, 0, 0, 0], None);
            }
        }
    };
    check(pin(true), &["D-MIN-AFFINITY corroborates"]);
    check(pin(false), &[]);
}

#[test]
fn tuning_is_seen_even_where_it_is_refused() {
    let write = FileOp::Open { read: false, write: true, create: false };
    let read = FileOp::Open { read: true, write: false, create: false };
    check(
        |scene| scene.file(FIRST, write.clone(), "/proc/sys/vm/nr_hugepages", Origin::Kernel),
        &["D-MIN-TUNE corroborates"],
    );
    check(
        |scene| scene.file(FIRST, write.clone(), "/dev/cpu/0/msr", Origin::Kernel),
        &["D-MIN-TUNE corroborates"],
    );
    check(|scene| scene.file(FIRST, read, "/proc/sys/vm/nr_hugepages", Origin::Kernel), &[]);
}

#[test]
fn work_that_stops_when_watched() {
    let work = |hides: bool| {
        move |scene: &mut Scene| {
            let miner = scene.born(FIRST);
            scene.exec(miner, &["/usr/lib/worker"], Origin::Image);
            let mut spent = 0;
            let mut watcher = None;
            for second in 0..30_u64 {
                if second == 10 {
                    let process = scene.born(FIRST);
                    scene.exec(process, &["/usr/bin/top"], Origin::Image);
                    watcher = Some(process);
                }
                if second == 18
                    && let Some(process) = watcher
                {
                    scene.exit(process);
                }
                spent += if hides && (10..18).contains(&second) { 0 } else { 1 };
                scene.wait(1);
                scene.used(miner, spent, 5, 0);
            }
        }
    };
    check(work(true), &["D-MIN-DUTY corroborates"]);
    check(work(false), &[]);
}

#[test]
fn a_miner_that_reports_to_its_owner() {
    let post = |body: &'static str| {
        move |scene: &mut Scene| {
            let flow = scene.connect(FIRST, None, "203.0.113.9:3344");
            let http = Http {
                method: text("POST"),
                host: text("203.0.113.9"),
                target: text("/client/setClientStatus?clientId=w1"),
                agent: text("a"),
                tls: false,
                body: None,
                body_start: text(body),
                status: 200,
                served: "json".into(),
                content: None,
            };
            scene.wire(flow, WireKind::Http(Box::new(http)));
        }
    };
    check(post("{\"client_status\":{\"hashrate_short\":1}}"), &["D-MIN-CC convicts"]);
    check(post("{\"client_status\":{\"load\":1}}"), &[]);
}

#[test]
fn small_programs_made_anew() {
    let remake = |scene: &mut Scene, times: usize| {
        let other = scene.thread(FIRST);
        for _ in 0..times {
            for thread in [FIRST, other] {
                scene.call(thread, "mprotect", [0x7000_0000, 16 << 10, 5, 0, 0, 0], None);
            }
        }
    };
    check(|scene| remake(scene, 40), &["D-MIN-RXJIT corroborates"]);
    check(|scene| remake(scene, 5), &[]);
    let mut scene = Scene::of(&["/usr/bin/node", "app.js"]);
    remake(&mut scene, 40);
    assert_eq!(scene.accused(), [""; 0]);
}

#[test]
fn graphics_processors_are_asked_for() {
    check(|scene| scene.read(FIRST, "/dev/nvidia0", Origin::Kernel), &["D-MIN-GPU corroborates"]);
    check(|scene| scene.read(FIRST, "/dev/null", Origin::Kernel), &[]);
}

#[test]
fn connections_that_are_sold() {
    check(
        |scene| {
            scene.connect(FIRST, Some("proxy.getgrass.io"), "198.18.3.3:443");
        },
        &["D-MIN-DEPIN corroborates"],
    );
    check(
        |scene| {
            scene.connect(FIRST, Some("notgetgrass.io"), "198.18.3.3:443");
        },
        &[],
    );
}
