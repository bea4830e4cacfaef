//! Renders a report for people and for programs.
//!
//! Comes in: a finished [`Report`] and a [`Catalogue`] of what its finding ids stand for, or a finished
//! [`model::Comparison`]. Goes out: bytes in one [`Format`] or [`ComparisonFormat`]. Never: a judgement, IO other than the writer it was given, or an untrusted string that was
//! not escaped for its format. The report's texts should have been escaped when they were made; every format
//! here does it again, because one field that was forgotten is an attacker's way into a terminal, a browser
//! or a pull request.
#![forbid(unsafe_code)]

mod comparison;
mod exception;
mod format;
mod html;
mod json;
mod junit;
mod markdown;
mod phrase;
mod runs;
#[cfg(test)]
mod sample;
mod sarif;
mod table;
mod wrap;

pub use comparison::{ComparisonFormat, baseline_warnings, render_comparison};
pub use exception::exception_warnings;
pub use format::{Format, Style, UnknownFormat};
pub use html::{HTML_STYLE, html_sections};
use model::{Detection, Report};
use std::io;

/// Looks up what a finding id stands for; none for an id that this build does not know.
pub type Catalogue<'a> = &'a dyn Fn(&str) -> Option<&'static Detection>;

/// Writes a report in a format. `style` concerns the table alone.
///
/// # Errors
/// Those of the writer, and of the templates where they could not be written out.
pub fn render(
    report: &Report,
    format: Format,
    style: Style,
    catalogue: Catalogue<'_>,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match format {
        Format::Table => table::render(report, style, catalogue, out),
        Format::Json => json::render(report, out),
        Format::Sarif => sarif::render(report, catalogue, out),
        Format::Html => html::render(report, catalogue, out),
        Format::Markdown => markdown::render(report, catalogue, out),
        Format::Junit => junit::render(report, catalogue, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a step prints, the build server reads.
    #[test]
    fn no_text_of_the_image_commands_a_build_server() {
        let formats = [Format::Table, Format::Json, Format::Sarif, Format::Markdown, Format::Junit];
        for format in formats {
            for width in 40..120 {
                let mut out = Vec::new();
                let style = Style { color: false, width, verbose: width % 2 == 0 };
                render(&sample::hostile(), format, style, &sample::catalogue, &mut out).unwrap();
                let text = String::from_utf8(out).unwrap();
                let unwrapped: String = text.split_whitespace().collect();
                assert!(unwrapped.contains("vso"), "the attack is not in {}", format.name());
                assert!(!text.contains("##vso[") && !text.contains("##[") && !text.contains("##teamcity["));
                assert!(!text.lines().any(|line| line.trim_start().starts_with("::")));
                if format != Format::Table {
                    break;
                }
            }
        }
    }
}
