mod hostile;

use super::*;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use std::io::Write as _;

const PLAIN: &str = "print('the payload that stands at the end of all rounds')\n";

/// What is found in a text: the steps of each stage, what runs it, and whether its bytes are the payload.
fn check(text: impl AsRef<[u8]>, expect: &[(&str, Option<Runner>)]) {
    let text = text.as_ref();
    let decoded = stages(text);
    let got: Vec<_> = decoded
        .stages
        .iter()
        .map(|stage| {
            let steps: Vec<_> = stage.steps.iter().map(|step| step.kind.name()).collect();
            let ends = if stage.bytes == PLAIN.as_bytes() { "" } else { " …" };
            (steps.join(" ") + ends, stage.runner)
        })
        .collect();
    let expect: Vec<_> = expect.iter().map(|(steps, runner)| ((*steps).to_owned(), *runner)).collect();
    assert_eq!(got, expect, "{}", text.escape_ascii());
    assert_eq!(decoded.limits, [], "{}", text.escape_ascii());
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.as_ref().chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for place in 0..4 {
            let value = (bits >> (18 - 6 * place)) & 63;
            out.push(if place <= chunk.len() { ALPHABET[value as usize] as char } else { '=' });
        }
    }
    out
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn escaped(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("\\x{byte:02x}")).collect()
}

fn codes(bytes: impl AsRef<[u8]>) -> String {
    let codes: Vec<_> = bytes.as_ref().iter().map(u8::to_string).collect();
    codes.join(",")
}

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

fn five(bytes: impl AsRef<[u8]>, digit: impl Fn(u32) -> u8) -> String {
    let mut out = String::new();
    for chunk in bytes.as_ref().chunks(4) {
        let mut group = [0; 4];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes(group);
        let digits = (0..5).rev().map(|place| digit(bits / 85_u32.pow(place) % 85) as char);
        out.extend(digits.take(chunk.len() + 1));
    }
    out
}

fn b85(bytes: impl AsRef<[u8]>) -> String {
    const ALPHABET: &[u8; 85] =
        b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
    five(bytes, |digit| ALPHABET[digit as usize])
}

fn gzip(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes.as_ref()).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes.as_ref()).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes.as_ref()).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut writer = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
    writer.write_all(bytes.as_ref()).unwrap();
    writer.finish().unwrap()
}

const PYTHON: Option<Runner> = Some(Runner::Python);
const SHELL: Option<Runner> = Some(Runner::Shell);
const JAVASCRIPT: Option<Runner> = Some(Runner::JavaScript);

