use crate::analyzers::start::parse::{self, language_of_program};
use crate::analyzers::start::{Language, Piece, RunKind, ScriptFacts, Word};
use proptest::prelude::*;

fn read(path: &str, text: &str) -> ScriptFacts {
    parse::script(path.as_bytes(), 0o755, text.as_bytes(), &crate::Signs::of(text.as_bytes())).unwrap()
}

fn shown(word: &Word) -> String {
    word.0
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => model::escape_bytes(text),
            Piece::Variable(name, None) => format!("${}", model::escape_bytes(name)),
            Piece::Variable(name, Some(default)) => {
                format!("${}-{}", model::escape_bytes(name), model::escape_bytes(default))
            }
            Piece::Directory => "$DIR".to_owned(),
            Piece::Arguments => "$@".to_owned(),
            Piece::Unknown | Piece::Output(_) => "?".to_owned(),
        })
        .collect()
}

/// The commands of a script as `line kind word|word`, E for exec, B for background, L for load.
fn runs(path: &str, text: &str) -> Vec<String> {
    read(path, text)
        .runs
        .iter()
        .map(|run| {
            let kind = match run.kind {
                RunKind::Exec => "E ",
                RunKind::Spawn => "",
                RunKind::Background => "B ",
                RunKind::Source => "L ",
            };
            let words: Vec<_> = run.words.iter().map(shown).collect();
            let directory = if run.directory.is_empty() {
                String::new()
            } else {
                format!(" in {}", shown(&run.directory))
            };
            format!("{} {kind}{}{directory}", run.line, words.join("|"))
        })
        .collect()
}

fn check_shell(text: &str, expect: &[&str]) {
    assert_eq!(runs("x.sh", text), expect, "{text}");
}

fn check_python(text: &str, expect: &[&str]) {
    assert_eq!(runs("x.py", text), expect, "{text}");
}

#[test]
fn shell_commands_are_told_from_the_rest() {
    check_shell("/a -x 'b c' \"d\"e\\ f # g\n", &["1 /a|-x|b c|de f"]);
    check_shell("/a; /b && /c || /d | /e\n", &["1 /a", "1 /b", "1 /c", "1 /d", "1 /e"]);
    check_shell(
        "if /a; then\n  /b\nelif ! /c; then /d; else /e; fi\n",
        &["1 /a", "2 /b", "3 /c", "3 /d", "3 /e"],
    );
    check_shell("while /a; do /b; done\nuntil /c\ndo\n/d\ndone\n", &["1 /a", "1 /b", "2 /c", "4 /d"]);
    check_shell("for x in /a /b; do /c $x; done\n", &["1 /c|?"]);
    check_shell(
        "case $1 in\n  a|b) /a ;;\n  (c) /c;;\n  *) /d\nesac\n/e\n",
        &["2 /a", "3 /c", "4 /d", "6 /e"],
    );
    check_shell(
        "case $1 in a|b) /a ;; c) case $2 in (/x|/y) /c;; esac ;; esac &\n/d\n",
        &["1 B /a", "1 B /c", "2 /d"],
    );
    check_shell("f() {\n  /a\n}\nfunction g { /b; }\nf; g\n", &["2 /a", "4 /b"]);
    check_shell("( /a; /b )\n{ /c; }\n", &["1 /a", "1 /b", "2 /c"]);
    check_shell("/a >/b 2>&1 </c\n/d &>/e\n", &["1 /a", "2 /d"]);
    check_shell("/a <<X\n/b\nX\n/c <<-'Y'\n\t/d\n\tY\n/e\n", &["1 /a", "4 /c", "7 /e"]);
    check_shell("[ -x /a ] && [[ -f /b && $c == /d ]] || /e\n", &["1 /e"]);
    check_shell("x=$((1 + 2)); (( x++ )); /a\n", &["1 /a"]);
    check_shell("/a \\\n  b\n/c\n", &["1 /a|b", "3 /c"]);
    check_shell("echo /a; printf /b; test /c; cd /d\n/e\n", &["2 /e in /d"]);
}

#[test]
fn shell_commands_keep_how_they_are_run() {
    check_shell("exec /a b\n", &["1 E /a|b"]);
    check_shell("exec -a name /a\n", &["1 E /a"]);
    check_shell("exec >/log 2>&1\n/a\n", &["2 /a"]);
    check_shell("/a &\n/b\n", &["1 B /a", "2 /b"]);
    check_shell("{ /a; /b; } &\n( /c ) & /d\n", &["1 B /a", "1 B /b", "2 B /c", "2 /d"]);
    check_shell(". /a\nsource ./b c\n", &["1 L /a", "2 L ./b|c"]);
    check_shell("trap '/a' EXIT\neval \"/b c\"\n", &["1 eval|/a", "2 eval|/b c"]);
    check_shell("nohup setsid /a &\n", &["1 B nohup|setsid|/a"]);
}

