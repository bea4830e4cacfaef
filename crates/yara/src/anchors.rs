//! Anchors: literals of which every file that fulfils a rule has at least one.
//!
//! They are worked out from the rules' own conditions, so they cannot disagree with them: a file without any anchor
//! fulfils none of the rules, and is not given to the engine at all. That is what makes rules affordable.

use aho_corasick::{AhoCorasick, packed};
use yara_x_parser::ast::{Expr, HexToken, Of, OfItems, Pattern, PatternSet, Quantifier, Rule};

/// Bytes of an anchor; a longer one says hardly more.
const LONGEST: usize = 12;
/// A shorter literal is found everywhere.
const SHORTEST: usize = 4;

/// Looks for anchors in bytes.
pub(crate) enum Prefilter {
    /// By vector instructions, as far as the processor has them and the anchors are few enough.
    Packed(packed::Searcher),
    /// By an automaton.
    Automaton(AhoCorasick),
    /// The anchors cannot be looked for, so that every file goes to the engine.
    Everything,
}

impl Prefilter {
    pub(crate) fn new(anchors: &[&[u8]]) -> Self {
        let mut builder = packed::Config::new().builder();
        builder.extend(anchors);
        match builder.build() {
            Some(searcher) => Self::Packed(searcher),
            None => AhoCorasick::new(anchors).map_or(Self::Everything, Self::Automaton),
        }
    }

    /// Whether the rules can hold for these bytes.
    pub(crate) fn passes(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Packed(searcher) => searcher.find(bytes).is_some(),
            Self::Automaton(automaton) => automaton.is_match(bytes),
            Self::Everything => true,
        }
    }
}

/// The anchors of a rule; none where its condition can hold without a literal that is long and rare enough.
pub(crate) fn of_rule(rule: &Rule<'_>) -> Option<Vec<Vec<u8>>> {
    let patterns = rule.patterns.as_deref().unwrap_or_default();
    of_expression(&rule.condition, patterns)
}

/// Anchors of an expression: where it holds, at least one of them is in the bytes.
fn of_expression(expression: &Expr<'_>, patterns: &[Pattern<'_>]) -> Option<Vec<Vec<u8>>> {
    // `$a` is counted as `#a`.
    let named = |name: &str| {
        let pattern = patterns.iter().find(|pattern| pattern.identifier().name.get(1..) == name.get(1..))?;
        Some(vec![of_pattern(pattern)?])
    };
    match expression {
        Expr::PatternMatch(found) => named(found.identifier.name),
        Expr::And(all) => {
            all.operands().filter_map(|one| of_expression(one, patterns)).min_by_key(|set| cost(set))
        }
        Expr::Or(any) => {
            let sets: Option<Vec<_>> = any.operands().map(|one| of_expression(one, patterns)).collect();
            Some(sets?.concat())
        }
        Expr::Gt(compared) => match (&compared.lhs, &compared.rhs) {
            (Expr::PatternCount(counted), Expr::LiteralInteger(least)) if least.value >= 0 => {
                named(counted.identifier.name)
            }
            _ => None,
        },
        Expr::Ge(compared) => match (&compared.lhs, &compared.rhs) {
            (Expr::PatternCount(counted), Expr::LiteralInteger(least)) if least.value >= 1 => {
                named(counted.identifier.name)
            }
            _ => None,
        },
        Expr::Of(of) => of_quantity(of, patterns),
        _ => None,
    }
}

/// Where at least n of k hold, at least one of any k - n + 1 of them does.
fn of_quantity(of: &Of<'_>, patterns: &[Pattern<'_>]) -> Option<Vec<Vec<u8>>> {
    let mut sets: Vec<Option<Vec<Vec<u8>>>> = match &of.items {
        OfItems::PatternSet(set) => patterns
            .iter()
            .filter(|pattern| match set {
                PatternSet::Them { .. } => true,
                PatternSet::Set(items) => items.iter().any(|item| item.matches(pattern.identifier())),
            })
            .map(|pattern| Some(vec![of_pattern(pattern)?]))
            .collect(),
        OfItems::BoolExprTuple(all) => all.iter().map(|one| of_expression(one, patterns)).collect(),
    };
    let least = match &of.quantifier {
        Quantifier::Any { .. } => 1,
        Quantifier::All { .. } => sets.len(),
        Quantifier::Expr(Expr::LiteralInteger(number)) => usize::try_from(number.value).ok()?,
        _ => return None,
    };
    if least == 0 {
        return None;
    }
    let enough = sets.len().checked_sub(least)? + 1;
    sets.sort_by_key(|set| set.as_ref().map_or(u64::MAX, |set| cost(set)));
    let chosen: Option<Vec<_>> = sets.into_iter().take(enough).collect();
    Some(chosen?.concat())
}

/// A literal that is in every match of a pattern.
fn of_pattern(pattern: &Pattern<'_>) -> Option<Vec<u8>> {
    let altered = |modifiers: &yara_x_parser::ast::PatternModifiers<'_>| {
        modifiers.nocase().is_some()
            || modifiers.wide().is_some()
            || modifiers.xor().is_some()
            || modifiers.base64().is_some()
            || modifiers.base64wide().is_some()
    };
    match pattern {
        Pattern::Text(text) if !altered(&text.modifiers) => rarest(&text.text.value),
        Pattern::Hex(hex) => longest_run(&hex.sub_patterns.0),
        _ => None,
    }
}

