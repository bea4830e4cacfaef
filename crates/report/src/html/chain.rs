use crate::phrase::{safe, shortened};
use crate::wrap::wrap;
use model::{Report, Severity};

/// The chain as a picture: a box for each step, each a little to the right of the one that leads to it.
pub(super) struct Chain {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) boxes: Vec<Box>,
    /// The steps in words, all of them.
    pub(super) steps: Vec<String>,
}

pub(super) struct Box {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) number: usize,
    /// The severity of the finding that knows the step, where one does.
    pub(super) class: &'static str,
    pub(super) lines: Vec<Line>,
    pub(super) arrow: Option<Arrow>,
}

pub(super) struct Line {
    pub(super) text: String,
    pub(super) y: usize,
    pub(super) is_tag: bool,
}

/// Path data of SVG, of numbers of ours only.
pub(super) struct Arrow {
    pub(super) line: String,
    pub(super) head: String,
}

// All in the units of the picture, which are pixels where it is shown at its full width.
const WIDTH: usize = 900;
const INDENT: usize = 36;
const DEEPEST: usize = 6;
const GAP: usize = 18;
const LINE: usize = 20;
const MARGIN: usize = 1;
/// Wider than a column of 13 px monospace type is in any common font.
const COLUMN: usize = 8;
/// Steps that are drawn; a longer chain goes on in words.
const DRAWN: usize = 40;

impl Chain {
    pub(super) fn of(report: &Report) -> Option<Self> {
        let mut boxes: Vec<Box> = Vec::new();
        let mut y = MARGIN;
        for (at, step) in report.chain.iter().take(DRAWN).enumerate() {
            let x = MARGIN + INDENT * at.min(DEEPEST);
            let width = WIDTH - MARGIN - x;
            let columns = (width - 60) / COLUMN;
            let mut lines: Vec<_> = wrap(&shortened(&safe(&step.what), 400), columns);
            let words = lines.len();
            if let Some(id) = &step.finding {
                lines.extend(wrap(&shortened(&safe(id), 120), columns));
            }
            let lines: Vec<_> = lines
                .into_iter()
                .enumerate()
                .map(|(at, text)| Line { text, y: y + 26 + LINE * at, is_tag: at >= words })
                .collect();
            let height = 22 + LINE * lines.len();
            let arrow = boxes.last().map(|from| Arrow::between(from, x, y));
            let class = severity(report, step.finding.as_deref()).map_or("", Severity::name);
            boxes.push(Box { x, y, width, height, number: at + 1, class, lines, arrow });
            y += height + GAP;
        }
        let steps = report.chain.iter().map(|step| match &step.finding {
            Some(id) => format!("{} ({})", shortened(&safe(&step.what), 2000), safe(id)),
            None => shortened(&safe(&step.what), 2000).into_owned(),
        });
        let steps = steps.collect();
        (!boxes.is_empty()).then(|| Self { width: WIDTH, height: y - GAP + MARGIN, boxes, steps })
    }
}

impl Arrow {
    /// From under a box down and to the right into the next; straight down where the next is no deeper.
    fn between(from: &Box, x: usize, y: usize) -> Self {
        let bottom = from.y + from.height;
        let down = from.x + 20;
        if x > from.x {
            let middle = y + 21;
            let tip = x;
            Self {
                line: format!("M{down} {bottom}V{middle}H{}", tip - 7),
                head: format!("M{tip} {middle}l-8 -5v10z"),
            }
        } else {
            Self { line: format!("M{down} {bottom}V{}", y - 7), head: format!("M{down} {y}l-5 -8h10z") }
        }
    }
}

fn severity(report: &Report, id: Option<&str>) -> Option<Severity> {
    let id = id?;
    report.findings.iter().filter(|finding| finding.id == id).map(|finding| finding.severity).max()
}
