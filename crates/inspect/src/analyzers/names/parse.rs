/// The names of official images, present and past.
pub(super) fn official() -> impl Iterator<Item = &'static str> {
    lines(include_str!("../../../data/official-images.txt"))
}

/// Namespaces worth imitating, and those of official images for one architecture.
pub(super) fn publishers() -> impl Iterator<Item = &'static str> {
    lines(include_str!("../../../data/publishers.txt"))
}

/// Hosts of public registries.
pub(super) fn registries() -> impl Iterator<Item = &'static str> {
    lines(include_str!("../../../data/registries.txt"))
}

fn lines(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Names by which people know an official image that is called otherwise. No edit distance finds them.
pub(super) fn alias(name: &str) -> Option<&'static str> {
    Some(match name {
        "mongodb" => "mongo",
        "nodejs" | "node-js" => "node",
        "postgresql" => "postgres",
        "go" | "go-lang" => "golang",
        "apache" | "apache2" => "httpd",
        "elastic-search" => "elasticsearch",
        _ => return None,
    })
}

/// How one name imitates another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likeness {
    /// The same to the eye: digits for letters, separators put in or left out, `rn` for `m`.
    Skeleton,
    /// Two neighbouring letters changed places, or a long name with up to two mistakes.
    Typo,
    /// One letter of a short name is another, missing or added; many ordinary words are that.
    Letter,
    /// A word such as `official` is added.
    Affix,
}

/// How a name imitates another that is known; none where it is that name, or far from it.
pub(super) fn likeness(name: &str, known: &str) -> Option<Likeness> {
    /// Below this length every other word is near.
    const SHORTEST: usize = 4;
    /// From this length on two mistakes are no coincidence: of the official names no two are as near.
    const LONG: usize = 9;
    if name == known || known.len() < SHORTEST {
        return None;
    }
    if skeleton(name) == skeleton(known) {
        return Some(Likeness::Skeleton);
    }
    if has_affix(name, known) {
        return Some(Likeness::Affix);
    }
    if name.len().abs_diff(known.len()) > 2 {
        return None;
    }
    match (strsim::osa_distance(name, known), known.len()) {
        (1, len) if len >= LONG || is_transposed(name, known) => Some(Likeness::Typo),
        (2, LONG..) => Some(Likeness::Typo),
        (1, _) => Some(Likeness::Letter),
        _ => None,
    }
}

fn is_transposed(name: &str, known: &str) -> bool {
    name.len() == known.len() && name.len() > SHORTEST_TRANSPOSED && {
        let (mut one, mut other): (Vec<u8>, Vec<u8>) = (name.into(), known.into());
        one.sort_unstable();
        other.sort_unstable();
        one == other
    }
}

/// Four letters in another order are a word too often: `nats`, `ants`.
const SHORTEST_TRANSPOSED: usize = 4;

/// What a name looks like at a glance.
pub(super) fn skeleton(name: &str) -> String {
    let letters: String = name
        .chars()
        .filter(|character| !matches!(character, '-' | '_' | '.'))
        .map(|character| match character {
            '0' => 'o',
            '1' => 'l',
            '3' => 'e',
            '4' => 'a',
            '5' => 's',
            '7' => 't',
            '8' => 'b',
            other => other.to_ascii_lowercase(),
        })
        .collect();
    letters.replace("rn", "m").replace("vv", "w").replace("cl", "d")
}

fn has_affix(name: &str, known: &str) -> bool {
    const AFFIXES: [&str; 8] = ["official", "original", "verified", "genuine", "real", "pro", "os", "images"];
    let rest = name
        .strip_prefix(known)
        .or_else(|| name.strip_suffix(known))
        .map(|rest| rest.trim_matches(['-', '_', '.']));
    rest.is_some_and(|rest| AFFIXES.contains(&rest))
}

/// Whether a text is a run of hexadecimal digits such as a machine makes them, with letters and digits mixed.
pub(super) fn is_machine_made(text: &str, shortest: usize) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    text.len() >= shortest
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && digits >= 4
        && digits < text.len()
}
