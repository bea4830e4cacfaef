//! Understands a condition before it is ever evaluated: types, names, cost. The interpreter has no such step, so that a
//! misspelt name would only show on the image for which it matters (CVE-2025-29778).
use super::DEEPEST;
use crate::variables::{Field, Type, VARIABLES};
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is known of a condition.
pub(super) struct Checked {
    pub(super) steps: u64,
    pub(super) looks_at: BTreeSet<&'static str>,
}

/// A part of a condition: what it gives and what it costs at most.
struct Part {
    kind: Type,
    steps: u64,
}

struct Checker {
    /// Names that macros brought, innermost last.
    names: Vec<(String, Type)>,
    looks_at: BTreeSet<&'static str>,
}

/// A regular expression is compiled whenever it is asked.
const STEPS_OF_MATCHES: u64 = 20_000;
const LONGEST_PATTERN: usize = 200;

pub(super) fn check(tree: &IdedExpr) -> Result<Checked, String> {
    let mut checker = Checker { names: Vec::new(), looks_at: BTreeSet::new() };
    let part = checker.part(tree, 0)?;
    if part.kind != Type::Bool {
        return Err(format!("it gives {}, and a condition gives a boolean", article(&part.kind)));
    }
    Ok(Checked { steps: part.steps, looks_at: checker.looks_at })
}

