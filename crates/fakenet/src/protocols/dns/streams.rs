use crate::{Seen, Watcher};
use events::Coding;
use std::collections::{HashMap, VecDeque};

/// Names as a channel: what stands in the labels before a domain is put together over many questions, and searched.
#[derive(Default)]
pub(crate) struct Streams {
    domains: HashMap<Vec<u8>, Stream>,
}

struct Stream {
    /// All labels; all in lower case; the longest of each name, for those that count their questions in others.
    readings: [Watcher; 3],
    recent: VecDeque<Vec<u8>>,
}

/// How many domains are followed at a time.
const DOMAINS: usize = 512;

/// Programs ask for a name twice, for both kinds of addresses, and again when nothing comes.
const RECENT: usize = 8;

impl Streams {
    /// A name was asked for: canaries that are complete with it.
    pub(crate) fn asked(&mut self, labels: &[Vec<u8>], watcher: &Watcher) -> Vec<Seen> {
        let mut found = Vec::new();
        // Whose the domain is takes two labels or three; both readings are followed.
        for own in [2, 3] {
            let Some(before) = labels.len().checked_sub(own).filter(|count| *count > 0) else { continue };
            let (data, domain) = labels.split_at(before);
            let domain = domain.join(&b'.').to_ascii_lowercase();
            if self.domains.len() >= DOMAINS && !self.domains.contains_key(&domain) {
                self.domains.clear();
            }
            let stream = self.domains.entry(domain).or_insert_with(|| Stream {
                readings: [watcher.again(), watcher.again(), watcher.again()],
                recent: VecDeque::new(),
            });
            found.extend(stream.asked(data));
        }
        for seen in &mut found {
            seen.coding = Coding::Labels;
        }
        found.sort_by(|one, other| one.canary.cmp(&other.canary));
        found.dedup_by(|one, other| one.canary == other.canary);
        found
    }
}

impl Stream {
    fn asked(&mut self, data: &[Vec<u8>]) -> Vec<Seen> {
        let joined = data.concat();
        if self.recent.contains(&joined) {
            return Vec::new();
        }
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(joined.clone());
        let longest = data.iter().max_by_key(|label| label.len()).cloned().unwrap_or_default();
        let [all, lower, long] = &mut self.readings;
        let mut found = all.feed(&joined);
        found.extend(lower.feed(&joined.to_ascii_lowercase()));
        found.extend(long.feed(&longest));
        found
    }
}
