use crate::{Context, Effect, Fact};
use model::escape_text;
use std::fmt::Write as _;

/// What the developer who pulled or pushed is told, in one line: clients print it after `denied:`.
pub(crate) fn message(image: &Context, effect: Effect, rule: &str, reason: &str) -> String {
    let word = match effect {
        Effect::Allow => "released",
        Effect::Hold => "held",
        Effect::Deny => "denied",
    };
    let mut text = format!("{} is {word} by the rule {rule}: {reason}", image.repository);
    if effect == Effect::Allow {
        return text;
    }
    let mut shown: Vec<&Fact> = image.findings.iter().filter(|fact| fact.counts()).collect();
    shown.sort_by_key(|fact| std::cmp::Reverse((fact.role, fact.severity)));
    for fact in shown.iter().take(MOST_SHOWN) {
        let _ = write!(text, "; {}", escape_text(&fact.id));
        if !fact.title.is_empty() {
            let _ = write!(text, " ({})", short(&fact.title));
        }
        if !fact.path.is_empty() {
            let _ = write!(text, " in {}", short(&fact.path));
        }
        if let Some(layer) = fact.layer {
            let _ = write!(text, " of layer {layer}");
        }
    }
    if shown.len() > MOST_SHOWN {
        let _ = write!(text, "; and {} more", shown.len() - MOST_SHOWN);
    }
    if let Some(gap) = image.gaps.first() {
        let _ = write!(text, "; not looked at: {}: {}", short(&gap.what), short(&gap.why));
    }
    if image.gaps.len() > 1 {
        let _ = write!(text, " and {} more", image.gaps.len() - 1);
    }
    text
}

const MOST_SHOWN: usize = 3;

fn short(text: &str) -> String {
    let escaped = escape_text(&text.chars().take(160).collect::<String>());
    if text.chars().count() > 160 { format!("{escaped}…") } else { escaped }
}
