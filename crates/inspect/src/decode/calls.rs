//! What the functions mean that decode, join or run texts. They are known by their last name: modules and
//! functions are given other names in one line, and no program has another `b64decode` that encodes.

use super::bytes::Bytes;
use super::expression::{Scan, number};
use super::value::{Data, Value};
use super::{MIN_TEXT, Runner, StepKind, alphabets, gate};
use std::borrow::Cow;
use std::rc::Rc;

/// Whether a word calls what follows it without parentheses, in Perl, Ruby, PHP and old Python.
pub(super) fn takes_bare_argument(name: &[u8]) -> bool {
    matches!(
        name,
        b"eval" | b"exec" | b"system" | b"pack" | b"unpack" | b"decode_base64" | b"reverse" | b"scalar"
    )
}

/// The value of a call. What is run is found here.
pub(super) fn call<'t>(
    scan: &mut Scan<'t, '_>,
    function: Value<'t>,
    receiver: Option<Value<'t>>,
    mut values: Vec<Value<'t>>,
) -> Value<'t> {
    let (base, name) = match function {
        Value::Lambda(parameter, body) => {
            let argument = if values.is_empty() { Value::Unknown } else { values.swap_remove(0) };
            return scan.apply(parameter, body, argument);
        }
        Value::Name(base, name) => (base, name),
        _ => {
            values.iter().for_each(|value| scan.sink(value));
            return Value::Unknown;
        }
    };
    if let Some(runner) = runner(scan, &base, &name, &values) {
        run(scan, runner, &name, &values);
        return Value::Unknown;
    }
    let receiver_is_data =
        receiver.as_ref().is_some_and(|value| !matches!(value, Value::Name(..) | Value::Unknown));
    if receiver_is_data && let Some(receiver) = &receiver {
        if let Some(value) = method(scan, &name, receiver, &values) {
            return value;
        }
        values.insert(0, receiver.clone());
    }
    match decoder(scan, &base, &name, &values) {
        Some(value) => value,
        None => {
            values.iter().for_each(|value| scan.sink(value));
            Value::Unknown
        }
    }
}

/// What this function runs its argument with.
fn runner(scan: &Scan<'_, '_>, base: &[u8], name: &[u8], values: &[Value<'_>]) -> Option<Runner> {
    let language = scan.language;
    let builtin = base.is_empty()
        || matches!(
            base,
            b"builtins" | b"__builtins__" | b"__builtin__" | b"window" | b"globalThis" | b"self" | b"global"
        );
    Some(match name {
        b"exec" | b"execSync" if language == Some(Runner::JavaScript) => {
            return (name == b"execSync" || base == b"child_process" || base.is_empty())
                .then_some(Runner::Shell);
        }
        b"exec" if builtin && language == Some(Runner::Php) => Runner::Shell,
        b"exec" if builtin => {
            language.filter(|&language| language != Runner::Shell).unwrap_or(Runner::Python)
        }
        b"eval" | b"execScript" if builtin => language.unwrap_or(Runner::JavaScript),
        b"Function" | b"runInThisContext" | b"runInNewContext" | b"runInContext" | b"_compile" => {
            Runner::JavaScript
        }
        b"setTimeout" | b"setInterval" if matches!(values.first(), Some(Value::Data(_))) => {
            Runner::JavaScript
        }
        b"assert" | b"create_function" if language == Some(Runner::Php) => Runner::Php,
        b"instance_eval" | b"class_eval" | b"module_eval" => Runner::Ruby,
        b"system" | b"popen" | b"getoutput" | b"getstatusoutput" | b"check_output" | b"check_call"
        | b"Popen" | b"shell_exec" | b"passthru" | b"proc_open" => Runner::Shell,
        b"run" | b"call" if base == b"subprocess" => Runner::Shell,
        _ => return None,
    })
}

fn run<'t>(scan: &mut Scan<'t, '_>, runner: Runner, name: &[u8], values: &[Value<'t>]) {
    // A list is a command: what follows `-c` is its program.
    if let Some(Value::Parts(parts)) = values.first()
        && runner == Runner::Shell
    {
        let program = parts.iter().position(|part| matches!(part.bytes.as_slice(), b"-c" | b"-e"));
        let Some(code) = program.and_then(|at| parts.get(at + 1)) else { return };
        let runner = parts.first().and_then(|part| super::shell::interpreter(&part.bytes));
        return found(scan, code.clone(), runner.unwrap_or(Runner::Python));
    }
    let code = if name == b"create_function" || name == b"Function" { values.last() } else { values.first() };
    let Some(data) = code.and_then(|value| value.data(scan.budget)) else {
        return values.iter().for_each(|value| scan.sink(value));
    };
    found(scan, data, runner);
}