/// The rarest literal of the longest run of bytes without a gap.
fn longest_run(tokens: &[HexToken]) -> Option<Vec<u8>> {
    let mut longest = Vec::new();
    let mut run = Vec::new();
    for token in tokens {
        match token {
            HexToken::Byte(byte) if byte.mask == 0xff => run.push(byte.value),
            _ => run.clear(),
        }
        if run.len() > longest.len() {
            longest.clone_from(&run);
        }
    }
    rarest(&longest)
}

/// The part of a literal that files have least often.
fn rarest(literal: &[u8]) -> Option<Vec<u8>> {
    if literal.len() < SHORTEST {
        return None;
    }
    let windows = literal.windows(literal.len().min(LONGEST));
    // Of parts that are as rare, the one that begins with what is rarer: the search compares four bytes first.
    windows
        .max_by_key(|window| (rarity(window), rarity(window.get(..4).unwrap_or_default())))
        .map(<[u8]>::to_vec)
}

/// How often any of these is met. The estimate is coarse, so that fewer are taken rather than many.
fn cost(anchors: &[Vec<u8>]) -> u64 {
    const EACH: u64 = 1 << 12;
    let costs = anchors.iter().map(|anchor| EACH + (1 << 62_u32.saturating_sub(rarity(anchor))));
    costs.fold(0, u64::saturating_add)
}

/// How seldom bytes are met, in bits, roughly.
fn rarity(anchor: &[u8]) -> u32 {
    /// Parts of literals that are in every second program or script.
    const EVERYWHERE: [&[u8]; 6] = [b"#!/b", b"!/bi", b"/bin", b"bin/", b"appli", b"plica"];
    if EVERYWHERE.iter().any(|common| anchor.windows(common.len()).any(|part| part == *common)) {
        return 16;
    }
    let bits = |byte: u8| match byte {
        0 => 1,
        b' ' | b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 4,
        b'a'..=b'z' | b'_' | b'\n' | b'/' | b'.' | b'0' | b'1' | b'2' => 5,
        b'A'..=b'Z' | b'3'..=b'9' | b'-' | b'"' | b'\'' | b'(' | b')' | b'=' | b',' | b':' | b';' | 0xff => 6,
        _ => 7,
    };
    anchor.iter().map(|&byte| bits(byte)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use yara_x_parser::ast::AST;

    fn check(strings: &str, condition: &str, expect: Option<&[&str]>) {
        let source = format!("rule x {{ strings: {strings} condition: {condition} }}");
        let ast = AST::from(source.as_str());
        assert!(ast.errors().is_empty(), "{source}: {:?}", ast.errors());
        let found = of_rule(ast.rules().next().unwrap());
        let found = found.map(|all| {
            let mut all: Vec<String> =
                all.iter().map(|one| String::from_utf8_lossy(one).into_owned()).collect();
            all.sort_unstable();
            all
        });
        let expect = expect.map(|all| all.iter().map(|&one| one.to_owned()).collect::<Vec<_>>());
        assert_eq!(found, expect, "{condition}");
    }

    #[test]
    fn an_anchor_is_in_every_file_for_which_the_rule_holds() {
        let three = "$a = \"QQQQQQ\" $b = \"ZZZZZZ\" $c = \"entries\"";
        check(three, "$a", Some(&["QQQQQQ"]));
        check(three, "$c and $a", Some(&["QQQQQQ"]));
        check(three, "$c or $a", Some(&["QQQQQQ", "entries"]));
        check(three, "all of them", Some(&["QQQQQQ"]));
        check(three, "2 of them", Some(&["QQQQQQ", "ZZZZZZ"]));
        check(three, "any of ($a, $c)", Some(&["QQQQQQ", "entries"]));
        check(three, "#a > 3 and filesize < 100", Some(&["QQQQQQ"]));
        check(three, "#a >= 1", Some(&["QQQQQQ"]));
        check(three, "$a at 0", Some(&["QQQQQQ"]));
        for open in [
            "filesize < 9",
            "$a or filesize < 9",
            "not $a",
            "#a >= 0",
            "#a == 0",
            "0 of them",
            "none of them",
        ] {
            check(three, open, None);
        }
        check(three, "uint32(0) == 1 and (not $b) and $c", Some(&["entries"]));
        for modifier in ["nocase", "wide", "ascii wide", "xor", "base64"] {
            check(&format!("$a = \"QQQQQQ\" {modifier}"), "$a", None);
        }
        check("$a = \"QQQ\"", "$a", None);
        check("$a = /QQQQQQ/", "$a", None);
        check("$a = { 51 5a [2-4] 51 5a 51 5a 51 ?? 5a }", "$a", Some(&["QZQZQ"]));
        check("$a = { 51 5a 51 ( 5a | 51 ) 51 5a 51 }", "$a", None);
        check("$a = \"eeeeeeeeeeee:ZX9:eeeeeeeeee\"", "$a", Some(&[":ZX9:eeeeeee"]));
        check("$a = \"#!/bin/sh echo\" $b = \"release_agent\"", "$a and $b", Some(&["elease_agent"]));
    }

    #[test]
    fn the_prefilter_finds_them() {
        let many: Vec<Vec<u8>> = (0..300_u32).map(|at| format!("{at:08}").into_bytes()).collect();
        let many: Vec<&[u8]> = many.iter().map(Vec::as_slice).collect();
        for anchors in [&[b"ABCD".as_slice()][..], &many[..100], &many] {
            let prefilter = Prefilter::new(anchors);
            for anchor in anchors {
                assert!(prefilter.passes(&[b"\0\0 text ".as_slice(), anchor, b" more"].concat()));
            }
            assert!(!prefilter.passes(b"nothing of all this, in a text of some length that goes on"));
        }
    }
}