#[test]
fn python_is_decoded() {
    let p = b64(PLAIN);
    check(format!("import base64\nexec(base64.b64decode('{p}'))"), &[("base64", PYTHON)]);
    check(format!("exec(__import__('base64').b64decode(b\"{p}\").decode('utf-8'))"), &[("base64", PYTHON)]);
    check(format!("import base64 as q\nx = '{p}'\ny = q.b64decode(x)\nexec(y)"), &[("base64", PYTHON)]);
    check(
        format!("from base64 import b64decode as d\neval(compile(d('''{p}'''), '<s>', 'exec'))"),
        &[("base64", PYTHON)],
    );
    let (front, back) = p.split_at(20);
    check(format!("import base64\nexec(base64.b64decode('{front}' + '{back}'))"), &[("base64", PYTHON)]);
    check(
        format!("import base64\nexec(base64.b64decode(\n  '{front}'\n  b'{back}'))"),
        &[("base64", PYTHON)],
    );
    check(
        format!("import base64\nx = '{front}'\nx += '{back}'\nexec(base64.b64decode(x))"),
        &[("base64", PYTHON)],
    );
    let z = b64(zlib(PLAIN));
    check(
        format!("import zlib,base64\nexec(zlib.decompress(base64.b64decode('{z}')))"),
        &[("base64 zlib", PYTHON)],
    );
    let lambda =
        "_ = lambda __ : __import__('zlib').decompress(__import__('base64').b64decode(__[::-1]));exec((_)(b'";
    check(format!("{lambda}{}'))", reversed(&z)), &[("reverse base64 zlib", PYTHON)]);
    let def =
        "import zlib, base64\ndef unwrap(x):\n    return zlib.decompress(base64.b64decode(x))\nexec(unwrap('";
    check(format!("{def}{z}'))"), &[("base64 zlib", PYTHON)]);
    check(format!("exec(bytes.fromhex('{}'))", hex(PLAIN)), &[("hex", PYTHON)]);
    check(format!("import binascii\nexec(binascii.unhexlify('{}'))", hex(PLAIN)), &[("hex", PYTHON)]);
    check(format!("exec('{}')", escaped(PLAIN)), &[("escapes", PYTHON)]);
    check(format!("import base64\nexec(base64.b85decode('{}'))", b85(PLAIN)), &[("base85", PYTHON)]);
    let a85 = five(PLAIN, |digit| digit as u8 + b'!').replace('\\', "\\\\").replace('"', "\\\"");
    check(format!("import base64\nexec(base64.a85decode(\"{a85}\"))"), &[("ascii85", PYTHON)]);
    check(format!("exec(''.join(map(chr, [{}])))", codes(PLAIN)), &[("character codes", PYTHON)]);
    check(format!("exec(''.join(chr(c) for c in [{}]))", codes(PLAIN)), &[("character codes", PYTHON)]);
    check(format!("exec(bytes([{}]).decode())", codes(PLAIN)), &[("character codes", PYTHON)]);
    let chars: Vec<_> = PLAIN.bytes().map(|byte| format!("chr({byte})")).collect();
    check(format!("exec({})", chars.join("+")), &[("character codes", PYTHON)]);
    let key: Vec<u8> = PLAIN.bytes().map(|byte| byte ^ 0x5a).collect();
    check(
        format!("import base64\nexec(bytes(c ^ 0x5a for c in base64.b64decode('{}')))", b64(&key)),
        &[("base64 xor", PYTHON)],
    );
    check(
        format!("k = 90\nexec(''.join([chr(b ^ k) for b in [{}]]))", codes(&key)),
        &[("character codes xor", PYTHON)],
    );
    check(format!("import base64\nexec(base64.b64decode('{p}'.replace('!', '')))"), &[("base64", PYTHON)]);
    check(
        format!("import lzma,base64\nexec(lzma.decompress(base64.b64decode('{}')))", b64(xz(PLAIN))),
        &[("base64 lzma", PYTHON)],
    );
    check(
        format!("import os\nos.system('echo {p} | base64 -d | python3')"),
        &[("text …", SHELL), ("base64", PYTHON)],
    );
    check(
        format!(
            "import subprocess, sys, base64\nsubprocess.Popen([sys.executable, '-c', base64.b64decode('{p}')])"
        ),
        &[("base64", PYTHON)],
    );
    check(
        format!("import base64\ngetattr(__builtins__, 'exec')(base64.b64decode('{p}'))"),
        &[("base64", PYTHON)],
    );
    check(format!("exec(__import__('codecs').decode('{}', 'rot13'))", rot13(PLAIN)), &[("rot13", PYTHON)]);
}

/// A code object that holds these strings, with the byte code that a real one would have in front of them.
fn marshalled(strings: &[&str]) -> Vec<u8> {
    let mut out = vec![0xe3];
    out.extend([0; 20]);
    out.extend([b's', 4, 0, 0, 0, 0x97, 0, 0x02, 0, b')', strings.len() as u8]);
    for string in strings {
        match u8::try_from(string.len()) {
            Ok(len) => out.extend([b'z', len]),
            Err(_) => {
                out.push(b's');
                out.extend((string.len() as u32).to_le_bytes());
            }
        }
        out.extend(string.bytes());
    }
    out.extend([b'N', b'N', b'N', b'N', b'N', b'N', b'N', b'N']);
    out
}

#[test]
fn serialized_code_is_read_for_its_strings() {
    let inner = b64(zlib(PLAIN.repeat(3)));
    let code = marshalled(&["exec", "zlib", "decompress", "b64decode", &inner]);
    let text = format!("import marshal,base64\nexec(marshal.loads(base64.b64decode('{}')))", b64(&code));
    check(text, &[("base64 marshal …", PYTHON), ("base64 zlib …", PYTHON)]);
    let harmless = marshalled(&["print", "a text that is longer than most of them are"]);
    let text = format!("import marshal,base64\nx = marshal.loads(base64.b64decode('{}'))", b64(&harmless));
    check(text, &[("base64 marshal …", None)]);
}

fn rot13(text: &str) -> String {
    String::from_utf8(alphabets::rot13(text.as_bytes())).unwrap().replace('\'', "\\'").replace('\n', "\\n")
}

