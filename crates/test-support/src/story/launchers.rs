//! The script of the alert in the forms in which a launcher tells a miner what to do. The interpreter of the
//! images is a stand-in too, so nothing in them can run it.

/// What a miner must be told.
pub(super) struct Work<'w> {
    /// Where the program lies.
    pub(super) program: &'w str,
    /// The server.
    pub(super) pool: &'w str,
    /// Who is paid.
    pub(super) account: &'w str,
}

/// By nothing: it is started, which is all that the alert tells.
pub(super) fn by_nothing(program: &str) -> String {
    format!("#!/usr/bin/env python3\nimport subprocess\n\nsubprocess.call([\"{program}\"])\n")
}

/// By arguments, with a thread for each processor but one and large pages set aside.
pub(super) fn by_arguments(work: &Work<'_>) -> String {
    let Work { program, pool, account } = work;
    format!(
        "#!/usr/bin/env python3\n\
         import os\n\
         import subprocess\n\n\
         threads = str(max(1, os.cpu_count() - 1))\n\
         subprocess.call(\"sysctl -w vm.nr_hugepages=128\", shell=True)\n\
         subprocess.call([\"{program}\", \"-o\", \"{pool}\", \"-u\", \"{account}\", \"-p\", \"x\", \"-k\", \"--tls\", \
         \"--donate-level\", \"1\", \"-t\", threads])\n"
    )
}

/// By a configuration that it writes first.
pub(super) fn by_configuration(work: &Work<'_>, written: &str) -> String {
    let Work { program, pool, account } = work;
    format!(
        "#!/usr/bin/env python3\n\
         import json\n\
         import subprocess\n\
         import time\n\n\
         SETTINGS = {{\n    \
             \"autosave\": False,\n    \
             \"cpu\": {{\"huge-pages\": True, \"max-threads-hint\": 75}},\n    \
             \"donate-level\": 1,\n    \
             \"pools\": [{{\"algo\": \"rx/0\", \"url\": \"{pool}\", \"user\": \"{account}\", \"pass\": \"x\", \"keepalive\": True}}],\n\
         }}\n\n\
         with open(\"{written}\", \"w\") as settings:\n    \
             json.dump(SETTINGS, settings)\n\
         while True:\n    \
             subprocess.call([\"{program}\", \"--config\", \"{written}\"], stdout=subprocess.DEVNULL)\n    \
             time.sleep(60)\n"
    )
}

/// By naming a configuration that lies in the image.
pub(super) fn by_file(program: &str, configuration: &str) -> String {
    format!(
        "#!/usr/bin/env python3\n\
         import os\n\
         import time\n\n\
         os.system(\"sysctl -w vm.nr_hugepages=128\")\n\
         os.system(\"nohup {program} -c {configuration} > /dev/null 2>&1 &\")\n\
         time.sleep(1e9)\n"
    )
}

/// Such a configuration.
pub(super) fn configuration(pool: &str, account: &str) -> String {
    format!(
        "{{\n    \"autosave\": true,\n    \"cpu\": {{ \"enabled\": true, \"huge-pages\": true, \"argon2-impl\": null }},\n    \
         \"randomx\": {{ \"init\": -1, \"1gb-pages\": true, \"wrmsr\": true }},\n    \"donate-level\": 1,\n    \
         \"pools\": [\n        {{ \"url\": \"{pool}\", \"user\": \"{account}\", \"pass\": \"x\", \"rig-id\": null, \"keepalive\": true, \"tls\": true }}\n    \
         ],\n    \"print-time\": 60\n}}\n"
    )
}
