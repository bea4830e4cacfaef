use super::sections::text;
use crate::phrase::{safe, shortened, size};
use crate::runs;
use model::{Detonation, FlowLine, thousands};

/// The connections of a run as a picture: a lane for each, on one axis of time.
pub(super) struct Timeline {
    pub(super) height: usize,
    pub(super) label: String,
    pub(super) note: String,
    /// Where the axis stands, below the lanes.
    pub(super) bottom: usize,
    pub(super) ticks: Vec<Tick>,
    pub(super) lanes: Vec<Lane>,
}

pub(super) struct Tick {
    pub(super) x: usize,
    pub(super) name: String,
}

pub(super) struct Lane {
    /// Where its lines of text stand, and its line of time.
    pub(super) first: usize,
    pub(super) second: usize,
    pub(super) line: usize,
    pub(super) peer: String,
    pub(super) about: String,
    /// Where it was opened and where it was closed.
    pub(super) from: usize,
    pub(super) width: usize,
    pub(super) is_open: bool,
    pub(super) said: String,
    pub(super) said_x: usize,
    /// Whether the text ends at its place instead of beginning there.
    pub(super) ends: bool,
    pub(super) title: String,
}

// In the units of the picture, which are pixels where it is shown at its full width.
pub(super) const LEFT: usize = 310;
pub(super) const RIGHT: usize = 980;
const LANE: usize = 46;
const TOP: usize = 6;
/// Wider than a column of 13 px monospace type is in any common font.
const COLUMN: usize = 8;
/// The same of 12 px type that is not monospace.
const NARROW: usize = 7;
/// Lanes that are drawn; the table below has more.
const DRAWN: usize = 40;
/// From here on the axis is logarithmic: skipped waiting makes hours of which nothing happens in most.
const LONG: u64 = 180_000;
/// Where ticks may stand, in milliseconds.
const TICKS: [u64; 14] = [
    100,
    500,
    1_000,
    5_000,
    10_000,
    30_000,
    60_000,
    300_000,
    1_800_000,
    3_600_000,
    21_600_000,
    86_400_000,
    604_800_000,
    2_592_000_000,
];

impl Timeline {
    /// None for a run without connections.
    pub(super) fn of(detonation: &Detonation, flows: &[&FlowLine]) -> Option<Self> {
        let drawn = flows.get(..DRAWN).unwrap_or(flows);
        let last = drawn.iter().map(|flow| flow.milliseconds.max(flow.closed.unwrap_or(0))).max()?;
        let axis = Axis { end: last.max(1_000) };
        let lanes = drawn.iter().enumerate().map(|(at, flow)| lane(detonation, flow, axis, TOP + at * LANE));
        let lanes: Vec<Lane> = lanes.collect();
        let bottom = TOP + lanes.len() * LANE + 4;
        let scale = if axis.is_logarithmic() { "; the axis is logarithmic" } else { "" };
        let hidden = flows.len().saturating_sub(DRAWN);
        let rest = match hidden {
            0 => String::new(),
            _ => format!(" The first {DRAWN} of {} are drawn.", thousands(flows.len() as u64)),
        };
        Some(Self {
            height: bottom + 26,
            label: format!(
                "{} connections over {}{scale}; the same stands in the table below.",
                thousands(lanes.len() as u64),
                runs::time(last)
            ),
            note: format!("A lane for each connection, by the guest's clock{scale}.{rest}"),
            bottom,
            ticks: axis.ticks(),
            lanes,
        })
    }
}

#[derive(Clone, Copy)]
struct Axis {
    end: u64,
}

impl Axis {
    fn is_logarithmic(self) -> bool {
        self.end > LONG
    }

    /// Where a time stands, from [`LEFT`] to [`RIGHT`].
    fn x(self, milliseconds: u64) -> usize {
        let at = milliseconds.min(self.end);
        // The first tenth of a second is one point on a logarithmic axis: programs are started in it.
        let scale =
            |value: u64| if self.is_logarithmic() { (value as f64 / 100.0).ln_1p() } else { value as f64 };
        let share = scale(at) / scale(self.end);
        LEFT + (share * (RIGHT - LEFT) as f64) as usize
    }

    /// Ticks that leave each other room, the last first so that the end is always told.
    fn ticks(self) -> Vec<Tick> {
        const ROOM: usize = 74;
        let mut ticks: Vec<Tick> = Vec::new();
        for at in TICKS.into_iter().rev().filter(|at| *at <= self.end) {
            let x = self.x(at);
            let fits = ticks.last().is_none_or(|next| next.x.saturating_sub(x) >= ROOM);
            if fits && x >= LEFT + ROOM {
                ticks.push(Tick { x, name: runs::time(at) });
            }
        }
        ticks.push(Tick { x: LEFT, name: runs::time(0) });
        ticks
    }
}

