use super::parse::{Reading, numbered};
use super::{Shape, What};

/// Longest line whose shape is looked at. The longest that a build tool writes has a few hundred bytes.
const MAX_LINE: usize = 4 << 10;

/// The lines of a `.pth` file that Python runs whenever it starts (`site.addpackage`).
pub(super) fn lines(text: &[u8], reading: &mut Reading) {
    for (number, line) in numbered(text) {
        if line.starts_with(b"import ") || line.starts_with(b"import\t") {
            let shape = shape(line);
            // What is too long is kept as far as it goes, so that it can be followed and shown.
            let kept = line.get(..line.len().min(MAX_LINE)).unwrap_or_default();
            reading.push(number, What::Python(shape, kept.to_vec()));
        }
    }
}

/// What stands in `sitecustomize.py`: the one order is its first line of the oddest shape.
pub(super) fn module(text: &[u8], reading: &mut Reading) {
    let mut odd: Option<(u32, Shape, &[u8])> = None;
    for (number, line) in numbered(text) {
        if line.starts_with(b"#") || is_frame(line) {
            continue;
        }
        let shape = shape(line);
        let worse = odd.is_none_or(|(_, known, _)| rank(shape) > rank(known));
        if worse {
            odd = Some((number, shape, line));
        }
    }
    if let Some((number, shape, line)) = odd {
        let kept = line.get(..line.len().min(MAX_LINE)).unwrap_or_default();
        reading.push(number, What::Python(shape, kept.to_vec()));
    }
}

/// What stands around statements and does nothing by itself.
fn is_frame(line: &[u8]) -> bool {
    let frames: [&[u8]; 7] =
        [b"", b"pass", b"try:", b"else:", b"except:", b"except ImportError:", b"except Exception:"];
    frames.contains(&line)
}

/// Whether a line executes a text that it spells out, and all of that text is known: so coverage writes what does
/// not fit into one line.
fn executes_known_text(line: &[u8]) -> bool {
    let text = line.strip_prefix(b"import sys; exec('").and_then(|rest| rest.strip_suffix(b"')"));
    let Some(text) = text.filter(|text| !text.contains(&b'\'')) else { return false };
    let mut lines = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' if bytes.next() == Some(&b'n') => lines.push(b'\n'),
            b'\\' => return false,
            _ => lines.push(byte),
        }
    }
    lines.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).all(|line| {
        let known = || normal(line).is_some_and(|normal| normal.split(|&byte| byte == b';').all(is_known));
        is_frame(line) || known()
    })
}

/// Whether a line imports one package and lets it install itself, where a variable asks for it: so coloredlogs does.
/// What the package then runs is its own, as with any import.
fn imports_on_demand(line: &[u8]) -> bool {
    let name = |text: &[u8]| {
        !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(byte))
    };
    let inner = line
        .strip_prefix(b"import os; exec('try: __import__(\"")
        .and_then(|rest| rest.strip_suffix(b"\") else None\\nexcept ImportError: pass')"));
    let middle = b"\").auto_install() if os.environ.get(\"";
    inner.is_some_and(|inner| {
        memchr::memmem::find(inner, middle).is_some_and(|at| {
            let (package, rest) = inner.split_at(at);
            name(package) && rest.get(middle.len()..).is_some_and(name)
        })
    })
}

fn rank(shape: Shape) -> u8 {
    match shape {
        Shape::Known => 0,
        Shape::Plain => 1,
        Shape::Other => 2,
    }
}

/// The shape of a line. A known one is compared as a whole, with the names of packages left open in the places
/// where the tools put them: none of these statements runs anything that the line itself could bring.
pub(super) fn shape(line: &[u8]) -> Shape {
    if line.len() > MAX_LINE {
        return Shape::Other;
    }
    if executes_known_text(line) {
        return Shape::Known;
    }
    if imports_on_demand(line) {
        return Shape::Plain;
    }
    let Some(normal) = normal(line) else { return Shape::Other };
    let statements = || normal.split(|&byte| byte == b';').filter(|statement| !statement.is_empty());
    if statements().all(is_known) {
        Shape::Known
    } else if statements().all(|statement| is_known(statement) || is_plain(statement)) {
        Shape::Plain
    } else {
        Shape::Other
    }
}

