// Scripts that spread, hide, steal and take their orders from odd places.

rule WormDockerApiScript {
    meta:
        id = "S-YARA-DOCKER-WORM"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $create = "/containers/create"
        $port = "2375"
        $a = "masscan"
        $b = "zgrab"
        $c = "pnscan"
        $root = /"\/:\/[a-z]{0,20}"/
    condition:
        $create and $port and (any of ($a, $b, $c) or $root)
}

rule WormDockerClientScript {
    meta:
        id = "S-YARA-DOCKER-WORM"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $host = /docker\s{1,4}-H\s{0,4}=?(tcp:\/\/)?\$/
        $run = " run "
        $root = /-v\s{1,4}\/:\/[a-z]{1,20}/
        $leave = "chroot"
        $port = "2375"
        $docker = "docker -H"
    condition:
        $docker and $leave and $host and $run and $root and $port
}

rule WormKubeletScript {
    meta:
        id = "S-YARA-KUBELET-WORM"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $pods = "/runningpods"
        $run = /:10250\/(run|exec)\//
        $fetch = "curl"
        $fetch2 = "requests."
        $loop = /(for|while)\s/
    condition:
        $run and $pods and $loop and ($fetch or $fetch2)
}

rule WormSshHistory {
    meta:
        id = "S-YARA-SSH-WORM"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $known = "known_hosts"
        $history = "bash_history"
        $strict = "StrictHostKeyChecking"
        $batch = "BatchMode"
        $fetch = "curl "
        $fetch2 = "wget "
        $key = "id_rsa"
    condition:
        $known and $history and ($strict or $batch) and ($fetch or $fetch2) and $key
}

rule WormKeyLocked {
    meta:
        id = "S-YARA-SSH-WORM"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $key = /ssh-(rsa AAAAB3NzaC1yc2E|ed25519 AAAAC3NzaC1lZDI1NTE5)/
        $file = "authorized_keys"
        $lock = /chattr\s{1,4}[+][ia]{1,2}/
        $chattr = "chattr"
    condition:
        $chattr and $file and $key and $lock
}

