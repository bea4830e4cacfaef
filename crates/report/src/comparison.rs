//! A comparison of two images for people and for programs.

mod markdown;
#[cfg(test)]
mod sample;
mod table;

use crate::Style;
use crate::phrase::{self, safe};
use model::{Change, Comparison, PackageChange, Severity, State};
use std::io;

/// A form of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComparisonFormat {
    /// For people.
    Table,
    /// `roadstead.diff/v1`.
    Json,
    /// For comments on changes.
    Markdown,
}

/// Writes a comparison in a format. `style` concerns the table alone.
///
/// # Errors
/// Those of the writer.
pub fn render_comparison(
    comparison: &Comparison,
    format: ComparisonFormat,
    style: Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match format {
        ComparisonFormat::Table => table::render(comparison, style, out),
        ComparisonFormat::Json => crate::json::write(comparison, out),
        ComparisonFormat::Markdown => markdown::render(comparison, out),
    }
}

/// What a person should know of the baseline: entries that no change is for.
pub fn baseline_warnings(comparison: &Comparison) -> Vec<String> {
    let unused = comparison.baseline.iter().filter(|used| used.changes == 0);
    unused
        .map(|used| {
            let accepted = &used.accepted;
            let place = accepted.path.as_ref().or(accepted.name.as_ref());
            let place = place.map(|place| format!(" {}", safe(place))).unwrap_or_default();
            format!(
                "the baseline accepts {}{place}, and there is no such change; remove it",
                accepted.kind.name()
            )
        })
        .collect()
}

/// How the sum of it looks: it differs in shape, so that it speaks without colour.
fn sign(comparison: &Comparison) -> (&'static str, &'static str) {
    match comparison.worst() {
        Some(Severity::Critical) => ("✖", "dangerous changes"),
        Some(Severity::High) => ("▲", "changes to look at"),
        Some(Severity::Medium | Severity::Low) => ("●", "changes"),
        None if !comparison.gaps.is_empty() => ("◌", "not all was compared"),
        None => ("✔", "nothing new"),
    }
}

/// What a change is about: its path, or what it has instead.
fn subject(change: &Change) -> &str {
    change.path.as_deref().or(change.name.as_deref()).unwrap_or("the image")
}

/// The name beside the path, where a change has both.
fn beside(change: &Change) -> Option<&str> {
    change.name.as_deref().filter(|_| change.path.is_some())
}

/// What it was and what it is, in the words in which they differ.
fn states(change: &Change) -> Vec<(&'static str, String)> {
    let empty = State::default();
    let (before, after) = (change.before.as_ref().unwrap_or(&empty), change.after.as_ref().unwrap_or(&empty));
    let mut rows = Vec::new();
    let mut row = |name, before: Option<String>, after: Option<String>| match (before, after) {
        (None, None) => {}
        (Some(before), Some(after)) if before == after => rows.push((name, after)),
        (None, Some(after)) if change.before.is_none() => rows.push((name, after)),
        (before, after) => {
            let shown = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
            rows.push((name, format!("{} → {}", shown(before), shown(after))));
        }
    };
    row("value", before.value.clone(), after.value.clone());
    row("mode", before.mode.clone(), after.mode.clone());
    row("package", before.package.clone(), after.package.clone());
    let digest = |state: &State| state.sha256.map(|digest| digest.to_string());
    row("content", digest(before), digest(after));
    rows
}

/// One package in a line.
fn package(change: &PackageChange) -> String {
    let version = match (&change.before, &change.after) {
        (None, Some(after)) => format!("new: {after}"),
        (Some(before), None) => format!("{before} → gone"),
        (Some(before), Some(after)) => format!("{before} → {after}"),
        (None, None) => String::new(),
    };
    let files = match change.files {
        0 => String::new(),
        files => {
            format!(" ({}, {})", phrase::counted(files, "file"), phrase::counted(change.programs, "program"))
        }
    };
    format!("{} {} {version}{files}", change.manager, change.name)
}

