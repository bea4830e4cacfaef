use layers::normalize_path;
use model::RunConfig;

/// A file or command that a variable of the environment makes a program load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting<'a> {
    /// The variable, `NAME=value`.
    pub(crate) variable: &'a str,
    pub(crate) name: &'a str,
    /// What is loaded: a path in normal form, a name that is looked for elsewhere, or a line for the shell.
    pub(crate) loads: Loads,
}

/// What a setting makes a program load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Loads {
    /// A script or archive at a path in normal form.
    File(Vec<u8>),
    /// A library for every program, as it is written.
    Library(Vec<u8>),
    /// A module by its name.
    Module(Vec<u8>),
    /// A command.
    Command(Vec<u8>),
}

/// Most settings that are followed and judged.
const MAX_SETTINGS: usize = 64;

/// What the environment of an image makes its programs load.
pub(crate) fn settings(config: &RunConfig) -> Vec<Setting<'_>> {
    let mut settings = Vec::new();
    for variable in &config.env {
        let Some((name, value)) = variable.split_once('=') else { continue };
        let loads: Vec<Loads> = match name {
            "LD_PRELOAD" | "LD_AUDIT" => value
                .split([':', ' '])
                .filter(|library| !library.is_empty())
                .map(|library| Loads::Library(library.into()))
                .collect(),
            "BASH_ENV" | "ENV" | "PYTHONSTARTUP" => vec![Loads::File(absolute(home(config, value), config))],
            "GIT_SSH_COMMAND" | "GIT_SSH" | "GIT_EXTERNAL_DIFF" | "GIT_PAGER" => {
                vec![Loads::Command(value.into())]
            }
            "NODE_OPTIONS" => {
                let options = ["-r", "--require", "--import", "--loader", "--experimental-loader"];
                loaded(value, &options, config)
            }
            "RUBYOPT" => glued(value, "-r", config),
            "PERL5OPT" => glued(value, "-M", config),
            "JAVA_TOOL_OPTIONS" | "JDK_JAVA_OPTIONS" | "_JAVA_OPTIONS" | "JAVA_OPTS" => agents(value, config),
            _ => continue,
        };
        settings.extend(loads.into_iter().map(|loads| Setting { variable, name, loads }));
        if settings.len() >= MAX_SETTINGS {
            settings.truncate(MAX_SETTINGS);
            break;
        }
    }
    settings
}

/// Whether a program of this name takes notice of a variable whenever it starts.
pub(crate) fn heeds(program: &[u8], variable: &str) -> bool {
    let starts: &[&[u8]] = match variable {
        "BASH_ENV" => &[b"bash"],
        "NODE_OPTIONS" => &[b"node"],
        "RUBYOPT" => &[b"ruby"],
        "PERL5OPT" => &[b"perl"],
        "JAVA_TOOL_OPTIONS" | "JDK_JAVA_OPTIONS" | "_JAVA_OPTIONS" => &[b"java"],
        name if name.starts_with("GIT_") => &[b"git"],
        // `ENV` and `PYTHONSTARTUP` are for people at a prompt, `JAVA_OPTS` for scripts that may ask for it.
        _ => &[],
    };
    // `python3.11`, `nodejs`; not `node_exporter`.
    let version =
        |rest: &[u8]| rest == b"js" || rest.iter().all(|byte| byte.is_ascii_digit() || b"-.".contains(byte));
    starts.iter().any(|start| program.strip_prefix(*start).is_some_and(version))
}

fn home<'a>(config: &RunConfig, value: &'a str) -> std::borrow::Cow<'a, str> {
    let home = config.env.iter().find_map(|variable| variable.strip_prefix("HOME=")).unwrap_or("/root");
    match value.strip_prefix("~/").or_else(|| value.strip_prefix("$HOME/")) {
        Some(rest) => format!("{home}/{rest}").into(),
        None => value.into(),
    }
}

fn absolute(path: impl AsRef<str>, config: &RunConfig) -> Vec<u8> {
    let path = path.as_ref();
    if path.starts_with('/') {
        normalize_path(path.as_bytes()).0
    } else {
        normalize_path(format!("{}/{path}", config.working_dir).as_bytes()).0
    }
}

/// A path where it is one, else the name of a module.
fn path_or_module(value: &str, config: &RunConfig) -> Loads {
    let value = value.strip_prefix("file://").unwrap_or(value).trim_matches(['"', '\'']);
    if value.starts_with('/') || value.starts_with("./") || value.starts_with("../") {
        Loads::File(absolute(value, config))
    } else {
        Loads::Module(value.into())
    }
}

/// `--require X`, `--require=X`.
fn loaded(value: &str, options: &[&str], config: &RunConfig) -> Vec<Loads> {
    let mut words = value.split_whitespace();
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        let (option, inside) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        if options.contains(&option)
            && let Some(value) = inside.or_else(|| words.next())
        {
            found.push(path_or_module(value, config));
        }
    }
    found
}

/// `-rX`, `-r X`.
fn glued(value: &str, option: &str, config: &RunConfig) -> Vec<Loads> {
    let mut words = value.split_whitespace();
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        let Some(inside) = word.strip_prefix(option) else { continue };
        if let Some(value) = Some(inside).filter(|inside| !inside.is_empty()).or_else(|| words.next()) {
            found.push(path_or_module(value, config));
        }
    }
    found
}

/// `-javaagent:PATH=options`, `-agentpath:PATH=options`.
fn agents(value: &str, config: &RunConfig) -> Vec<Loads> {
    let options = value.split_whitespace().map(|word| word.trim_matches(['"', '\'']));
    let paths = options
        .filter_map(|word| word.strip_prefix("-javaagent:").or_else(|| word.strip_prefix("-agentpath:")));
    paths
        .map(|path| path.split('=').next().unwrap_or(path))
        .map(|path| Loads::File(absolute(path, config)))
        .collect()
}

/// Directories of modules that the environment names, in normal form.
pub(super) fn python_path(config: &RunConfig) -> Vec<Vec<u8>> {
    let value = config.env.iter().find_map(|variable| variable.strip_prefix("PYTHONPATH="));
    let directories = value.unwrap_or_default().split(':').filter(|directory| !directory.is_empty());
    directories.take(16).map(|directory| absolute(directory, config)).collect()
}
