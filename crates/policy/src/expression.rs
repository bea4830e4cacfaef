mod check;

use crate::variables::{Seen, bind};
use cel::Value;
use cel::parser::{Expression as Tree, Parser};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

/// A condition in CEL that was read, understood and bounded when it was loaded: it knows only what there is, it gives a
/// boolean, and it cannot take long.
#[derive(Debug)]
pub(crate) struct Expression {
    tree: Tree,
    /// The variables that it looks at.
    pub(crate) looks_at: BTreeSet<&'static str>,
    /// The steps that it may need with everything as large as it can be.
    pub(crate) steps: u64,
}

/// The longest condition.
const LONGEST: usize = 4096;
/// The deepest nesting of a condition.
pub(super) const DEEPEST: usize = 40;
/// The most steps that a condition may need with everything as large as it can be.
const MOST_STEPS: u64 = 8_000_000;

impl Expression {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("it is longer than {LONGEST} characters"));
        }
        nesting(text)?;
        // The grammar's generated code is large; if it panics, the text is refused like any other.
        let parse = || Parser::new().max_recursion_depth(DEEPEST as u16).parse(text);
        let tree = catch_unwind(AssertUnwindSafe(parse))
            .map_err(|_| "it cannot be parsed".to_owned())?
            .map_err(|errors| {
                let first = errors.errors.first();
                first.map_or("it cannot be parsed".to_owned(), |error| model::escape_text(&error.msg))
            })?;
        let checked = check::check(&tree)?;
        if checked.steps > MOST_STEPS {
            return Err(format!(
                "with as many findings as an image can have it would take {} steps, and {MOST_STEPS} are the most; do not \
                 put loops over findings into each other",
                checked.steps
            ));
        }
        Ok(Self { tree, looks_at: checked.looks_at, steps: checked.steps })
    }

    /// Whether it holds. An error is never an answer: the caller denies.
    pub(crate) fn holds(&self, scope: &cel::Context<'_, '_>) -> Result<bool, String> {
        match catch_unwind(AssertUnwindSafe(|| Value::resolve(&self.tree, scope))) {
            Ok(Ok(Value::Bool(holds))) => Ok(holds),
            Ok(Ok(_)) => Err("it gives no boolean".to_owned()),
            // Errors of the language print whole values, which can be as large as the image's findings.
            Ok(Err(error)) => {
                Err(model::escape_text(&error.to_string().chars().take(200).collect::<String>()))
            }
            Err(_) => Err("its evaluation failed".to_owned()),
        }
    }
}

/// Everything that conditions see of an image.
pub(crate) fn scope(seen: &Seen<'_>) -> cel::Context<'static, 'static> {
    /// Made once, as it holds every function of the language.
    static ENVIRONMENT: LazyLock<Arc<cel::Env>> = LazyLock::new(|| Arc::new(cel::Env::stdlib()));
    let mut scope = cel::Context::with_env(Arc::clone(&ENVIRONMENT));
    bind(&mut scope, seen);
    scope
}

/// Bounds the depth before the parser recurses: brackets that are open, and signs in a row.
fn nesting(text: &str) -> Result<(), String> {
    let (mut open, mut signs, mut questions, mut quote) = (0_usize, 0_usize, 0_usize, None);
    let mut escaped = false;
    for byte in text.bytes() {
        if let Some(end) = quote {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                _ if byte == end => quote = None,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' | b'\'' => quote = Some(byte),
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            b'!' | b'-' => signs += 1,
            b'?' => questions += 1,
            _ => {}
        }
        if !matches!(byte, b'!' | b'-' | b' ') {
            signs = 0;
        }
        if open > DEEPEST || signs > DEEPEST || questions > DEEPEST {
            return Err(format!("it is nested deeper than {DEEPEST}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
