use super::subject::{Subject, Subjects};
use super::{Control, Step, Why};
use model::Finding;

/// G3: the file is a list of indicators. Block lists, rule sets and signature databases name by the thousand what
/// bad images contain, and are there to fight it.
///
/// Only data is a list: a file that may be run, or that the start leads to, is what it does and not what it is
/// called.
pub(super) fn is_list(all: &Subjects<'_, '_>, subject: &Subject<'_>, finding: &Finding) -> Option<Why> {
    if !all.is_data(subject) {
        return None;
    }
    let count = all.indicators(finding);
    let because = if count > MANY {
        format!("it names {count} different indicators of one kind")
    } else if is_rule_file(&subject.path) {
        "it is a file of rules or signatures by its name and its folder".to_owned()
    } else {
        return None;
    };
    Some(Why { control: Control::ListFile, step: Step::ToContext, because })
}

/// A program talks to a few pools or addresses; a list knows dozens.
const MANY: usize = 25;

fn is_rule_file(path: &[u8]) -> bool {
    const RULES: [&[u8]; 8] = [b".yar", b".yara", b".rules", b".hdb", b".hsb", b".ndb", b".ldb", b".sigma"];
    const FOLDERS: [&[u8]; 8] =
        [b"yara", b"sigma", b"suricata", b"snort", b"falco", b"clamav", b"blocklists", b"nuclei-templates"];
    const DATA: [&[u8]; 7] = [b".yaml", b".yml", b".json", b".txt", b".list", b".csv", b".conf"];
    let ends = |endings: &[&[u8]]| endings.iter().any(|ending| path.ends_with(ending));
    let mut folders = path.split(|&byte| byte == b'/');
    folders.next_back();
    ends(&RULES) || ends(&DATA) && folders.any(|folder| FOLDERS.contains(&folder))
}
