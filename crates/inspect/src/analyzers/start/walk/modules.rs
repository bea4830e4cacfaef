use super::{Context, Follower};
use crate::analyzers::start::base_name;
use layers::normalize_path;

impl Follower<'_, '_> {
    /// Where a Python module and the packages above it would lie. What is run by name is looked for among the
    /// installed modules too; what is imported, only beside the script and in `PYTHONPATH`.
    pub(super) fn module_paths(&self, name: &[u8], context: &Context, run: bool) -> Vec<Vec<u8>> {
        let mut roots: Vec<Vec<u8>> = Vec::new();
        let dots = name.iter().take_while(|&&byte| byte == b'.').count();
        let beside = context.script.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        let beside = context.script.get(..beside).unwrap_or_default().to_vec();
        if dots > 0 {
            let up = b"/..".repeat(dots - 1);
            roots.push([beside, up].concat());
        } else {
            if run {
                roots.extend(context.directory.clone());
                roots.extend(self.installed_modules());
            } else {
                roots.push(beside);
                roots.extend(context.directory.clone());
            }
            if let Some(path) = self.environment.get(b"PYTHONPATH".as_slice()) {
                roots.extend(path.split(|&byte| byte == b':').take(8).map(|root| normalize_path(root).0));
            }
        }
        let mut paths = Vec::new();
        let parts: Vec<&[u8]> =
            name.get(dots..).unwrap_or_default().split(|&byte| byte == b'.').take(8).collect();
        for root in roots {
            let mut path = root;
            for part in &parts {
                path.push(b'/');
                path.extend_from_slice(part);
                paths.push([path.as_slice(), b".py"].concat());
                paths.push([path.as_slice(), b"/__init__.py"].concat());
            }
            if run {
                paths.push([path.as_slice(), b"/__main__.py"].concat());
            }
        }
        paths
    }

    /// Directories of installed Python modules, told from the interpreters that were reached.
    fn installed_modules(&self) -> Vec<Vec<u8>> {
        let mut roots = Vec::new();
        for reached in &self.walk.chain {
            let name = base_name(&reached.path);
            let Some(prefix) = reached.path.strip_suffix(name).and_then(|path| path.strip_suffix(b"bin/"))
            else {
                continue;
            };
            if name.starts_with(b"python3.") && roots.len() < 16 {
                for tail in [b"".as_slice(), b"/site-packages", b"/dist-packages"] {
                    roots.push([prefix, b"lib/", name, tail].concat());
                }
                roots.push([prefix, b"lib/python3/dist-packages"].concat());
            }
        }
        roots
    }
}

/// Where a module that a JavaScript file names relative to itself would lie.
pub(super) fn relative_paths(name: &[u8], script: &[u8]) -> Vec<Vec<u8>> {
    let end = script.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
    let path = [script.get(..end).unwrap_or_default(), b"/", name].concat();
    let with = |ending: &str| [path.as_slice(), ending.as_bytes()].concat();
    match [path.clone(), with(".js"), with(".mjs"), with(".cjs"), with("/index.js")] {
        paths if name.ends_with(b"js") => paths.into_iter().take(1).collect(),
        paths => paths.into(),
    }
}