/// A line without blanks, with strings that could be the name of a package replaced by one of all of them. A
/// blank between two words becomes a `~`. None for what is no string of one line.
fn normal(line: &[u8]) -> Option<Vec<u8>> {
    let mut normal: Vec<u8> = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'\'' | b'"' => {
                let end = rest.iter().position(|&other| other == byte)?;
                let (text, after) = rest.split_at(end);
                rest = after.get(1..)?;
                let fixed = FIXED.contains(&text);
                let name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.".contains(byte);
                if text.contains(&b'\\') || (!fixed && (text.is_empty() || !text.iter().all(name))) {
                    return None;
                }
                let text = if fixed { text } else { b"N" };
                // A tuple of names is one name, and so is one with a comma behind it.
                if text == b"N" && normal.ends_with(b"'N',") {
                    normal.pop();
                    continue;
                }
                normal.push(b'\'');
                normal.extend_from_slice(text);
                normal.push(b'\'');
            }
            byte if byte.is_ascii_whitespace() => {
                let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
                if normal.last().is_some_and(word) && rest.first().is_some_and(word) {
                    normal.push(b'~');
                }
            }
            b')' if normal.ends_with(b"'N',") => {
                normal.pop();
                normal.push(b')');
            }
            b'#' => return None,
            byte => normal.push(byte),
        }
    }
    Some(normal)
}

/// Strings that mean something in the known lines.
const FIXED: [&[u8]; 9] = [
    b"SETUPTOOLS_USE_DISTUTILS",
    b"local",
    b"stdlib",
    b"_distutils_hack",
    b"sitedir",
    b"__path__",
    b"__init__.py",
    b"importlib.util",
    b"importlib.machinery",
];

/// Statements that setuptools (`distutils-precedence.pth`, `*-nspkg.pth`, `easy-install.pth`) and coverage write.
const KNOWN: [&str; 33] = [
    "import~os",
    "import~sys",
    "var='SETUPTOOLS_USE_DISTUTILS'",
    "enabled=os.environ.get(var,'local')=='local'",
    "enabled=os.environ.get(var,'stdlib')=='local'",
    "enabled~and~__import__('_distutils_hack').add_shim()",
    "import~sys,types,os",
    "import~sys,new,os",
    "has_mfs=sys.version_info>(3,5)",
    "p=os.path.join(sys._getframe(1).f_locals['sitedir'],*('N'))",
    "importlib=has_mfs~and~__import__('importlib.util')",
    "has_mfs~and~__import__('importlib.machinery')",
    "m=has_mfs~and~sys.modules.setdefault('N',importlib.util.module_from_spec(importlib.machinery.PathFinder.find_spec('N',[os.path.dirname(p)])))",
    "m=m~or~sys.modules.setdefault('N',types.ModuleType('N'))",
    "m=m~or~not~has_mfs~and~sys.modules.setdefault('N',types.ModuleType('N'))",
    "ie=os.path.exists(os.path.join(p,'__init__.py'))",
    "m=not~ie~and~sys.modules.setdefault('N',types.ModuleType('N'))",
    "m=not~ie~and~sys.modules.setdefault('N',new.module('N'))",
    "mp=(m~or[])and~m.__dict__.setdefault('__path__',[])",
    "(p~not~in~mp)and~mp.append(p)",
    "m~and~setattr(sys.modules['N'],'N',m)",
    "sys.__plen=len(sys.path)",
    "new=sys.path[sys.__plen:]",
    "del~sys.path[sys.__plen:]",
    "p=getattr(sys,'N',0)",
    "sys.path[p:p]=new",
    "sys.__egginsert=p+len(new)",
    "import~coverage",
    "coverage.process_startup()",
    "coverage.process_startup(slug='N')",
    "if~os.getenv('N')or~os.getenv('N'):",
    "import~_virtualenv",
    "import~types",
];

fn is_known(statement: &[u8]) -> bool {
    if KNOWN.iter().any(|known| known.as_bytes() == statement) {
        return true;
    }
    // `import __editable___NAME_VERSION_finder` and its `install()`, as setuptools writes for editable packages.
    let name = statement.strip_prefix(b"import~").or_else(|| statement.strip_suffix(b".install()"));
    name.is_some_and(|name| {
        name.starts_with(b"__editable__") && name.ends_with(b"_finder") && name.iter().all(is_name)
    })
}

/// `import a.b`, `from a import b`, `a.b()`: whatever it does stands in the module, which can be read.
fn is_plain(statement: &[u8]) -> bool {
    let dotted =
        |text: &[u8]| !text.is_empty() && text.iter().all(|byte| is_name(byte) || b".,".contains(byte));
    if let Some(names) = statement.strip_prefix(b"import~") {
        return dotted(names);
    }
    if let Some(rest) = statement.strip_prefix(b"from~") {
        let at = memchr::memmem::find(rest, b"~import~");
        return at.is_some_and(|at| {
            dotted(rest.get(..at).unwrap_or_default()) && dotted(rest.get(at + 8..).unwrap_or_default())
        });
    }
    statement.strip_suffix(b"()").is_some_and(dotted)
}

fn is_name(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_'
}
