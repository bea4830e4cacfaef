//! The story as it is printed: the alert's table with what the gate answered, what was released, what was seen in the
//! sandbox, and for each of the five why it was refused.

use super::pulls::Answer;
use super::{Row, by_class, counting};
use model::Finding;
use std::io::{self, Write};
use std::time::Duration;

/// Widest line, in characters.
const WIDTH: usize = 100;

const INTRODUCTION: &str = "\
In 2021 five images on Docker Hub, pulled 120,000 times, mined Monero for strangers. Here they are
again: the names, entrypoints and layers of the alert, with harmless programs in the miners' place
that carry what a miner's build carries. Their hashes are known as the alert's two hashes were.
Three images of honest make stand beside them. All eight lie in a registry on this machine in Docker
Hub's place, a gate stands before it, and a client has pulled each of them through the gate.";

/// Tells the whole of it. `lack` is what is missing for running images, where something is.
pub(super) fn tell(rows: &[Row], lack: Option<&str>, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{INTRODUCTION}\n")?;
    alert(rows, out)?;
    writeln!(out)?;
    released(rows, out)?;
    held(rows, out)?;
    match lack {
        Some(lack) => wrapped(
            out,
            "",
            &format!(
                "Not run: {lack}. The gate's policy wants images of other registries to be run before they are \
                 released; what reading alone convicts is refused all the same."
            ),
        )?,
        None => deeds(rows, out)?,
    }
    for row in rows.iter().filter(|row| row.harmful) {
        writeln!(out)?;
        evidence(row, out)?;
    }
    Ok(())
}

fn alert(rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    let head = ["image", "detected", "contains", "verdict", "gate", "took"].map(str::to_owned);
    let row = |row: &Row| {
        let answer = match row.pulled.answer {
            Answer::Released { .. } => "released",
            Answer::Denied { .. } => "denied",
            Answer::Held { .. } => "held",
        };
        [
            row.story.reference.clone(),
            row.story.detected.to_owned(),
            row.story.contains.to_owned(),
            row.report.verdict.to_string(),
            answer.to_owned(),
            seconds(row.pulled.took),
        ]
    };
    let cells: Vec<[String; 6]> = [head].into_iter().chain(rows.iter().map(row)).collect();
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    for (at, row) in cells.iter().enumerate() {
        let line = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect::<Vec<_>>();
        writeln!(out, "{}", line.join("  ").trim_end())?;
        if at == 0 {
            writeln!(out, "{}", "─".repeat(widths.iter().sum::<usize>() + 2 * (widths.len() - 1)))?;
        }
    }
    Ok(())
}

/// A time in a width that is always the same, so that whoever compares two tellings finds it.
fn seconds(took: Duration) -> String {
    let seconds = took.as_secs_f64();
    if seconds < 99.95 { format!("{seconds:>4.1} s") } else { format!("{seconds:>4.0} s") }
}

fn released(rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    let of = |row: &Row| match row.pulled.answer {
        Answer::Released { layers, bytes, signatures } => {
            Some((row.story.reference.clone(), layers, bytes, signatures))
        }
        _ => None,
    };
    let released: Vec<_> = rows.iter().filter_map(of).collect();
    if released.is_empty() {
        return Ok(());
    }
    writeln!(out, "Released, whole and signed. Each byte is what its digest says:\n")?;
    let width = released.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
    for (name, layers, bytes, signatures) in released {
        let kib = bytes.div_ceil(1024);
        let layers = if layers == 1 { "1 layer,  ".to_owned() } else { format!("{layers} layers, ") };
        writeln!(
            out,
            "{name:<width$}  {layers}{kib:>3} KiB; {signatures} signatures hold by the gate's release key"
        )?;
    }
    writeln!(out)
}

/// What waits, and for what: the rule and its reason, without the page, which is gone when the demo is over.
fn held(rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    for row in rows {
        if let Answer::Held { words } = &row.pulled.answer {
            wrapped(out, "", without_page(words))?;
            writeln!(out)?;
        }
    }
    Ok(())
}

/// What each is convicted of by what it does, whatever it looks like.
fn deeds(rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{BY_DEEDS}\n")?;
    let width = rows.iter().map(|row| row.story.reference.chars().count()).max().unwrap_or(0);
    writeln!(out, "{:<width$}  in the sandbox", "image")?;
    writeln!(out, "{}", "─".repeat(WIDTH))?;
    for row in rows {
        let line = format!("{:<width$}  {}", row.story.reference, seen(row));
        writeln!(out, "{}", cut(&line))?;
    }
    Ok(())
}

const BY_DEEDS: &str = "\
The gate ran each in a sandbox whose network is answered and leads nowhere. Judged by their deeds
alone, as if nothing had been read:";