impl Checker {
    fn part(&mut self, tree: &IdedExpr, depth: usize) -> Result<Part, String> {
        // A macro unfolds to about four levels.
        if depth > DEEPEST * 4 {
            return Err(format!("it is nested deeper than {DEEPEST}"));
        }
        let depth = depth + 1;
        match &tree.expr {
            Expr::Literal(literal) => literal_kind(literal).map(|kind| Part { kind, steps: 1 }),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => self.field(select, depth),
            Expr::Call(call) => self.call(call, depth),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension, depth),
            Expr::List(list) => {
                if !list.optional_indices.is_empty() {
                    return Err("it has optional elements".to_owned());
                }
                let (mut kind, mut steps) = (Type::Nothing, 1_u64);
                for element in &list.elements {
                    let part = self.part(element, depth)?;
                    kind = same(kind, part.kind).ok_or("the elements of a list differ in type")?;
                    steps = steps.saturating_add(part.steps);
                }
                Ok(Part { kind: Type::List(Arc::new(kind), list.elements.len() as u64), steps })
            }
            Expr::Map(_) | Expr::Struct(_) => Err("it makes a map, and conditions only read".to_owned()),
            Expr::Unspecified => Err("it is empty".to_owned()),
        }
    }

    fn name(&mut self, name: &str) -> Result<Part, String> {
        if let Some((_, kind)) = self.names.iter().rev().find(|(known, _)| known == name) {
            return Ok(Part { kind: kind.clone(), steps: 1 });
        }
        let variable = VARIABLES.iter().find(|variable| variable.name == name);
        let variable = variable.ok_or_else(|| {
            format!("there is no variable {}; the reference of policies lists them", shown(name))
        })?;
        self.looks_at.insert(variable.name);
        Ok(Part { kind: variable.kind.clone(), steps: 1 })
    }

    fn field(&mut self, select: &SelectExpr, depth: usize) -> Result<Part, String> {
        let of = self.part(&select.operand, depth)?;
        let steps = of.steps.saturating_add(1);
        match of.kind {
            Type::Map(_) if select.test => Ok(Part { kind: Type::Bool, steps }),
            Type::Map(_) => Ok(Part { kind: Type::Text, steps }),
            Type::Record(_) if select.test => {
                Err(format!("the field {} is always there; `has` is for labels", shown(&select.field)))
            }
            Type::Record(fields) => match fields.iter().find(|field| field.name == select.field) {
                Some(field) => Ok(Part { kind: field.kind.clone(), steps }),
                None => {
                    Err(format!("there is no field {}; there are {}", shown(&select.field), list(fields)))
                }
            },
            other => Err(format!("{} has no fields, such as {}", article(&other), shown(&select.field))),
        }
    }

    fn call(&mut self, call: &CallExpr, depth: usize) -> Result<Part, String> {
        let name = call.func_name.as_str();
        let mut parts = Vec::with_capacity(call.args.len() + 1);
        for argument in call.target.as_deref().into_iter().chain(&call.args) {
            parts.push(self.part(argument, depth)?);
        }
        let steps = parts.iter().fold(1, |sum: u64, part| sum.saturating_add(part.steps));
        let kinds: Vec<&Type> = parts.iter().map(|part| &part.kind).collect();
        let gives = |kind| Ok(Part { kind, steps });
        match (name, call.target.is_some(), kinds.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, false, [Type::Bool, Type::Bool])
            | (operators::LOGICAL_NOT | operators::NOT_STRICTLY_FALSE, false, [Type::Bool])
            | ("contains" | "startsWith" | "endsWith", true, [Type::Text, Type::Text]) => gives(Type::Bool),
            (operators::EQUALS | operators::NOT_EQUALS, false, [one, other])
                if one == other && matches!(one, Type::Bool | Type::Int | Type::Text) =>
            {
                gives(Type::Bool)
            }
            (
                operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS,
                false,
                [Type::Int, Type::Int],
            ) => gives(Type::Bool),
            (
                operators::ADD
                | operators::SUBSTRACT
                | operators::MULTIPLY
                | operators::DIVIDE
                | operators::MODULO,
                false,
                [Type::Int, Type::Int],
            )
            | (operators::NEGATE, false, [Type::Int]) => gives(Type::Int),
            (operators::CONDITIONAL, false, [Type::Bool, one, other]) => {
                match same((*one).clone(), (*other).clone()) {
                    Some(kind) => gives(kind),
                    None => Err("the two sides of `? :` differ in type".to_owned()),
                }
            }
            (operators::IN, false, [element, Type::List(of, most)])
                if *element == &**of || **of == Type::Nothing =>
            {
                Ok(Part { kind: Type::Bool, steps: steps.saturating_add(*most) })
            }
            (operators::IN, false, [Type::Text, Type::Map(_)]) => gives(Type::Bool),
            (operators::INDEX, false, [Type::List(of, _), Type::Int]) if **of != Type::Nothing => {
                gives((**of).clone())
            }
            (operators::INDEX, false, [Type::Map(_), Type::Text]) => gives(Type::Text),
            ("size", _, [Type::Text | Type::List(..) | Type::Map(_)]) => gives(Type::Int),
            ("matches", true, [Type::Text, Type::Text]) => {
                pattern(call.args.first())?;
                Ok(Part { kind: Type::Bool, steps: steps.saturating_add(STEPS_OF_MATCHES) })
            }
            // How the macros `map` and `filter` collect. Nobody else may make a list longer.
            (operators::ADD, false, [Type::List(one, _), Type::List(other, _)]) if self.collects(call) => {
                match same((**one).clone(), (**other).clone()) {
                    Some(kind) => gives(Type::List(Arc::new(kind), 0)),
                    None => Err("the elements of a list differ in type".to_owned()),
                }
            }
            _ => Err(unknown(name, &kinds)),
        }
    }

    fn collects(&self, call: &CallExpr) -> bool {
        matches!(call.args.first().map(|first| &first.expr), Some(Expr::Ident(name)) if name.starts_with('@'))
    }

    fn comprehension(&mut self, loop_: &ComprehensionExpr, depth: usize) -> Result<Part, String> {
        let range = self.part(&loop_.iter_range, depth)?;
        let (of, most) = match range.kind {
            Type::List(of, most) => ((*of).clone(), most),
            Type::Map(most) => (Type::Text, most),
            other => return Err(format!("{} is no list to go through", article(&other))),
        };
        if loop_.iter_var2.is_some() {
            return Err("it goes through a list with two names".to_owned());
        }
        let hides = VARIABLES.iter().any(|variable| variable.name == loop_.iter_var)
            || self.names.iter().any(|(name, _)| *name == loop_.iter_var);
        if hides {
            return Err(format!("the name {} is taken already; take another one", shown(&loop_.iter_var)));
        }
        let start = self.part(&loop_.accu_init, depth)?;
        let outside = self.names.len();
        self.names.push((loop_.accu_var.clone(), start.kind.clone()));
        self.names.push((loop_.iter_var.clone(), of));
        let goes_on = self.part(&loop_.loop_cond, depth)?;
        let step = self.part(&loop_.loop_step, depth)?;
        self.names.truncate(outside);
        if goes_on.kind != Type::Bool {
            return Err("a loop goes on as long as something holds".to_owned());
        }
        let collected =
            same(start.kind, step.kind).ok_or_else(|| "a condition gives a boolean".to_owned())?;
        let collected = match collected {
            Type::List(of, _) => Type::List(of, most),
            other => other,
        };
        self.names.push((loop_.accu_var.clone(), collected));
        let result = self.part(&loop_.result, depth)?;
        self.names.truncate(outside);
        let each = goes_on.steps.saturating_add(step.steps).saturating_add(1);
        let steps = most.saturating_mul(each).saturating_add(range.steps).saturating_add(result.steps);
        Ok(Part { kind: result.kind, steps })
    }
}