#[test]
fn bzip2_is_inflated() {
    let text = "print('held in bzip2, and nothing else')\n";
    let code = format!("import bz2, base64\nexec(bz2.decompress(base64.b64decode('{}')))", b64(BZIP2));
    let decoded = stages(code.as_bytes());
    assert_eq!(decoded.stages[0].bytes.escape_ascii().to_string(), text.escape_default().to_string());
}

#[test]
fn other_languages_are_decoded() {
    let p = b64(PLAIN);
    check(
        format!("const x = require('x');\neval(Buffer.from('{p}', 'base64').toString())"),
        &[("base64", JAVASCRIPT)],
    );
    check(format!("var a = \"{p}\";\nnew Function(atob(a))()"), &[("base64", JAVASCRIPT)]);
    check(
        format!("var b = 1; eval(String.fromCharCode({}))", codes(PLAIN)),
        &[("character codes", JAVASCRIPT)],
    );
    let key: Vec<u8> = PLAIN.bytes().map(|byte| byte ^ 7).collect();
    check(
        format!("var b = [{}]; eval(b.map(c => String.fromCharCode(c ^ 7)).join(''))", codes(&key)),
        &[("character codes xor", JAVASCRIPT)],
    );
    check(
        format!(
            "const z = require('zlib'); eval(z.gunzipSync(Buffer.from('{}', 'base64')).toString())",
            b64(gzip(PLAIN))
        ),
        &[("base64 gzip", JAVASCRIPT)],
    );
    let r = reversed(&p);
    check(
        format!("var x = 1; eval(atob('{r}'.split('').reverse().join('')))"),
        &[("reverse base64", JAVASCRIPT)],
    );
    check(
        format!("<?php eval(gzinflate(base64_decode('{}')));", b64(deflate(PLAIN))),
        &[("base64 deflate", Some(Runner::Php))],
    );
    check(
        format!("<?php $a = 'eval'; $b = '{}' . '{}'; eval(base64_decode($b));", &p[..24], &p[24..]),
        &[("base64", Some(Runner::Php))],
    );
    check(format!("<?php eval(base64_decode(strrev(\"{r}\")));"), &[("reverse base64", Some(Runner::Php))]);
    check(format!("#!/usr/bin/perl\neval pack(\"H*\", \"{}\");", hex(PLAIN)), &[("hex", Some(Runner::Perl))]);
    check(format!("use MIME::Base64;\neval decode_base64('{p}');"), &[("base64", Some(Runner::Perl))]);
    check(format!("#!/usr/bin/env ruby\neval(Base64.decode64('{p}'))"), &[("base64", Some(Runner::Ruby))]);
    check(format!("#!/usr/bin/env ruby\neval '{p}'.unpack('m').first"), &[("base64", Some(Runner::Ruby))]);
}

#[test]
fn shells_are_decoded() {
    let p = b64(PLAIN);
    let z = b64(gzip(PLAIN));
    let wrapped: Vec<_> =
        p.as_bytes().chunks(30).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    let wrapped = wrapped.join("\n");
    let run = |text: String, steps: &str| check(format!("#!/bin/sh\n{text}\n"), &[(steps, SHELL)]);
    run(format!("echo {p} | base64 -d | sh"), "base64");
    run(format!("echo '{p}'|base64 --decode|bash -s -- x"), "base64");
    run(format!("printf '%s' \"{p}\" | openssl enc -base64 -d | sudo bash"), "base64");
    run(format!("base64 -d <<< {p} | sh"), "base64");
    run(format!("base64 -d <<'E' | bash\n{wrapped}\nE"), "base64");
    run(format!("cat <<E | base64 -di | gunzip | bash\n{z}\nE"), "base64 gzip");
    run(format!("eval \"$(echo {p} | base64 -d)\""), "base64");
    run(format!("eval `echo {p} | base64 -d`"), "base64");
    run(format!("bash -c \"$(base64 -d <<< '{p}')\""), "base64");
    run(format!("source <(echo {p} | base64 -d)"), "base64");
    run(format!("bash <(echo {p} | base64 -d) arg"), "base64");
    run(format!("X={p}\nY=$(echo \"$X\" | base64 -d)\neval \"$Y\""), "base64");
    run(format!("echo {} | rev | base64 -d | sh", reversed(&p)), "reverse base64");
    run(format!("echo {} | xxd -r -p | sh", hex(PLAIN)), "hex");
    run(format!("echo -e '{}' | sh", escaped(PLAIN)), "escapes");
    run(format!("printf '{}' | sh", escaped(PLAIN)), "escapes");
    run(format!("eval $'{}'", escaped(PLAIN)), "escapes");
    run(format!("echo {p} | base64 -d > /tmp/x; chmod +x /tmp/x; /tmp/x"), "base64");
    run(format!("echo {p} | base64 -d > /tmp/x && sh /tmp/x"), "base64");
    run(format!("if true; then\n  echo {p} | base64 -d | sh\nfi"), "base64");
    check(format!("#!/bin/sh\necho {p} | base64 -d | python3 -"), &[("base64", PYTHON)]);
    check(format!("#!/bin/sh\npython3 - <<EOF\n{PLAIN}EOF\n"), &[("text", PYTHON)]);
    check(
        format!("#!/bin/sh\npython3 -c \"exec(__import__('base64').b64decode('{p}'))\""),
        &[("text …", PYTHON), ("base64", PYTHON)],
    );
    // Not run, only written: a certificate, a key.
    check(format!("#!/bin/sh\necho {p} | base64 -d > /etc/ssl/cert.pem"), &[("base64", None)]);
    check(format!("#!/bin/sh\necho {p} | base64 -d"), &[("base64", None)]);
    // What is decoded is not in the script; that it is run is.
    check("#!/bin/sh\ncurl https://host.example/x | base64 -d | sh", &[("base64 …", SHELL)]);
    check("#!/bin/sh\neval \"$(base64 -d /opt/data)\"", &[("base64 …", SHELL)]);
}

