use super::*;
use crate::analyzers::elf::tests::builder::Program;
use crate::analyzers::fixture::Fixture;

fn check(set: impl FnOnce(&mut Fixture), expect: &[(&str, Role, Severity)]) {
    let mut image = Fixture::new();
    image.file("bin/app", 0o755, b"app").start(&["/bin/app"], &[]);
    set(&mut image);
    let found = image.run(&Preloads).findings;
    let found: Vec<_> =
        found.iter().map(|finding| (finding.id.as_str(), finding.role, finding.severity)).collect();
    assert_eq!(found, expect);
}

const CONVICTS: (&str, Role, Severity) = ("S-EVA-PRELOADFILE", Role::Convicts, Severity::Critical);
const EXPLAINS: (&str, Role, Severity) = ("S-EVA-PRELOADFILE", Role::Context, Severity::Low);
const HINTS: (&str, Role, Severity) = ("S-EVA-PRELOADFILE", Role::Corroborates, Severity::Low);

#[test]
fn a_preload_file_convicts_unless_packages_vouch_for_all_of_it() {
    let preload = |text: &'static str| {
        move |image: &mut Fixture| {
            image.file("usr/lib/libgood.so", 0o644, b"good").file("usr/lib/libbad.so", 0o644, b"bad");
            image.file("usr/lib/libchanged.so", 0o644, b"other").symlink("lib", "usr/lib");
            image.package("good", &[("usr/lib/libgood.so", b"good"), ("usr/lib/libchanged.so", b"promised")]);
            image.file("etc/ld.so.preload", 0o644, text.as_bytes());
        }
    };
    check(preload("/usr/lib/libbad.so\n"), &[CONVICTS]);
    check(preload("/lib/libbad.so"), &[CONVICTS]);
    check(preload("libbad.so"), &[CONVICTS]);
    check(preload("/usr/$LIB/libbad.so"), &[CONVICTS]);
    check(preload("/usr/lib/libgood.so:/usr/lib/libbad.so"), &[CONVICTS]);
    check(preload("/usr/lib/libgone.so /usr/lib/libbad.so"), &[CONVICTS]);
    check(preload("/usr/lib/libchanged.so\n"), &[CONVICTS]);
    check(preload("# libsnoopy\n/usr/lib/libgood.so\n"), &[EXPLAINS]);
    check(preload("libgood.so"), &[EXPLAINS]);
    check(preload("/usr/lib/libgood.so\n/usr/lib/libgone.so"), &[HINTS]);
    check(preload("/opt/gone.so"), &[HINTS]);
    check(preload(""), &[]);
    check(preload("\n# nothing\n\n"), &[]);
}

#[test]
fn a_preload_file_that_cannot_be_read_as_one_convicts() {
    check(
        |image| {
            image.file("opt/list", 0o644, b"/opt/x.so\n").symlink("etc/ld.so.preload", "/opt/list");
        },
        &[CONVICTS],
    );
    check(
        |image| {
            image.file("opt/list", 0o644, b"/opt/x.so\n").hardlink("etc/ld.so.preload", "opt/list");
        },
        &[CONVICTS],
    );
    check(
        |image| {
            image.file("etc/ld.so.preload", 0o644, &b"/x ".repeat(200_000));
        },
        &[CONVICTS],
    );
    check(
        |image| {
            image.symlink("etc/ld.so.preload", "/dev/null");
        },
        &[],
    );
    // The loader takes this script's first line for a comment, and its second for the name of a library.
    check(
        |image| {
            image.file("opt/x", 0o755, b"#!/bin/sh\nLD_PRELOAD=libgood.so\n/opt/x.so\n");
            image.file("usr/lib/libgood.so", 0o644, b"good");
            image.package("good", &[("usr/lib/libgood.so", b"good")]);
            image.symlink("etc/ld.so.preload", "/opt/x");
        },
        &[CONVICTS],
    );
    // Removed by a later layer, and no concern of another system.
    check(
        |image| {
            image.file("etc/ld.so.preload", 0o644, b"/x.so").layer().file(
                "etc/.wh.ld.so.preload",
                0o644,
                b"",
            );
        },
        &[],
    );
    check(
        |image| {
            image.file("etc/ld.so.preload", 0o644, b"/x.so").platform = "windows/amd64".parse().unwrap();
        },
        &[],
    );
}

#[test]
fn libraries_of_the_environment_are_told_by_their_owner() {
    let strange = [("S-EVA-PRELOADENV", Role::Corroborates, Severity::High)];
    let known = [("S-EVA-PRELOADENV", Role::Context, Severity::Low)];
    let library = |promised: Option<&'static [u8]>, env: &'static str| {
        move |image: &mut Fixture| {
            image.file("usr/lib/x86_64-linux-gnu/libjemalloc.so.2", 0o644, b"lib").env(env);
            image.symlink("usr/local/lib/libjemalloc.so", "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2");
            if let Some(promised) = promised {
                image.package("libjemalloc2", &[("usr/lib/x86_64-linux-gnu/libjemalloc.so.2", promised)]);
            }
        }
    };
    // Rails images set the link; others the path or the bare name.
    for env in [
        "LD_PRELOAD=/usr/local/lib/libjemalloc.so",
        "LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2",
        "LD_PRELOAD=libjemalloc.so.2",
        "LD_AUDIT=/usr/$LIB/libjemalloc.so.2",
    ] {
        check(library(Some(b"lib"), env), &known);
        check(library(Some(b"other"), env), &strange);
        check(library(None, env), &strange);
    }
    check(library(None, "LD_PRELOAD=libnss_wrapper.so"), &known);
    check(library(None, "LD_PRELOAD="), &[]);
    check(library(None, "PATH=/bin"), &[]);
}

