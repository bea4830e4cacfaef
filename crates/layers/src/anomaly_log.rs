use crate::{Anomaly, AnomalyKind};

/// Anomalies in the order in which they were met, in bounded memory: a layer of a million odd entries must not
/// fill it, and a flood of one kind must not crowd out another.
#[derive(Debug, Clone, Default)]
pub(crate) struct AnomalyLog {
    kept: Vec<Anomaly>,
    counts: Vec<(AnomalyKind, u64, u64)>,
}

/// How many of one kind are kept with their particulars.
const KEPT_PER_KIND: u64 = 100;
/// How much of a path or detail is kept: a path is attacker-sized.
const KEPT_TEXT: usize = 1024;

impl AnomalyLog {
    /// Notes an anomaly. `detail` is only made when it is kept.
    pub(crate) fn note(
        &mut self,
        kind: AnomalyKind,
        offset: u64,
        path: &[u8],
        detail: impl FnOnce() -> String,
    ) {
        let count = match self.counts.iter_mut().find(|(known, ..)| *known == kind) {
            Some((_, count, last)) => {
                *count += 1;
                *last = offset;
                *count
            }
            None => {
                self.counts.push((kind, 1, offset));
                1
            }
        };
        if count > KEPT_PER_KIND {
            return;
        }
        let mut detail = detail();
        if detail.len() > KEPT_TEXT {
            let end = (0..=KEPT_TEXT).rev().find(|&end| detail.is_char_boundary(end)).unwrap_or(0);
            detail.truncate(end);
        }
        let path = path.get(..KEPT_TEXT).unwrap_or(path).to_vec();
        self.kept.push(Anomaly { kind, offset, path, detail });
    }

    /// What is kept so far.
    pub(crate) fn kept(&self) -> &[Anomaly] {
        &self.kept
    }

    /// What was kept, and one line for the rest of each kind.
    pub(crate) fn finish(mut self) -> Vec<Anomaly> {
        for (kind, count, last) in self.counts {
            if count > KEPT_PER_KIND {
                self.kept.push(Anomaly {
                    kind,
                    offset: last,
                    path: Vec::new(),
                    detail: format!("{} more of this kind, the last one here", count - KEPT_PER_KIND),
                });
            }
        }
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_hides_nothing() {
        let mut log = AnomalyLog::default();
        for offset in 0..1_000_000 {
            log.note(AnomalyKind::DirtyPadding, offset, &[b'a'; 5000], || "é".repeat(3000));
        }
        log.note(AnomalyKind::BadChecksum, 7, b"", String::new);
        let all = log.finish();
        assert_eq!(all.len() as u64, KEPT_PER_KIND + 2);
        assert!(
            all.iter().all(|anomaly| anomaly.path.len() <= KEPT_TEXT && anomaly.detail.len() <= KEPT_TEXT)
        );
        assert!(all.iter().any(|anomaly| anomaly.kind == AnomalyKind::BadChecksum));
        let rest = all.last().expect("the line for the rest");
        assert_eq!((rest.kind, rest.offset), (AnomalyKind::DirtyPadding, 999_999));
        assert!(rest.detail.starts_with("999900 more"), "{}", rest.detail);
    }
}