#[test]
fn shell_words_are_resolved_where_the_script_decides() {
    check_shell("D=/opt; \"$D/a\" ${D}/b\n", &["1 /opt/a|/opt/b"]);
    check_shell("C=\"/a -x y\"\n$C z\n\"$C\"\n", &["2 /a|-x|y|z", "3 /a -x y"]);
    check_shell("A=(/a -x)\n\"${A[@]}\" y\n", &["2 /a|-x|y"]);
    check_shell("export D=/opt E=/x\n$D/a\n", &["2 /opt/a"]);
    check_shell("$HOME/a ~/b ${X:-/c} ${Y-\"d\"} ${Z:+e}\n", &["1 $HOME/a|$HOME/b|$X-/c|$Y-d|?"]);
    check_shell(
        "\"$(dirname \"$0\")/a\"\nD=$(cd \"$(dirname \"${BASH_SOURCE[0]}\")\" && pwd)\n$D/b\n",
        &["1 dirname|$0", "1 $DIR/a", "3 $DIR/b"],
    );
    check_shell("${0%/*}/a `/b`\n", &["1 /b", "1 $DIR/a|?"]);
    check_shell("X=$(/a)\n/b $(/c \"$(/d)\")\n", &["1 /a", "2 /d", "2 /c|?", "2 /b|?"]);
    check_shell("$'\\x2fa\\057b'\n", &["1 /a/b"]);
    check_shell("exec \"$@\"\n", &["1 E $@"]);
    check_shell("set -- /a \"$@\"\nexec \"$@\"\n", &["2 E /a|$@", "2 E $@"]);
    check_shell("$(command -v node) x.js\n", &["1 node|x.js"]);
    check_shell("diff <(/a) <(/b)\n", &["1 /a", "1 /b", "1 diff"]);
}

#[test]
fn python_calls_are_read() {
    check_python("import os\nos.system('/a b')\n", &["2 sh|-c|/a b"]);
    check_python("import os as o\no.popen(\"/a\")\n", &["2 sh|-c|/a"]);
    check_python(
        "from subprocess import Popen as P, call\nP(['/a', \"-x\"])\ncall('/b')\n",
        &["2 /a|-x", "3 sh|-c|/b"],
    );
    check_python(
        "import subprocess\nsubprocess.run(\n    args=['/a',\n    'b'], cwd='/c')\n",
        &["2 /a|b in /c"],
    );
    check_python(
        "import os\nos.execv('/a', ['a', 'b'])\nos.execl('/a', 'a', 'b')\n",
        &["2 E /a|b", "3 E /a|b"],
    );
    check_python(
        "import os\nos.spawnv(os.P_NOWAIT, '/a', ['a', 'b'])\nos.spawnlp(0, 'x', 'y', 'z')\n",
        &["2 /a|b", "3 x|z"],
    );
    check_python(
        "import pty, runpy\npty.spawn('/bin/sh')\nrunpy.run_path('/a.py')\n",
        &["2 sh|-c|/bin/sh", "3 L /a.py"],
    );
    check_python("exec(open('/a').read())\n", &["1 L /a"]);
    check_python("import os\nos . system \\\n  ('/a')\n", &["2 sh|-c|/a"]);
    check_python("from os import path, system\nsystem ('/a')\n", &["2 sh|-c|/a"]);
    check_python("from os import (\n  execv\n)\nexecv('/a', ['a'])\n", &["4 E /a"]);
    check_python("from os import system as s\ns('/a')\n", &["2 sh|-c|/a"]);
    check_python("cursor.execute('/a')\nplatform_system = 'system'\n", &[]);
    check_python("# os.system('/a')\n'''os.system('/b')'''\n", &[]);
    check_python("class A:\n  def f(self):\n    import os; os.system('/a')\n", &["3 sh|-c|/a"]);
}

#[test]
fn python_values_are_put_together() {
    check_python("import os\nD = '/opt'\nos.system(D + '/a' ' -x')\n", &["3 sh|-c|/opt/a -x"]);
    check_python("import os\nD = '/opt'\nos.system(f'{D}/a {y}')\n", &["3 sh|-c|/opt/a ?"]);
    check_python(
        "import os, subprocess\nH = os.path.dirname(os.path.abspath(__file__))\nC = [os.path.join(H, 'x', 'a'), '-o']\nsubprocess.call(C + ['b'])\n",
        &["4 $DIR/x/a|-o|b"],
    );
    check_python(
        "import subprocess\nfrom pathlib import Path\nsubprocess.run([Path(__file__).parent / 'a'])\n",
        &["3 $DIR/a"],
    );
    check_python(
        "import subprocess, shlex\nsubprocess.run(shlex.split('/a -b c'))\nsubprocess.run('/d e'.split())\n",
        &["2 /a|-b|c", "3 /d|e"],
    );
    check_python(
        "import os\nos.system(os.environ.get('X', '/a'))\nos.system(os.environ['Y'])\n",
        &["2 sh|-c|$X-/a", "3 sh|-c|$Y"],
    );
    check_python("import os\nos.system('/a %s' % x)\nos.system(unknown())\n", &[]);
    check_python("import os\nos.system(b'\\x2fa')\n", &["2 sh|-c|/a"]);
}