rule DeadDropByName {
    meta:
        id = "S-YARA-DOH-DROP"
        title = "Takes orders out of the names of the network"
        why = "The script asks a public resolver over the web for a text record, decodes or runs what it says, and so gets its orders through a host that everybody allows. Its owner can change them at any time, and no list of hosts knows of them."
        advice = "Find out what the record says, and whose name it is."
        severity = "high"
        techniques = "T1102.001 T1071.004"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $a = "dns-query?name="
        $b = "dns.google/resolve"
        $c = "application/dns-json"
        $text = /type=(TXT|16)\b/
        $run = /(base64 (-d|--decode)|b64decode|\|\s{0,3}(ba)?sh\b|eval\s|exec\(|os\.system|subprocess)/
    condition:
        any of ($a, $b, $c) and $text and $run
}

rule StealerTelegram {
    meta:
        id = "S-YARA-MESSENGER-EXFIL"
        title = "Hands secrets to a messenger"
        why = "The script reads keys and credentials from several of the places where they lie and knows a bot or hook of a messenger, through which anybody can be told anything without a server of his own."
        advice = "Do not run the image. Renew every secret that it could read."
        severity = "high"
        techniques = "T1567 T1552.001"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $bot = "api.telegram.org/bot"
        $hook = "discord.com/api/webhooks/"
        $hook2 = "discordapp.com/api/webhooks/"
        $a = ".aws/credentials"
        $b = ".ssh/id_"
        $c = "/etc/shadow"
        $d = ".kube/config"
        $e = ".docker/config.json"
        $f = "serviceaccount/token"
        $g = ".git-credentials"
        $h = "wallet.dat"
        $i = /\/proc\/[^\s\/]{1,12}\/environ/
    condition:
        any of ($bot, $hook, $hook2) and 2 of ($a, $b, $c, $d, $e, $f, $g, $h, $i)
}

rule StealerRunnerMemoryScript {
    meta:
        id = "S-YARA-RUNNER-MEMORY"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $runner = "Runner.Worker"
        $mem = /\/proc\/[^\n]{1,16}\/mem/
        $maps = /\/maps/
        $secret = "isSecret"
    condition:
        $runner and $mem and ($maps or $secret)
}

rule LambdaUnpacksItself {
    meta:
        id = "S-YARA-PYLAMBDA"
        title = "Python that unpacks itself in a lambda"
        why = "One expression reverses, decodes, unpacks and runs what follows, without an import that could be seen. The image kazutod/tene was wrapped so in 63 layers. No program that wants to be read is."
        advice = "Read what the innermost layer does; the report shows what could be decoded."
        severity = "high"
        techniques = "T1027.010 T1140"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $zlib = "__import__('zlib').decompress("
        $base = "__import__('base64').b64decode("
        $zlib2 = "__import__(\"zlib\").decompress("
        $base2 = "__import__(\"base64\").b64decode("
        $back = "[::-1]"
        $run = /exec\s{0,3}\(/
    condition:
        ($zlib or $zlib2) and ($base or $base2) and $back and $run
}

rule ExploitCorePatternScript {
    meta:
        id = "S-ESC-EXPLOIT"
        role_reached = "convicts"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $pipe = /\|\/proc\/%P\/root/
        $knob = "/proc/sys/kernel/core_pattern"
        $upper = /(upperdir|perdir)=/
        $pipe2 = /["']\|[^"'\n]{0,80}\$[^"'\n]{0,40}["']\s{0,4}>\s{0,4}\/proc\/sys\/kernel\/core_pattern/
    condition:
        $knob and ($pipe or ($upper and $pipe2))
}

rule ExploitRuntimeOverwriteScript {
    meta:
        id = "S-ESC-EXPLOIT"
        role_reached = "convicts"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $interpreter = "#!/proc/self/exe"
        $shell = /\/bin\/(ba)?sh/
        $process = /\/proc\//
    condition:
        $interpreter and $shell and #process > 1
}

rule EscapeEnumeration {
    meta:
        id = "S-YARA-ESCAPE-TOOL"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $a = ".dockerenv"
        $b = "/proc/1/cgroup"
        $c = "docker.sock"
        $d = "CapEff"
        $e = "release_agent"
        $f = "-perm -4000"
        $g = "core_pattern"
        $h = "serviceaccount"
        $i = "169.254.169.254"
        $j = "sudo -l"
        $k = "uevent_helper"
    condition:
        $c and ($e or $k or $g) and 6 of them
}

rule CronPlantsFetch {
    meta:
        id = "S-YARA-CRON-PLANT"
        title = "Puts a downloader into cron"
        why = "The script adds to the orders of cron a line that fetches something and runs it, so that whatever is removed comes back."
        advice = "Look at what is fetched, and at the orders of cron where the image ran."
        severity = "high"
        techniques = "T1053.003 T1105"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $list = "crontab -l"
        $in = /\|\s{0,4}crontab\s{1,4}-(\s|$)/
        $fetch = /(curl|wget)[^\n|]{1,200}\|\s{0,3}(ba)?sh/
    condition:
        $list and $in and $fetch
}

rule PreloadPlanted {
    meta:
        id = "S-YARA-PRELOAD-PLANT"
        title = "Puts a fresh library into every program"
        why = "The script builds, fetches or decodes a library and names it in the file by which the loader puts libraries into every program. That is how rootkits in user space are set up."
        advice = "Look at what the library does. Nothing that a system shows of itself can be believed once it ran."
        severity = "high"
        techniques = "T1574.006 T1014"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $file = "/etc/ld.so.preload"
        $write = />>?\s{0,4}["']?\/etc\/ld\.so\.preload/
        $build = /(gcc|cc|clang)\s[^\n]{0,120}-shared/
        $fetch = /(curl|wget)\s[^\n]{0,200}\.so\b/
        $code = /base64\s{1,3}(-d|--decode)[^\n]{0,120}\.so\b/
    condition:
        $file and $write and ($build or $fetch or $code)
}

rule RegistryBlackhole {
    meta:
        id = "S-YARA-REGISTRY-HOSTS"
        title = "Cuts a host off from registries"
        why = "The script names registries in the list of hosts under an address that leads nowhere, so that nobody can fetch a better image or the tools of rivals. Commando Cat does so."
        advice = "Do not run the image. Look at the list of hosts where it ran."
        severity = "high"
        techniques = "T1565.001 T1685"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $hosts = "/etc/hosts"
        $write = />>?\s{0,4}["']?\/etc\/hosts/
        $a = "registry-1.docker.io"
        $b = "auth.docker.io"
        $c = "index.docker.io"
        $d = "hub.docker.com"
        $zero = /(0\.0\.0\.0|127\.0\.0\.1)\s{1,4}[a-z0-9.-]{0,40}docker\.(io|com)/
    condition:
        any of ($a, $b, $c, $d) and $hosts and $write and $zero
}

rule PictureIsArchive {
    meta:
        id = "S-YARA-PICTURE-PAYLOAD"
        title = "Unpacks or runs a picture that it fetched"
        why = "The script fetches what is called a picture and unpacks or runs it. The name is for those who watch the network; Kiss-a-dog hides its archives so."
        advice = "Look at what is fetched."
        severity = "high"
        techniques = "T1036.008 T1105"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $curl = "curl "
        $wget = "wget "
        $fetch = /(curl|wget)\s[^\n]{0,240}\.(jpe?g|png|gif)\b/
        $unpack = /(tar\s{1,3}-?[a-z]{0,4}x[a-z]{0,4}\s[^\n]{0,80}\.(jpe?g|png|gif)\b|chmod\s{1,3}[^\n]{0,12}\s[^\n]{0,80}\.(jpe?g|png|gif)\b|(^|[;&|\n])\s{0,4}(ba)?sh\s{1,3}[^\n;&|]{0,80}\.(jpe?g|png|gif)\b)/
    condition:
        ($curl or $wget) and $fetch and $unpack
}

rule CloudMinerScripts {
    meta:
        id = "S-YARA-AMBERSQUID"
        title = "Scripts of the campaign AMBERSQUID"
        why = "The script calls several of the parts by which the images of AMBERSQUID mined on the services of cloud accounts that they were given keys for."
        advice = "Do not run the image. Look at the services of the account whose keys it had."
        severity = "high"
        techniques = "T1496.001 T1648"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $a = "amplify-role.sh"
        $b = "jalan.sh"
        $c = "ulang.sh"
        $d = "salah.sh"
        $e = "stoptrigger.sh"
        $f = "sup0.sh"
    condition:
        3 of them
}

rule CampaignHostInScript {
    meta:
        id = "S-YARA-CAMPAIGN"
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

rule ClusterTakenOver {
    meta:
        id = "S-YARA-CLUSTER-TAKEOVER"
        title = "Takes over a cluster with the token of its pod"
        why = "With the token that a pod is given, the script binds the role that may do everything and starts something on every node with access to the host."
        advice = "Do not run the image in a cluster. Look for role bindings and daemon sets that nobody made."
        severity = "high"
        techniques = "T1098.006 T1610 T1611"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $token = "serviceaccount/token"
        $bind = "clusterrolebindings"
        $admin = "cluster-admin"
        $set = "daemonsets"
        $host = /"?hostPath"?/
        $pid = /"?hostPID"?/
        $fetch = /(curl|wget|requests\.post)/
    condition:
        $token and $admin and $fetch and ($bind or $set) and ($host or $pid)
}

rule RespawnsHidden {
    meta:
        id = "S-YARA-RESPAWN"
        title = "Keeps a hidden program running"
        why = "The script starts a program of a hidden folder for temporary files whenever it is gone, and silences it. Services are kept running by what is made for it, and do not hide."
        advice = "Look at the program that it keeps running."
        severity = "high"
        techniques = "T1564.001 T1543"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $loop = /while\s{1,3}(true|:|\[ 1 \])\s{0,3};?\s{0,3}do/
        $ps = /(pgrep|pidof|ps\s{1,3}(aux|-ef))/
        $hidden = /\/(tmp|var\/tmp|dev\/shm)\/\.[A-Za-z0-9_.-]{1,40}/
        $quiet = /nohup[^\n]{0,200}\/(tmp|var\/tmp|dev\/shm)\/\.[^\n]{0,120}\/dev\/null/
        $nohup = "nohup "
    condition:
        $nohup and $loop and $ps and $hidden and $quiet
}
