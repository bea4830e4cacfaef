//! The module `image`, by which rules ask where a file lies and what the image starts.
//!
//! It is described here by its fields and made from that description when the program starts, so that no generator
//! and no generated code is needed.

use protobuf::descriptor::field_descriptor_proto::{Label, Type};
use protobuf::descriptor::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto, MessageOptions};
use protobuf::reflect::{FileDescriptor, MessageDescriptor, ReflectValueBox};
use protobuf::{MessageDyn, MessageField};
use std::sync::LazyLock;
use yara_x::mods::prelude::{ModuleContext, ModuleError, RegisteredModule, inventory};

/// The name in `import "image"`.
pub(crate) const NAME: &str = "image";

/// What rules can ask, with the sort of the answer and what it means. The guide shows this list.
pub(crate) const FIELDS: &[(&str, Sort, &str)] = &[
    ("path", Sort::Text, "path of the file, with a leading slash"),
    ("layer", Sort::Number, "the layer that brought it, the first is 0"),
    ("mode", Sort::Number, "its permission bits, such as 0o755"),
    ("uid", Sort::Number, "its owner"),
    ("size", Sort::Number, "its size in bytes"),
    ("live", Sort::Truth, "whether it is still there in the final tree"),
    ("executable", Sort::Truth, "whether its mode, its head or its first line make it something that runs"),
    ("owned", Sort::Truth, "whether a package of the image claims it"),
    ("package", Sort::Text, "the package that claims it"),
    ("reached", Sort::Truth, "whether the start of the image certainly leads to it"),
    ("started", Sort::Truth, "whether anything leads to it that starts by itself, seen to start or not"),
    ("how", Sort::Text, "how it is reached, in words"),
    ("decoded", Sort::Truth, "whether a rule held for something decoded out of it"),
    ("hit", Sort::Hits, "whether a rule about content holds for the file, by its name"),
    ("user", Sort::Text, "the user that the image runs as"),
    ("entry", Sort::Texts, "words of ENTRYPOINT"),
    ("cmd", Sort::Texts, "words of CMD"),
    ("env", Sort::Texts, "variables, as NAME=value"),
];

/// The sort of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Text,
    Number,
    Truth,
    Texts,
    Hits,
}

/// What one file is told of itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answers {
    pub(crate) path: String,
    pub(crate) layer: i64,
    pub(crate) mode: i64,
    pub(crate) uid: i64,
    pub(crate) size: i64,
    pub(crate) live: bool,
    pub(crate) executable: bool,
    pub(crate) owned: bool,
    pub(crate) package: String,
    pub(crate) reached: bool,
    pub(crate) started: bool,
    pub(crate) how: String,
    pub(crate) decoded: bool,
    pub(crate) hits: Vec<String>,
    pub(crate) user: String,
    pub(crate) entry: Vec<String>,
    pub(crate) cmd: Vec<String>,
    pub(crate) env: Vec<String>,
}

impl Answers {
    /// The message that the engine takes.
    pub(crate) fn message(&self) -> Option<Box<dyn MessageDyn>> {
        let described = DESCRIPTOR.as_ref()?;
        let mut message = described.new_instance();
        for (name, sort, _) in FIELDS {
            let field = described.field_by_name(name)?;
            match (sort, self.value(name)?) {
                (Sort::Text | Sort::Number | Sort::Truth, Value::One(value)) => {
                    field.set_singular_field(&mut *message, value);
                }
                (Sort::Texts, Value::Many(texts)) => {
                    let mut repeated = field.mut_repeated(&mut *message);
                    for text in texts {
                        repeated.push(ReflectValueBox::String(text.clone()));
                    }
                }
                (Sort::Hits, Value::Many(names)) => {
                    let mut map = field.mut_map(&mut *message);
                    for name in names {
                        map.insert(ReflectValueBox::String(name.clone()), ReflectValueBox::Bool(true));
                    }
                }
                _ => return None,
            }
        }
        Some(message)
    }

    fn value(&self, name: &str) -> Option<Value<'_>> {
        let text = |text: &str| Value::One(ReflectValueBox::String(text.to_owned()));
        let number = |number| Value::One(ReflectValueBox::I64(number));
        let truth = |truth| Value::One(ReflectValueBox::Bool(truth));
        Some(match name {
            "path" => text(&self.path),
            "layer" => number(self.layer),
            "mode" => number(self.mode),
            "uid" => number(self.uid),
            "size" => number(self.size),
            "live" => truth(self.live),
            "executable" => truth(self.executable),
            "owned" => truth(self.owned),
            "package" => text(&self.package),
            "reached" => truth(self.reached),
            "started" => truth(self.started),
            "how" => text(&self.how),
            "decoded" => truth(self.decoded),
            "hit" => Value::Many(&self.hits),
            "user" => text(&self.user),
            "entry" => Value::Many(&self.entry),
            "cmd" => Value::Many(&self.cmd),
            "env" => Value::Many(&self.env),
            _ => return None,
        })
    }
}

