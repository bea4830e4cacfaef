// Miners and their pools, by the protocols that they cannot change.

rule MinerPoolProtocol {
    meta:
        id = "S-YARA-POOL-CLIENT"
        title = "Speaks the protocol of mining pools"
        why = "The program holds the requests by which miners talk to a pool. A miner can be renamed, packed and pointed at any server, but a pool understands only these. Servers of pools speak them too."
        advice = "Ask why the image mines, or serves miners. Where that is its purpose, let it say so."
        severity = "medium"
        techniques = "T1496.001"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $a = "mining.subscribe"
        $b = "mining.authorize"
        $c = "mining.submit"
        $d = "mining.notify"
        $e = "mining.set_difficulty"
        $f = "mining.extranonce.subscribe"
        $g = "eth_submitLogin"
        $h = "eth_getWork"
        $i = "eth_submitHashrate"
    condition:
        4 of them
}

// The line protocol of CryptoNight and RandomX pools.
rule MinerLoginProtocol {
    meta:
        id = "S-YARA-POOL-CLIENT"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $login = "\"login\""
        $submit = "\"submit\""
        $alive = "keepalived"
        $job = "job_id"
        $nonce = "nonce"
        $target = "target"
        $rig = "rigid"
        $seed = "seed_hash"
    condition:
        $alive and $job and $nonce and $target and ($seed or $rig) and ($login or $submit or #alive > 1)
}

rule MinerHttpInterface {
    meta:
        id = "S-YARA-MINER-API"
        title = "Miner that serves its state"
        why = "The program serves the pages by which a common miner tells its hash rate and threads. They stay when it is renamed and its banner is removed."
        advice = "Ask why the image mines. Where that is its purpose, let it say so."
        severity = "high"
        techniques = "T1496.001"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $a = "/2/summary"
        $b = "/2/backends"
        $c = "/2/config"
        $d = "/1/summary"
        $e = "/1/threads"
        $f = "donate_level"
        $g = "hugepages"
        $h = "hashrate"
    condition:
        2 of ($a, $b, $c, $d, $e) and 2 of ($f, $g, $h)
}

rule MinerTunesHost {
    meta:
        id = "S-YARA-MINER-TUNES"
        title = "Miner that turns off parts of the processor"
        why = "The program writes to registers of the processor that only mining gains by, and holds the algorithm. The whole host pays for it, and it takes root on the host."
        advice = "Do not run the image with privileges. Ask why it mines."
        severity = "high"
        techniques = "T1496.001"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $msr = /\/dev\/cpu\/(%d|%u|%i|\{\})\/msr/
        $allow = "/sys/module/msr/parameters/allow_writes"
        $module = "modprobe msr"
        $pages = "/sys/devices/system/node/node"
        $huge = "hugepages-1048576kB"
        $salt = "RandomX"
        $rx = "rx/0"
    condition:
        ($allow or $module) and ($msr or $pages or $huge) and ($salt or $rx)
}
