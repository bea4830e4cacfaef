//! Rules about what an image does: each run's record is held against those of the product and of every pack.

use crate::behavior_module::Answers;
use crate::built_in::{self, Kind};
use crate::{Meta, RuleSet, answers, engine, findings, meta};
use behavior::{Outcome, Record, RunContext};
use inspect::RuleHit;
use model::{Finding, Gap};
use std::collections::BTreeMap;

/// Findings of rules about runs.
const MAX_FINDINGS: usize = 256;

impl RuleSet {
    /// Judges the runs of one platform: `known` is what the product itself found in them, which rules may ask for. The
    /// same records give the same findings under the same rules.
    pub fn judge(&self, runs: &[(RunContext, Record)], platform: &str, known: &[Finding]) -> Outcome {
        let mut out = Outcome::default();
        let mut found: BTreeMap<(String, String), Finding> = BTreeMap::new();
        for (context, record) in runs {
            let what = || format!("{platform}, run `{}`", model::escape_text(&context.name));
            let (answers, cut) = answers::of(context, record, known);
            if cut {
                out.gaps.push(Gap::new(what(), "rules about behavior are told its beginning only"));
            }
            for holds in self.ask_run(&answers) {
                match holds {
                    Ok((meta, hit)) => {
                        let key = (meta.pack.clone(), meta.rule.clone());
                        let known = found.remove(&key).unwrap_or_else(|| finding(&meta, &hit, platform));
                        found.insert(key, known.with_evidence("run", &context.name, None));
                    }
                    Err(why) => out.gaps.push(Gap::new(what(), format!("rules: {why}"))),
                }
            }
        }
        out.findings = found.into_values().collect();
        out.findings.sort_by_key(|finding| std::cmp::Reverse((finding.role, finding.severity)));
        if out.findings.len() > MAX_FINDINGS {
            out.findings.truncate(MAX_FINDINGS);
            let why = format!("more than {MAX_FINDINGS} rules hold for its runs; the others are not told");
            out.gaps.push(Gap::new(platform, why));
        }
        out
    }

    /// The rules that hold for a run.
    fn ask_run(&self, answers: &Answers) -> Vec<Result<(Meta, RuleHit), String>> {
        let mut found = Vec::new();
        let mut ask =
            |asked: Result<Vec<RuleHit>, String>, meta: &dyn Fn(&RuleHit) -> Option<Meta>| match asked {
                Ok(hits) => found.extend(hits.into_iter().filter_map(|hit| Some(Ok((meta(&hit)?, hit))))),
                Err(why) => found.push(Err(why)),
            };
        let own = Kind::Behavior.rules().and_then(|rules| engine::ask_run(rules, answers));
        ask(own, &|hit| built_in::rule(&hit.rule).map(Meta::built_in));
        for pack in self.packs() {
            if let Some(rules) = pack.runs {
                let asked = engine::ask_run(rules, answers).map_err(|why| format!("{}: {why}", pack.name()));
                ask(asked, &|hit| pack.meta(&hit.pack, &hit.rule).cloned());
            }
        }
        found
    }
}