/// The verdict on the deeds with what stands behind it.
fn seen(row: &Row) -> String {
    let (verdict, findings) = row.by_deeds();
    let mut told = verdict.to_string();
    let ids: Vec<&str> = findings.iter().map(|finding| finding.id.as_str()).collect();
    if !ids.is_empty() {
        told += &format!(": {}", ids.join(", "));
    }
    let deeds: Vec<String> = findings.into_iter().filter_map(deed).collect();
    if !deeds.is_empty() {
        told += &format!(" ({})", deeds.join(", "));
    }
    if let Some(gap) = row.report.gaps.first() {
        told += &format!("; not seen: {}: {}", gap.what, gap.why);
    }
    told
}

/// What it did, in the fewest words.
fn deed(finding: &Finding) -> Option<String> {
    match finding.id.as_str() {
        "D-MIN-STRATUM" => {
            let account = finding.evidence.iter().find(|evidence| evidence.kind == "account")?;
            let begin: String = account.value.chars().take(8).collect();
            Some(format!("login {begin}…"))
        }
        "D-MIN-SUBMIT" => Some("share".to_owned()),
        _ => None,
    }
}

/// What speaks against an image: what the client was told, the way to the harm, the evidence by its class, and what is left
/// of it when names, hashes and wallets are gone.
fn evidence(row: &Row, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", row.story.reference)?;
    if let Answer::Denied { words } = &row.pulled.answer {
        wrapped(out, "  ", &format!("denied: {}", without_page(words)))?;
    }
    for (depth, step) in row.report.chain.iter().enumerate() {
        let branch = if depth == 0 { "" } else { "└─ " };
        let line = format!("  {}{branch}{}", "   ".repeat(depth), step.what);
        match line.rsplit_once(" → ") {
            Some((how, path)) if line.chars().count() > WIDTH => {
                writeln!(out, "{}\n{}→ {path}", cut(how), " ".repeat(4 + 3 * depth))?;
            }
            _ => writeln!(out, "{}", cut(&line))?,
        }
    }
    let classes = by_class(&row.report);
    let ids: usize = classes.values().map(|ids| ids.len()).sum();
    writeln!(out, "  {ids} kinds of evidence of {} independent classes", classes.len())?;
    for (class, ids) in &classes {
        let mut line = format!("    {:<8}", class.name());
        for id in ids {
            if line.chars().count() + 1 + id.len() > WIDTH {
                writeln!(out, "{line}")?;
                line = " ".repeat(12);
            }
            line.push(' ');
            line.push_str(id);
        }
        writeln!(out, "{line}")?;
    }
    if let Some(bare) = &row.bare {
        let count = counting(bare).count();
        writeln!(out, "  with names, hashes and wallets removed: {} ({count} findings)", bare.verdict)?;
    }
    Ok(())
}

/// The words of the gate without the address of the image's page at their end.
fn without_page(words: &str) -> &str {
    words.rsplit_once("; see http").map_or(words, |(words, _)| words)
}

/// A text in the width there is, each line after this indent and those that follow the first two blanks further.
fn wrapped(out: &mut impl Write, indent: &str, text: &str) -> io::Result<()> {
    let mut line = indent.to_owned();
    for word in text.split(' ') {
        if line.trim_start().is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(out, "{}", cut(&line))?;
            line = format!("{indent}  {word}");
        } else {
            line.push(' ');
            line.push_str(word);
        }
    }
    writeln!(out, "{}", cut(&line))
}

/// The line in the width there is: a long word, such as a wallet, by its beginning.
fn cut(line: &str) -> String {
    const LONGEST: usize = 40;
    const SHOWN: usize = 12;
    if line.chars().count() <= WIDTH {
        return line.to_owned();
    }
    let word = |word: &str| match word.char_indices().nth(LONGEST) {
        Some(_) => word.chars().take(SHOWN).chain(['…']).collect(),
        None => word.to_owned(),
    };
    let line = line.split(' ').map(word).collect::<Vec<String>>().join(" ");
    if line.chars().count() <= WIDTH {
        return line;
    }
    line.chars().take(WIDTH - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(indent: &str, text: &str, expect: &[&str]) {
        let mut out = Vec::new();
        wrapped(&mut out, indent, text).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert!(out.lines().all(|line| line.chars().count() <= WIDTH), "{out}");
        assert_eq!(out.lines().collect::<Vec<_>>(), expect);
    }

    #[test]
    fn no_line_is_wider_than_a_page() {
        let (word, long) = ("a".repeat(60), "b".repeat(200));
        check("  ", "short", &["  short"]);
        check("", &format!("{word} {word}"), &[&word, &format!("  {word}")]);
        check("  ", &format!("x {long} y"), &["  x", &format!("    {}…", "b".repeat(12)), "    y"]);
    }

    #[test]
    fn times_have_one_width() {
        for (millis, expect) in [(40, " 0.0 s"), (3_140, " 3.1 s"), (99_940, "99.9 s"), (123_400, " 123 s")] {
            assert_eq!(seconds(Duration::from_millis(millis)), expect);
        }
    }

    #[test]
    fn the_page_is_told_by_whoever_still_has_it() {
        let told = "denied by the rule x: y; see http://127.0.0.1:1/q/a@sha256:0";
        assert_eq!(without_page(told), "denied by the rule x: y");
        assert_eq!(without_page("no page"), "no page");
    }
}
