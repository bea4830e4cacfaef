//! The module `behavior`, by which rules ask what an image did in one run.
//!
//! Like `image` it is described by its fields and made from that description. Functions that take regular expressions
//! cannot be given to the engine from outside, so those that rules call are written out in [`crate::calls`].

use protobuf::descriptor::field_descriptor_proto::{Label, Type};
use protobuf::descriptor::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};
use protobuf::reflect::{FileDescriptor, MessageDescriptor, ReflectValueBox};
use protobuf::{MessageDyn, MessageField};
use serde::Deserialize;
use std::sync::LazyLock;
use yara_x::mods::prelude::{ModuleContext, ModuleError, RegisteredModule, inventory};

/// The name in `import "behavior"`.
pub(crate) const NAME: &str = "behavior";

/// One list of the module: its name, and what each of its entries says. The guide shows this.
pub(crate) const LISTS: &[(&str, &[(&str, Sort)])] = &[
    (
        "executed",
        &[
            ("program", Sort::Text),
            ("command", Sort::Text),
            ("origin", Sort::Text),
            ("parent", Sort::Text),
            ("user", Sort::Number),
        ],
    ),
    (
        "connected",
        &[
            ("host", Sort::Text),
            ("address", Sort::Text),
            ("port", Sort::Number),
            ("protocol", Sort::Text),
            ("program", Sort::Text),
            ("sent", Sort::Number),
            ("received", Sort::Number),
        ],
    ),
    ("resolved", &[("name", Sort::Text), ("answered", Sort::Truth)]),
    (
        "requested",
        &[
            ("method", Sort::Text),
            ("host", Sort::Text),
            ("target", Sort::Text),
            ("url", Sort::Text),
            ("agent", Sort::Text),
            ("body", Sort::Bytes),
        ],
    ),
    ("written", &[("path", Sort::Text), ("program", Sort::Text), ("left", Sort::Truth)]),
    ("accessed", &[("path", Sort::Text), ("program", Sort::Text), ("planted", Sort::Truth)]),
    ("called", &[("name", Sort::Text), ("text", Sort::Text), ("program", Sort::Text)]),
    ("said", &[("data", Sort::Bytes), ("host", Sort::Text), ("port", Sort::Number)]),
];

/// The sort of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Text,
    Bytes,
    Number,
    Truth,
}

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Value {
    Truth(bool),
    Number(i64),
    Text(String),
    /// Only from records: cases write bytes as texts.
    #[serde(skip)]
    Bytes(Vec<u8>),
}

/// One entry of a list: its fields by their names. What is not named is empty, zero or false.
pub(crate) type Entry = std::collections::BTreeMap<String, Value>;

/// What rules are told of one run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Answers {
    /// The run's name in the plan.
    pub(crate) run: String,
    /// Events that were lost.
    pub(crate) lost: i64,
    pub(crate) executed: Vec<Entry>,
    pub(crate) connected: Vec<Entry>,
    pub(crate) resolved: Vec<Entry>,
    pub(crate) requested: Vec<Entry>,
    pub(crate) written: Vec<Entry>,
    pub(crate) accessed: Vec<Entry>,
    pub(crate) called: Vec<Entry>,
    pub(crate) said: Vec<Entry>,
    /// Ids of what the product itself found in the runs.
    pub(crate) found: Vec<String>,
}

impl Answers {
    pub(crate) fn list(&self, name: &str) -> Option<&[Entry]> {
        Some(match name {
            "executed" => &self.executed,
            "connected" => &self.connected,
            "resolved" => &self.resolved,
            "requested" => &self.requested,
            "written" => &self.written,
            "accessed" => &self.accessed,
            "called" => &self.called,
            "said" => &self.said,
            _ => return None,
        })
    }

    /// The message that the engine takes; says which field is not one of the module's.
    pub(crate) fn message(&self) -> Result<Box<dyn MessageDyn>, String> {
        let described = DESCRIPTOR.as_ref().ok_or("the module behavior is not described")?;
        let field = |name: &str| described.field_by_name(name).ok_or(format!("there is no field {name}"));
        let mut message = described.new_instance();
        field("run")?.set_singular_field(&mut *message, ReflectValueBox::String(self.run.clone()));
        field("lost")?.set_singular_field(&mut *message, ReflectValueBox::I64(self.lost));
        {
            let found = field("found")?;
            let mut map = found.mut_map(&mut *message);
            for id in &self.found {
                map.insert(ReflectValueBox::String(id.clone()), ReflectValueBox::Bool(true));
            }
        }
        for (name, fields) in LISTS {
            let list = field(name)?;
            let described = FILE
                .as_ref()
                .and_then(|file| file.message_by_package_relative_name(&message_name(name)))
                .ok_or("the module behavior is not described")?;
            let mut repeated = list.mut_repeated(&mut *message);
            for entry in self.list(name).unwrap_or_default() {
                repeated.push(ReflectValueBox::Message(row(name, fields, entry, &described)?));
            }
        }
        Ok(message)
    }

