// Worms, bots, back doors and what hides them.

rule BotSilencesWatchdog {
    meta:
        id = "S-YARA-BOT"
        title = "Bot for small devices"
        why = "The program keeps the watchdog of a device from starting it anew, under both of its names, and looks at the connections and programs of others: bots of the Mirai family do so to stay in a device that has no disk. No program for servers does."
        advice = "Do not run the image. Look for the downloader that brought it."
        severity = "high"
        techniques = "T1584.005 T1498"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $one = "/dev/watchdog"
        $other = "/dev/misc/watchdog"
        $net = /\/proc\/net\/(tcp|route)/
        $box = "/bin/busybox"
        $exe = /\/proc\/(%s|%d|self)\/exe/
    condition:
        filesize < 2MB and $one and $other and 2 of ($net, $box, $exe)
}

// Bots of the Gafgyt family are told by name what to flood, and answer whether they are there.
rule BotFloods {
    meta:
        id = "S-YARA-BOT"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $a = /\b(UDP|udp)[ _-]?(FLOOD|flood|Flood)\b/
        $b = /\b(TCP|tcp)[ _-]?(FLOOD|flood|Flood)\b/
        $c = /\b(SYN|syn)[ _-]?(FLOOD|flood|Flood)\b/
        $d = /\b(ACK|ack)[ _-]?(FLOOD|flood|Flood)\b/
        $e = /\b(HTTP|http)[ _-]?(FLOOD|flood|Flood)\b/
        $route = "/proc/net/route"
        $ping = "PING"
        $pong = "PONG"
    condition:
        filesize < 4MB and $route and $ping and $pong and 3 of ($a, $b, $c, $d, $e)
}

rule WormPlantsKey {
    meta:
        id = "S-YARA-SSH-WORM"
        title = "Worm that spreads by keys"
        why = "The program or script brings a public key of its own, puts it where logins are allowed, and goes on to the hosts that are written down in the files of users, or keeps others from taking the key out. Whoever has the other half can log in wherever it ran."
        advice = "Do not run the image. Look for the key on the hosts where it ran."
        severity = "high"
        techniques = "T1098.004 T1021.004"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $key = "ssh-rsa AAAAB3NzaC1yc2E"
        $ed = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"
        $file = ".ssh/authorized_keys"
        $strict = "StrictHostKeyChecking"
        $hosts = "known_hosts"
        $attribute = "chattr"
    condition:
        ($key or $ed) and $file and ($attribute or ($strict and $hosts))
}

rule WormDockerApi {
    meta:
        id = "S-YARA-DOCKER-WORM"
        title = "Worm that spreads by open container engines"
        why = "The program or script looks for container engines that are open to the network and starts containers there. Graboid, TeamTNT and others spread so."
        advice = "Do not run the image. Look for containers that nobody started."
        severity = "high"
        techniques = "T1610 T1046 T1133"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $create = "/containers/create"
        $port = "2375"
        $scan = "masscan"
        $scan2 = "zgrab"
        $scan3 = "pnscan"
        $root = /"?Binds"?.{0,12}"\/:\//
    condition:
        $create and $port and ($root or any of ($scan, $scan2, $scan3))
}

rule WormKubelet {
    meta:
        id = "S-YARA-KUBELET-WORM"
        title = "Worm that spreads by the agents of cluster nodes"
        why = "The program or script asks the agents of cluster nodes which containers run, and runs commands in them that fetch something."
        advice = "Do not run the image. Close port 10250 of the nodes to everything but the control plane."
        severity = "high"
        techniques = "T1609 T1613"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $pods = "/runningpods"
        $port = "10250"
        $run = /:10250\/(run|exec|pods)/
        $fetch = "wget "
        $fetch2 = "curl "
        $place = "/tmp/"
    condition:
        $pods and $port and $run and $place and ($fetch or $fetch2)
}

rule StealerRunnerMemory {
    meta:
        id = "S-YARA-RUNNER-MEMORY"
        title = "Reads the secrets of a build out of memory"
        why = "The program or script looks for the process that runs a build and reads its memory, where the secrets of the build lie. The attacks on actions and scanners in 2025 and 2026 took them so."
        advice = "Do not run the image in a build. Renew every secret that a build had in which it ran."
        severity = "critical"
        techniques = "T1003.007 T1552"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $runner = "Runner.Worker"
        $mem = /\/proc\/[^\s\/]{1,12}\/mem/
        $maps = /\/proc\/[^\s\/]{1,12}\/maps/
        $secret = "isSecret"
    condition:
        $runner and ($secret or ($mem and $maps))
}

rule ShellcodeConnectsShell {
    meta:
        id = "S-YARA-SHELLCODE"
        title = "Machine code that connects a shell"
        why = "The program holds machine code that opens a socket, puts standard input and output on it and starts a program, written without zero bytes as code is that has to pass through text. Compilers do not write so."
        advice = "Do not run the image. Treat what has run it as taken over."
        severity = "high"
        techniques = "T1059.004 T1620"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $socket = { 6a 29 58 99 6a 02 5f 6a 01 5e [0-3] 0f 05 }
        $copy = { 6a 21 58 [0-2] 0f 05 }
        $exec = { 6a 3b 58 [0-30] 0f 05 }
    condition:
        $socket and $copy and $exec
}

