use std::str::FromStr;

/// The formats a report is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// For people at a terminal.
    #[default]
    Table,
    /// The contract, `roadstead.report/v1`; its schema is `docs/reference/report.schema.json`.
    Json,
    /// SARIF 2.1.0 for code scanning.
    Sarif,
    /// One HTML file for people.
    Html,
    /// A comment on a pull request.
    Markdown,
    /// JUnit XML for CI systems.
    Junit,
}

/// A word that names no [`Format`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no report format; write one of {list}", list = Format::ALL.map(Format::name).join(", "))]
pub struct UnknownFormat(String);

impl Format {
    /// Every format, the default first.
    pub const ALL: [Self; 6] =
        [Self::Table, Self::Json, Self::Sarif, Self::Html, Self::Markdown, Self::Junit];

    /// The word for it on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Sarif => "sarif",
            Self::Html => "html",
            Self::Markdown => "markdown",
            Self::Junit => "junit",
        }
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        let found = Self::ALL.into_iter().find(|format| format.name() == text);
        found.ok_or_else(|| UnknownFormat(model::escape_text(text)))
    }
}

/// How the table looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether to colour it. Colour never carries a meaning that the words do not.
    pub color: bool,
    /// Columns of the terminal; below 40 it is taken for 40.
    pub width: usize,
    /// Whether to show every finding and every text to its end.
    pub verbose: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self { color: false, width: 100, verbose: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_called_by_its_name_and_nothing_else_is_one() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
        }
        let error = "Json\u{1b}".parse::<Format>().unwrap_err().to_string();
        assert!(error.starts_with("Json\\u{1b} is no report format; write one of table, json"), "{error}");
    }
}