fn found<'t>(scan: &mut Scan<'t, '_>, data: Data<'t>, runner: Runner) {
    if !data.steps.is_empty() {
        scan.find(data, Some(runner));
    } else if data.bytes.len() >= MIN_TEXT
        && gate::hints(&data.bytes).any()
        && let Some(data) = data.decode(StepKind::Text, scan.budget)
    {
        scan.find(data, Some(runner));
    }
}

/// Methods of a text or a list; none where the name means the same as a function.
fn method<'t>(
    scan: &mut Scan<'t, '_>,
    name: &[u8],
    receiver: &Value<'t>,
    values: &[Value<'t>],
) -> Option<Value<'t>> {
    let text = |index: usize| match values.get(index) {
        Some(Value::Data(data)) => Some(data.bytes.clone()),
        _ => None,
    };
    Some(match name {
        b"decode" | b"encode" => match text(0) {
            Some(codec) => codecs(scan, &codec, receiver).unwrap_or_else(|| receiver.clone()),
            None => receiver.clone(),
        },
        b"toString" | b"strip" | b"rstrip" | b"lstrip" | b"trim" | b"read" | b"getvalue" | b"tobytes"
        | b"to_s" | b"valueOf" | b"chomp" | b"first" | b"slice" | b"copy" => receiver.clone(),
        b"reverse" => step(scan, StepKind::Reverse, receiver)?,
        b"split" => match (receiver, text(0)) {
            (Value::Data(data), Some(mark)) if !mark.is_empty() => split(scan, data, &mark),
            _ => receiver.clone(),
        },
        b"join" => {
            // Python joins with the receiver, JavaScript and Ruby join it.
            let python = match (receiver, values.first()) {
                (Value::Data(mark), Some(_)) => mark.steps.is_empty() && mark.bytes.len() < 8,
                _ => false,
            };
            let parts = if python { values.first()? } else { receiver };
            match parts.data(scan.budget) {
                Some(data) => Value::Data(data),
                None => Value::Unknown,
            }
        }
        b"replace" | b"replaceAll" | b"gsub" | b"tr" => {
            let (Value::Data(data), Some(from), Some(to)) = (receiver, text(0), text(1)) else {
                return Some(Value::Unknown);
            };
            replace(scan, data, &from, &to)
        }
        b"map" => match values.first() {
            Some(Value::Lambda(_, body)) => {
                let element = scan.text.get(*body..(*body + 96).min(scan.text.len())).unwrap_or_default();
                let end = element.iter().position(|byte| b";\n".contains(byte)).unwrap_or(element.len());
                scan.each(element.get(..end).unwrap_or_default(), receiver)
            }
            _ => receiver.clone(),
        },
        b"unpack" | b"unpack1" | b"pack" => unpack(scan, &text(0)?, receiver)?,
        _ => return None,
    })
}