fn lane(detonation: &Detonation, flow: &FlowLine, axis: Axis, y: usize) -> Lane {
    let from = axis.x(flow.milliseconds);
    let until = flow.closed.map_or(RIGHT, |closed| axis.x(closed.max(flow.milliseconds)));
    let ends = from > (LEFT + RIGHT) / 2;
    let room = if ends { from - LEFT } else { RIGHT - from };
    let by = runs::program(detonation, flow).map(|name| format!("{name}: ")).unwrap_or_default();
    Lane {
        first: y + 15,
        second: y + 32,
        line: y + 30,
        peer: cut(&format!("{}:{}", flow.host, flow.port), (LEFT - 20) / COLUMN),
        about: cut(
            &format!("{by}{}, {} out, {} in", flow.protocol, size(flow.sent), size(flow.received)),
            (LEFT - 10) / NARROW,
        ),
        from,
        width: until.saturating_sub(from).max(3),
        is_open: flow.closed.is_none(),
        said: cut(&flow.said, room.saturating_sub(10) / COLUMN),
        said_x: from,
        ends,
        title: text(&format!("{} {}:{} {}", runs::time(flow.milliseconds), flow.host, flow.port, flow.said)),
    }
}

/// A text in so many columns, in which it stands on one line.
fn cut(raw: &str, columns: usize) -> String {
    let safe = safe(raw);
    let head = shortened(&safe, 400);
    let mut width = 0;
    let mut out = String::new();
    for character in head.chars() {
        width += unicode_width::UnicodeWidthChar::width(character).unwrap_or(1);
        if width > columns {
            out.pop();
            out.push('…');
            break;
        }
        out.push(character);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(milliseconds: u64, closed: Option<u64>) -> FlowLine {
        FlowLine {
            run: 0,
            process: None,
            milliseconds,
            closed,
            host: "pool.example".to_owned(),
            port: 443,
            protocol: "tls".to_owned(),
            sent: 0,
            received: 0,
            said: "x".repeat(500),
        }
    }

    fn drawn(flows: &[FlowLine]) -> Option<Timeline> {
        Timeline::of(&Detonation::default(), &flows.iter().collect::<Vec<_>>())
    }

    fn check(end: u64, at: u64, expect: usize) {
        assert_eq!(Axis { end }.x(at), expect, "{at} of {end}");
    }

    #[test]
    fn a_time_has_its_place_on_the_axis() {
        check(1_000, 0, LEFT);
        check(1_000, 500, (LEFT + RIGHT) / 2);
        check(1_000, u64::MAX, RIGHT);
        check(21_600_000, 0, LEFT);
        check(21_600_000, 21_600_000, RIGHT);
        // A second is not lost among hours.
        assert!(Axis { end: 21_600_000 }.x(1_000) > LEFT + 100);
    }

    #[test]
    fn everything_stays_inside_the_picture() {
        let times = [(0, None), (5, Some(1)), (u64::MAX, Some(u64::MAX)), (90_000, Some(21_600_000))];
        let flows: Vec<_> = times.iter().map(|(from, closed)| flow(*from, *closed)).collect();
        let picture = drawn(&flows).unwrap();
        for lane in &picture.lanes {
            assert!(lane.from >= LEFT && lane.from + lane.width <= RIGHT + 3, "{}", lane.title);
            let columns = lane.said.chars().count() * COLUMN;
            let fits = if lane.ends { lane.said_x >= LEFT + columns } else { lane.said_x + columns <= RIGHT };
            assert!(fits, "{}", lane.said);
        }
        assert!(drawn(&[]).is_none());
    }

    #[test]
    fn ticks_leave_each_other_room() {
        for end in [1_000, 60_000, 181_000, 21_600_000, u64::MAX] {
            let ticks = Axis { end }.ticks();
            assert!(ticks.len() >= 2, "{end}");
            assert!(ticks.windows(2).all(|pair| pair[0].x >= pair[1].x + 74), "{end}");
        }
    }

    #[test]
    fn many_connections_are_cut_and_counted() {
        let flows: Vec<_> = (0..1_500).map(|at| flow(at, None)).collect();
        let picture = drawn(&flows).unwrap();
        assert_eq!(picture.lanes.len(), DRAWN);
        assert!(picture.note.contains("The first 40 of 1,500 are drawn"));
    }
}
