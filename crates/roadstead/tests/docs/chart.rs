//! The chart of Helm, rendered without it. Templates keep to a few actions; anything else is an error here, so that what is
//! checked is what a cluster gets.

use crate::yaml;
use serde_json::{Value, json};
use std::path::Path;

/// All documents that the chart gives for these values, as the release `gate`.
pub(crate) fn render(chart: &Path, values: &Value) -> Result<Vec<Value>, String> {
    let mut names: Vec<_> =
        std::fs::read_dir(chart.join("templates")).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let mut documents = Vec::new();
    for path in names {
        let text = std::fs::read_to_string(&path).unwrap();
        let rendered = template(&text, &json!({ "Values": values, "Release": { "Name": "gate" } }));
        let read = rendered.and_then(|text| yaml::read(&text).map_err(|error| format!("{error} in\n{text}")));
        documents.extend(read.map_err(|why| format!("{}: {why}", path.display()))?);
    }
    documents.retain(|document| !document.is_null());
    Ok(documents)
}

/// One template. `{{- ` takes the blanks before it away, as Go's templates do.
fn template(text: &str, context: &Value) -> Result<String, String> {
    let mut out = String::new();
    // For each `if` that is open, whether what stands in it is written.
    let mut open: Vec<bool> = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (action, after) = after.split_once("}}").ok_or("an action is not closed")?;
        let (before, action) = match action.strip_prefix('-') {
            Some(action) => (before.trim_end(), action),
            None => (before, action),
        };
        if open.iter().all(|is| *is) {
            out.push_str(before);
        }
        let words: Vec<&str> = action.split_whitespace().collect();
        match words.as_slice() {
            ["if", path] => open.push(is_true(&find(context, path)?)),
            ["else"] => {
                let last = open.last_mut().ok_or("else without if")?;
                *last = !*last;
            }
            ["end"] => {
                open.pop().ok_or("end without if")?;
            }
            words if open.iter().all(|is| *is) => out.push_str(&value(words, context)?),
            _ => {}
        }
        rest = after;
    }
    if !open.is_empty() {
        return Err("an if is not closed".to_owned());
    }
    out.push_str(rest);
    Ok(out)
}

fn value(words: &[&str], context: &Value) -> Result<String, String> {
    match words {
        // JSON is YAML, on one line.
        ["toYaml", path, "|", "nindent", by] => indented(&find(context, path)?.to_string(), by),
        [path, "|", "nindent", by] => indented(&text(&find(context, path)?)?, by),
        [path] => text(&find(context, path)?),
        other => {
            Err(format!("{{{{ {} }}}} is no action that templates of this chart may have", other.join(" ")))
        }
    }
}

fn indented(text: &str, by: &str) -> Result<String, String> {
    let by: usize = by.parse().map_err(|_| format!("{by} is no number"))?;
    Ok(text.lines().map(|line| format!("\n{}{line}", " ".repeat(by))).collect())
}

fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(is) => Ok(is.to_string()),
        other => Err(format!("{other} is written without toYaml")),
    }
}

fn find(context: &Value, path: &str) -> Result<Value, String> {
    let path = path.strip_prefix('.').ok_or(format!("{path} begins with no dot"))?;
    let found = path.split('.').try_fold(context, |value, name| value.get(name));
    found.cloned().ok_or(format!("there is no {path} among the values"))
}

/// As Go's templates take a value for a condition.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is) => *is,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

#[test]
fn templates_are_rendered_as_helm_does() {
    fn check(text: &str, expect: Result<&str, &str>) {
        let context =
            json!({"Values": {"a": "x", "b": {"c": [1]}, "no": "", "t": "1\n2\n"}, "Release": {"Name": "r"}});
        match (template(text, &context), expect) {
            (Ok(found), Ok(expect)) => assert_eq!(found, expect, "{text}"),
            (Err(found), Err(expect)) => assert!(found.contains(expect), "{text}: {found}"),
            (found, expect) => panic!("{text}: {found:?} and not {expect:?}"),
        }
    }
    check("a: {{ .Values.a }}-{{ .Release.Name }}\n", Ok("a: x-r\n"));
    check("a:\n  {{- toYaml .Values.b | nindent 2 }}\n", Ok("a:\n  {\"c\":[1]}\n"));
    check("a: |\n  {{- .Values.t | nindent 2 }}\n", Ok("a: |\n  1\n  2\n"));
    check("a\n{{- if .Values.no }}\nb\n{{- else }}\nc\n{{- end }}\nd\n", Ok("a\nc\nd\n"));
    check("{{ .Values.gone }}", Err("no Values.gone"));
    check("{{ include \"x\" . }}", Err("no action"));
    check("{{- if .Values.a }}", Err("not closed"));
    check("{{ .Values.b }}", Err("without toYaml"));
}
