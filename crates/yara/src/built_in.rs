//! The rules of the product. They lie in `rules/yara`, are compiled by `cargo xtask rules`, and a test holds what was
//! compiled against what the sources give.

use crate::anchors::Prefilter;
use crate::sources::Subject;
use inspect::Signs;
use layers::Entry;
use model::{Class, Detection, Role, Severity, Stage};
use std::sync::LazyLock;
use yara_x::Rules;

/// The name under which the rules of the product stand in facts.
pub(crate) const PACK: &str = "roadstead";

/// A rule of the product.
#[derive(Debug)]
pub(crate) struct BuiltInRule {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) detection: &'static Detection,
    /// How it counts where the start of the image certainly leads to the file.
    pub(crate) reached: Option<Role>,
}

/// What the rules of one set are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Programs and libraries in ELF.
    Program,
    /// Scripts, pages and all other text.
    Text,
    /// Where files lie and what leads to them.
    Place,
    /// What an image does when it is run.
    Behavior,
}

include!("built_in/catalogue.in");

/// Everything that a rule of the product, or one that was brought, can find.
pub fn detections() -> Vec<&'static Detection> {
    DETECTIONS.iter().chain([&crate::meta::RULE, &crate::meta::RUN_RULE]).collect()
}

/// Whether bytes have a literal that the built-in rules ask for, so that the engine is asked. For measuring.
pub fn reaches_engine(bytes: &[u8]) -> bool {
    let entry = Entry { kind: layers::Kind::File, ..Entry::default() };
    Kind::of(&entry, bytes).is_some_and(|kind| kind.may_hold(bytes, &Signs::of(bytes)))
}

pub(crate) fn rule(name: &str) -> Option<&'static BuiltInRule> {
    RULES.iter().find(|rule| rule.name == name)
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Program, Self::Text, Self::Place, Self::Behavior];

    /// The folder of its sources, and the name of what is compiled from them.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Text => "text",
            Self::Place => "place",
            Self::Behavior => "behavior",
        }
    }

    pub(crate) fn subject(self) -> Subject {
        match self {
            Self::Program | Self::Text => Subject::Content,
            Self::Place => Subject::Places,
            Self::Behavior => Subject::Runs,
        }
    }

    /// Which rules a file is for, by its first bytes. What a text is called buys it nothing: a shell runs any.
    pub(crate) fn of(entry: &Entry, head: &[u8]) -> Option<Self> {
        if !matches!(entry.kind, layers::Kind::File | layers::Kind::Unknown(_)) {
            return None;
        }
        if head.starts_with(b"\x7fELF") {
            return Some(Self::Program);
        }
        let head = head.get(..head.len().min(4096)).unwrap_or_default();
        (head.len() >= SHORTEST && memchr::memchr(0, head).is_none()).then_some(Self::Text)
    }

    /// Whether any of its rules can hold for these bytes, which have these signs. A text's anchors are among the words
    /// that every text is searched for.
    pub(crate) fn may_hold(self, bytes: &[u8], signs: &Signs) -> bool {
        static PROGRAM: LazyLock<Prefilter> = LazyLock::new(|| Prefilter::new(PROGRAM_ANCHORS));
        match self {
            Self::Program => PROGRAM.passes(bytes),
            Self::Text | Self::Place | Self::Behavior => signs.may_fulfil_rules(),
        }
    }

    /// The compiled rules, brought into memory when the first file needs them.
    pub(crate) fn rules(self) -> Result<&'static Rules, String> {
        type Loaded = LazyLock<Result<Rules, String>>;
        fn load(bytes: &[u8]) -> Result<Rules, String> {
            Rules::deserialize(bytes)
                .map_err(|error| format!("the rules of the product cannot be loaded: {error}"))
        }
        static PROGRAM: Loaded = LazyLock::new(|| load(include_bytes!("built_in/program.yrc")));
        static TEXT: Loaded = LazyLock::new(|| load(include_bytes!("built_in/text.yrc")));
        static PLACE: Loaded = LazyLock::new(|| load(include_bytes!("built_in/place.yrc")));
        static BEHAVIOR: Loaded = LazyLock::new(|| load(include_bytes!("built_in/behavior.yrc")));
        let loaded = match self {
            Self::Program => &PROGRAM,
            Self::Text => &TEXT,
            Self::Place => &PLACE,
            Self::Behavior => &BEHAVIOR,
        };
        LazyLock::force(loaded).as_ref().map_err(Clone::clone)
    }
}

/// No rule holds for less.
const SHORTEST: usize = 16;
