use super::*;
use crate::analyzers::elf::upx::tests::packed;

/// 17 bytes of code with these system calls (x86-64) and the number for all rights.
fn calls(numbers: &[u8]) -> Vec<u8> {
    let mut code = Vec::new();
    for &number in numbers {
        code.extend([0x6a, number, 0x58, 0xb2, 7, 0x0f, 0x05]);
    }
    code
}

/// Bytes without any pattern, the same every time.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(byte).take(len).collect()
}

#[test]
fn tiny_programs_that_fetch_and_run_are_stagers() {
    let bare = Program { code_flags: 7, ..Program::bare(&calls(&[9, 41, 42])) };
    check(&started("opt/a", &bare.build()), &["S-DLX-STAGER corroborates"]);
    let linked = Program::new().imports(&["socket", "connect", "mprotect"]).code(&[0xba, 7, 0, 0, 0]);
    check(&started("opt/a", &linked.build()), &["S-DLX-STAGER corroborates"]);
    let arm: Vec<u8> = [0xd280_18c8_u32, 0xd280_1968, 0xd280_1bc8, 0xd280_00e2, 0xd400_0001]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    check(
        &started("opt/a", &Program { machine: 183, ..Program::bare(&arm) }.build()),
        &["S-DLX-STAGER corroborates"],
    );
    let memory = Program::bare(&[0xb8, 0x3f, 1, 0, 0, 0x0f, 5, 0xb8, 0x42, 1, 0, 0, 0x0f, 5]);
    check(&started("opt/a", &memory.build()), &["S-DLX-STAGER corroborates"]);
}

#[test]
fn small_honest_programs_are_no_stagers() {
    // What waits for children, what connects, what maps memory.
    check(&started("pause", &Program::bare(&calls(&[34, 61, 13])).build()), &[]);
    check(&started("tini", &Program::new().imports(&["waitpid", "kill"]).build()), &[]);
    check(
        &started("probe", &Program::new().imports(&["socket", "connect"]).code(&[0xba, 7, 0, 0, 0]).build()),
        &[],
    );
    check(&started("client", &Program::new().imports(&["socket", "connect", "mmap"]).build()), &[]);
    let large =
        Program::new().imports(&["socket", "connect", "mprotect"]).code(&[0xba, 7, 0, 0, 0].repeat(8 << 10));
    check(&started("engine", &large.build()), &[]);
}

