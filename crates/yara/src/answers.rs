//! From the record of a run to what the module `behavior` says of it.

use crate::behavior_module::{Answers, Entry, Value};
use behavior::{At, Flow, Record, RunContext};
use events::{Bytes, Origin, Process, WireKind};
use model::Finding;

/// Entries of one list that rules are told.
const MOST: usize = 20_000;
/// Bytes that the guest said, of all connections together.
const MOST_SAID: usize = 16 << 20;

/// What rules are told of a run, and whether something had to be left out.
pub(crate) fn of(context: &RunContext, record: &Record, known: &[Finding]) -> (Answers, bool) {
    let mut cut = false;
    let mut bounded = |entries: &mut dyn Iterator<Item = Entry>| {
        let list: Vec<Entry> = (&mut *entries).take(MOST).collect();
        cut |= list.len() == MOST && entries.next().is_some();
        list
    };
    let mut found: Vec<String> = known.iter().map(|finding| finding.id.clone()).collect();
    found.sort_unstable();
    found.dedup();
    let steps = || record.flows().flat_map(Flow::each);
    let lost: u64 = record.lost().map(|(_, count)| count).fold(0, u64::saturating_add);
    // A rule about miners must not hold for the decoy that the sandbox puts beside every image.
    let execs = record.execs_of_image();
    let mut answers = Answers {
        run: context.name.clone(),
        lost: number(lost),
        executed: bounded(&mut execs.iter().filter(|named| named.exec.what.result == 0).map(|named| {
            let exec = &named.exec.what;
            let parent = record.process(named.process).map_or(Process(0), |process| process.parent);
            entry([
                ("program", text(&exec.program)),
                ("command", command(&exec.arguments)),
                ("origin", Value::Text(origin(exec.origin).to_owned())),
                ("parent", program(record, parent, named.exec.at)),
                ("user", Value::Number(exec.euid.into())),
            ])
        })),
        connected: bounded(&mut record.flows().map(|flow| {
            entry([
                ("host", Value::Text(flow.host())),
                ("address", Value::Text(flow.to.ip().to_string())),
                ("port", Value::Number(flow.to.port().into())),
                ("protocol", Value::Text(flow.protocol.clone().unwrap_or_default())),
                ("program", opener(record, flow)),
                ("sent", Value::Number(number(flow.sent))),
                ("received", Value::Number(number(flow.received))),
            ])
        })),
        resolved: bounded(&mut steps().filter_map(|one| match &one.step.what {
            WireKind::Dns(dns) => {
                let answered = Value::Truth(!dns.answers.is_empty());
                Some(entry([("name", text(&dns.name)), ("answered", answered)]))
            }
            _ => None,
        })),
        requested: bounded(&mut steps().filter_map(|one| match &one.step.what {
            WireKind::Http(http) => {
                let scheme: &[u8] = if http.tls { b"https://" } else { b"http://" };
                let url = [scheme, &http.host, &http.target].concat();
                Some(entry([
                    ("method", text(&http.method)),
                    ("host", text(&http.host)),
                    ("target", text(&http.target)),
                    ("url", text(&url)),
                    ("agent", text(&http.agent)),
                    ("body", Value::Bytes(http.body_start.to_vec())),
                ]))
            }
            _ => None,
        })),
        written: bounded(&mut record.files().filter_map(|(path, history)| {
            let writer = history.writers().last();
            let by = writer.map_or(Value::Text(String::new()), |(who, at)| program(record, who, at));
            let left = Value::Truth(history.is_left());
            let told = writer.is_some() || (history.changed && !history.removed);
            told.then(|| entry([("path", text(path)), ("program", by), ("left", left)]))
        })),
        accessed: bounded(&mut record.files().filter_map(|(path, history)| {
            let (who, at) = history.readers().last()?;
            let planted = history.steps.iter().any(|step| step.what.origin == Origin::Planted);
            Some(entry([
                ("path", text(path)),
                ("program", program(record, who, at)),
                ("planted", Value::Truth(planted)),
            ]))
        })),
        called: bounded(&mut record.calls().iter().map(|call| {
            entry([
                ("name", text(&call.what.name)),
                ("text", text(call.what.text.as_ref().map_or(&[], |text| text.as_slice()))),
                ("program", program(record, call.what.process, call.at)),
            ])
        })),
        said: Vec::new(),
        found,
    };
    let mut room = MOST_SAID;
    answers.said = bounded(
        &mut steps()
            .filter_map(|one| match &one.step.what {
                WireKind::Said(said) if said.guest => Some((one.flow, said)),
                _ => None,
            })
            .map_while(|(flow, said)| {
                room = room.checked_sub(said.bytes.len())?;
                Some(entry([
                    ("data", Value::Bytes(said.bytes.to_vec())),
                    ("host", Value::Text(flow.host())),
                    ("port", Value::Number(flow.to.port().into())),
                ]))
            }),
    );
    let told: usize = answers.said.len();
    let all = steps().filter(|one| matches!(&one.step.what, WireKind::Said(said) if said.guest)).count();
    (answers, cut || told < all)
}

fn entry<const N: usize>(fields: [(&str, Value); N]) -> Entry {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn text(bytes: &[u8]) -> Value {
    Value::Text(String::from_utf8_lossy(bytes).into_owned())
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The words of a command line with spaces between them.
fn command(words: &[Bytes]) -> Value {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_slice()).collect();
    text(&words.join(&b' '))
}

/// The program that a process is at a time.
fn program(record: &Record, process: Process, at: At) -> Value {
    record.program(process, at).map_or(Value::Text(String::new()), |exec| text(&exec.what.program))
}

fn opener(record: &Record, flow: &Flow) -> Value {
    flow.process.map_or(Value::Text(String::new()), |process| program(record, process, flow.opened))
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Image => "image",
        Origin::Written => "written",
        Origin::Memory => "memory",
        Origin::Deleted => "deleted",
        Origin::Planted => "planted",
        Origin::Kernel => "kernel",
        Origin::Unknown => "unknown",
    }
}