enum Value<'a> {
    One(ReflectValueBox),
    Many(&'a [String]),
}

struct Image;

impl RegisteredModule for Image {
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
        // What it says depends on more than the bytes, so it is always given from outside.
        None
    }

    fn rust_module_name(&self) -> Option<&'static str> {
        None
    }
}

inventory::submit! { &Image as &dyn RegisteredModule }

static DESCRIPTOR: LazyLock<Option<MessageDescriptor>> = LazyLock::new(|| {
    let mut root = DescriptorProto { name: Some("Image".to_owned()), ..DescriptorProto::default() };
    for ((name, sort, _), number) in FIELDS.iter().zip(1..) {
        let label = if matches!(sort, Sort::Texts | Sort::Hits) {
            Label::LABEL_REPEATED
        } else {
            Label::LABEL_OPTIONAL
        };
        let kind = match sort {
            Sort::Text | Sort::Texts => Type::TYPE_STRING,
            Sort::Number => Type::TYPE_INT64,
            Sort::Truth => Type::TYPE_BOOL,
            Sort::Hits => Type::TYPE_MESSAGE,
        };
        let mut described = field(name, number, label, kind);
        if *sort == Sort::Hits {
            described.type_name = Some(".roadstead.Image.HitEntry".to_owned());
            root.nested_type.push(truths("HitEntry"));
        }
        root.field.push(described);
    }
    let file = FileDescriptorProto {
        name: Some("roadstead/image.proto".to_owned()),
        package: Some("roadstead".to_owned()),
        message_type: vec![root],
        syntax: Some("proto2".to_owned()),
        ..FileDescriptorProto::default()
    };
    let file = FileDescriptor::new_dynamic(file, &[]).ok()?;
    file.message_by_package_relative_name("Image")
});

/// What a map from names to truths is made of.
pub(crate) fn truths(name: &str) -> DescriptorProto {
    let mut options = MessageOptions::default();
    options.set_map_entry(true);
    DescriptorProto {
        name: Some(name.to_owned()),
        field: vec![
            field("key", 1, Label::LABEL_OPTIONAL, Type::TYPE_STRING),
            field("value", 2, Label::LABEL_OPTIONAL, Type::TYPE_BOOL),
        ],
        options: MessageField::some(options),
        ..DescriptorProto::default()
    }
}

pub(crate) fn field(name: &str, number: i32, label: Label, kind: Type) -> FieldDescriptorProto {
    FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(label.into()),
        type_: Some(kind.into()),
        json_name: Some(name.to_owned()),
        ..FieldDescriptorProto::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answers: &Answers, condition: &str, expect: bool) {
        let source = format!("import \"image\" rule x {{ condition: {condition} }}");
        let rules = yara_x::compile(source.as_str()).unwrap();
        let mut scanner = yara_x::Scanner::new(&rules);
        scanner.set_module_output(answers.message().unwrap()).unwrap();
        let holds = scanner.scan(b"").unwrap().matching_rules().len() == 1;
        assert_eq!(holds, expect, "{condition}");
    }

    #[test]
    fn rules_ask_every_field() {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        let answers = Answers {
            path: "/opt/x".to_owned(),
            layer: 2,
            mode: 0o755,
            uid: 7,
            size: 9,
            live: true,
            executable: true,
            owned: false,
            package: "p".to_owned(),
            reached: true,
            started: true,
            how: "ENTRYPOINT /opt/x".to_owned(),
            decoded: false,
            hits: texts(&["A", "B"]),
            user: "root".to_owned(),
            entry: texts(&["/opt/x", "-v"]),
            cmd: texts(&[]),
            env: texts(&["A=b"]),
        };
        let check = |condition: &str, expect| check(&answers, condition, expect);
        check("image.path == \"/opt/x\" and image.path startswith \"/opt/\"", true);
        check("image.layer == 2 and image.mode & 0o111 != 0 and image.uid == 7 and image.size == 9", true);
        check("image.live and image.executable and image.reached and image.started", true);
        check("image.owned or image.decoded", false);
        check("image.package == \"p\" and image.user == \"root\" and image.how contains \"ENTRY\"", true);
        check("image.hit[\"A\"] and image.hit[\"B\"]", true);
        check("image.hit[\"C\"]", false);
        check("not image.hit[\"C\"]", false);
        check("not defined image.hit[\"C\"]", true);
        check("for any word in image.entry : (word == \"-v\")", true);
        check("for any word in image.cmd : (word == \"-v\")", false);
        check("for any word in image.env : (word startswith \"A=\")", true);
        for (name, ..) in FIELDS {
            assert!(answers.value(name).is_some(), "{name}");
        }
    }
}
