use super::sections::{more, text};
use super::timeline::Timeline;
use crate::runs;
use model::{ProcessLine, Report, thousands};

/// One run as the page shows it.
pub(super) struct RunView {
    pub(super) name: String,
    pub(super) sentence: String,
    pub(super) processes: Vec<ProcessView>,
    /// Lists that are still open after the last process.
    pub(super) open: usize,
    pub(super) timeline: Option<Timeline>,
    pub(super) flows: Vec<FlowView>,
    pub(super) more: Vec<String>,
}

/// A process in the tree, which is lists in lists.
pub(super) struct ProcessView {
    /// Whether a list begins before it: it is the first child of the one above.
    pub(super) opens: bool,
    /// Lists that end before it.
    pub(super) closes: usize,
    pub(super) when: String,
    pub(super) command: String,
    pub(super) origin: String,
}

pub(super) struct FlowView {
    pub(super) when: String,
    pub(super) by: String,
    pub(super) peer: String,
    pub(super) protocol: String,
    pub(super) sent: String,
    pub(super) received: String,
    pub(super) said: String,
}

/// Processes and connections of one run that a page shows.
const MOST: usize = 300;
/// Lists in lists; what is deeper stands beside what is as deep as this.
const DEEPEST: usize = 12;

impl RunView {
    pub(super) fn all(report: &Report) -> Vec<Self> {
        let Some(detonation) = &report.detonation else { return Vec::new() };
        let shown = runs::shown(detonation);
        let mut views = Vec::new();
        for (at, run) in detonation.runs.iter().enumerate().take(MOST) {
            let full = shown.contains(&at);
            let tree = if full { runs::tree(detonation, at) } else { Vec::new() };
            let flows = if full { runs::flows(detonation, at) } else { Vec::new() };
            let hidden = [("process", "processes", tree.len()), ("connection", "connections", flows.len())];
            let hidden = hidden.into_iter().filter_map(|(one, many, count)| {
                let rest = count.checked_sub(MOST).filter(|&rest| rest > 0)?;
                Some(format!("… and {} more {}.", thousands(rest as u64), if rest == 1 { one } else { many }))
            });
            let (processes, open) = lists(&tree);
            views.push(Self {
                name: text(&run.name),
                sentence: text(&runs::sentence(run)),
                processes,
                open,
                timeline: Timeline::of(detonation, &flows),
                flows: flows
                    .iter()
                    .take(MOST)
                    .map(|flow| FlowView {
                        when: runs::time(flow.milliseconds),
                        by: runs::program(detonation, flow).map(text).unwrap_or_default(),
                        peer: text(&format!("{}:{}", flow.host, flow.port)),
                        protocol: text(&flow.protocol),
                        sent: thousands(flow.sent),
                        received: thousands(flow.received),
                        said: text(&flow.said),
                    })
                    .collect(),
                more: hidden.collect(),
            });
        }
        views
    }

    pub(super) fn not_exercised(report: &Report) -> Vec<String> {
        let Some(detonation) = &report.detonation else { return Vec::new() };
        let all: Vec<&String> = detonation.not_exercised.iter().chain(&detonation.limitations).collect();
        let mut told: Vec<String> = all.iter().take(MOST).map(|sentence| text(sentence)).collect();
        if all.len() > MOST {
            told.extend(more(all.len()));
        }
        told
    }
}

/// The tree as lists in lists, with how many of them are open at its end. The first is open from the start.
fn lists(tree: &[(usize, &ProcessLine)]) -> (Vec<ProcessView>, usize) {
    let mut before = None;
    let mut views = Vec::new();
    for (depth, process) in tree.iter().take(MOST) {
        let depth = (*depth).min(DEEPEST);
        let (opens, closes) = match before {
            None => (false, 0),
            Some(before) => (depth > before, before.saturating_sub(depth)),
        };
        // A tree goes down by one step at a time, whatever the numbers of the processes say.
        let depth = before.map_or(0, |before: usize| depth.min(before + 1));
        before = Some(depth);
        views.push(ProcessView {
            opens,
            closes,
            when: runs::time(process.milliseconds),
            command: text(&process.command),
            origin: match process.origin.as_str() {
                "image" | "unknown" => String::new(),
                other => text(other),
            },
        });
    }
    (views, before.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(depths: &[usize], expect: &str) {
        let process = ProcessLine {
            run: 0,
            number: 1,
            parent: 0,
            milliseconds: 0,
            command: String::new(),
            origin: String::new(),
        };
        let tree: Vec<_> = depths.iter().map(|depth| (*depth, &process)).collect();
        let (views, open) = lists(&tree);
        let mut drawn = String::from("(");
        for view in &views {
            drawn += &")".repeat(view.closes);
            drawn += if view.opens { "(." } else { "." };
        }
        drawn += &")".repeat(open + 1);
        assert_eq!(drawn, expect);
    }

    #[test]
    fn lists_that_are_opened_are_closed() {
        check(&[], "()");
        check(&[0, 0], "(..)");
        check(&[0, 1, 2, 1, 0], "(.(.(.).).)");
        check(&[0, 1, 2, 0, 1], "(.(.(.)).(.))");
        let deep: Vec<usize> = (0..100).collect();
        check(
            &deep,
            &format!("{}{}{}", "(.".repeat(DEEPEST + 1), ".".repeat(99 - DEEPEST), ")".repeat(DEEPEST + 1)),
        );
    }
}