fn finding(meta: &Meta, hit: &RuleHit, platform: &str) -> Finding {
    let mut finding = Finding::of(&meta::RUN_RULE, findings::explanation(meta, "what the run did"));
    finding.platform = platform.to_owned();
    findings::say(&mut finding, meta);
    for found in &hit.matches {
        let shown = model::escape_bytes(&found.excerpt);
        finding = finding
            .with_evidence("match", &format!("{} {shown}", found.pattern), None)
            .with_bytes(&found.excerpt, None);
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Pack, Source};
    use events::{
        Act, ConnectionId, Descriptor, Event, Exec, Origin, Process, ProcessAct, Said, Source as Seen,
        WireAct, WireKind,
    };

    fn pack(text: &str) -> RuleSet {
        let source = Source { name: "x.yar".to_owned(), bytes: text.into() };
        RuleSet::with(vec![Pack::compile("ours", vec![source]).unwrap()])
    }

    fn event(number: u64, act: Act) -> Event {
        Event { number, real: number, guest: number, source: Seen::Call, act }
    }

    fn exec(process: Process, program: &str, words: &[&str]) -> Exec {
        let bytes = |text: &str| events::bounded(text.as_bytes());
        Exec {
            process,
            asked: bytes(program),
            program: bytes(program),
            origin: Origin::Image,
            content: None,
            interpreter: None,
            arguments: words.iter().map(|word| bytes(word)).collect(),
            arguments_length: 0,
            environment: Vec::new(),
            directory: bytes("/"),
            euid: 0,
            standard: [Descriptor::Null, Descriptor::Null, Descriptor::Null],
            result: 0,
        }
    }

    /// A run in which `/bin/sh -c WORDS` says something over port 6379.
    fn run(name: &str, words: &str, said: &[u8]) -> (RunContext, Record) {
        let process = Process(1);
        let born = ProcessAct::Born { process, parent: Process(0), pid: 1, thread: false, leader: process };
        let exec = exec(process, "/bin/sh", &["sh", "-c", words]);
        let said = Said {
            guest: true,
            decrypted: false,
            offset: 0,
            length: said.len() as u64,
            bytes: events::bounded(said),
        };
        let wire = |kind| {
            Act::Wire(WireAct {
                connection: ConnectionId(1),
                from: "10.0.0.2:40000".parse().unwrap(),
                to: "192.0.2.7:6379".parse().unwrap(),
                kind,
            })
        };
        let record = Record::of([
            event(0, Act::Process(born)),
            event(1, Act::Process(ProcessAct::Exec(Box::new(exec)))),
            event(2, wire(WireKind::Opened { datagram: false })),
            event(3, wire(WireKind::Said(said))),
        ]);
        (RunContext { name: name.to_owned(), ..RunContext::default() }, record)
    }

    const OURS: &str = r#"
import "behavior"
rule Told {
    meta: id = "D-YARA-TOLD" severity = "high" role = "corroborates" class = "net" author = "A. N. Other" license = "MIT"
    strings: $a = "quay of stones"
    condition: $a and behavior.executes(/ -c build /) and behavior.connects(/^192\.0\.2\./, 6379)
}
rule Plain { condition: behavior.found["D-MIN-SUBMIT"] and behavior.sent(/stones/) }
"#;

    /// The rules that hold, with role and the runs that show it.
    fn check(rules: &RuleSet, runs: &[(RunContext, Record)], known: &[Finding], expect: &[&str]) {
        let out = rules.judge(runs, "linux/amd64", known);
        assert_eq!(out.gaps, []);
        let told: Vec<String> = out
            .findings
            .iter()
            .map(|finding| {
                assert_eq!(
                    (finding.stage, finding.platform.as_str()),
                    (model::Stage::Dynamic, "linux/amd64")
                );
                let of = |kind: &str| {
                    let pieces = finding.evidence.iter().filter(|piece| piece.kind == kind);
                    pieces.map(|piece| piece.value.clone()).collect::<Vec<_>>().join(",")
                };
                format!("{} {} {} {}", finding.id, finding.role.name(), of("run"), of("match"))
            })
            .collect();
        assert_eq!(told, expect);
    }

    #[test]
    fn a_pack_judges_runs_and_counts_as_its_metadata_says() {
        let rules = pack(OURS);
        let first = run("first", "build all", b"the quay of stones");
        let again = run("again", "build all", b"\0quay of stones\0");
        let other = run("other", "install", b"the quay of stones");
        let told = "D-YARA-TOLD corroborates first,again $a quay of stones";
        check(&rules, &[first, again, other], &[], &[told]);
        let submit = behavior::detections().find(|one| one.id == "D-MIN-SUBMIT").unwrap();
        let run = [run("first", "install", b"the quay of stones")];
        check(&rules, &run, &[Finding::of(submit, "x")], &["D-YARA-RULE context first "]);
        check(&rules, &run, &[], &[]);
    }

    #[test]
    fn a_finding_says_whose_word_it_is() {
        let out = pack(OURS).judge(&[run("first", "build all", b"quay of stones")], "linux/amd64", &[]);
        let finding = &out.findings[0];
        assert_eq!(finding.explanation, "The rule Told of ours/x.yar holds for what the run did.");
        assert_eq!((finding.class, finding.severity), (model::Class::Net, model::Severity::High));
        for (kind, value) in [("rule", "ours/x.yar:Told"), ("author", "A. N. Other"), ("license", "MIT")] {
            assert!(
                finding.evidence.iter().any(|piece| piece.kind == kind && piece.value == value),
                "{kind}"
            );
        }
    }

    #[test]
    fn rules_of_the_product_read_runs() {
        let said = b"*4\r\nCONFIG\r\nSET\r\ndir\r\n/root/.ssh\r\nCONFIG SET dbfilename authorized_keys\r\n";
        let own = RuleSet::default();
        let out = own.judge(&[run("first", "x", said)], "linux/amd64", &[]);
        assert_eq!(out.findings.len(), 1, "{:?}", out.findings);
        check(&own, &[run("first", "x", b"PING\r\n")], &[], &[]);
    }

    #[test]
    fn a_rule_about_runs_has_an_id_of_its_own_family() {
        let ids = |text: &str| {
            let rules = pack(text);
            rules.packs()[0].rules().map(|meta| meta.id.clone()).collect::<Vec<_>>()
        };
        let rule =
            |import: &str, id: &str| format!("{import}\nrule a {{ meta: id = \"{id}\" condition: true }}");
        let behavior = "import \"behavior\"";
        assert_eq!(ids(&rule(behavior, "D-YARA-A")), ["D-YARA-A"]);
        assert_eq!(ids(&rule(behavior, "S-YARA-A")), ["D-YARA-RULE"]);
        assert_eq!(ids(&rule(behavior, "D-MIN-SUBMIT")), ["D-YARA-RULE"]);
        assert_eq!(ids(&rule("", "D-YARA-A")), ["S-YARA-RULE"]);
        let both =
            Source { name: "b.yar".to_owned(), bytes: "import \"image\"\nimport \"behavior\"\n".into() };
        let error = Pack::compile("ours", vec![both]).unwrap_err().to_string();
        assert!(error.starts_with("b.yar imports both"), "{error}");
    }

    #[test]
    fn the_decoy_of_the_sandbox_is_nobodys_deed() {
        let rules = pack("import \"behavior\"\nrule a { condition: behavior.executes(/xmrig/) }");
        let run = |parent: u32, origin| {
            let process = Process(2);
            let parent = Process(parent);
            let born = ProcessAct::Born { process, parent, pid: 2, thread: false, leader: process };
            let mut exec = exec(process, "/var/tmp/.cache/xmrig", &["xmrig"]);
            exec.origin = origin;
            let events =
                [event(0, Act::Process(born)), event(1, Act::Process(ProcessAct::Exec(Box::new(exec))))];
            (RunContext { name: "first".to_owned(), ..RunContext::default() }, Record::of(events))
        };
        check(&rules, &[run(0, Origin::Planted)], &[], &[]);
        check(&rules, &[run(0, Origin::Image)], &[], &["D-YARA-RULE context first "]);
        check(&rules, &[run(1, Origin::Planted)], &[], &["D-YARA-RULE context first "]);
    }

    #[test]
    fn a_record_beyond_the_bounds_is_a_gap() {
        let (context, _) = run("first", "x", b"");
        let process = Process(1);
        let name = events::bounded(b"memfd_create");
        let calls = (0..20_001).map(|number| {
            let call = events::KernelCall {
                process,
                name: name.clone(),
                arguments: [0; 6],
                text: None,
                target: None,
                result: Some(0),
                refused: false,
            };
            event(number, Act::Kernel(call))
        });
        let record = Record::of(calls);
        let out = RuleSet::default().judge(&[(context, record)], "linux/amd64", &[]);
        assert_eq!(out.gaps.len(), 1, "{:?}", out.gaps);
    }
}