/// Functions from a text to a text.
fn decoder<'t>(scan: &mut Scan<'t, '_>, base: &[u8], name: &[u8], values: &[Value<'t>]) -> Option<Value<'t>> {
    let first = values.first()?;
    let text = |index: usize| match values.get(index) {
        Some(Value::Data(data)) => Some(data.bytes.clone()),
        _ => None,
    };
    let kind = match name {
        b"b64decode"
        | b"urlsafe_b64decode"
        | b"standard_b64decode"
        | b"decodestring"
        | b"decodebytes"
        | b"a2b_base64"
        | b"base64_decode"
        | b"decode_base64"
        | b"decode64"
        | b"strict_decode64"
        | b"urlsafe_decode64"
        | b"atob"
        | b"debase64" => StepKind::Base64,
        b"b32decode" => StepKind::Base32,
        b"b85decode" => StepKind::Base85,
        b"a85decode" => StepKind::Ascii85,
        b"unhexlify" | b"a2b_hex" | b"fromhex" | b"hex2bin" | b"b16decode" => StepKind::Hex,
        b"str_rot13" => StepKind::Rot13,
        b"strrev" | b"reverse" | b"reversed" => StepKind::Reverse,
        b"decompress" | b"inflateSync" | b"inflate" | b"unzipSync" | b"gzuncompress" | b"gunzip"
        | b"gunzipSync" | b"gzdecode" | b"inflateRawSync" | b"gzinflate" | b"bzdecompress" | b"memGunzip"
        | b"uncompress" | b"zlib_decode" => {
            let expect = match (base, name) {
                (b"gzip", _) | (_, b"gunzip" | b"gunzipSync" | b"gzdecode") => Some(StepKind::Gzip),
                (b"bz2", _) | (_, b"bzdecompress") => Some(StepKind::Bzip2),
                (b"lzma", _) => Some(StepKind::Lzma),
                _ => None,
            };
            let data = first.data(scan.budget)?;
            return data.inflate(expect, scan.budget).map(Value::Data);
        }
        b"loads" | b"load" if base == b"marshal" || base.is_empty() => StepKind::Marshal,
        b"chr" | b"unichr" | b"fromCharCode" | b"fromCodePoint" => {
            let codes = match values {
                [Value::Codes(codes, at)] => {
                    return Value::Codes(codes.clone(), *at).data(scan.budget).map(Value::Data);
                }
                values => values
                    .iter()
                    .map(|value| value.int().and_then(|code| u32::try_from(code).ok()))
                    .collect::<Option<Vec<_>>>()?,
            };
            return Value::Codes(Rc::new(codes), scan.position()).data(scan.budget).map(Value::Data);
        }
        b"ord" => return first.int().map(Value::Int),
        b"int" | b"parseInt" => {
            return text(0).and_then(|text| number(text.trim_ascii())).or(first.int()).map(Value::Int);
        }
        b"from" if base == b"Buffer" || base.is_empty() => return buffer(scan, first, text(1)),
        b"Buffer" | b"toString" => return buffer(scan, first, text(1)),
        b"decode" | b"getdecoder" if text(1).is_some() => return codecs(scan, &text(1)?, first),
        b"unescape" | b"decodeURIComponent" => {
            let data = first.data(scan.budget)?;
            return Some(Value::Data(percent(scan, &data)));
        }
        b"pack" | b"unpack" => return unpack(scan, &text(0)?, values.get(1)?),
        b"getattr" => return Some(Value::Name(Cow::Borrowed(b"builtins"), Cow::Owned(text(1)?.to_vec()))),
        b"__import__" | b"import_module" | b"require" => {
            let name = text(0)?.to_vec();
            return Some(Value::Name(Cow::Borrowed(b""), Cow::Owned(name)));
        }
        b"map" => return Some(values.get(1)?.clone()),
        b"join" | b"implode" => return values.last()?.data(scan.budget).map(Value::Data),
        b"compile" | b"str" | b"bytes" | b"bytearray" | b"list" | b"tuple" | b"memoryview" | b"String"
        | b"BytesIO" | b"StringIO" | b"Uint8Array" | b"scalar" | b"FunctionType" | b"apply"
        | b"fromArray" => {
            return Some(first.clone());
        }
        _ => return None,
    };
    if kind == StepKind::Marshal
        && !first.data(scan.budget).is_some_and(|data| super::marshal::is_code(&data.bytes))
    {
        return None;
    }
    step(scan, kind, first)
}

fn step<'t>(scan: &mut Scan<'t, '_>, kind: StepKind, value: &Value<'t>) -> Option<Value<'t>> {
    let data = value.data(scan.budget)?;
    data.decode(kind, scan.budget).map(Value::Data)
}

/// `Buffer.from(text, "base64")`, and `buffer.toString(…)`, which has no second argument.
fn buffer<'t>(scan: &mut Scan<'t, '_>, value: &Value<'t>, encoding: Option<Bytes<'t>>) -> Option<Value<'t>> {
    match encoding.as_deref() {
        Some(b"base64" | b"base64url") => step(scan, StepKind::Base64, value),
        Some(b"hex") => step(scan, StepKind::Hex, value),
        _ => value.data(scan.budget).map(Value::Data),
    }
}

