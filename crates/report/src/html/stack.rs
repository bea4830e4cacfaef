use crate::phrase::{self, safe, shortened};
use model::{Finding, LayerSummary, Report, thousands};

/// The layers of one platform, as bars and as a table.
pub(super) struct Stack {
    pub(super) platform: String,
    pub(super) label: String,
    pub(super) bars: Vec<Bar>,
    pub(super) rows: Vec<Row>,
}

pub(super) struct Bar {
    pub(super) x: usize,
    pub(super) width: usize,
    pub(super) middle: usize,
    pub(super) index: usize,
    pub(super) numbered: bool,
    /// The severity of the worst finding that the layer brought.
    pub(super) class: &'static str,
    pub(super) count: String,
    pub(super) title: String,
}

pub(super) struct Row {
    pub(super) index: usize,
    pub(super) created_by: String,
    pub(super) digest: String,
    pub(super) size: String,
    pub(super) entries: String,
    /// Position in the table of findings, from 1, and id.
    pub(super) findings: Vec<(usize, String)>,
    pub(super) more: String,
}

/// Layers of one platform that are shown; the container runtimes stop at 127.
const MOST: usize = 256;
/// Links to findings in one row.
const LINKS: usize = 8;
const WIDTH: usize = 1000;
const BETWEEN: usize = 2;

impl Stack {
    /// One stack for each platform that has layers. `shown` findings stand in the table, in that order.
    pub(super) fn all(report: &Report, shown: &[&Finding]) -> Vec<Self> {
        let mut platforms: Vec<&str> = Vec::new();
        for layer in &report.image.layers {
            if !platforms.contains(&layer.platform.as_str()) {
                platforms.push(&layer.platform);
            }
        }
        platforms.into_iter().take(MOST).map(|platform| Self::of(report, platform, shown)).collect()
    }

    fn of(report: &Report, platform: &str, shown: &[&Finding]) -> Self {
        let layers: Vec<_> = report.image.layers.iter().filter(|layer| layer.platform == platform).collect();
        let layers = layers.get(..layers.len().min(MOST)).unwrap_or_default();
        let brought: Vec<Vec<_>> = layers.iter().map(|layer| brought(shown, layer)).collect();
        let guilty = brought.iter().filter(|findings| !findings.is_empty()).count() as u64;
        Self {
            platform: if platform.is_empty() { "the image".to_owned() } else { safe(platform).into_owned() },
            label: format!(
                "{} by size, {} with findings; the table below says the same.",
                phrase::counted(layers.len() as u64, "layer"),
                thousands(guilty)
            ),
            bars: bars(layers, &brought),
            rows: layers.iter().zip(&brought).map(|(layer, findings)| row(layer, findings)).collect(),
        }
    }
}

/// The findings that a layer brought, with their positions in the table.
fn brought<'f>(shown: &[&'f Finding], layer: &LayerSummary) -> Vec<(usize, &'f Finding)> {
    let on = |finding: &Finding| {
        finding.layer.as_ref().is_some_and(|place| place.index == layer.index && place.digest == layer.digest)
            && finding.platform == layer.platform
    };
    shown
        .iter()
        .enumerate()
        .filter(|(_, finding)| on(finding))
        .map(|(at, finding)| (at + 1, *finding))
        .collect()
}

/// Bars as wide as the layers are large, none too narrow to be seen.
fn bars(layers: &[&LayerSummary], brought: &[Vec<(usize, &Finding)>]) -> Vec<Bar> {
    let count = layers.len();
    let least = (WIDTH / count.max(1)).min(22);
    let free = WIDTH.saturating_sub((least + BETWEEN) * count) as f64;
    let total: f64 = layers.iter().map(|layer| layer.bytes as f64).sum();
    let mut bars = Vec::with_capacity(count);
    let mut x = 0;
    for (layer, findings) in layers.iter().zip(brought) {
        let share = if total > 0.0 { layer.bytes as f64 / total } else { 0.0 };
        let width = least + (share * free) as usize;
        let size = phrase::size(layer.bytes);
        let found = phrase::counted(findings.len() as u64, "finding");
        bars.push(Bar {
            x,
            width,
            middle: x + width / 2,
            index: layer.index,
            numbered: least >= 20,
            class: findings
                .iter()
                .map(|(_, finding)| finding.severity)
                .max()
                .map_or("", model::Severity::name),
            count: if findings.is_empty() { String::new() } else { thousands(findings.len() as u64) },
            title: format!("layer {}, {size}, {found}", layer.index),
        });
        x += width + BETWEEN;
    }
    bars
}

fn row(layer: &LayerSummary, findings: &[(usize, &Finding)]) -> Row {
    let hidden = findings.len().saturating_sub(LINKS);
    Row {
        index: layer.index,
        created_by: shortened(&safe(&layer.created_by), 600).into_owned(),
        digest: layer.digest.short(),
        size: phrase::size(layer.bytes),
        entries: thousands(layer.entries),
        findings: findings
            .iter()
            .take(LINKS)
            .map(|(at, finding)| (*at, safe(&finding.id).into_owned()))
            .collect(),
        more: if hidden == 0 { String::new() } else { format!("and {} more", thousands(hidden as u64)) },
    }
}
