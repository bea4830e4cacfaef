// What a run did, as a whole: what it said over the network is looked through for strings, what it did is asked for.
import "behavior"

rule RedisPlantsLogin {
    meta:
        id = "D-YARA-REDIS-PLANT"
        title = "Another machine's Redis told to write a key or a timed command"
        why = "The image told a Redis server to keep its data in a folder of SSH keys or timed commands, under the name of a file that is obeyed there. That is how worms turn an open server into a login."
        advice = "Do not run the image. Look at the Redis servers that it could reach."
        severity = "critical"
        role = "corroborates"
        class = "net"
        techniques = "T1210 T1098.004 T1053.003"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $folder = /\bdir\b.{1,16}(\/root\/\.ssh|\/home\/[^\/]{1,40}\/\.ssh|\/var\/spool\/cron|\/etc\/cron\.)/s nocase
        $file = /\bdbfilename\b.{1,16}(authorized_keys|root|crontab|[a-z0-9_-]{1,20})/s nocase
    condition:
        all of them
}

rule EngineStartsHostRoot {
    meta:
        id = "D-YARA-ENGINE-HOSTROOT"
        title = "Container engine told to start a container with the host's root directory"
        why = "The image told the interface of a container engine to start a container that has the root directory of the host in it. Whoever can do that owns the machine."
        advice = "Do not run the image, least of all with a socket of the engine."
        severity = "critical"
        role = "corroborates"
        class = "net"
        techniques = "T1610 T1611"
        author = "Roadstead"
        license = "Apache-2.0"
    strings:
        $create = "/containers/create"
        $bind = /"Binds"\s{0,8}:\s{0,8}\[\s{0,8}"\/:\//
        $mount = /"Source"\s{0,8}:\s{0,8}"\/"/
    condition:
        $create and ($bind or $mount)
}

rule CloudAgentTakenAway {
    meta:
        id = "D-YARA-AGENT-GONE"
        title = "Watchman of the cloud provider taken away"
        why = "The image fetched the provider's program for removing its watchman of the machine, or ran it. No service of a container has a reason to; miners do it before they start."
        advice = "Do not run the image. Look whether the watchman of the machine still runs."
        severity = "high"
        role = "corroborates"
        class = "proc"
        techniques = "T1685 T1562.001"
        author = "Roadstead"
        license = "Apache-2.0"
    condition:
        behavior.requests(/^https?:\/\/[a-z0-9.-]{1,80}\.(aliyun|aliyuncs|qcloud|tencentyun)\.com\/[^?]{0,80}uninstall[^\/?]{0,20}\.sh/i) or
        behavior.executes(/\/usr\/local\/(cloudmonitor|qcloud|aegis)\/.{0,80}(uninst|stop|remove)/i)
}