/// Python's codecs by name.
fn codecs<'t>(scan: &mut Scan<'t, '_>, codec: &[u8], value: &Value<'t>) -> Option<Value<'t>> {
    let name = codec.to_ascii_lowercase();
    let name = name.strip_suffix(b"_codec").unwrap_or(&name);
    match name {
        b"base64" | b"base_64" => step(scan, StepKind::Base64, value),
        b"hex" => step(scan, StepKind::Hex, value),
        b"rot13" | b"rot_13" | b"rot-13" => step(scan, StepKind::Rot13, value),
        b"unicode_escape" | b"string_escape" => step(scan, StepKind::Escapes, value),
        b"zlib" | b"zip" => value.data(scan.budget)?.inflate(None, scan.budget).map(Value::Data),
        b"bz2" => step(scan, StepKind::Bzip2, value),
        _ => None,
    }
}

/// Perl's, PHP's and Ruby's templates that turn hexadecimal digits, base64 or numbers into bytes.
fn unpack<'t>(scan: &mut Scan<'t, '_>, template: &[u8], value: &Value<'t>) -> Option<Value<'t>> {
    match template.trim_ascii().first()? {
        b'H' => step(scan, StepKind::Hex, value),
        b'm' => step(scan, StepKind::Base64, value),
        b'C' | b'c' | b'U' | b'W' | b'a' | b'A' => value.data(scan.budget).map(Value::Data),
        _ => None,
    }
}

fn percent<'t>(scan: &mut Scan<'t, '_>, data: &Data<'t>) -> Data<'t> {
    let mut out = Vec::with_capacity(data.bytes.len());
    let mut rest = data.bytes.as_slice();
    let mut count = 0;
    while let [byte, tail @ ..] = rest {
        let digits = tail.get(..2).and_then(alphabets::hex).filter(|_| *byte == b'%');
        match digits.as_deref() {
            Some([value]) => {
                out.push(*value);
                count += 1;
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
    match count * 6 >= data.bytes.len() && count >= 8 {
        true => data.stepped(StepKind::Escapes, out, scan.budget).unwrap_or_else(|| data.clone()),
        false => Data { bytes: out.into(), ..data.clone() },
    }
}

fn replace<'t>(scan: &mut Scan<'t, '_>, data: &Data<'t>, from: &[u8], to: &[u8]) -> Value<'t> {
    // A replacement may be longer than what it replaces, so the result is measured first.
    let count = if from.is_empty() { 0 } else { memchr::memmem::find_iter(&data.bytes, from).count() };
    let size = data.bytes.len().saturating_add(count.saturating_mul(to.len()));
    if count == 0 || !scan.budget.work(size) {
        return Value::Data(data.clone());
    }
    let mut out = Vec::with_capacity(size);
    let mut last = 0;
    for at in memchr::memmem::find_iter(&data.bytes, from) {
        out.extend_from_slice(data.bytes.get(last..at).unwrap_or_default());
        out.extend_from_slice(to);
        last = at + from.len();
    }
    out.extend_from_slice(data.bytes.get(last..).unwrap_or_default());
    Value::Data(Data { bytes: out.into(), ..data.clone() })
}

fn split<'t>(scan: &mut Scan<'t, '_>, data: &Data<'t>, mark: &[u8]) -> Value<'t> {
    const MOST: usize = 1 << 16;
    let mut parts = Vec::new();
    let mut last = 0;
    for at in memchr::memmem::find_iter(&data.bytes, mark).chain([data.bytes.len()]).take(MOST) {
        let part = data.bytes.get(last..at).unwrap_or_default();
        parts.push(Data { bytes: part.to_vec().into(), ..data.clone() });
        last = at + mark.len();
    }
    if !scan.budget.work(data.bytes.len() + parts.len() * 64) {
        return Value::Unknown;
    }
    Value::Parts(Rc::new(parts))
}

/// A list of texts that are all numbers, as these numbers.
pub(super) fn numbers<'t>(parts: &Rc<Vec<Data<'t>>>) -> Value<'t> {
    let codes: Option<Vec<u32>> = parts
        .iter()
        .map(|part| number(part.bytes.trim_ascii()).and_then(|value| u32::try_from(value).ok()))
        .collect();
    let at = parts.first().map_or(0, |part| part.at);
    match codes {
        Some(codes) => Value::Codes(Rc::new(codes), at),
        None => Value::Parts(parts.clone()),
    }
}