    /// What the engine looks for strings in: everything that the guest said, each piece on lines of its own.
    pub(crate) fn said(&self) -> Vec<u8> {
        let mut all = Vec::new();
        for entry in &self.said {
            match entry.get("data") {
                Some(Value::Bytes(bytes)) => all.extend_from_slice(bytes),
                Some(Value::Text(text)) => all.extend_from_slice(text.as_bytes()),
                _ => {}
            }
            all.push(b'\n');
        }
        all
    }
}

/// One entry as a message. All of its fields are set, so that none is undefined to a rule.
fn row(
    list: &str,
    fields: &[(&str, Sort)],
    entry: &Entry,
    described: &MessageDescriptor,
) -> Result<Box<dyn MessageDyn>, String> {
    if let Some(name) = entry.keys().find(|name| !fields.iter().any(|(known, _)| known == name)) {
        return Err(format!("behavior.{list} has no field {}", model::escape_text(name)));
    }
    let mut message = described.new_instance();
    for (name, sort) in fields {
        let value = match (sort, entry.get(*name)) {
            (Sort::Text, Some(Value::Text(text))) => ReflectValueBox::String(text.clone()),
            (Sort::Text, None) => ReflectValueBox::String(String::new()),
            (Sort::Bytes, Some(Value::Text(text))) => ReflectValueBox::Bytes(text.clone().into_bytes()),
            (Sort::Bytes, Some(Value::Bytes(bytes))) => ReflectValueBox::Bytes(bytes.clone()),
            (Sort::Bytes, None) => ReflectValueBox::Bytes(Vec::new()),
            (Sort::Number, Some(Value::Number(number))) => ReflectValueBox::I64(*number),
            (Sort::Number, None) => ReflectValueBox::I64(0),
            (Sort::Truth, Some(Value::Truth(truth))) => ReflectValueBox::Bool(*truth),
            (Sort::Truth, None) => ReflectValueBox::Bool(false),
            _ => return Err(format!("behavior.{list} has another sort of {name}")),
        };
        let field = described.field_by_name(name).ok_or(format!("there is no field {name}"))?;
        field.set_singular_field(&mut *message, value);
    }
    Ok(message)
}

struct Behavior;

impl RegisteredModule for Behavior {
    fn name(&self) -> &'static str {
        NAME
    }

    #[expect(clippy::expect_used, reason = "the description is a constant of this file, and a test reads it")]
    fn root_descriptor(&self) -> MessageDescriptor {
        DESCRIPTOR.clone().expect("the module is described")
    }

    fn main_fn<'a>(
        &self,
        _context: &mut ModuleContext<'a>,
        _data: &'a [u8],
    ) -> Option<Result<Box<dyn MessageDyn>, ModuleError>> {
        // What was done depends on the record and not on the bytes, so it is always given from outside.
        None
    }

    fn rust_module_name(&self) -> Option<&'static str> {
        None
    }
}

inventory::submit! { &Behavior as &dyn RegisteredModule }

static DESCRIPTOR: LazyLock<Option<MessageDescriptor>> =
    LazyLock::new(|| FILE.as_ref()?.message_by_package_relative_name("Behavior"));

static FILE: LazyLock<Option<FileDescriptor>> = LazyLock::new(|| {
    let mut root = DescriptorProto {
        name: Some("Behavior".to_owned()),
        field: vec![
            field("run", 1, Label::LABEL_OPTIONAL, Type::TYPE_STRING),
            field("lost", 2, Label::LABEL_OPTIONAL, Type::TYPE_INT64),
            of_message("found", 3, ".roadstead.Behavior.FoundEntry"),
        ],
        nested_type: vec![crate::image_module::truths("FoundEntry")],
        ..DescriptorProto::default()
    };
    let mut messages = Vec::new();
    for ((name, fields), number) in LISTS.iter().zip(4..) {
        let sorted = fields.iter().zip(1..).map(|((name, sort), number)| {
            let kind = match sort {
                Sort::Text => Type::TYPE_STRING,
                Sort::Bytes => Type::TYPE_BYTES,
                Sort::Number => Type::TYPE_INT64,
                Sort::Truth => Type::TYPE_BOOL,
            };
            field(name, number, Label::LABEL_OPTIONAL, kind)
        });
        messages.push(DescriptorProto {
            name: Some(message_name(name)),
            field: sorted.collect(),
            ..DescriptorProto::default()
        });
        root.field.push(of_message(name, number, &format!(".roadstead.{}", message_name(name))));
    }
    messages.push(root);
    let file = FileDescriptorProto {
        name: Some("roadstead/behavior.proto".to_owned()),
        package: Some("roadstead".to_owned()),
        message_type: messages,
        options: MessageField::none(),
        syntax: Some("proto2".to_owned()),
        ..FileDescriptorProto::default()
    };
    FileDescriptor::new_dynamic(file, &[]).ok()
});