#[test]
fn libraries_that_a_script_of_the_start_forces_are_told() {
    let strange = [("S-EVA-PRELOADENV", Role::Corroborates, Severity::High)];
    let script = |text: &'static str| {
        move |image: &mut Fixture| {
            image.file("opt/x.so", 0o644, b"lib").file("usr/lib/libeatmydata.so", 0o644, b"lib");
            image.package("eatmydata", &[("usr/lib/libeatmydata.so", b"lib")]);
            image.file("entry.sh", 0o755, text.as_bytes()).start(&["/entry.sh"], &[]);
        }
    };
    check(script("#!/bin/sh\nexport LD_PRELOAD=/opt/x.so\nexec app\n"), &strange);
    check(script("#!/bin/sh\nLD_PRELOAD='/opt/x.so:libeatmydata.so' app\n"), &strange);
    check(script("#!/bin/sh\nexec env LD_PRELOAD=\"/opt/x.so\" app\n"), &strange);
    check(script("#!/bin/sh\nexport LD_PRELOAD=libeatmydata.so\n"), &[]);
    check(script("#!/bin/sh\n# LD_PRELOAD=/opt/x.so\n"), &[]);
    // As the entrypoint of PostgreSQL does.
    let postgres = "#!/bin/bash\nfor wrapper in {/usr,}/lib{/*,}/libnss_wrapper.so; do\n  export LD_PRELOAD=\"$wrapper\"\ndone\n";
    check(script(postgres), &[]);
    let start = |words: &'static [&'static str]| {
        move |image: &mut Fixture| {
            image.file("opt/x.so", 0o644, b"lib").start(words, &[]);
        }
    };
    check(start(&["/bin/sh", "-c", "LD_PRELOAD=/opt/x.so app"]), &strange);
    check(start(&["env", "LD_PRELOAD=/opt/x.so", "app"]), &strange);
    check(start(&["app", "LD_PRELOAD=/opt/gone.so"]), &[]);
    // A script that nothing leads to.
    check(
        |image| {
            image.file("opt/x.so", 0o644, b"lib");
            image.file("opt/run.sh", 0o755, b"#!/bin/sh\nLD_PRELOAD=/opt/x.so app\n");
        },
        &[],
    );
}

#[test]
fn an_allocator_of_the_image_is_a_low_sign() {
    let low = [("S-EVA-PRELOADENV", Role::Corroborates, Severity::Low)];
    let strange = [("S-EVA-PRELOADENV", Role::Corroborates, Severity::High)];
    let preloaded =
        |path: &'static str, exports: &'static [&'static str], imports: &'static [&'static str]| {
            move |image: &mut Fixture| {
                let library = Program::library().exports(exports).imports(imports).build();
                image.file(path, 0o644, &library).env(&format!("LD_PRELOAD=/{path}"));
            }
        };
    let offers = &["malloc", "free", "calloc", "mallctl"];
    let takes = &["mmap", "dlsym", "open", "readlink", "pthread_create"];
    check(preloaded("usr/local/lib/libjemalloc.so.2", offers, takes), &low);
    check(preloaded("opt/app/lib/libmimalloc.so", offers, &["access", "mmap", "mprotect", "open"]), &low);
    let tcmalloc = &["malloc", "free", "mmap", "mmap64", "TCMallocInternalMalloc"];
    check(preloaded("usr/local/lib/libtcmalloc.so.4", tcmalloc, &["access", "open", "unlink"]), &low);
    // Where packages or nobody put libraries, and where they hide.
    for path in
        ["usr/lib/libjemalloc.so.2", "lib/x.so", "tmp/x.so", "usr/local/lib/.x/libm.so", "opt/.../m.so"]
    {
        check(preloaded(path, offers, takes), &strange);
    }
    for imports in [
        &["execve"][..],
        &["socket"],
        &["connect", "mmap"],
        &["system"],
        &["popen"],
        &["ptrace"],
        &["memfd_create"],
    ] {
        check(preloaded("usr/local/lib/libm.so", offers, imports), &strange);
    }
    for exports in
        [&["free"][..], &["malloc", "readdir"], &["malloc", "accept"], &["malloc", "open"], &["execve"]]
    {
        check(preloaded("usr/local/lib/libm.so", exports, takes), &strange);
    }
    let text = |image: &mut Fixture| {
        image.file("usr/local/lib/libm.so", 0o644, b"lib").env("LD_PRELOAD=/usr/local/lib/libm.so");
    };
    check(text, &strange);
}