/// How many changes of each severity nobody accepted.
fn counts(comparison: &Comparison) -> String {
    let counts: Vec<String> = phrase::SEVERITIES
        .into_iter()
        .map(|severity| {
            (severity, comparison.counting().filter(|change| change.severity == severity).count())
        })
        .filter(|(_, count)| *count > 0)
        .map(|(severity, count)| format!("{} {}", model::thousands(count as u64), severity.name()))
        .collect();
    counts.join(", ")
}

/// How much of a platform changed at all, in a line.
fn totals(platform: &model::PlatformChanges) -> String {
    use model::LayerDrift as D;
    let layers = match platform.layers {
        D::Same => format!("the same {}", phrase::counted(platform.layers_new, "layer")),
        D::Appended => format!(
            "{} more on the same {}",
            model::thousands(platform.layers_new.saturating_sub(platform.layers_old)),
            phrase::counted(platform.layers_shared, "layer")
        ),
        D::Partly => format!(
            "the lowest {} of {} shared",
            model::thousands(platform.layers_shared),
            phrase::counted(platform.layers_new, "layer")
        ),
        D::Replaced => "no layer shared".to_owned(),
    };
    format!(
        "{}: {layers}; {} came ({} moved), {} changed, {} went",
        safe(&platform.platform),
        phrase::counted(platform.added, "file"),
        model::thousands(platform.moved),
        model::thousands(platform.changed),
        model::thousands(platform.removed)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = include_str!("../../../docs/reference/diff.schema.json");

    fn text(comparison: &Comparison, format: ComparisonFormat) -> String {
        let mut out = Vec::new();
        render_comparison(comparison, format, Style::default(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_written_reads_back_the_same_and_keeps_the_contract() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        jsonschema::draft202012::meta::validate(&schema).unwrap();
        let schema = jsonschema::draft202012::new(&schema).unwrap();
        for comparison in [sample::nothing(), sample::changes(), sample::hostile()] {
            let json = text(&comparison, ComparisonFormat::Json);
            assert_eq!(serde_json::from_str::<Comparison>(&json).unwrap(), comparison);
            let value = serde_json::from_str(&json).unwrap();
            let errors: Vec<_> = schema.iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:?}");
        }
    }

    /// A field too many or too few, at any depth, breaks it.
    #[test]
    fn the_contract_is_strict() {
        let schema = jsonschema::draft202012::new(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
        let value: serde_json::Value = serde_json::to_value(sample::changes()).unwrap();
        for at in ["", "/old", "/tool", "/changes/1", "/changes/1/after", "/changes/1/layer", "/packages/0"]
            .into_iter()
            .chain(["/platforms/0", "/gaps/0", "/baseline/0", "/baseline/0/accepted"])
        {
            let object = value.pointer(at).unwrap().as_object().unwrap();
            let mut more = value.clone();
            more.pointer_mut(at).unwrap().as_object_mut().unwrap().insert("x".into(), true.into());
            assert!(!schema.is_valid(&more), "{at} takes another field");
            for field in object.keys() {
                let mut fewer = value.clone();
                fewer.pointer_mut(at).unwrap().as_object_mut().unwrap().remove(field);
                assert!(!schema.is_valid(&fewer), "{at} does without {field}");
            }
        }
    }

    #[test]
    fn nothing_raw_and_no_command_reaches_anybody() {
        for format in [ComparisonFormat::Table, ComparisonFormat::Json, ComparisonFormat::Markdown] {
            let text = text(&sample::hostile(), format);
            assert!(
                !text.chars().any(|character| character != '\n' && model::is_hidden(character)),
                "{text}"
            );
            assert!(
                !text.contains("##vso[") && !text.lines().any(|line| line.trim_start().starts_with("::"))
            );
            assert!(text.split_whitespace().collect::<String>().contains("vso"), "the attack is in it");
        }
    }
}