fn message_name(list: &str) -> String {
    format!("Of_{list}")
}

fn of_message(name: &str, number: i32, kind: &str) -> FieldDescriptorProto {
    let described = field(name, number, Label::LABEL_REPEATED, Type::TYPE_MESSAGE);
    FieldDescriptorProto { type_name: Some(kind.to_owned()), ..described }
}

fn field(name: &str, number: i32, label: Label, kind: Type) -> FieldDescriptorProto {
    crate::image_module::field(name, number, label, kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers() -> Answers {
        toml::from_str(
            r#"
            run = "as configured"
            lost = 2
            found = ["D-DLX-FETCHEXEC"]
            executed = [{ program = "/bin/sh", command = "sh -c id", origin = "image", user = 7 }]
            connected = [{ host = "a.example", port = 443, sent = 12 }, { host = "192.0.2.1", port = 22 }]
            resolved = [{ name = "a.example", answered = true }]
            requested = [{ method = "GET", host = "a.example", target = "/x?y", agent = "curl/8" }]
            written = [{ path = "/etc/cron.d/x", left = true }]
            accessed = [{ path = "/root/.aws/credentials", planted = true }]
            called = [{ name = "memfd_create", text = "x" }]
            said = [{ data = "CONFIG SET dir /root", port = 6379 }]
            "#,
        )
        .unwrap()
    }

    fn check(condition: &str, expect: bool) {
        let source = format!("import \"behavior\" rule x {{ condition: {condition} }}");
        let rules = yara_x::compile(source.as_str()).unwrap();
        let mut scanner = yara_x::Scanner::new(&rules);
        scanner.set_module_output(answers().message().unwrap()).unwrap();
        let holds = scanner.scan(b"").unwrap().matching_rules().len() == 1;
        assert_eq!(holds, expect, "{condition}");
    }

    #[test]
    fn rules_ask_every_list() {
        check("behavior.run == \"as configured\" and behavior.lost == 2", true);
        check("for any e in behavior.executed : (e.command matches /sh -c/ and e.user == 7)", true);
        check("for any e in behavior.executed : (e.command matches /perl/)", false);
        check("for any c in behavior.connected : (c.host endswith \".example\" and c.port == 443)", true);
        check("for any c in behavior.connected : (c.host endswith \".example\" and c.port == 22)", false);
        check("behavior.connected.len() == 2 and behavior.resolved.len() == 1", true);
        check("for all n in behavior.resolved : (n.answered)", true);
        check("for any r in behavior.requested : (r.method == \"GET\" and r.target matches /\\?y$/)", true);
        check("for any w in behavior.written : (w.path matches /cron/ and w.left)", true);
        check("for any a in behavior.accessed : (a.planted)", true);
        check("for any c in behavior.called : (c.name == \"memfd_create\" and c.text == \"x\")", true);
        check("for any s in behavior.said : (s.data matches /CONFIG SET/ and s.host == \"\")", true);
        check("behavior.found[\"D-DLX-FETCHEXEC\"]", true);
        check("behavior.found[\"D-MIN-SUBMIT\"]", false);
        check("not defined behavior.found[\"D-MIN-SUBMIT\"]", true);
    }

    #[test]
    fn lists_and_answers_say_the_same() {
        let answers = answers();
        for (name, fields) in LISTS {
            assert!(!answers.list(name).unwrap().is_empty() && !fields.is_empty(), "{name}");
        }
        assert_eq!(answers.said(), b"CONFIG SET dir /root\n");
    }

    #[test]
    fn what_the_module_has_not_is_said() {
        let check = |text: &str, expect: &str| {
            let answers: Answers = toml::from_str(text).unwrap();
            assert_eq!(answers.message().unwrap_err(), expect);
        };
        check("executed = [{ prog = \"x\" }]", "behavior.executed has no field prog");
        check("executed = [{ user = \"x\" }]", "behavior.executed has another sort of user");
    }
}
