//! Files that are not there, which the tracer answers for.

use crate::guest::Program::Python;
use crate::guest::{Guest, is_root, line, look};

/// What each script begins with: `look` says what opening a file came to.
const LOOK: &str = "import os
def look(path, flags=0):
    try: os.close(os.open(path, flags))
    except OSError as error: return error.errno
    return 0
";

/// Runs a script; gives what it said, and how often opening `path` was told with each result below zero.
fn looked(script: &str, path: &str) -> (String, Vec<i64>) {
    let guest = Guest::new(&Python(&format!("{LOOK}{script}")));
    let told = guest.run();
    let said = look(&told, &["!lost"]);
    let lines = told.events.iter().map(line);
    let opened = lines.filter(|line| line.starts_with("open") && line.contains(&format!(" {path} ")));
    let results = opened.filter_map(|line| line.rsplit(' ').next()?.parse().ok());
    (said, results.filter(|result| *result < 0).collect())
}

#[test]
fn a_file_that_is_not_there_may_come_and_go() {
    let script = "path='/srv/late' if os.getuid() == 0 and os.access('/srv', os.W_OK) else '/tmp/late'
said=[look(path), look(path), look(path)]
open(path, 'w').close(); said.append(look(path))
os.rename(path, path+'r'); said += [look(path), look(path)]
os.symlink(path+'r', path); said += [look(path), look(path)]
os.unlink(path+'r'); said += [look(path), look(path)]
os.unlink(path); said += [look(path), look(path, os.O_CREAT), look(path)]
print(said)";
    let path = if is_root() { "/srv/late" } else { "/tmp/late" };
    let (said, absent) = looked(script, path);
    assert_eq!(said, "[2, 2, 2, 0, 2, 2, 0, 0, 2, 2, 2, 0, 0]\n");
    assert_eq!(absent, [-2; 8]);
}

#[test]
fn who_may_not_search_a_directory_is_told_so() {
    if !is_root() {
        eprintln!("skipped: a guest of one user cannot become another one");
        return;
    }
    let script = "os.mkdir('/srv/closed', 0o700); path='/srv/closed/late'
said=[look(path), look(path)]
if os.fork() == 0:
    os.setresuid(1000, 1000, 1000)
    print(said, look(path), look(path), flush=True)
    os._exit(0)
os.wait()
print(look(path))";
    let (said, absent) = looked(script, "/srv/closed/late");
    assert_eq!(said, "[2, 2] 13 13\n2\n");
    assert_eq!(absent, [-2, -2, -13, -13, -2]);
}

#[test]
fn another_root_has_files_of_its_own() {
    if !is_root() {
        eprintln!("skipped: an overlay of this machine's tree needs root");
        return;
    }
    let script = "os.makedirs('/srv/jail/srv'); open('/srv/jail/srv/late', 'w').close()
said=[look('/srv/late'), look('/srv/late')]
os.chroot('/srv/jail'); print(said, look('/srv/late'))";
    let (said, absent) = looked(script, "/srv/late");
    assert_eq!(said, "[2, 2] 0\n");
    assert_eq!(absent, [-2, -2]);
}
