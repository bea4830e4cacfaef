use super::{InstallStep, command};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The hooks that npm runs when a package is installed.
const HOOKS: [&str; 4] = ["preinstall", "install", "postinstall", "prepare"];
/// Most command expansions of one build description that are looked at.
const MAX_EXPANSIONS: usize = 256;

/// What the install hooks of a `package.json` do.
///
/// Fields are looked at one by one, so that nothing strange in another hides a hook; of two of one name npm takes
/// the last.
pub(super) fn package_json(bytes: &[u8]) -> Result<Vec<InstallStep>, String> {
    // npm passes over a byte order mark.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if memchr::memmem::find(bytes, b"\"scripts\"").is_none() && memchr::memchr(b'\\', bytes).is_none() {
        return Ok(Vec::new());
    }
    let fields = serde_json::from_slice::<BTreeMap<String, &RawValue>>(bytes);
    let Ok(fields) = fields else {
        // npm cannot run the hooks of what it cannot read either, but its reader and ours may differ.
        return match memchr::memmem::find(bytes, b"install\"").is_some() {
            true => Err("it has install hooks and is no JSON that can be read".to_owned()),
            false => Ok(Vec::new()),
        };
    };
    let scripts = fields
        .get("scripts")
        .and_then(|scripts| serde_json::from_str::<BTreeMap<String, &RawValue>>(scripts.get()).ok());
    let mut steps = Vec::new();
    for (hook, script) in scripts.iter().flatten().filter(|(name, _)| HOOKS.contains(&name.as_str())) {
        if let Ok(text) = serde_json::from_str::<String>(script.get()) {
            steps.extend(command::steps(hook, text.as_bytes()));
        }
    }
    Ok(steps)
}

/// What the command expansions of a `binding.gyp` do: `<!(…)`, `<!@(…)`. It is built at the installation without
/// being named anywhere.
pub(super) fn binding_gyp(bytes: &[u8]) -> Vec<InstallStep> {
    /// Longest command.
    const LONGEST: usize = 16 << 10;
    let mut steps = Vec::new();
    for at in memchr::memmem::find_iter(bytes, b"<!").take(MAX_EXPANSIONS) {
        let rest = bytes.get(at + 2..).unwrap_or_default();
        let Some(inner) = rest.strip_prefix(b"@(").or_else(|| rest.strip_prefix(b"(")) else { continue };
        let inner = inner.get(..inner.len().min(LONGEST)).unwrap_or_default();
        let end = inner.iter().position(|&byte| byte == b'\n').unwrap_or(inner.len());
        let text = inner.get(..end).unwrap_or_default();
        let line = bytes.get(..at).map_or(0, |before| memchr::memchr_iter(b'\n', before).count());
        for mut step in command::steps("binding.gyp", text) {
            step.line = u32::try_from(line).unwrap_or(u32::MAX).saturating_add(1);
            steps.push(step);
        }
        if steps.len() >= 16 {
            break;
        }
    }
    steps
}
