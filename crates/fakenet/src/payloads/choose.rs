use super::{Id, Machine, Payload, elf, gzip, script, shell_script, tar, zip};

/// What a request asks for, as far as the type of the answer depends on it.
pub(crate) struct Wanted<'a> {
    pub(crate) path: &'a str,
    pub(crate) accept: &'a str,
    pub(crate) agent: &'a str,
    pub(crate) seconds: u64,
}

/// Something of the type that is asked for: by the path's extension, then by `Accept`, then by who asks. Programs
/// that fetch and run get a script, which a shell takes from a pipe as well as from a file.
pub(crate) fn choose(wanted: &Wanted<'_>, id: &Id) -> Payload {
    let path = wanted.path.to_ascii_lowercase();
    let name = path.rsplit('/').next().unwrap_or_default();
    let payload = |bytes, media_type, what| Payload { bytes, media_type, what };
    let text = |bytes: String, media_type, what| payload(bytes.into_bytes(), media_type, what);
    let program = elf(machine(&path), id);
    let run = shell_script(id);
    let stem = name.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or("app");
    let (binary, install) = (format!("{stem}/{stem}"), format!("{stem}/install.sh"));
    let entries = [(&*binary, 0o755, &*program), (&*install, 0o755, &*run)];
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if ends(&[".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tar.zst"]) {
        return payload(gzip(&tar(&entries, wanted.seconds)), "application/gzip", "archive");
    }
    if ends(&[".tar"]) {
        return payload(tar(&entries, wanted.seconds), "application/x-tar", "archive");
    }
    if ends(&[".zip", ".jar", ".war", ".whl"]) {
        return payload(zip(&entries), "application/zip", "archive");
    }
    if ends(&[".gz"]) {
        let inner = if ends(&[".sh.gz", ".txt.gz"]) { &run } else { &program };
        return payload(gzip(inner), "application/gzip", "archive");
    }
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    if let Some((bytes, media_type)) = script(extension, id) {
        return payload(bytes, media_type, "script");
    }
    match extension {
        "json" => return text(json(id), "application/json", "json"),
        "html" | "htm" => return text(page(id), "text/html; charset=utf-8", "page"),
        "css" => return text(format!("/* {} */\n", id.0), "text/css", "text"),
        "xml" | "rss" => {
            return text(
                format!("<?xml version=\"1.0\"?>\n<build id=\"{}\"/>\n", id.0),
                "application/xml",
                "text",
            );
        }
        "yaml" | "yml" => return text(format!("build: {}\n", id.0), "application/yaml", "text"),
        "txt" | "md" | "conf" | "ini" | "list" => return text(format!("{}\n", id.0), "text/plain", "text"),
        "png" | "jpg" | "jpeg" | "gif" | "ico" => return payload(picture(id), "image/png", "image"),
        "elf" | "bin" | "so" | "out" | "x86" | "x64" | "x86_64" | "amd64" | "arm64" | "aarch64" | "i686"
        | "mips" | "mpsl" | "arm" | "arm5" | "arm6" | "arm7" => {
            return payload(program, "application/octet-stream", "elf");
        }
        _ => {}
    }
    if wanted.accept.contains("json") {
        return text(json(id), "application/json", "json");
    }
    if wanted.accept.contains("text/html") || (path == "/" && !fetches(wanted.agent)) {
        return text(page(id), "text/html; charset=utf-8", "page");
    }
    if named_as_program(name) {
        return payload(program, "application/octet-stream", "elf");
    }
    if fetches(wanted.agent) {
        return payload(run, "text/plain; charset=utf-8", "script");
    }
    text(page(id), "text/html; charset=utf-8", "page")
}

fn machine(path: &str) -> Machine {
    let named = |names: &[&str]| names.iter().any(|name| path.contains(name));
    // What is not named is for the machine that it runs on, which is ours.
    let own = cfg!(target_arch = "aarch64") && !named(&["x86", "amd64", "x64"]);
    if own || named(&["aarch64", "arm64", "armv8"]) { Machine::Aarch64 } else { Machine::X86_64 }
}

/// Programs that fetch files, and libraries that scripts fetch with.
fn fetches(agent: &str) -> bool {
    let agent = agent.to_ascii_lowercase();
    agent.is_empty()
        || [
            "curl", "wget", "python", "go-http", "libwww", "perl", "ruby", "java", "lwp", "busybox", "axel",
            "aria2", "fetch",
        ]
        .iter()
        .any(|name| agent.contains(name))
}

fn named_as_program(name: &str) -> bool {
    let parts = [
        "x86", "amd64", "arm", "aarch", "linux", "static", "miner", "xmr", "agent", "daemon", "i386", "i686",
    ];
    !name.contains('.') && parts.iter().any(|part| name.contains(part))
}

fn json(id: &Id) -> String {
    format!(r#"{{"status":"ok","success":true,"id":"{}","data":{{}},"items":[]}}"#, id.0)
}

fn page(id: &Id) -> String {
    format!(
        "<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body data-build=\"{}\"><h1>It works!</h1></body></html>\n",
        id.0
    )
}

/// One grey pixel, with the id in a text chunk.
fn picture(id: &Id) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let pixel = {
        use std::io::Write;
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        let _ = encoder.write_all(&[0, 0x80]);
        encoder.finish().unwrap_or_default()
    };
    let text = [b"Comment\0", id.0.as_bytes()].concat();
    let head: &[u8] = &[0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0];
    for (kind, data) in [(b"IHDR", head), (b"tEXt", &text), (b"IDAT", &pixel), (b"IEND", &[])] {
        let chunk = [&kind[..], data].concat();
        out.extend((data.len() as u32).to_be_bytes());
        out.extend(&chunk);
        out.extend(super::crc32(&chunk).to_be_bytes());
    }
    out
}