#[test]
fn imports_are_kept() {
    let imports =
        |path: &str, text: &str| model::escape_bytes(&read(path, text).imports).replace("\\u{a}", " ");
    assert_eq!(
        imports("x.py", "import a, b.c as d\nfrom .e import f\nif x:\n    from g import (h,\n i)\n"),
        "a b.c .e .e.f g g.h"
    );
    assert_eq!(
        imports("x.js", "const a = require('./a'); import b from \"../b\"; require('fs')"),
        "./a ../b"
    );
}

#[test]
fn other_languages_are_read_by_their_literals() {
    let check = |path: &str, text: &str, expect: &[&str]| assert_eq!(runs(path, text), expect, "{text}");
    check("x.js", "require('child_process').exec('/a b')\n", &["1 sh|-c|/a b"]);
    check("x.js", "// child_process\n\nspawn(\"/a\", [ '-x', \"y\" ], { detached: true })\n", &["3 /a|-x|y"]);
    check("x.js", "// child_process\nexecSync('/a ' + b)\n", &["2 sh|-c|/a"]);
    check("x.pl", "exec '/a', 'b';\nmy $x = `/c d`;\n", &["1 E /a|b", "2 sh|-c|/c d"]);
    check("x.rb", "system \"/a\"\n", &["1 sh|-c|/a"]);
    check("x.php", "<?php shell_exec('/a'); my_system('/b');\n", &["1 sh|-c|/a"]);
    check("x.lua", "os.execute('/a')\n", &["1 sh|-c|/a"]);
}

#[test]
fn first_lines_are_split_as_the_kernel_does() {
    let check = |text: &str, words: &[&str], language: Language| {
        let script = read("x", text);
        let shebang: Vec<_> = script.shebang.iter().map(|word| model::escape_bytes(word)).collect();
        assert_eq!(
            (shebang.as_slice(), script.language),
            (words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>().as_slice(), language),
            "{text}"
        );
    };
    check("#!/bin/sh\n", &["/bin/sh"], Language::Shell);
    check("#! /bin/bash -e -x\n", &["/bin/bash", "-e -x"], Language::Shell);
    check("#!/usr/bin/env -S python3 -u\n", &["/usr/bin/env", "-S", "python3", "-u"], Language::Python);
    check("#!/usr/bin/env node\n", &["/usr/bin/env", "node"], Language::JavaScript);
    check("#!/opt/unknown\n", &["/opt/unknown"], Language::Other);
    check("#!\n/a\n", &[], Language::Shell);
    check("import os\nos.system('x')\n", &[], Language::Python);
    assert_eq!(language_of_program(b"python3.11"), Some(Language::Python));
    assert_eq!(language_of_program(b"shred"), None);
}

#[test]
fn a_crowded_script_is_cut_and_says_so() {
    let many: String = (0..4000).map(|number| format!("/p{number}\n")).collect();
    let script = read("x.sh", &many);
    assert!(script.cut && script.runs.len() == 2048);
    assert!(!read("x.sh", &"sed -i x y\n".repeat(4000)).cut);
}

#[test]
fn doubling_variables_costs_nothing() {
    let shell: String = "X=aaaaaaaaaaaaaaaaaaaaaaaaaaaa\n".to_owned()
        + &"X=$X$X; Y=\"$X $X\"; Z=(\"${Z[@]}\" $Y $X)\n".repeat(4000)
        + "$X /a ${Z[@]}\n";
    let script = read("x.sh", &shell);
    assert!(script.runs.iter().flat_map(|run| &run.words).map(Word::size).sum::<usize>() < 1 << 20);
    let python = "import os\nx = ['a' * 9, 'bbbbbbbbbbbbbbbbbbb']\n".to_owned()
        + &"x = x + x\ny = str(x) + y\n".repeat(8000)
        + "os.system(y)\n";
    read("x.py", &python);
}

#[test]
fn deep_nesting_comes_to_an_end() {
    for open in ["$(", "`", "(", "{ ", "\"$(", "${x:-", "$((", "case x in (", "<("] {
        read("x.sh", &open.repeat(20_000));
    }
    for open in ["(", "[", "os.system(", "f(x, ", "{", "'a' + (", "os.path.join('a', "] {
        read("x.py", &format!("import os\nx = {}", open.repeat(10_000)));
    }
}

proptest! {
    #[test]
    fn no_text_is_too_odd(text in "[ a-z0-9/.$(){}\\[\\]'\"`;&|<>=#\\\\,:+*\n-]{0,300}") {
        for name in ["x.sh", "x.py", "x.js", "x.pl", "x.php"] {
            parse::script(name.as_bytes(), 0o755, text.as_bytes(), &crate::Signs::of(text.as_bytes()));
        }
    }

    #[test]
    fn no_bytes_are_too_odd(text: Vec<u8>) {
        for name in ["x.sh", "x.py", "x.js", "x.rb", "x.lua"] {
            parse::script(name.as_bytes(), 0o755, &text, &crate::Signs::of(&text));
        }
    }
}
