//! Libraries and runtimes that do unusual things for good reasons.

use crate::group;
use crate::programs::library;
use crate::shape::{Planted, Shape, clean};
use test_support::{md5_hex, standin};

/// The file as part of a Debian package.
fn owned(planted: Planted, package: &str, path: &str, bytes: Vec<u8>) -> Planted {
    let sums = format!("{}  {path}\n", md5_hex(&bytes));
    planted.base(|layer| {
        layer
            .file(path, 0o644, bytes)
            .file(format!("var/lib/dpkg/info/{package}.list"), 0o644, format!("/.\n/{path}\n"))
            .file(format!("var/lib/dpkg/info/{package}.md5sums"), 0o644, sums)
            .file(
                format!("var/lib/dpkg/status.d/{package}"),
                0o644,
                format!(
                    "Package: {package}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n"
                ),
            )
    })
}

fn web(planted: Planted) -> Planted {
    planted.cmd(&["python3", "-m", "http.server"])
}

pub(crate) fn shapes() -> Vec<Shape> {
    group(
        "libraries",
        vec![
            clean("allocator of a package, preloaded", |_| {
                let path = "usr/lib/x86_64-linux-gnu/libjemalloc.so.2";
                let bytes = library(
                    &["malloc", "free", "calloc", "realloc", "posix_memalign"],
                    &["mmap", "pthread_create"],
                    &["<jemalloc>"],
                );
                web(owned(Planted::debian(), "libjemalloc2", path, bytes))
                    .env("LD_PRELOAD", "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2")
            }),
            clean("allocator of a package, preloaded through a link", |_| {
                let path = "usr/lib/x86_64-linux-gnu/libjemalloc.so.2";
                let bytes = library(&["malloc", "free", "calloc"], &["mmap", "dlsym"], &["<jemalloc>"]);
                web(owned(Planted::debian(), "libjemalloc2", path, bytes))
                    .symlink("usr/local/lib/libjemalloc.so", "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2")
                    .env("LD_PRELOAD", "/usr/local/lib/libjemalloc.so")
                    .env("MALLOC_ARENA_MAX", "2")
            }),
            clean("false root of a package", |_| {
                let bytes = library(
                    &["chown", "stat", "lstat", "fstatat", "open", "readlink"],
                    &["dlsym", "msgsnd"],
                    &["FAKEROOTKEY"],
                );
                web(owned(
                    Planted::debian(),
                    "libfakeroot",
                    "usr/lib/x86_64-linux-gnu/libfakeroot/libfakeroot-sysv.so",
                    bytes,
                ))
            }),
            clean("proxy of a package", |_| {
                let bytes = library(
                    &["connect", "gethostbyname", "getaddrinfo", "close"],
                    &["dlsym"],
                    &["proxychains", "socks5"],
                );
                web(owned(
                    Planted::debian(),
                    "libproxychains4",
                    "usr/lib/x86_64-linux-gnu/libproxychains.so.4",
                    bytes,
                ))
            }),
            clean("path files of Python's own tools", |_| {
                web(Planted::debian())
                .file("usr/local/lib/python3.11/dist-packages/distutils-precedence.pth", "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, 'local') == 'local'; enabled and __import__('_distutils_hack').add_shim(); \n")
                .file("usr/local/lib/python3.11/dist-packages/sphinxcontrib_x-nspkg.pth", "import sys, types, os;has_mfs = sys.version_info > (3, 5);p = os.path.join(sys._getframe(1).f_locals['sitedir'], *('sphinxcontrib',));importlib = has_mfs and __import__('importlib.util');has_mfs and __import__('importlib.machinery');m = has_mfs and sys.modules.setdefault('sphinxcontrib', importlib.util.module_from_spec(importlib.machinery.PathFinder.find_spec('sphinxcontrib', [os.path.dirname(p)])));m = m or sys.modules.setdefault('sphinxcontrib', types.ModuleType('sphinxcontrib'));mp = (m or []) and m.__dict__.setdefault('__path__',[]);(p not in mp) and mp.append(p)\n")
                .file("usr/local/lib/python3.11/dist-packages/__editable__.app-1.0.pth", "/srv/app\n")
            }),
            clean("installer that carries its own archive", |_| {
                let body = "P)h>@6aWAK2ms(pnpFS)0000000000000L7003-nV_|G%FHlPZ1QY-O00;of09jiq".repeat(40);
                web(Planted::debian()).file("usr/local/lib/get-pip.py", format!("import sys\nDATA = b\"\"\"\n{body}\n\"\"\"\n\ndef main():\n    import base64, os, tempfile\n    with open(os.path.join(tempfile.mkdtemp(), 'pip.zip'), 'wb') as fp:\n        fp.write(base64.b85decode(DATA.replace(b'\\n', b'')))\n    sys.path.insert(0, fp.name)\n\nif __name__ == '__main__':\n    main()\n"))
            }),
            clean("script with an archive behind it", |_| {
                let mut script = b"#!/bin/sh\n# This script was generated using Makeself\nskip=4\ntail -n +$skip \"$0\" | gzip -dc | tar x -C /opt\nexit 0\n".to_vec();
                script.extend_from_slice(&test_support::Compression::Gzip.apply(&[7; 4096]));
                web(Planted::debian()).script("opt/install.run", script)
            }),
            clean("hidden directories of tools", |_| {
                web(Planted::debian())
                    .script("root/.cargo/bin/cargo", standin::program("an honest builder"))
                    .script("root/.nvm/versions/node/v22/bin/node", standin::program("an honest runtime"))
                    .script("srv/.venv/bin/python", standin::program("an honest interpreter"))
                    .script(
                        "srv/node_modules/.bin/tsc",
                        "#!/usr/bin/env node\nrequire('../typescript/lib/tsc.js')\n",
                    )
                    .entry(&["/srv/.venv/bin/python"])
            }),
            clean("agent of a vendor in a runtime", |_| {
                web(Planted::debian())
                    .file(
                        "opt/agent/opentelemetry-javaagent.jar",
                        b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
                    )
                    .env("JAVA_TOOL_OPTIONS", "-XX:MaxRAMPercentage=75")
            }),
            clean("blocks of version managers in a profile", |_| {
                web(Planted::debian()).file("root/.bashrc", "export NVM_DIR=\"$HOME/.nvm\"\n[ -s \"$NVM_DIR/nvm.sh\" ] && \\. \"$NVM_DIR/nvm.sh\"\n# >>> conda initialize >>>\n__conda_setup=\"$('/opt/conda/bin/conda' 'shell.bash' 'hook' 2> /dev/null)\"\nif [ $? -eq 0 ]; then eval \"$__conda_setup\"; fi\n# <<< conda initialize <<<\n")
            }),
            clean("fixed version of a once backdoored library", |_| {
                web(Planted::debian()).base(|layer| layer.file("var/lib/dpkg/status.d/liblzma5", 0o644, "Package: liblzma5\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.6.1+really5.4.5-1\n\n"))
            }),
            clean("launchers for another system", |_| {
                let mut pe = b"MZ\x90\0".to_vec();
                pe.resize(512, 0);
                pe[60] = 128;
                pe[128..132].copy_from_slice(b"PE\0\0");
                web(Planted::debian())
                    .file("usr/local/lib/python3.11/dist-packages/pip/_vendor/distlib/w64.exe", pe.clone())
                    .file("usr/local/lib/python3.11/dist-packages/setuptools/cli-64.exe", pe)
            }),
            clean("programs of a package with special rights", |_| {
                let bytes = standin::program("an honest switch of users");
                let sums = format!("{}  usr/bin/su\n", md5_hex(&bytes));
                web(Planted::debian().base(|layer| {
                layer
                    .file("usr/bin/su", 0o4755, bytes)
                    .file("var/lib/dpkg/info/util-linux.list", 0o644, "/.\n/usr/bin/su\n")
                    .file("var/lib/dpkg/info/util-linux.md5sums", 0o644, sums)
                    .file("var/lib/dpkg/status.d/util-linux", 0o644, "Package: util-linux\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n")
            }))
            }),
        ],
    )
}
