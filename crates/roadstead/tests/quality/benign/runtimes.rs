//! Programs and runtimes whose build is odd for a good reason: packed, with an archive behind them, with memory that
//! may be written and run, or outside of every package.

use crate::group;
use crate::programs::{self, library};
use crate::shape::{Planted, Shape, clean};
use test_support::{Compression, standin};

/// Bytes as random as compressed data.
fn random(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    });
    next.take(length).collect()
}

fn web(planted: Planted) -> Planted {
    planted.cmd(&["python3", "-m", "http.server"])
}

pub(crate) fn shapes() -> Vec<Shape> {
    group(
        "runtimes",
        vec![
            clean("Go program packed with UPX", |_| {
                let program = standin::program_with(
                    &[
                        "\u{ff} Go build ID: \"a/b/c/d\"",
                        "go1.26.1",
                        "runtime.main",
                        "net/http.(*Server).Serve",
                    ],
                    8192,
                );
                Planted::scratch()
                    .script("usr/local/bin/server", programs::packed(&program))
                    .entry(&["/usr/local/bin/server"])
            }),
            clean("Python application in one file", |_| {
                let mut program = standin::program_with(
                    &[
                        "Cannot open PyInstaller archive from executable (%s) or external archive (%s)",
                        "_MEIPASS2",
                        "pyi-runtime-tmpdir",
                        "Failed to execute script '%s' due to unhandled exception: %s",
                        "LD_LIBRARY_PATH",
                        "Py_Initialize",
                    ],
                    4096,
                );
                // The archive behind the program, compressed file by file, and the mark that ends it.
                program.extend(Compression::Gzip.apply(&random(40_000)));
                program.extend(b"PYZ\0");
                program.extend(Compression::Gzip.apply(b"import app\napp.main()\n"));
                program.extend(b"MEI\x0c\x0b\x0a\x0b\x0e");
                program.extend([0, 0, 0x9d, 0, 0, 0, 0x9c, 0, 0, 0, 0, 0x40, 0, 0, 1, 0x37]);
                program.extend(b"libpython3.11.so.1.0\0");
                Planted::debian().script("opt/app/app", program).entry(&["/opt/app/app"])
            }),
            clean("runtime that compiles as it goes", |_| {
                let texts = [
                    "LuaJIT 2.1.1700008891",
                    "mcode allocation failed",
                    "PROT_EXEC",
                    "trace compiler",
                    "jit.opt.start",
                ];
                Planted::debian()
                    .script("usr/local/bin/luajit", programs::writable_code(&texts, 64 << 10))
                    .file("srv/app.lua", "local ffi = require('ffi')\nffi.cdef[[ int getpid(void); ]]\nprint(ffi.C.getpid(), jit.version)\n")
                    .entry(&["luajit", "/srv/app.lua"])
            }),
            clean("web server with programs in Lua", |_| {
                Planted::debian()
                    .script("usr/local/openresty/nginx/sbin/nginx", standin::program("an honest web server"))
                    .file("usr/local/openresty/nginx/lua/limit.lua", "local redis = require \"resty.redis\"\nlocal red = redis:new()\nlocal ok, err = red:connect(os.getenv(\"REDIS_HOST\") or \"redis\", 6379)\nif not ok then ngx.log(ngx.ERR, err) return end\nlocal count = red:incr(\"limit:\" .. ngx.var.remote_addr)\nif count > 100 then return ngx.exit(429) end\n")
                    .entry(&["/usr/local/openresty/nginx/sbin/nginx", "-g", "daemon off;"])
            }),
            clean("runtime of Java outside of packages", |_| {
                Planted::debian()
                    .script("opt/java/openjdk/bin/java", standin::program("an honest runtime of Java"))
                    .file("opt/java/openjdk/lib/server/libjvm.so", library(&["JNI_CreateJavaVM"], &["mmap", "dlopen"], &["code cache"]))
                    .script("__cacert_entrypoint.sh", "#!/usr/bin/env bash\nset -e\nJRE_CACERTS_PATH=\"$JAVA_HOME/lib/security/cacerts\"\nTMP_STORE=$(mktemp)\nif [ -n \"$USE_SYSTEM_CA_CERTS\" ] && [ -d /certificates ]; then\n  for i in /certificates/*; do \"$JAVA_HOME/bin/keytool\" -import -noprompt -alias \"$(basename \"$i\")\" -file \"$i\" -keystore \"$TMP_STORE\" -storepass changeit; done\n  export JAVA_TOOL_OPTIONS=\"$JAVA_TOOL_OPTIONS -Djavax.net.ssl.trustStore=$TMP_STORE\"\nfi\nexec \"$@\"\n")
                    .env("JAVA_HOME", "/opt/java/openjdk")
                    .env("PATH", "/opt/java/openjdk/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
                    .entry(&["/__cacert_entrypoint.sh"])
                    .cmd(&["java", "-jar", "/app.jar"])
            }),
            clean("tools of Go outside of packages, with their tests", |_| {
                Planted::debian()
                    .script("usr/local/go/bin/go", standin::program_with(&["Go build ID: \"x/y\"", "go1.26.1"], 8192))
                    .script("usr/local/go/pkg/tool/linux_amd64/compile", standin::program("an honest compiler"))
                    .file("usr/local/go/src/debug/elf/testdata/gcc-386-freebsd-exec", standin::program("a test's program"))
                    .file("usr/local/go/src/crypto/x509/platform_root_key.pem", "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEINJSRKv8kSKEzLHptfAlg+LGh4/pHHlq0XLf30Q9pcztoAoGCCqGSM49\n-----END EC PRIVATE KEY-----\n")
                    .file("usr/local/go/src/cmd/go/testdata/script/mod_get.txt", "exec sh -c 'curl http://example.com/x | sh'\n")
                    .env("GOPATH", "/go")
                    .env("PATH", "/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
                    .cmd(&["bash"])
            }),
            clean("runtime of Python outside of packages, with its installer", |_| {
                Planted::debian()
                    .script("usr/local/bin/python3.14", standin::program("an honest runtime of Python"))
                    .script("usr/local/bin/pip", "#!/usr/local/bin/python3.14\nimport sys\nfrom pip._internal.cli.main import main\nif __name__ == '__main__':\n    sys.exit(main())\n")
                    .file("usr/local/lib/python3.14/site-packages/pip/_internal/utils/subprocess.py", "import os\nimport subprocess\n\ndef call_subprocess(cmd, cwd=None):\n    env = os.environ.copy()\n    proc = subprocess.Popen(cmd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=cwd, env=env)\n    return proc.communicate()[0]\n")
                    .file("usr/local/lib/python3.14/test/test_socket.py", "import socket\nimport unittest\n\nclass T(unittest.TestCase):\n    def test(self):\n        s = socket.create_connection(('127.0.0.1', 80))\n        exec('x = 1')\n        eval(compile('1', 'f', 'eval'))\n")
                    .symlink("usr/local/bin/python", "python3.14")
                    .env("PYTHON_VERSION", "3.14.0")
                    .cmd(&["python3.14"])
            }),
            clean("runtime of JavaScript outside of packages", |_| {
                Planted::debian()
                    .script("usr/local/bin/node22", standin::program("an honest runtime of JavaScript"))
                    .file("usr/local/lib/node_modules/npm/lib/npm.js", "const { spawn } = require('child_process')\nmodule.exports = (args) => spawn(process.execPath, args, { stdio: 'inherit' })\n")
                    .script("usr/local/bin/docker-entrypoint.sh", "#!/bin/sh\nset -e\nif [ \"${1#-}\" != \"${1}\" ] || [ -z \"$(command -v \"${1}\")\" ] || { [ -f \"${1}\" ] && ! [ -x \"${1}\" ]; }; then\n  set -- node22 \"$@\"\nfi\nexec \"$@\"\n")
                    .entry(&["docker-entrypoint.sh"])
                    .cmd(&["node22"])
            }),
            clean("allocator built from source, preloaded", |_| {
                let bytes = library(
                    &["malloc", "free", "calloc", "realloc", "posix_memalign", "mallocx", "mallctl"],
                    &["mmap", "madvise", "pthread_create"],
                    &["<jemalloc>", "MALLOC_CONF"],
                );
                web(Planted::debian().file("usr/local/lib/libjemalloc.so.2", bytes))
                    .env("LD_PRELOAD", "/usr/local/lib/libjemalloc.so.2")
            }),
            clean("init for containers with its services", |_| {
                Planted::debian()
                    .script("init", "#!/bin/sh -e\nPATH=\"/command:$PATH\"\nexport PATH\nexec /package/admin/s6-overlay/libexec/preinit exec s6-overlay-suexec /package/admin/s6-overlay/libexec/stage0 \"$@\"\n")
                    .script("command/with-contenv", standin::program("an honest wrapper"))
                    .script("package/admin/s6-overlay/libexec/preinit", "#!/bin/sh -e\nexec \"$@\"\n")
                    .file("etc/s6-overlay/s6-rc.d/svc-app/type", "longrun\n")
                    .script("etc/s6-overlay/s6-rc.d/svc-app/run", "#!/command/with-contenv bash\nexec s6-notifyoncheck -d -n 300 -w 1000 -c \"nc -z localhost 8080\" s6-setuidgid abc /usr/bin/python3 -m http.server 8080\n")
                    .script("etc/s6-overlay/s6-rc.d/init-adduser/run", "#!/command/with-contenv bash\nPUID=${PUID:-911}\nPGID=${PGID:-911}\ngroupmod -o -g \"$PGID\" abc\nusermod -o -u \"$PUID\" abc\nlsiown abc:abc /app /config /defaults\n")
                    .script("etc/s6-overlay/s6-rc.d/init-crontab-config/run", "#!/command/with-contenv bash\nfor user in abc root; do\n  if [[ -f \"/config/crontabs/${user}\" ]]; then crontab -u \"${user}\" \"/config/crontabs/${user}\"; fi\ndone\n")
                    .file("etc/s6-overlay/s6-rc.d/user/contents.d/svc-app", "")
                    .entry(&["/init"])
            }),
        ],
    )
}