#[test]
fn json_holds_no_expressions_and_what_looks_like_it_may() {
    let call = format!("eval(atob('{}'))", b64(PLAIN));
    check(format!("{{\"main\": \"{call}\", \"files\": [1, 2, {{}}]}}\n"), &[]);
    check(format!("[{call}]"), &[("base64", Some(Runner::JavaScript))]);
    check(format!("[\"a\"]\n{call}"), &[("base64", Some(Runner::JavaScript))]);
    check(format!("{{\"a\": {call}}}"), &[("base64", Some(Runner::JavaScript))]);
}

#[test]
fn what_is_only_stored_is_not_called_run() {
    let p = b64(PLAIN);
    check(
        format!("import base64\ndata = base64.b64decode('{p}')\nopen('x', 'wb').write(data)"),
        &[("base64", None)],
    );
    check(format!("import base64, re\nm = re.compile(base64.b64decode('{p}'))"), &[("base64", None)]);
    check(format!("const x = require('x'); const m = /a/.exec(atob('{p}'))"), &[("base64", None)]);
    check(format!("key = {}", b64(format!("#!/bin/sh\n{PLAIN}"))), &[("base64 …", None)]);
    // Random bytes, tables of characters, and words are nothing.
    check("import base64\nkey = base64.b64decode('3q2+796tvu/erb7v3q2+796tvu/erb7v3q2+7w==')", &[]);
    check("# exec(base64.b64decode('cHJpbnQoMSk7cHJpbnQoMik7cHJpbnQoMyk='))\nimport base64", &[]);
    check("var eval_ = 1; var re = /[\\x00-\\x1f\\x7f\\xa0\\xad\\u0600-\\u0604]/.exec(x)", &[]);
    check("", &[]);
}

#[test]
fn lines_and_parents_are_those_of_the_file() {
    let inner = format!("exec(__import__('base64').b64decode('{}'))", b64(PLAIN));
    let text = format!("import base64\n\n\nexec(base64.b64decode('{}'))\n", b64(&inner));
    let decoded = stages(text.as_bytes());
    let stages: Vec<_> = decoded.stages.iter().map(|stage| (stage.parent, stage.line)).collect();
    assert_eq!(stages, [(0, 4), (1, 4)]);
    let path = decoded.path(2);
    assert_eq!(path.iter().map(|step| step.round).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(path[1].bytes_out as usize, PLAIN.len());
    assert_eq!(decoded.path(3), []);
}

const BZIP2: &[u8] = &[
    66, 90, 104, 57, 49, 65, 89, 38, 83, 89, 78, 97, 136, 105, 0, 0, 17, 217, 128, 0, 16, 64, 228, 16, 0, 54,
    229, 220, 16, 32, 0, 49, 70, 140, 129, 163, 76, 141, 8, 154, 52, 25, 52, 3, 33, 79, 75, 112, 83, 100,
    191, 84, 56, 141, 194, 149, 109, 34, 103, 80, 111, 13, 4, 199, 216, 193, 59, 252, 93, 201, 20, 225, 66,
    65, 57, 134, 33, 164,
];
