use crate::calls;
use crate::error::SandboxError;
use crate::gvisor::{Runsc, RunscError};
use crate::run::Sandbox;
use crate::spec::{
    Engine, Limits, Network, Owners, Persona, Root, Scratch, Spec, Start, Stdin, TimePolicy, User,
};
use crate::warden::Ids;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Something that a sandbox needs of the machine, or is better with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// What, in few words.
    pub name: &'static str,
    /// Whether it is there.
    pub there: bool,
    /// Whether there is no sandbox without it.
    pub needed: bool,
    /// What was found, or what is lost without it and how to get it.
    pub note: String,
}

/// Looks at what the machine has by looking and by making a sandbox once. `directory` is an empty directory that
/// serves as the image of that sandbox.
pub fn probe_host(directory: &Path) -> Vec<Capability> {
    let mut found = vec![ids(), tracing(), landlock()];
    match Sandbox::start(&trial(directory)) {
        Ok(run) => {
            drop(run.events());
            run.end("probed");
            let limitations = run.limitations().to_vec();
            run.wait();
            found.push(Capability {
                name: "a sandbox",
                there: true,
                needed: true,
                note: "one was made and taken away again".to_owned(),
            });
            if let Err(error) = run.close() {
                found.push(Capability {
                    name: "cleaning up",
                    there: false,
                    needed: true,
                    note: error.to_string(),
                });
            }
            let missing = |note| Capability { name: "all of it", there: false, needed: false, note };
            found.extend(limitations.into_iter().map(missing));
        }
        Err(error) => found.push(Capability {
            name: "a sandbox",
            there: false,
            needed: true,
            note: match error {
                SandboxError::Step(failure) => failure.to_string(),
                other => other.to_string(),
            },
        }),
    }
    found
}

/// Looks whether gVisor can run guests here, by running a program that ends at once.
pub fn probe_gvisor(directory: &Path, runsc: Result<Runsc, RunscError>) -> Capability {
    let told = |there, note| Capability { name: "engine gvisor", there, needed: false, note };
    let runsc = match runsc {
        Ok(runsc) => runsc,
        Err(error) => return told(false, error.to_string()),
    };
    let release = runsc.release;
    let program = Persona { path: "/trial".into(), mode: 0o755, owner: (0, 0), bytes: ending_program() };
    let trial = Spec { engine: Engine::Gvisor(runsc), persona: vec![program], ..trial(directory) };
    let run = match Sandbox::start(&trial) {
        Ok(run) => run,
        Err(error) => return told(false, error.to_string()),
    };
    run.events().into_iter().flatten().for_each(drop);
    let ended = run.wait();
    let closed = run.close();
    match (ended.first, closed) {
        (Some(events::Ended::Code(0)), Ok(())) => {
            told(true, format!("release {release} ran a program; `--engine gvisor` uses it"))
        }
        (_, Err(error)) => told(false, error.to_string()),
        _ => told(false, ended.why),
    }
}

/// An ELF program of x86-64 that calls `exit` with 0.
fn ending_program() -> Vec<u8> {
    const BASE: u64 = 0x40_0000;
    const HEAD: u64 = 64 + 56;
    let code = [0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05];
    let length = HEAD + code.len() as u64;
    let mut program = b"\x7fELF\x02\x01\x01".to_vec();
    program.resize(16, 0);
    let words = |words: &[u64]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    // Executable, x86-64, version; entry, program headers, no sections; flags and sizes; one segment to read and run.
    program.extend([2, 0, 62, 0, 1, 0, 0, 0]);
    program.extend(words(&[BASE + HEAD, 64, 0]));
    program.extend([0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    program.extend([1, 0, 0, 0, 5, 0, 0, 0]);
    program.extend(words(&[0, BASE, BASE, length, length, 0x1000]));
    program.extend(code);
    program
}

fn ids() -> Capability {
    let range = Ids::here() != Ids::Single;
    let note = if range {
        "65,536 users in a guest"
    } else {
        "one user in a guest: whatever changes owners or becomes another user fails there; run as root for more"
    };
    Capability { name: "ids of a guest", there: range, needed: false, note: note.to_owned() }
}

fn tracing() -> Capability {
    let actions = std::fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail").unwrap_or_default();
    let scope = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    let there = actions.split_ascii_whitespace().any(|action| action == "trace") && scope.trim() != "3";
    let note = if there {
        "filters may hand calls to a tracer"
    } else {
        "the kernel needs CONFIG_SECCOMP_FILTER, and sysctl kernel.yama.ptrace_scope must not be 3"
    };
    Capability { name: "tracing", there, needed: true, note: note.to_owned() }
}

fn landlock() -> Capability {
    match calls::landlock_version() {
        Ok(version) => Capability {
            name: "Landlock",
            there: version >= 2,
            needed: false,
            note: format!("version {version} fences the guest in once more"),
        },
        Err(_) => Capability {
            name: "Landlock",
            there: false,
            needed: false,
            note: "no second fence around a guest's file system: the kernel needs CONFIG_SECURITY_LANDLOCK, and \
                   landlock in its lsm= list"
                .to_owned(),
        },
    }
}

fn trial(directory: &Path) -> Spec {
    let lower = vec![directory.to_owned()];
    Spec {
        engine: Engine::Native,
        root: Root { lower, owners: Owners::Sandbox, scratch: Scratch::Memory },
        start: Start {
            probe: "trial".to_owned(),
            argv: vec![b"/trial".to_vec()],
            env: Vec::new(),
            cwd: PathBuf::from("/"),
            user: User::default(),
            stdin: Stdin::Null,
        },
        hostname: "trial".to_owned(),
        network: Some(Network::default()),
        limits: Limits { wall: Duration::from_secs(10), disk: 1 << 20, ..Limits::default() },
        time: TimePolicy::default(),
        persona: Vec::new(),
        captures: None,
        decoys: Default::default(),
    }
}
