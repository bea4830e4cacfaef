use model::{Class, Detection, Role, Severity, Stage};

/// The finding of a rule that says of itself no id.
pub(crate) const RULE: Detection = Detection {
    id: "S-YARA-RULE",
    title: "Rule of a pack that was brought",
    severity: Severity::Medium,
    role: Role::Context,
    class: Class::File,
    stage: Stage::Static,
    techniques: &[],
    why: "A rule of a pack that was named with --rules holds for the file. Rules are written for many purposes, from \
          hunting to conviction, so a match only explains unless the rule's metadata says how it counts.",
    advice: "Read the rule and what it found. Give it `severity` and `role` in its metadata if it shall count.",
};

/// The finding of a rule about runs that says of itself no id.
pub(crate) const RUN_RULE: Detection = Detection {
    id: "D-YARA-RULE",
    title: "Rule about behavior of a pack that was brought",
    severity: Severity::Medium,
    role: Role::Context,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &[],
    why: "A rule of a pack that was named with --rules holds for what the image did when it was run. Rules are written \
          for many purposes, from hunting to conviction, so a match only explains unless the rule's metadata says how \
          it counts.",
    advice: "Read the rule and what the run did. Give the rule `severity` and `role` in its metadata if it shall count.",
};

/// What a rule says of the findings that it makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// The pack with the file in it.
    pub pack: String,
    /// Name of the rule.
    pub rule: String,
    /// Id of its findings.
    pub id: String,
    /// What was found, in a few words.
    pub title: String,
    /// Why it matters.
    pub why: String,
    /// What to do.
    pub advice: String,
    /// How bad it is.
    pub severity: Severity,
    /// How it counts.
    pub role: Role,
    /// How it counts where the start of the image certainly leads to the file.
    pub reached: Option<Role>,
    /// Which kind of evidence it is.
    pub class: Class,
    /// ATT&CK techniques.
    pub techniques: Vec<String>,
    /// Who wrote it.
    pub author: Option<String>,
    /// Under which licence.
    pub license: Option<String>,
    /// Where more is said.
    pub reference: Option<String>,
}

/// What stands in the metadata of rules, under the names that are known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pairs(Vec<(String, String)>);

impl Pairs {
    pub(crate) fn of(rule: &yara_x::Rule<'_, '_>) -> Self {
        let value = |value| match value {
            yara_x::MetaValue::String(text) => text.to_owned(),
            yara_x::MetaValue::Integer(number) => number.to_string(),
            yara_x::MetaValue::Float(number) => number.to_string(),
            yara_x::MetaValue::Bool(truth) => truth.to_string(),
            yara_x::MetaValue::Bytes(bytes) => model::escape_bytes(bytes),
        };
        Self(rule.metadata().take(MAX_PAIRS).map(|(name, held)| (name.to_owned(), value(held))).collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(held, _)| held.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Entries of the metadata that are looked at.
const MAX_PAIRS: usize = 64;
/// What is kept of a text of the metadata.
const MAX_TEXT: usize = 1000;

impl Meta {
    /// Reads what a rule of somebody's says. What it leaves out is filled in so that it does not count.
    /// `unsaid` is the finding of a rule that says nothing.
    pub(crate) fn brought(pack: &str, rule: &str, pairs: &Pairs, unsaid: &Detection) -> Self {
        let text = |name: &str| pairs.get(name).map(|text| shortened(text).to_owned());
        let any = |names: &[&str]| names.iter().find_map(|name| text(name));
        let id = text("id").filter(|id| is_own_id(id, unsaid.stage)).unwrap_or_else(|| unsaid.id.to_owned());
        Self {
            pack: pack.to_owned(),
            rule: rule.to_owned(),
            id,
            title: text("title").unwrap_or_else(|| format!("Rule {rule}")),
            why: any(&["why", "description"]).unwrap_or_default(),
            advice: text("advice").unwrap_or_default(),
            severity: pairs.get("severity").and_then(severity).unwrap_or(unsaid.severity),
            role: pairs.get("role").and_then(role).unwrap_or(unsaid.role),
            reached: pairs.get("role_reached").and_then(role),
            class: pairs.get("class").and_then(|word| class(word, unsaid.stage)).unwrap_or(unsaid.class),
            techniques: techniques(pairs),
            author: text("author"),
            license: any(&["license", "licence"]),
            reference: text("reference"),
        }
    }

    /// What the rules of the product say of themselves.
    pub fn all_built_in() -> Vec<Self> {
        crate::built_in::RULES.iter().map(Self::built_in).collect()
    }

    /// The same of a rule of the product, of which all is known.
    pub(crate) fn built_in(rule: &crate::built_in::BuiltInRule) -> Self {
        let detection = rule.detection;
        Self {
            pack: crate::built_in::PACK.to_owned(),
            rule: rule.name.to_owned(),
            id: detection.id.to_owned(),
            title: detection.title.to_owned(),
            why: detection.why.to_owned(),
            advice: detection.advice.to_owned(),
            severity: detection.severity,
            role: detection.role,
            reached: rule.reached,
            class: detection.class,
            techniques: detection.techniques.iter().map(|&technique| technique.to_owned()).collect(),
            author: Some("Roadstead".to_owned()),
            license: Some("Apache-2.0".to_owned()),
            reference: None,
        }
    }
}

/// Ids of brought rules stand in a family of their own, and none of them is one of the product: what that means is not
/// for a rule of others to say.
fn is_own_id(id: &str, stage: Stage) -> bool {
    let rest = id.strip_prefix(family(stage)).unwrap_or_default();
    let fits = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-';
    let taken = crate::built_in::DETECTIONS.iter().any(|detection| detection.id == id);
    !rest.is_empty() && rest.len() <= 40 && rest.bytes().all(fits) && !taken
}

/// With what the ids of rules begin.
pub(crate) fn family(stage: Stage) -> &'static str {
    if stage == Stage::Dynamic { "D-YARA-" } else { "S-YARA-" }
}

pub(crate) fn techniques(pairs: &Pairs) -> Vec<String> {
    let listed = pairs.get("techniques").or_else(|| pairs.get("mitre")).unwrap_or_default();
    let ids = listed.split([' ', ',', ';']).filter(|id| {
        id.strip_prefix('T')
            .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
            && id.len() <= 10
    });
    ids.take(8).map(str::to_owned).collect()
}

pub(crate) fn severity(word: &str) -> Option<Severity> {
    [Severity::Low, Severity::Medium, Severity::High, Severity::Critical]
        .into_iter()
        .find(|severity| severity.name().eq_ignore_ascii_case(word))
}

pub(crate) fn role(word: &str) -> Option<Role> {
    [Role::Context, Role::Corroborates, Role::Convicts]
        .into_iter()
        .find(|role| role.name().eq_ignore_ascii_case(word))
}

/// A rule can only speak of what it sees: one about files is no evidence of what went over the network.
pub(crate) fn class(word: &str, stage: Stage) -> Option<Class> {
    let known: &[Class] = match stage {
        Stage::Dynamic => &[Class::Proc, Class::Net],
        Stage::Static => &[Class::Name, Class::Meta, Class::Config, Class::File, Class::Reach],
    };
    known.iter().copied().find(|class| class.name().eq_ignore_ascii_case(word))
}

fn shortened(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