/// The type that both are, where an empty list is a list of anything.
fn same(one: Type, other: Type) -> Option<Type> {
    match (one, other) {
        (Type::Nothing, kind) | (kind, Type::Nothing) => Some(kind),
        (Type::List(one, most), Type::List(other, more)) => {
            Some(Type::List(Arc::new(same((*one).clone(), (*other).clone())?), most.max(more)))
        }
        (one, other) => (one == other).then_some(one),
    }
}

fn literal_kind(literal: &LiteralValue) -> Result<Type, String> {
    match literal {
        LiteralValue::Boolean(_) => Ok(Type::Bool),
        LiteralValue::Int(_) => Ok(Type::Int),
        LiteralValue::String(_) => Ok(Type::Text),
        LiteralValue::Bytes(_) | LiteralValue::Double(_) | LiteralValue::Null | LiteralValue::UInt(_) => {
            Err("it has a literal that is no boolean, whole number or text".to_owned())
        }
    }
}

/// A regular expression stands there as it is, so that what is wrong with it shows now.
fn pattern(argument: Option<&IdedExpr>) -> Result<(), String> {
    let Some(Expr::Literal(LiteralValue::String(text))) = argument.map(|argument| &argument.expr) else {
        return Err("a regular expression has to be a literal".to_owned());
    };
    if text.inner().len() > LONGEST_PATTERN {
        return Err(format!("a regular expression is longer than {LONGEST_PATTERN} characters"));
    }
    let mut scope = cel::Context::default();
    scope.add_variable_from_value("pattern", text.inner());
    let tree = cel::parser::Parser::new()
        .parse("''.matches(pattern)")
        .map_err(|_| "it cannot be parsed".to_owned())?;
    cel::Value::resolve(&tree, &scope).map(drop).map_err(|error| model::escape_text(&error.to_string()))
}

fn unknown(name: &str, kinds: &[&Type]) -> String {
    let kinds: Vec<_> = kinds.iter().map(|kind| article(kind)).collect();
    let operator = name.trim_matches(['_', '@']).to_owned();
    let known = ["contains", "startsWith", "endsWith", "matches", "size"];
    if name.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !known.contains(&name) {
        return format!("there is no function {}; the reference of policies lists them", shown(name));
    }
    format!("{} cannot be used with {}", shown(&operator), kinds.join(" and "))
}

fn article(kind: &Type) -> &'static str {
    match kind {
        Type::Bool => "a boolean",
        Type::Int => "a number",
        Type::Text => "a text",
        Type::List(..) => "a list",
        Type::Map(_) => "labels",
        Type::Record(_) => "a finding or a gap",
        Type::Nothing => "nothing",
    }
}

fn list(fields: &[Field]) -> String {
    fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ")
}

fn shown(name: &str) -> String {
    model::escape_text(&name.chars().take(60).collect::<String>())
}
