use super::{more, text};
use crate::runs;
use model::{Report, thousands};

/// One run as the page shows it.
pub(super) struct RunView {
    pub(super) name: String,
    pub(super) sentence: String,
    pub(super) processes: Vec<ProcessView>,
    pub(super) flows: Vec<FlowView>,
    pub(super) dots: Vec<Dot>,
    pub(super) height: usize,
    pub(super) label: String,
}

pub(super) struct ProcessView {
    pub(super) depth: usize,
    pub(super) command: String,
    pub(super) origin: String,
}

pub(super) struct FlowView {
    pub(super) when: String,
    pub(super) peer: String,
    pub(super) protocol: String,
    pub(super) sent: String,
    pub(super) received: String,
    pub(super) said: String,
}

/// A connection on the line of time.
pub(super) struct Dot {
    pub(super) x: u64,
    pub(super) y: usize,
    pub(super) title: String,
}

/// Processes and connections of one run that a page shows.
const MOST: usize = 300;
/// Rows of dots above the line, so that those at one time do not hide each other.
const ROWS: usize = 5;

impl RunView {
    pub(super) fn all(report: &Report) -> Vec<Self> {
        let Some(detonation) = &report.detonation else { return Vec::new() };
        let shown = runs::shown(detonation);
        let mut views = Vec::new();
        for (at, run) in detonation.runs.iter().enumerate() {
            let full = shown.contains(&at);
            let tree = if full { runs::tree(detonation, at) } else { Vec::new() };
            let flows = if full { runs::flows(detonation, at) } else { Vec::new() };
            let end = flows.iter().map(|flow| flow.milliseconds).max().unwrap_or(0).max(1);
            let dots: Vec<Dot> = flows
                .iter()
                .take(MOST)
                .enumerate()
                .map(|(number, flow)| Dot {
                    x: 15 + flow.milliseconds.min(end).saturating_mul(970) / end,
                    y: 10 + number % ROWS * 12,
                    title: text(&format!("{} {}:{}", runs::time(flow.milliseconds), flow.host, flow.port)),
                })
                .collect();
            views.push(Self {
                name: text(&run.name),
                sentence: text(&runs::sentence(run)),
                processes: tree
                    .iter()
                    .take(MOST)
                    .map(|(depth, process)| ProcessView {
                        depth: (*depth).min(12),
                        command: text(&process.command),
                        origin: match process.origin.as_str() {
                            "image" | "unknown" => String::new(),
                            other => text(other),
                        },
                    })
                    .collect(),
                label: format!(
                    "{} connections over {}; the same stands in the table below.",
                    thousands(flows.len() as u64),
                    runs::time(end)
                ),
                flows: flows
                    .iter()
                    .take(MOST)
                    .map(|flow| FlowView {
                        when: runs::time(flow.milliseconds),
                        peer: text(&format!("{}:{}", flow.host, flow.port)),
                        protocol: text(&flow.protocol),
                        sent: thousands(flow.sent),
                        received: thousands(flow.received),
                        said: text(&flow.said),
                    })
                    .collect(),
                dots,
                height: 10 + ROWS * 12 + 20,
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
