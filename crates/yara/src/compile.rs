use crate::engine::Path;
use crate::sources::Subject;
use crate::{Error, Rejected, Source, calls};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;
use yara_x::{Compiler, Rules, SourceCode};

/// Time for the rules of one pack.
const SECONDS: u64 = 120;
/// The parser's depth is bounded; this is room for it.
const STACK: usize = 32 << 20;
/// Warnings of a pack that are kept.
const MAX_WARNINGS: usize = 200;

/// Rules, and what was said of them on the way.
pub(crate) struct Compiled {
    pub(crate) rules: Rules,
    pub(crate) rejected: Vec<Rejected>,
    pub(crate) warnings: Vec<String>,
}

/// Compiles the sources of a pack that was brought, each in a namespace of its own, within the time for it. A thread
/// cannot be ended from outside: one that takes longer is left behind, and ends with the program.
pub(crate) fn brought(name: &str, sources: Vec<Source>) -> Result<Compiled, Error> {
    let (send, receive) = channel();
    let work = move || {
        let _ = send.send(compile(&sources, Dialect::Brought));
    };
    let spawned = std::thread::Builder::new().stack_size(STACK).spawn(work);
    spawned.map_err(|error| Error::Compiled(error.to_string()))?;
    match receive.recv_timeout(Duration::from_secs(SECONDS)) {
        Ok(compiled) => compiled,
        Err(RecvTimeoutError::Timeout) => Err(Error::Slow { name: name.to_owned(), seconds: SECONDS }),
        Err(RecvTimeoutError::Disconnected) => {
            Err(Error::Compiled(format!("the compiler failed on {name}; please report it")))
        }
    }
}

/// Compiles rules of the product, all in one namespace.
pub(crate) fn own(sources: &[Source]) -> Result<Compiled, Error> {
    compile(sources, Dialect::Own)
}

#[derive(Clone, Copy, PartialEq)]
enum Dialect {
    Own,
    Brought,
}

fn compile(sources: &[Source], dialect: Dialect) -> Result<Compiled, Error> {
    let mut compiler = Compiler::new();
    // A rule of somebody's must not make us read files.
    compiler.enable_includes(false).max_warnings(MAX_WARNINGS);
    if dialect == Dialect::Brought {
        compiler.relaxed_re_syntax(true);
        for variable in Path::VARIABLES {
            compiler.define_global(variable, "").map_err(|error| Error::Compiled(error.to_string()))?;
        }
        for module in foreign_modules(sources) {
            compiler.ignore_module(module);
        }
    } else {
        compiler.new_namespace(crate::built_in::PACK);
    }
    for source in sources {
        if dialect == Dialect::Brought {
            compiler.new_namespace(&source.name);
        }
        let source = match source.subject()? {
            Subject::Runs => &calls::written_out(source),
            Subject::Content | Subject::Places => source,
        };
        let code = SourceCode::from(source.bytes.as_slice()).with_origin(&source.name);
        if let Err(error) = compiler.add_source(code) {
            return Err(Error::Compile(shown(&error.to_string())));
        }
    }
    let rejected = compiler
        .ignored_rules()
        .map(|(rule, reason)| Rejected { rule: rule.to_owned(), why: reason_of(&reason) })
        .collect();
    let warnings = compiler.warnings().iter().map(|warning| shown(&warning.to_string())).collect();
    Ok(Compiled { rules: compiler.build(), rejected, warnings })
}

/// Modules that rules ask for and that are not linked. Their rules are counted out, and the rest is used.
fn foreign_modules(sources: &[Source]) -> Vec<String> {
    let known: Vec<&str> = yara_x::mods::module_names().collect();
    let mut foreign = Vec::new();
    for source in sources {
        for line in source.bytes.split(|&byte| byte == b'\n') {
            let module = line.trim_ascii().strip_prefix(b"import").and_then(|rest| {
                let rest = rest.trim_ascii().strip_prefix(b"\"")?;
                std::str::from_utf8(rest.get(..rest.iter().position(|&byte| byte == b'"')?)?).ok()
            });
            if let Some(module) = module
                && !known.contains(&module)
                && !foreign.iter().any(|held| held == module)
            {
                foreign.push(module.to_owned());
            }
        }
    }
    foreign
}

fn reason_of(reason: &yara_x::IgnoredRuleReason<'_>) -> String {
    match reason {
        yara_x::IgnoredRuleReason::IgnoredModule(module) => {
            format!("it needs the module {}, which is not part of this program", model::escape_text(module))
        }
        yara_x::IgnoredRuleReason::IgnoredRule(rule) => {
            format!("it needs the rule {}, which was left out", model::escape_text(rule))
        }
        _ => "it cannot be compiled".to_owned(),
    }
}

/// A message of several lines, for a terminal: it quotes a file that anybody may have written.
fn shown(message: &str) -> String {
    let lines: Vec<String> =
        message.lines().take(60).map(|line| model::escape_text(line.trim_end())).collect();
    lines.join("\n")
}
