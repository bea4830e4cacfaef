mod grams;
mod make;
mod needles;
mod nested;
#[cfg(test)]
mod tests;
mod watcher;

pub use watcher::{Seen, Watcher};

use needles::Needles;
use std::sync::{Arc, OnceLock};

/// Secrets that belong to nobody. They are unique to a run, look like what they stand for, and are of use nowhere:
/// whoever sends one has read it where it lay.
pub struct Canaries {
    list: Vec<Canary>,
    needles: OnceLock<Arc<Needles>>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canary {
    /// Its name in the plan, which says where it lies: `env-github-token`, `file-aws-secret`, `imds-aws-token`.
    pub name: String,
    /// What is planted.
    pub value: String,
    /// Parts of the value that occur nowhere else. Any of them is enough to know it.
    pub unique: Vec<Vec<u8>>,
}

/// The shortest part of a canary that is looked for. Sixteen characters of a random text occur by chance once in
/// 64^16 places.
const SHORTEST: usize = 16;

/// The longest part that is looked for: who sends a secret in pieces of less than this is still seen.
const LONGEST: usize = 32;

impl Canaries {
    /// The canaries of a run. The same seed gives the same ones.
    pub fn new(seed: [u8; 32]) -> Self {
        Self { list: make::all(seed), needles: OnceLock::new() }
    }

    /// One more, for content that only the plan knows. Parts of fewer than 16 bytes are not looked for.
    pub fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let value = value.into();
        let unique = make::windows(&value);
        self.list.push(Canary { name: name.into(), value, unique });
        self.needles = OnceLock::new();
    }

    /// The value of a canary; empty where there is none of this name.
    pub fn get(&self, name: &str) -> &str {
        self.list.iter().find(|canary| canary.name == name).map_or("", |canary| &canary.value)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Canary> {
        self.list.iter()
    }

    /// Something that finds them in a stream of bytes.
    pub fn watcher(&self) -> Watcher {
        Watcher::new(Arc::clone(self.needles.get_or_init(|| Arc::new(Needles::new(&self.list)))))
    }
}
