//! The CSV exports of MalwareBazaar, ThreatFox and URLhaus.

use super::csv::Columns;
use crate::feed::Draft;
use crate::reject::Refused;
use crate::table::ANY_SIZE;
use std::borrow::Cow;

type Row<'r> = [Cow<'r, [u8]>];

/// One sample: up to three hashes. Rows have 12 columns or 14.
pub(crate) fn malware_bazaar(row: &Row<'_>, columns: &Columns, draft: &mut Draft) -> Result<(), Refused> {
    if !(12..=15).contains(&row.len()) {
        return Err(width(row));
    }
    let field = |name, position| columns.field(row, name, position);
    let hashes = [
        field("sha256_hash", 1).map(|hash| (hash, 64)),
        field("md5_hash", 2).map(|hash| (hash, 32)),
        field("sha1_hash", 3).map(|hash| (hash, 40)),
    ];
    let label = draft.label(field("signature", 8).unwrap_or_default(), day(field("first_seen_utc", 0)));
    if hashes.iter().all(Option::is_none) {
        return Err(Refused::new("has no hash", row.first().map_or(b"".as_slice(), |first| first)));
    }
    // One that is wrong makes the row doubtful as a whole.
    for (hash, digits) in hashes.iter().flatten() {
        check_digits(hash, *digits)?;
    }
    hashes.iter().flatten().try_for_each(|(hash, _)| draft.file(hash, ANY_SIZE, label))
}

/// One indicator. Rows have 14 columns, or 15 since `is_compromised` was put in.
pub(crate) fn threat_fox(row: &Row<'_>, columns: &Columns, draft: &mut Draft) -> Result<(), Refused> {
    if !(14..=16).contains(&row.len()) {
        return Err(width(row));
    }
    let field = |name, position| columns.field(row, name, position);
    let first = row.first().map_or(b"".as_slice(), |first| first);
    let value = field("ioc_value", 2).ok_or_else(|| Refused::new("has no value", first))?;
    let kind = field("ioc_type", 3).ok_or_else(|| Refused::new("has no type", first))?;
    // The reference moved when the column was put in.
    let reference = if row.len() == 14 { 10 } else { 11 };
    let name = field("malware_printable", 7).or_else(|| field("fk_malware", 5)).unwrap_or_default();
    let label = draft.label(name, field("reference", reference).unwrap_or_default());
    match kind {
        b"ip:port" | b"domain" | b"url" => draft.network(value, label),
        b"md5_hash" | b"sha1_hash" | b"sha256_hash" => {
            let digits = match kind {
                b"md5_hash" => 32,
                b"sha1_hash" => 40,
                _ => 64,
            };
            check_digits(value, digits)?;
            draft.file(value, ANY_SIZE, label)
        }
        _ => Err(Refused::new("is of a type that is not looked for", kind)),
    }
}

/// One URL.
pub(crate) fn url_haus(row: &Row<'_>, columns: &Columns, draft: &mut Draft) -> Result<(), Refused> {
    if !(8..=10).contains(&row.len()) {
        return Err(width(row));
    }
    let field = |name, position| columns.field(row, name, position);
    let first = row.first().map_or(b"".as_slice(), |first| first);
    let url = field("url", 2).ok_or_else(|| Refused::new("has no URL", first))?;
    // Older exports lack the column of when it was last seen.
    let late = usize::from(row.len() > 8);
    let name = field("tags", 5 + late).or_else(|| field("threat", 4 + late)).unwrap_or_default();
    let label = draft.label(name, field("urlhaus_link", 6 + late).unwrap_or_default());
    draft.network(url, label)
}

fn check_digits(hash: &[u8], digits: usize) -> Result<(), Refused> {
    if hash.len() == digits {
        return Ok(());
    }
    Err(Refused::new("is a hash of another length than its column or type says", hash))
}

fn width(row: &Row<'_>) -> Refused {
    Refused::new("has not as many columns as the format", row.first().map_or(b"".as_slice(), |first| first))
}

/// The day of a time: labels by the second would be as many as rows.
fn day(time: Option<&[u8]>) -> &[u8] {
    time.and_then(|time| time.get(..10)).unwrap_or_default()
}
