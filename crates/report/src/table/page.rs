use crate::wrap::wrap;
use anstyle::{AnsiColor, Style as Ansi};
use model::{Severity, Verdict};
use std::io;

/// The sheet that the table is written on: it wraps, indents and colours, and is the only place that emits
/// an escape sequence. Texts are safe before they come here.
pub(crate) struct Page<'a> {
    out: &'a mut dyn io::Write,
    color: bool,
    width: usize,
}

/// How a text stands out. Each way also differs in its words or its sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    Plain,
    Strong,
    Faint,
    Good,
    Unknown,
    Warning,
    Alarm,
}

impl Ink {
    pub(crate) fn of_verdict(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Clean => Self::Good,
            Verdict::Incomplete => Self::Unknown,
            Verdict::Suspicious => Self::Warning,
            Verdict::Malicious => Self::Alarm,
        }
    }

    pub(crate) fn of_severity(severity: Severity) -> Self {
        match severity {
            Severity::Critical | Severity::High => Self::Alarm,
            Severity::Medium => Self::Warning,
            Severity::Low => Self::Unknown,
        }
    }

    fn style(self) -> Ansi {
        let bold = Ansi::new().bold();
        match self {
            Self::Plain => Ansi::new(),
            Self::Strong => bold,
            Self::Faint => Ansi::new().dimmed(),
            Self::Good => bold.fg_color(Some(AnsiColor::Green.into())),
            Self::Unknown => bold.fg_color(Some(AnsiColor::Cyan.into())),
            Self::Warning => bold.fg_color(Some(AnsiColor::Yellow.into())),
            Self::Alarm => bold.fg_color(Some(AnsiColor::Red.into())),
        }
    }
}

impl<'a> Page<'a> {
    pub(crate) fn new(out: &'a mut dyn io::Write, color: bool, width: usize) -> Self {
        Self { out, color, width: width.max(40) }
    }

    /// An empty line.
    pub(crate) fn gap(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// A heading at the margin, after an empty line.
    pub(crate) fn heading(&mut self, ink: Ink, text: &str) -> io::Result<()> {
        self.gap()?;
        self.hanging("", "", ink, text)
    }

    /// A text whose first line begins with `first` and whose other lines begin with `rest`, which is as wide.
    pub(crate) fn hanging(&mut self, first: &str, rest: &str, ink: Ink, text: &str) -> io::Result<()> {
        let columns = unicode_width::UnicodeWidthStr::width(first);
        for (at, line) in lines(text, self.width.saturating_sub(columns)).iter().enumerate() {
            let lead = if at == 0 { first } else { rest };
            let lead_ink = if lead.trim().is_empty() { Ink::Plain } else { Ink::Faint };
            writeln!(self.out, "{}{}", self.paint(lead_ink, lead), self.paint(ink, line))?;
        }
        Ok(())
    }

    /// A name and its value in two columns.
    pub(crate) fn row(&mut self, indent: usize, name: &str, ink: Ink, value: &str) -> io::Result<()> {
        const NAMES: usize = 11;
        let first = format!("{:indent$}{name:<NAMES$}", "");
        let rest = " ".repeat(indent + NAMES);
        self.hanging(&first, &rest, ink, value)
    }

    /// A line with a strong beginning; what does not fit goes to lines of its own.
    pub(crate) fn title(&mut self, ink: Ink, mark: &str, text: &str, note: &str) -> io::Result<()> {
        let columns = unicode_width::UnicodeWidthStr::width;
        let indent = columns(mark) + 2;
        let lead = self.paint(ink, mark);
        let mut lines = lines(text, self.width.saturating_sub(indent)).into_iter();
        let mut line = lines.next().unwrap_or_default();
        let mut lead = format!("{lead}  ");
        for next in lines {
            writeln!(self.out, "{lead}{}", self.paint(Ink::Strong, &line))?;
            line = next;
            lead = " ".repeat(indent);
        }
        let used = indent + columns(&line);
        let fits = used + 2 + columns(note) <= self.width;
        let shown = self.paint(Ink::Strong, &line);
        if note.is_empty() {
            writeln!(self.out, "{lead}{shown}")
        } else if fits {
            let space = self.width - used - columns(note);
            writeln!(self.out, "{lead}{shown}{:space$}{}", "", self.paint(Ink::Faint, note))
        } else {
            writeln!(self.out, "{lead}{shown}")?;
            self.hanging(&" ".repeat(indent), &" ".repeat(indent), Ink::Faint, note)
        }
    }

    fn paint(&self, ink: Ink, text: &str) -> String {
        if !self.color || text.is_empty() || ink == Ink::Plain {
            return text.to_owned();
        }
        let style = ink.style();
        format!("{style}{text}{style:#}")
    }
}

/// Wraps a text, with a backslash before a line that would begin with `::`: GitHub's runner takes such a
/// line, whatever its indent, for a command to itself.
fn lines(text: &str, width: usize) -> Vec<String> {
    let mut lines = wrap(text, width.saturating_sub(1));
    for line in &mut lines {
        if line.starts_with("::") {
            line.insert(0, '\\');
        }
    }
    lines
}
