//! Stand-ins that act: they say over a network what a miner says, and start what a launcher starts, and can do nothing
//! else. They speak to addresses for documentation (RFC 5737), which no network carries anywhere.

use super::elf;

/// What a program does, one after the other; then it exits with 0.
#[derive(Debug, Clone)]
pub enum Act<'a> {
    /// Connects to this address and port.
    Connect([u8; 4], u16),
    /// Says this over the connection.
    Say(&'a str),
    /// Hears what comes next, at most 4 KiB.
    Hear,
    /// Says the twelve letters that came behind `job_id":"` in what it heard last.
    SayJob,
    /// Becomes the program at this path, with this command line.
    Become(&'a str, &'a [&'a str]),
    /// Becomes the program at this path, with the words that stand behind its own name. Only before it heard anything.
    BecomeToldProgram(&'a str),
    /// Ends where it is told nothing or an option, as an interpreter that is given no script has none to follow. Only
    /// before it heard anything.
    EndWithoutScript,
}

/// A program that does this.
pub fn program(acts: &[Act<'_>], strings: &[&str], padding: usize) -> Vec<u8> {
    let mut code = Code::default();
    for act in acts {
        match act {
            Act::Connect(address, port) => code.connect(*address, *port),
            Act::Say(text) => code.say(text),
            Act::Hear => code.hear(),
            Act::SayJob => code.say_job(),
            Act::Become(path, words) => code.become_program(path, words),
            Act::BecomeToldProgram(path) => code.become_told_program(path),
            Act::EndWithoutScript => code.end_without_script(),
        }
    }
    code.exit();
    let (code, data) = code.link();
    let texts = strings.iter().flat_map(|text| text.bytes().chain([0]));
    let data: Vec<u8> = data.into_iter().chain(texts).chain(std::iter::repeat_n(0, padding)).collect();
    elf(&code, &data)
}

/// What a miner says: its login, and a share for a job, before and behind the job's name.
pub fn mines(account: &str, agent: &str) -> [String; 3] {
    let login = format!(
        "{{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"login\",\"params\":{{\"login\":\"{account}\",\"pass\":\"x\",\
         \"agent\":\"{agent}\",\"algo\":[\"rx/0\"]}}}}\n"
    );
    let before = "{\"id\":2,\"jsonrpc\":\"2.0\",\"method\":\"submit\",\"params\":{\"id\":\"1\",\"job_id\":\""
        .to_owned();
    // The last bytes of a result are its highest: a share for an easy job has them low.
    let after = format!("\",\"nonce\":\"0badcafe\",\"result\":\"{}0000\"}}}}\n", "5a".repeat(30));
    [login, before, after]
}

/// Machine code for x86-64 Linux and the data that it points to.
#[derive(Default)]
struct Code {
    code: Vec<u8>,
    data: Vec<u8>,
    /// Where an address of data stands in the code, and where in the data it leads.
    in_code: Vec<(usize, usize)>,
    /// The same for addresses that stand in the data.
    in_data: Vec<(usize, usize)>,
}

const CONNECT: u32 = 42;
const EXECVE: u32 = 59;
const EXIT: u32 = 60;
const WRITE: u32 = 1;
const SOCKET: u32 = 41;

impl Code {
    fn connect(&mut self, address: [u8; 4], port: u16) {
        self.edi(2); // AF_INET
        self.esi(1); // SOCK_STREAM
        self.code.extend([0x31, 0xd2]); // xor edx, edx
        self.call(SOCKET);
        self.code.extend([0x41, 0x89, 0xc4]); // mov r12d, eax
        let [high, low] = port.to_be_bytes();
        let mut name = vec![2, 0, high, low];
        name.extend(address);
        name.resize(16, 0);
        let at = self.put(&name);
        self.socket();
        self.rsi(at);
        self.edx(16);
        self.call(CONNECT);
    }

    fn say(&mut self, text: &str) {
        let at = self.put(text.as_bytes());
        self.socket();
        self.rsi(at);
        self.edx(u32::try_from(text.len()).unwrap_or_default());
        self.call(WRITE);
    }

    fn hear(&mut self) {
        self.code.extend([0x48, 0x81, 0xec, 0, 0x10, 0, 0]); // sub rsp, 4096
        self.socket();
        self.code.extend([0x48, 0x89, 0xe6]); // mov rsi, rsp
        self.edx(4096);
        self.code.extend([0x31, 0xc0, 0x0f, 0x05]); // xor eax, eax; syscall
    }

    fn say_job(&mut self) {
        self.code.extend([0x48, 0x89, 0xe6]); // mov rsi, rsp
        self.code.extend([0x48, 0xb8]); // mov rax, what is looked for
        self.code.extend(b"job_id\":");
        self.code.extend([0x48, 0x8d, 0x8c, 0x24, 0xe0, 0x0f, 0, 0]); // lea rcx, [rsp + 4064]
        self.code.extend([0x48, 0x39, 0x06, 0x74, 0x0a]); // again: cmp [rsi], rax; je found
        self.code.extend([0x48, 0x39, 0xce, 0x73, 0x05]); // cmp rsi, rcx; jae found
        self.code.extend([0x48, 0xff, 0xc6, 0xeb, 0xf1]); // inc rsi; jmp again
        self.code.extend([0x48, 0x83, 0xc6, 9]); // found: add rsi, 9
        self.socket();
        self.edx(12);
        self.call(WRITE);
    }

    fn become_program(&mut self, path: &str, words: &[&str]) {
        let path = self.put(&[path.as_bytes(), b"\0"].concat());
        let texts: Vec<usize> =
            words.iter().map(|word| self.put(&[word.as_bytes(), b"\0"].concat())).collect();
        let list = self.data.len();
        for text in texts {
            self.in_data.push((self.data.len(), text));
            self.data.extend([0; 8]);
        }
        self.data.extend([0; 8]);
        self.code.extend([0x48, 0xbf]); // mov rdi
        self.in_code.push((self.code.len(), path));
        self.code.extend([0; 8]);
        self.rsi(list);
        self.code.extend([0x31, 0xd2]); // xor edx, edx
        self.call(EXECVE);
    }

    fn become_told_program(&mut self, path: &str) {
        let path = self.put(&[path.as_bytes(), b"\0"].concat());
        self.code.extend([0x48, 0xbf]); // mov rdi
        self.in_code.push((self.code.len(), path));
        self.code.extend([0; 8]);
        self.code.extend([0x48, 0x8d, 0x74, 0x24, 0x10]); // lea rsi, [rsp + 16]
        self.code.extend([0x31, 0xd2]); // xor edx, edx
        self.call(EXECVE);
    }

    fn end_without_script(&mut self) {
        self.code.extend([0x48, 0x8b, 0x44, 0x24, 0x10]); // mov rax, [rsp + 16]
        self.code.extend([0x48, 0x85, 0xc0, 0x74, 0x05]); // test rax, rax; jz end
        self.code.extend([0x80, 0x38, b'-', 0x75, 0x09]); // cmp byte [rax], '-'; jne further
        self.exit(); // end: nine bytes
    }

    fn exit(&mut self) {
        self.code.extend([0x31, 0xff]); // xor edi, edi
        self.call(EXIT);
    }

    fn put(&mut self, bytes: &[u8]) -> usize {
        let at = self.data.len();
        self.data.extend(bytes);
        at
    }

    fn socket(&mut self) {
        self.code.extend([0x44, 0x89, 0xe7]); // mov edi, r12d
    }

    fn edi(&mut self, value: u32) {
        self.code.push(0xbf);
        self.code.extend(value.to_le_bytes());
    }

    fn esi(&mut self, value: u32) {
        self.code.push(0xbe);
        self.code.extend(value.to_le_bytes());
    }

    fn edx(&mut self, value: u32) {
        self.code.push(0xba);
        self.code.extend(value.to_le_bytes());
    }

    fn rsi(&mut self, data: usize) {
        self.code.extend([0x48, 0xbe]);
        self.in_code.push((self.code.len(), data));
        self.code.extend([0; 8]);
    }

    fn call(&mut self, number: u32) {
        self.code.push(0xb8); // mov eax
        self.code.extend(number.to_le_bytes());
        self.code.extend([0x0f, 0x05]); // syscall
    }

    /// Puts the addresses in, now that it is known where the data comes to lie.
    fn link(mut self) -> (Vec<u8>, Vec<u8>) {
        let start = super::BASE + super::HEADERS + self.code.len() as u64;
        for (at, data) in self.in_code {
            self.code[at..at + 8].copy_from_slice(&(start + data as u64).to_le_bytes());
        }
        for (at, data) in self.in_data {
            self.data[at..at + 8].copy_from_slice(&(start + data as u64).to_le_bytes());
        }
        (self.code, self.data)
    }
}

#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
#[expect(clippy::unwrap_used, reason = "a test, which the lint does not see behind further conditions")]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::{Path, PathBuf};
    use std::process::{Command, ExitStatus};

    fn write(directory: &Path, name: &str, program: &[u8]) -> PathBuf {
        let path = directory.join(name);
        std::fs::write(&path, program).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn run(path: &Path) -> ExitStatus {
        run_with(path, &[])
    }

    fn run_with(path: &Path, words: &[&str]) -> ExitStatus {
        // Another test thread that forks while the file is open for writing makes it busy for a moment.
        loop {
            match Command::new(path).args(words).status() {
                Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                    std::thread::yield_now()
                }
                status => return status.unwrap(),
            }
        }
    }

    #[test]
    fn it_logs_in_and_answers_the_job() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let pool = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let login = lines.next().unwrap().unwrap();
            stream.write_all(b"{\"result\":{\"job\":{\"job_id\":\"0123456789ab\"}}}\n").unwrap();
            let share = lines.next().unwrap().unwrap();
            stream.write_all(b"{\"result\":{\"status\":\"OK\"}}\n").unwrap();
            (login, share)
        });
        let [login, before, after] = mines("someone", "agent/1");
        let acts = [
            Act::Connect([127, 0, 0, 1], port),
            Act::Say(&login),
            Act::Hear,
            Act::Say(&before),
            Act::SayJob,
            Act::Say(&after),
            Act::Hear,
        ];
        let directory = tempfile::tempdir().unwrap();
        let path = write(directory.path(), "miner", &program(&acts, &["text"], 10));
        assert!(run(&path).success());
        let (login, share) = pool.join().unwrap();
        assert!(login.contains("\"login\":\"someone\""), "{login}");
        assert!(share.contains("\"job_id\":\"0123456789ab\",\"nonce\""), "{share}");
    }

    #[test]
    fn it_becomes_another_program() {
        let directory = tempfile::tempdir().unwrap();
        let said = directory.path().join("said");
        let script = format!("#!/bin/sh\necho \"$@\" > {}\n", said.display());
        let other = write(directory.path(), "other", script.as_bytes());
        let other = other.to_str().unwrap();
        let path =
            write(directory.path(), "launcher", &program(&[Act::Become(other, &[other, "-o", "x"])], &[], 0));
        assert!(run(&path).success());
        assert_eq!(std::fs::read_to_string(&said).unwrap(), "-o x\n");

        let acts = [Act::EndWithoutScript, Act::BecomeToldProgram(other)];
        let path = write(directory.path(), "interpreter", &program(&acts, &[], 0));
        for (words, expect) in
            [(&["x.py", "y"][..], "y\n"), (&["x.py"], "\n"), (&["-c", "0"], "untouched"), (&[], "untouched")]
        {
            std::fs::write(&said, "untouched").unwrap();
            assert!(run_with(&path, words).success(), "{words:?}");
            assert_eq!(std::fs::read_to_string(&said).unwrap(), expect, "{words:?}");
        }
    }
}
