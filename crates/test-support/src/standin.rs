//! Programs that stand where malware would stand. Each is harmless by construction: its only code is `exit(0)`, and
//! whatever else it carries is never read by it. Those of [`acting`] say what malware says, to nobody.

pub mod acting;

/// A static x86-64 Linux program whose only act is `exit(0)`, followed by a text that gives it a hash of its
/// own. The text is never read by the program.
pub fn program(text: &str) -> Vec<u8> {
    program_with(&[text], 0)
}

/// As [`program`], with these strings behind the code, each ended by a zero byte, and then this many zero
/// bytes, which makes it as long as a test wants.
pub fn program_with(strings: &[&str], padding: usize) -> Vec<u8> {
    // mov eax, 60 (exit); xor edi, edi; syscall
    const CODE: [u8; 9] = [0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05];
    let mut data: Vec<u8> = strings.iter().flat_map(|text| text.bytes().chain([0])).collect();
    data.resize(data.len() + padding, 0);
    elf(&CODE, &data)
}

/// Where the file is loaded, and the length of what stands before the code.
const BASE: u64 = 0x40_0000;
const HEADERS: u64 = 64 + 56;

/// A static program of this code, which begins with its first byte, and this data behind it.
fn elf(code: &[u8], data: &[u8]) -> Vec<u8> {
    let length = HEADERS + code.len() as u64 + data.len() as u64;
    // ELF header: 64 bits, little endian, executable, x86-64, one program header and no sections.
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    elf.extend(2_u16.to_le_bytes());
    elf.extend(62_u16.to_le_bytes());
    elf.extend(1_u32.to_le_bytes());
    elf.extend((BASE + HEADERS).to_le_bytes());
    elf.extend(64_u64.to_le_bytes());
    elf.extend(0_u64.to_le_bytes());
    elf.extend(0_u32.to_le_bytes());
    for half in [64_u16, 56, 1, 0, 0, 0] {
        elf.extend(half.to_le_bytes());
    }
    // Program header: the whole file, readable and executable.
    elf.extend(1_u32.to_le_bytes());
    elf.extend(5_u32.to_le_bytes());
    for word in [0, BASE, BASE, length, length, 0x1000] {
        elf.extend(word.to_le_bytes());
    }
    elf.extend(code);
    elf.extend(data);
    elf
}

/// A program with the data of a miner's build: the salt of its hash function, the tables of its algorithms and
/// options, and what it says to a pool. What it calls itself comes from outside, because forks change that first.
pub fn miner(names: &[&str]) -> Vec<u8> {
    let strings: Vec<&str> = names.iter().copied().chain(MINER_DATA).collect();
    program_with(&strings, 2048)
}

/// As [`miner`], and it acts as one: it logs in at a pool at this address, and answers the job that it is given.
pub fn acting_miner(names: &[&str], (address, port): ([u8; 4], u16), account: &str) -> Vec<u8> {
    use acting::Act;
    let agent = names.first().copied().unwrap_or("miner");
    let [login, before, after] = acting::mines(account, agent);
    let acts = [
        Act::Connect(address, port),
        Act::Say(&login),
        Act::Hear,
        Act::Say(&before),
        Act::SayJob,
        Act::Say(&after),
        Act::Hear,
    ];
    let strings: Vec<&str> = names.iter().copied().chain(MINER_DATA).collect();
    acting::program(&acts, &strings, 2048)
}

const MINER_DATA: [&str; 24] = [
    "cpu-max-threads-hint",
    "RandomX\x03",
    "rx/0",
    "rx/wow",
    "rx/arq",
    "cn/r",
    "cn/half",
    "cn-heavy/xhv",
    "argon2/chukwa",
    "kawpow",
    "ghostrider",
    "donate-level",
    "randomx-1gb-pages",
    "huge-pages-jit",
    "nicehash",
    "rig-id",
    "algo-perf",
    "{\"id\":%lld,\"jsonrpc\":\"2.0\",\"method\":\"login\",\"params\":{\"login\":",
    "\"method\":\"submit\"",
    "keepalived",
    "stratum+tcp://",
    "stratum+ssl://",
    "job_id",
    "seed_hash",
];

/// A shell entrypoint as honest images have them: it prepares and then becomes the command.
pub fn shell_entrypoint() -> Vec<u8> {
    b"#!/bin/sh\nset -e\nif [ \"$1\" = serve ]; then\n    shift\n    set -- python3 -m app \"$@\"\nfi\nexec \"$@\"\n".to_vec()
}

/// A small Python web application.
pub fn web_application() -> Vec<u8> {
    b"from http.server import BaseHTTPRequestHandler, HTTPServer\n\n\n\
      class Hello(BaseHTTPRequestHandler):\n    def do_GET(self):\n        self.send_response(200)\n        \
      self.end_headers()\n        self.wfile.write(b\"hello\\n\")\n\n\n\
      HTTPServer((\"127.0.0.1\", 8000), Hello).serve_forever()\n"
        .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_differ_by_their_text_alone() {
        let (one, two) = (program("one"), program("two"));
        assert_eq!(one[..129], two[..129]);
        assert_ne!(crate::md5_hex(&one), crate::md5_hex(&two));
        assert_eq!(program_with(&["a", "b"], 100).len(), 129 + 4 + 100);
        assert_eq!(one, program("one"));
    }

    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    #[test]
    fn the_program_runs_and_does_nothing() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("program");
        std::fs::write(&path, miner(&["text"])).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        // Another test thread that forks while the file is open for writing makes it busy for a moment.
        let output = (0..100).find_map(|_| match std::process::Command::new(&path).output() {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                std::thread::yield_now();
                None
            }
            output => Some(output),
        });
        let output = output.unwrap().unwrap();
        assert!(output.status.success());
        assert!(output.stdout.is_empty() && output.stderr.is_empty());
    }
}