rule ImplantGuardsPreload {
    meta:
        id = "S-YARA-PRELOAD-ROOTKIT"
        title = "Library that hides files and guards its loading"
        why = "The program stands between others and the C library, knows the file by which libraries are put into every program, and reads what processes and connections there are: that is how rootkits in user space hide themselves and their owner."
        advice = "Do not run the image. Nothing that a system shows about itself can be believed once it ran."
        severity = "high"
        techniques = "T1014 T1574.006"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $preload = "/etc/ld.so.preload"
        $next = "dlsym"
        $read = "readdir64"
        $net = /\/proc\/(self\/)?net\/tcp/
        $proc = /\/proc\/(self\/fd\/%d|%s\/(stat|cmdline|exe))/
        $listen = "accept"
        $pam = "pam_authenticate"
        $link = "readlink"
    condition:
        filesize < 3MB and $preload and $next and $read and ($net or $proc) and 1 of ($listen, $pam, $link)
}

rule ModuleHidesInKernel {
    meta:
        id = "S-YARA-KERNEL-ROOTKIT"
        title = "Kernel module that hides and gives rights"
        why = "The module looks up what the kernel does not offer to modules, replaces the calls that list files or connections, and can give a process the rights of root: it is a rootkit in the kernel."
        advice = "Do not run the image with privileges. A host that loaded it has to be set up anew."
        severity = "high"
        techniques = "T1014 T1547.006"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $magic = "vermagic="
        $a = "sys_call_table"
        $b = "tcp4_seq_show"
        $c = "getdents64"
        $d = "filldir64"
        $cred = "prepare_creds"
        $cred2 = "commit_creds"
        $look = "kallsyms_lookup_name"
        $hook = "register_kprobe"
        $hook2 = "register_ftrace_function"
    condition:
        $magic and 2 of ($a, $b, $c, $d) and ($look or $hook or $hook2) and ($cred or $cred2)
}

rule PamModuleKeepsPasswords {
    meta:
        id = "S-YARA-PAM-BACKDOOR"
        title = "Login module that writes to a hidden file"
        why = "The module takes part in logins, sees passwords, and knows a hidden file in a place where no login module keeps anything."
        advice = "Do not use the image. Renew the passwords that were typed where it ran."
        severity = "high"
        techniques = "T1556.003"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $enter = "pam_sm_authenticate"
        $token = "pam_get_authtok"
        $item = "pam_get_item"
        $hidden = /\/(tmp|var\/tmp|dev\/shm|var\/log|usr\/lib|usr\/include|var\/lib)\/\.[A-Za-z0-9_-]{2,40}/
        $open = "fopen"
    condition:
        $enter and ($token or $item) and $hidden and $open
}

rule PretendsKernelThread {
    meta:
        id = "S-YARA-KERNEL-NAME"
        title = "Takes the name of a kernel thread"
        why = "The program holds the name of a thread of the kernel in the brackets in which lists of processes show it, and can name itself. In a container there are no threads of the kernel, so the name is for whoever looks at the host."
        advice = "Look at what the program does."
        severity = "medium"
        techniques = "T1036.009"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $a = "[kworker/"
        $b = "[kthreadd]"
        $c = "[ksoftirqd/"
        $d = "[migration/"
        $e = "[rcu_sched]"
        $f = "[watchdog/"
        $prctl = "prctl"
        $fork = "fork"
        $daemon = "daemon"
        $sid = "setsid"
    condition:
        filesize < 8MB and any of ($a, $b, $c, $d, $e, $f) and $prctl and ($fork or $daemon or $sid)
}

rule CampaignHostInProgram {
    meta:
        id = "S-YARA-CAMPAIGN"
        title = "Names a host of a known campaign"
        why = "The program or script names a host of a campaign against container users that was published by those who took it apart: TeamTNT, Kiss-a-dog, azurenql, the attacks on Trivy and KICS, and others. Lists of such hosts are in scanners too, so that it corroborates."
        advice = "Do not run the image. Read the reports on the campaign for what else it brings."
        severity = "high"
        techniques = "T1071.001"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $h00 = "kiss.a-dog.top"
        $h01 = "irc.borg.wtf"
        $h02 = "kaiserfranz.cc"
        $h03 = "dockerupdate.anondns.net"
        $h04 = "sampwn.anondns.net"
        $h05 = "donaldtrump.cc"
        $h06 = "m.clu-e.eu"
        $h07 = "windowsupdatesupport.link"
        $h08 = "aquasecurtiy.org"
        $h09 = "tdtqy-oyaaa-aaaae-af2dq-cai"
        $h10 = "checkmarx.zone"
        $h11 = "audit.checkmarx.cx"
        $h12 = "5pwcq42aa42fjzel.onion"
        $h13 = "73avhutb24chfsh6.onion"
        $h14 = "2hdv5kven4m422wx4dmqabotumkeisrstzkzaotvuhwx3aebdig573qd"
        $h15 = "6d77335c4f23.ddns.net"
    condition:
        any of them
}