#[test]
fn programs_that_run_files_from_memory_count_where_they_are_started() {
    let program = Program::new().imports(&["memfd_create", "fexecve"]).code(&[0x90; 32 << 10]);
    check(&started("opt/a", &program.build()), &["S-EVA-MEMFD corroborates"]);
    check(&lying("usr/sbin/runc", &program.build()), &["S-EVA-MEMFD context"]);
    let mapper = Program::new().imports(&["memfd_create", "mmap"]).code(&[0x90; 32 << 10]);
    check(&started("usr/bin/dotnet", &mapper.build()), &[]);
    let names: Vec<_> = (0..100).map(|number| format!("Py_{number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    check(
        &started("usr/local/bin/python3", &program.clone().exports(&names).build()),
        &["S-EVA-MEMFD context"],
    );
    let bytes = program.build();
    let mut owned = Fixture::new();
    owned.file("usr/bin/crun", 0o755, &bytes).start(&["/usr/bin/crun"], &[]);
    owned.package("crun", &[("usr/bin/crun", &bytes)]);
    check(&owned, &[]);
}

#[test]
fn bots_on_irc_convict_and_chat_programs_do_not() {
    let protocol =
        ["NICK %s\n", "PRIVMSG %s :%s\n", "JOIN %s :%s\n", "PONG %s\n", "USER %s localhost localhost :%s\n"];
    let orders = ["TSUNAMI", "GETSPOOFS", "KILLALL", "UNKNOWN"];
    let bot = Program::new().texts(&protocol).texts(&orders);
    check(&started("opt/a", &bot.clone().texts(&["#garden"]).build()), &["S-C2-IRC convicts"]);
    check(&lying("opt/a", &bot.clone().texts(&["#garden"]).build()), &["S-C2-IRC corroborates"]);
    check(&started("opt/a", &bot.build()), &["S-C2-IRC corroborates"]);
    let services = Program::new().texts(&protocol).texts(&["UNKNOWN", "KILLALL", "SPOOFS", "#services"]);
    check(&started("usr/sbin/services", &services.build()), &[]);
    let chat = Program::new().texts(&protocol).texts(&["#eggdrop", "KICK", "BAN", "UNKNOWN"]);
    check(&started("usr/bin/chat", &chat.build()), &[]);
    check(&started("usr/bin/stress", &Program::new().texts(&orders).texts(&["#note"]).build()), &[]);
}

#[test]
fn libraries_that_hide_processes_convict() {
    let hider =
        || Program::library().exports(&["readdir", "readdir64"]).imports(&["dlsym", "dirfd", "readlink"]);
    let texts = ["/proc/self/fd/%d", "/proc/%s/stat", "/proc"];
    check(&lying("usr/local/lib/libx.so", &hider().texts(&texts).build()), &["S-EVA-ROOTKITSO convicts"]);
    let preload = || hider().texts(&["/etc/ld.so.preload"]);
    check(&lying("lib/x.so", &preload().build()), &["S-EVA-ROOTKITSO corroborates"]);
    check(&lying("lib/x.so", &preload().exports(&["accept"]).build()), &["S-EVA-ROOTKITSO convicts"]);
    check(&lying("lib/x.so", &preload().texts(&["/proc/net/tcp"]).build()), &["S-EVA-ROOTKITSO convicts"]);
    // Neither does it help to be a program by its header: the loader does not care.
    let program = Program { interpreter: Some("/lib/ld.so".to_owned()), ..hider().texts(&texts) };
    check(&lying("lib/x.so", &program.build()), &["S-EVA-ROOTKITSO convicts"]);
    check(&lying("lib/x.so", &hider().texts(&["/proc/net/tcp"]).build()), &["S-EVA-ROOTKITSO corroborates"]);
    // More of the calls of a C library do not excuse it.
    let more = hider().texts(&texts).exports(&["opendir", "malloc", "open", "stat"]);
    check(&lying("lib/libasan.so", &more.build()), &["S-EVA-ROOTKITSO convicts"]);
}

#[test]
fn libraries_that_change_the_root_or_the_user_hide_nothing() {
    let root =
        Program::library().exports(&["readdir", "readdir64", "opendir", "open", "stat"]).imports(&["dlsym"]);
    check(
        &lying("usr/lib/libfakechroot.so", &root.texts(&["/proc/self/fd/%d", "/proc/self/exe"]).build()),
        &[],
    );
    let user = Program::library().exports(&["stat", "__xstat", "unlink"]).imports(&["dlsym"]);
    check(&lying("usr/lib/libfakeroot.so", &user.build()), &[]);
    let proxy = Program::library().exports(&["connect"]).imports(&["dlsym"]).texts(&["/proc/%s/stat"]);
    check(&lying("usr/lib/libproxychains.so", &proxy.build()), &[]);
    // The C library itself has the calls and takes none.
    let libc =
        Program::library().exports(&["readdir", "dlsym"]).texts(&["/proc/self/fd/%d", "/proc/%s/stat"]);
    check(&lying("lib/ld-musl-x86_64.so.1", &libc.build()), &[]);
}

#[test]
fn libraries_from_directories_of_everybody_count_where_they_exist() {
    let program = Program { run_path: Some("$ORIGIN/../lib:/tmp/.x".to_owned()), ..Program::new() };
    let mut image = started("opt/a", &program.build());
    check(&image, &["S-EVA-LOADER context"]);
    image.file("tmp/.x/libc.so.6", 0o644, b"");
    check(&image, &["S-EVA-LOADER corroborates"]);
    check(&lying("opt/a", &program.build()), &[]);
    for path in ["dev/shm/ld.so", "opt/.x/ld.so"] {
        let loader = Program { interpreter: Some(format!("/{path}")), ..Program::new() };
        let mut image = started("opt/a", &loader.build());
        image.file(path, 0o755, b"");
        check(&image, &["S-EVA-LOADER corroborates"]);
    }
    for interpreter in ["/nix/store/abc-glibc/lib/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1"] {
        let program = Program { interpreter: Some(interpreter.to_owned()), ..Program::new() };
        check(&started("opt/a", &program.build()), &[]);
    }
}

#[test]
fn names_of_threads_and_services_are_held_against_the_content() {
    for path in
        ["opt/kworker", "usr/sbin/[kthreadd]", "opt/kdevtmpfsi", "usr/sbin/sshd", "opt/systemd-network"]
    {
        check(&lying(path, &Program::new().build()), &["S-EVA-MASQ corroborates"]);
    }
    check(&lying("usr/sbin/sshd", &Program::new().texts(&["OpenSSH_9.9"]).build()), &[]);
    check(&lying("opt/dropbear/sshd", &Program::new().texts(&["dropbear"]).build()), &[]);
    check(&lying("lib/systemd/systemd-udevd", &Program::new().prose(&["/run/systemd/"]).build()), &[]);
    check(&lying("opt/nginx/sbin/nginx", &Program::new().build()), &[]);
    let bytes = Program::new().build();
    let mut owned = lying("usr/sbin/crond", &bytes);
    owned.package("cron", &[("usr/sbin/crond", &bytes)]);
    check(&owned, &[]);
}

#[test]
fn programs_in_hidden_places_are_told() {
    let program = Program::new().build();
    for path in ["dev/shm/a", "usr/lib/.x/a", "opt/.../a", "usr/bin/ ls", "etc/.a"] {
        check(&lying(path, &program), &["S-EVA-HIDDENEXE corroborates"]);
    }
    for path in ["root/.cargo/bin/tool", "app/.venv/bin/tool", "app/node_modules/.bin/tool", "opt/tool"] {
        check(&lying(path, &program), &[]);
    }
    check(&lying("tmp/libjni.so", &Program::library().build()), &[]);
    // What the start leads to is told by the analyzer of the start.
    check(&started("dev/shm/a", &program), &[]);
    let found = lying("tmp/a", &program).run(&ElfStructure).findings;
    assert_eq!(found[0].severity, model::Severity::Low);
}

#[test]
fn encrypted_code_counts_where_it_is_started() {
    let program = Program::bare(&noise(64 << 10));
    check(&started("opt/a", &program.build()), &["S-EVA-ENTROPY corroborates"]);
    check(&lying("boot/kernel", &program.build()), &["S-EVA-ENTROPY context"]);
    // Data behind a program is not what it runs: AppImages, self-extractors, programs with an archive in them.
    let archive = Program { overlay: noise(64 << 10), ..Program::bare(&[0x90; 8 << 10]) };
    check(&started("opt/a", &archive.build()), &[]);
    let mut embedded = Program::bare(&[0x90; 8 << 10]);
    embedded.data = noise(64 << 10);
    check(&started("opt/a", &embedded.build()), &[]);
}

#[test]
fn pictures_that_are_programs_are_told() {
    let program = Program::new().build();
    for path in ["srv/logo.jpg", "srv/site.css", "srv/A.PNG", "var/log/a.log"] {
        check(&lying(path, &program), &["S-EVA-POLYGLOT corroborates"]);
    }
    check(&lying("srv/logo.jpg", b"#!/bin/sh\necho\n"), &["S-EVA-POLYGLOT corroborates"]);
    check(&lying("srv/logo.png", b"\x1f\x8b\x08\0\0\0\0\0"), &["S-EVA-POLYGLOT corroborates"]);
    let mut tar = vec![0; 512];
    tar[257..262].copy_from_slice(b"ustar");
    check(&lying("srv/logo.gif", &tar), &["S-EVA-POLYGLOT corroborates"]);
    let appended = [b"\x89PNG\r\n\x1a\n".as_slice(), &noise(5000), &program].concat();
    check(&lying("srv/logo.png", &appended), &["S-EVA-POLYGLOT corroborates"]);
}

#[test]
fn honest_pictures_and_test_data_are_not_told() {
    let program = Program::new().build();
    check(&lying("usr/lib/go/src/debug/testdata/a.png", &program), &["S-EVA-POLYGLOT context"]);
    check(&lying("srv/logo.png", &[b"\x89PNG\r\n\x1a\n".as_slice(), &noise(50_000)].concat()), &[]);
    check(&lying("srv/about.jpg", b"\xff\xd8\xff about \x7fELF files"), &[]);
    check(&lying("srv/install.txt", b"#!/bin/sh\necho\n"), &[]);
    check(&lying("opt/app.jar", b"#!/bin/sh\nexec java -jar $0\nPK\x03\x04"), &[]);
    check(&lying("srv/site.css", b"body { color: red }"), &[]);
}

/// A PE file of nothing but headers.
fn windows(subsystem: u8, managed: bool) -> Vec<u8> {
    let mut file = vec![0; 512];
    file[..2].copy_from_slice(b"MZ");
    file[60] = 128;
    file[128..132].copy_from_slice(b"PE\0\0");
    file[152..154].copy_from_slice(&[0x0b, 2]);
    file[152 + 68] = subsystem;
    file[152 + 112 + 14 * 8] = u8::from(managed);
    file
}

#[test]
fn programs_for_windows_are_told_once() {
    let mut image = lying("opt/a.exe", &windows(3, false));
    image.file("opt/b.dll", 0o644, &windows(2, false));
    check(&image, &["S-EVA-PEINLINUX context"]);
    check(&lying("usr/share/dotnet/a.dll", &windows(3, true)), &[]);
    check(&lying("boot/vmlinuz", &windows(10, false)), &[]);
    check(&lying("usr/lib/python3/site-packages/pip/_vendor/distlib/w64.exe", &windows(3, false)), &[]);
    check(&lying("usr/lib/python3/site-packages/setuptools/cli-64.exe", &windows(3, false)), &[]);
    check(&lying("opt/a.exe", b"MZ"), &[]);
}

#[test]
fn programs_padded_beyond_what_scanners_read_are_told() {
    let program = Program { overlay: vec![0; 50_100_000], ..Program::new() }.build();
    check(&lying("opt/a", &program), &["S-EVA-PAD corroborates"]);
    // A single segment may claim the padding for its own.
    let claimed = test_support::standin::program_with(&["padded"], 50_100_000);
    check(&started("opt/b", &claimed), &["S-EVA-PAD corroborates"]);
    let data = Program { overlay: noise(1 << 20), ..Program::new() }.build();
    check(&lying("opt/a", &data), &[]);
    // A model is no program.
    check(&lying("opt/model.bin", &vec![0; 1 << 20]), &[]);
}

const XZ: [u8; 34] = [
    0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x48, 0x89, 0xf5, 0x4c, 0x89, 0xce, 0x53, 0x89, 0xfb, 0x81, 0xe7, 0x00,
    0x00, 0x00, 0x80, 0x48, 0x83, 0xec, 0x28, 0x48, 0x89, 0x54, 0x24, 0x18, 0x48, 0x89, 0x4c, 0x24, 0x10,
];

fn archive(member: &[u8]) -> Vec<u8> {
    let header = format!("{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", "a.o/", 0, 0, 0, 644, member.len());
    [b"!<arch>\n".as_slice(), header.as_bytes(), member].concat()
}

#[test]
fn the_back_door_of_xz_convicts_as_code_alone() {
    let code = [[0x90; 16].as_slice(), &XZ, &[0x90; 16]].concat();
    let library = Program::library().code(&code).build();
    check(&lying("usr/lib/liblzma.so.5.6.1", &library), &["S-PKG-XZSIG convicts"]);
    check(
        &lying(
            "usr/lib/liblzma.so.5.6.1",
            &Program { sections: false, ..Program::library() }.code(&code).build(),
        ),
        &["S-PKG-XZSIG convicts"],
    );
    check(&lying("usr/lib/liblzma.a", &archive(&library)), &["S-PKG-XZSIG convicts"]);
    let mut detector = Program::new();
    detector.data = XZ.to_vec();
    check(&started("usr/bin/detect", &detector.build()), &[]);
    check(
        &started(
            "usr/bin/detect",
            &Program::new().texts(&["f30f1efa554889f54c89ce5389fb81e7000000804883ec28"]).build(),
        ),
        &[],
    );
    check(&lying("usr/bin/detect.sh", &XZ), &[]);
    check(&lying("usr/lib/liblzma.a", &archive(&XZ)), &[]);
}

#[test]
fn wrappers_of_scripts_and_programs_are_told() {
    let shc = Program::new().texts(&["E: neither argv[0] nor $_ works.", "%lu %d%c"]);
    check(&started("opt/a", &shc.build()), &["S-EVA-UPXMOD corroborates"]);
    check(&lying("opt/a", &shc.build()), &["S-EVA-UPXMOD context"]);
    let ezuri = Program::new().prose(&["main.runFromMemory", "main.aesDec"]);
    check(&lying("opt/a", &ezuri.build()), &["S-EVA-UPXMOD corroborates"]);
    check(&lying("opt/a", &Program::new().prose(&["main.aesDec", "main.main"]).build()), &[]);
}

#[test]
fn what_a_packed_program_contains_is_looked_at() {
    let miner = Program::new()
        .texts(&["donate-level", "cpu-max-threads-hint", "rig-id", "randomx-mode"])
        .texts(&["rx/0", "cn/r", "kawpow"])
        .texts(&["mining.submit", "keepalived"]);
    let bytes = packed(&Program { sections: false, ..miner }.build(), *b"UPX!");
    let found = ["S-EVA-UPX context", "S-MIN-ALGOS corroborates", "S-MIN-FAMILY convicts"];
    check(&started("opt/a", &bytes), &found);
    let tool = Program { sections: false, code: noise(40_000), ..Program::new() }.build();
    // By itself a packed program is nothing that counts, whoever starts it.
    check(&started("opt/a", &packed(&tool, *b"UPX!")), &["S-EVA-UPX context"]);
    let wiped = packed(&tool, *b"ABC!");
    check(&started("opt/a", &wiped), &["S-EVA-UPXMOD corroborates"]);
}

#[test]
fn a_packed_program_that_cannot_be_unpacked_is_a_gap() {
    let tool = Program { sections: false, code: vec![0x90; 5000], ..Program::new() }.build();
    let mut bytes = packed(&tool, *b"UPX!");
    let second = memchr::memmem::find_iter(&bytes, &[8, 0, 0, 0]).nth(1).unwrap();
    bytes[second + 4..second + 20].fill(0);
    let image = started("opt/a", &bytes);
    let gaps = image.run(&ElfStructure).gaps;
    assert_eq!(gaps.len(), 1);
    assert!(gaps[0].what.contains("/opt/a"), "{gaps:?}");
}
