use crate::World;

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

fn list(items: &[&str]) -> String {
    let mut out = format!("*{}\r\n", items.len());
    for item in items {
        out.push_str(&bulk(item));
    }
    out
}

pub(super) fn answer(name: &str, words: &[Vec<u8>], world: &World) -> String {
    let word = |at: usize| {
        words.get(at).map(|word| String::from_utf8_lossy(word).to_ascii_lowercase()).unwrap_or_default()
    };
    match name {
        "PING" if words.len() > 1 => bulk(&word(1)),
        "PING" => "+PONG\r\n".into(),
        "INFO" => bulk(&format!(
            "# Server\r\nredis_version:6.2.14\r\nredis_mode:standalone\r\nos:Linux 5.15.0-91-generic x86_64\r\nprocess_id:1\r\ntcp_port:6379\r\nuptime_in_seconds:782341\r\nexecutable:/usr/local/bin/redis-server\r\nconfig_file:\r\n\r\n# Replication\r\nrole:master\r\nconnected_slaves:0\r\n\r\n# Keyspace\r\ndb0:keys=41,expires=3,avg_ttl=0\r\n# {}\r\n",
            world.persona.node
        )),
        "CONFIG" if word(1) == "get" => match word(2).as_str() {
            "dir" => list(&["dir", "/var/lib/redis"]),
            "dbfilename" => list(&["dbfilename", "dump.rdb"]),
            "requirepass" => list(&["requirepass", ""]),
            _ => list(&[]),
        },
        "SCAN" => format!("*2\r\n{}{}", bulk("0"), list(&["sess:1", "sess:2"])),
        "KEYS" => list(&["sess:1", "sess:2"]),
        "GET" => bulk(world.canaries.get("redis-value")),
        "DBSIZE" => ":41\r\n".into(),
        "EXISTS" | "DEL" | "INCR" | "LPUSH" | "RPUSH" | "SADD" | "ZADD" | "HSET" | "EXPIRE" | "PUBLISH" => {
            ":1\r\n".into()
        }
        "COMMAND" | "LRANGE" | "SMEMBERS" | "HGETALL" | "MGET" => list(&[]),
        "HELLO" => "-ERR unknown command 'HELLO'\r\n".into(),
        "ECHO" => bulk(&word(1)),
        "TIME" => {
            let seconds = world.clock.seconds().to_string();
            list(&[&seconds, "418291"])
        }
        "TYPE" => "+string\r\n".into(),
        "SUBSCRIBE" => format!("*3\r\n{}{}:1\r\n", bulk("subscribe"), bulk(&word(1))),
        "EVAL" | "EVALSHA" | "HGET" | "LPOP" | "RPOP" | "BLPOP" => "$-1\r\n".into(),
        _ => "+OK\r\n".into(),
    }
}
