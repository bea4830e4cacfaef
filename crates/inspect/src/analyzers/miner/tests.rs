use super::parse::command::Proof;
use super::parse::{command, endpoint, hosts, wallets, words};
use super::*;
use crate::analyzers::fixture::Fixture;
use sha3::Digest as _;

mod files;
mod hostile;
mod image;
mod large;

/// The address of a wallet that nobody has: these bytes are no keys.
fn monero(prefix: u8) -> String {
    let length = if prefix == 19 { 72 } else { 64 };
    let mut bytes = vec![prefix];
    bytes.extend((0..length).map(|at: u8| at.wrapping_mul(37).wrapping_add(11)));
    let sum = sha3::Keccak256::digest(&bytes);
    bytes.extend(&sum[..4]);
    let alphabet = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let sizes = [0, 2, 3, 5, 6, 7, 9, 10, 11];
    let mut text = String::new();
    for block in bytes.chunks(8) {
        let mut value = block.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        let mut digits = vec![b'1'; sizes[block.len()]];
        for digit in digits.iter_mut().rev() {
            *digit = alphabet[(value % 58) as usize];
            value /= 58;
        }
        text.push_str(std::str::from_utf8(&digits).unwrap());
    }
    text
}

/// One character of an address changed for another.
fn damaged(address: &str) -> String {
    let other = if address.ends_with('a') { 'b' } else { 'a' };
    format!("{}{other}", &address[..address.len() - 1])
}

fn wallet(text: &str) -> Option<Coin> {
    wallets::coin_of(text.as_bytes())
}

#[test]
fn addresses_are_told_by_their_checksum() {
    for (prefix, length, first) in [(18, 95, '4'), (19, 106, '4'), (42, 95, '8')] {
        let address = monero(prefix);
        assert_eq!((address.len(), address.chars().next()), (length, Some(first)), "{prefix}");
        assert_eq!(wallet(&address), Some(Coin::Monero));
        assert_eq!(wallet(&damaged(&address)), None);
        assert_eq!(wallet(&address[1..]), None);
    }
    // CryptoNote's other coins have other prefixes, of one byte or more.
    assert_eq!(wallet(&monero(53)), Some(Coin::CryptoNote));
    // The test vectors of BIP 173, BIP 350, ERC-55 and the addresses of Bitcoin's first block and wiki.
    for (address, coin) in [
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", Coin::Bitcoin),
        ("3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", Coin::Bitcoin),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", Coin::Bitcoin),
        ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", Coin::Bitcoin),
        ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", Coin::Ethereum),
        ("0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359", Coin::Ethereum),
    ] {
        assert_eq!(wallet(address), Some(coin), "{address}");
        assert_eq!(wallet(&damaged(address)), None, "{address}");
    }
    // All of one case proves nothing.
    assert_eq!(wallet("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"), None);
    // The newer sum on version 0 and the older on version 1 (BIP 350).
    assert_eq!(wallet("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd"), None);
}

fn found_wallets(text: &str) -> Vec<(usize, Coin)> {
    let mut found = Vec::new();
    wallets::scan(text.as_bytes(), 25, &mut |at, coin, _| {
        found.push((at, coin));
        true
    });
    found
}

#[test]
fn addresses_are_found_wherever_they_stand() {
    let (plain, integrated) = (monero(18), monero(19));
    for before in 0..130 {
        let text = format!("{}{plain} {integrated}.rig", " ".repeat(before));
        let expect = [(before, Coin::Monero), (before + 96, Coin::Monero)];
        assert_eq!(found_wallets(&text), expect, "{before}");
    }
    assert_eq!(found_wallets(&format!("\"a\\n{plain}\"")), [(4, Coin::Monero)]);
    assert_eq!(found_wallets(&format!("x{plain}")), []);
    assert_eq!(found_wallets(&format!("{plain}x")), []);
    assert_eq!(found_wallets(&"4".repeat(400)), []);
    let words = "A word is shorter than an address and no address is a word ".repeat(50);
    assert_eq!(found_wallets(&words), []);
    let found = wallets::of_account(b"XMR:not").is_some();
    assert!(!found);
    let account = format!("XMR:{plain}.worker+5000");
    assert_eq!(wallets::of_account(account.as_bytes()).unwrap(), (Coin::Monero, plain.as_bytes()));
}

fn check_endpoint(text: &str, expect: Option<&str>) {
    assert_eq!(endpoint::read(text.as_bytes()).map(|endpoint| endpoint.shown()).as_deref(), expect, "{text}");
}

#[test]
fn endpoints_are_told_from_files_pages_and_people() {
    check_endpoint("pool.example:3333", Some("pool.example:3333"));
    check_endpoint("192.0.2.1:443", Some("192.0.2.1:443"));
    check_endpoint("stratum+tcp://Pool.Example:3333", Some("stratum://pool.example:3333"));
    check_endpoint("stratum2+ssl://w.r@pool.example", Some("stratum://pool.example"));
    check_endpoint("stratum+tcp://$POOL:3333", Some("stratum://…:3333"));
    check_endpoint("https://pool.example:443", Some("pool.example:443"));
    for other in [
        "out.txt",
        "user:password",
        "https://site.example/page",
        "https://site.example",
        "ProxyCommand=none",
        "a b:80",
        "999.1.1.1:80",
        "host:99999",
        "host:",
        ":80",
        "",
        "ftp://site.example:21",
        "/dev/null",
        "stratum+tcp://<host>",
    ] {
        check_endpoint(other, None);
    }
    for (scheme, expect) in [
        ("stratum", true),
        ("stratum+tcp", true),
        ("stratum1+tls12", true),
        ("stratums", false),
        ("ntp-stratum", false),
        ("stratum+", false),
    ] {
        assert_eq!(endpoint::is_stratum(scheme.as_bytes()), expect, "{scheme}");
    }
}

#[test]
fn pools_are_told_at_the_boundary_of_a_label() {
    let mut pools = PoolList::built_in().clone();
    assert!(pools.len() > 1000);
    let known = pools.clone();
    pools.extend(
        ["# a list", "Mine.Example # ours", "192.0.2.7:4444", "198.51.100.9", "com", "not a host", "x:y:z"]
            .into_iter(),
    );
    assert_eq!(pools.len(), known.len() + 3);
    for (host, port, expect) in [
        ("nanopool.org", 0, true),
        ("xmr-eu1.Nanopool.org", 14444, true),
        ("notnanopool.org", 0, false),
        ("nanopool.org.example", 0, false),
        ("mine.example", 1, true),
        ("a.mine.example.", 1, true),
        ("ine.example", 1, false),
        ("192.0.2.7", 4444, true),
        ("192.0.2.7", 4445, false),
        ("198.51.100.9", 4445, true),
        ("example.com", 0, false),
        ("", 0, false),
    ] {
        assert_eq!(pools.holds(host, port), expect, "{host}");
        let mut seen = false;
        let text = format!("connect to \"{host}:{port}\" now");
        hosts::scan(text.as_bytes(), &pools, &mut |_, _| {
            seen = true;
            false
        });
        assert_eq!(seen, expect, "{text}");
    }
    assert!(known.holds("107.191.47.239", 3333) && !known.holds("107.191.47.239", 22));
}

#[test]
fn hosts_are_whole_names_with_their_ports() {
    let mut pools = PoolList::default();
    pools.extend(["pool.example", "a.b.invalid", "192.0.2.7:3333", "short.x"].into_iter());
    let check = |text: &str, expect: &[(&str, u16)]| {
        let mut found = Vec::new();
        hosts::scan(text.as_bytes(), &pools, &mut |_, endpoint| {
            found.push((endpoint.host, endpoint.port));
            true
        });
        let found: Vec<_> = found.iter().map(|(host, port)| (host.as_str(), *port)).collect();
        assert_eq!(found, expect, "{text}");
    };
    check("pool.example", &[("pool.example", 0)]);
    check("eu.POOL.Example:4444/", &[("eu.pool.example", 4444)]);
    check("'1.2.3.pool.example'", &[("1.2.3.pool.example", 0)]);
    check("to pool.example. Then", &[("pool.example", 0)]);
    check("a\\npool.example a\\neu.pool.example", &[("pool.example", 0), ("eu.pool.example", 0)]);
    check("c.a.b.invalid,b.invalid", &[("c.a.b.invalid", 0)]);
    check("x.short.x y.short.xy", &[("x.short.x", 0)]);
    check("a-.pool.example", &[("pool.example", 0)]);
    check("pool.example.org notpool.example pool.examples pool.example-2 pool.example_", &[]);
    check("pool..example .example pool. example", &[]);
    check("192.0.2.7:3333 192.0.2.7:80 192.0.2.7", &[("192.0.2.7", 3333)]);
    check("1.192.0.2.7:3333 192.0.2.7.1:3333 v192.0.2.7:3333 192.0.2.77:3333", &[]);
    check("192.0.2.7:3333.", &[("192.0.2.7", 3333)]);
    check(&format!("{}pool.example", "a.".repeat(300)), &[]);
    check(&format!("{} pool.example:1", "a.".repeat(300)), &[("pool.example", 1)]);
}

fn proof(line: &str) -> Proof {
    let commands = words::commands(line.as_bytes());
    commands.iter().map(|words| command::read(words).proof()).max().unwrap_or(Proof::No)
}

#[test]
fn commands_of_miners_are_told_whatever_the_program_is_called() {
    let wallet = monero(18);
    for line in [
        // The shapes of published campaigns, with other servers and accounts.
        "nginx -a cryptonight -o stratum+tcp://pool.example:5555 -k --donate-level 1 --cpu-priority 0 -u nobody -p x -t 2",
        r#"["xmrig","--url","192.0.2.1:443","--threads","4","--tls","--no-color","--donate-level=1"]"#,
        &format!("/usr/sbin/sshd -o 198.51.100.3:442 -u {wallet} -p x"),
        &format!("java -opool.example:80 -u {wallet}.$(hostname)"),
        &format!("python3 stratum1+ssl://{wallet}.w@pool.example:5555"),
        "a --algo ethash --server pool.example --port 4444 --user x",
        "a -a rx/0 --pool pool.example:3333",
        "bash -c \"nohup ./x -o pool.example:3333 --nicehash >/dev/null 2>&1 &\"",
        "subprocess.Popen(['./x', '-o', 'pool.example:3333', '--rig-id', 'a'])",
    ] {
        assert_eq!(proof(line), Proof::Sure, "{line}");
    }
    for line in [
        "x -o $POOL -u $WALLET --donate-level 1 --randomx-1gb-pages",
        "x -o stratum+tcp://$POOL:3333 -u $WALLET",
        "x -o pool.example:3333 -u me -p x -k",
        "x -c /etc/x --donate-level 0 --randomx-mode fast --cpu-max-threads-hint 50",
    ] {
        assert_eq!(proof(line), Proof::Likely, "{line}");
    }
}

#[test]
fn commands_that_share_options_with_miners_are_not_told() {
    for line in [
        "curl -k -o out.tgz -u user:password https://host.example:8443/file.tgz",
        "curl -s http://host.example:8080 -u user:password -k -x proxy.example:3128 -o page",
        "curl --url host.example:8080 --user user:password --tls-max 1.2 -o -",
        "psql -h db.example -p 5432 -U app -o result.txt -a -t",
        "openssl s_client -connect host.example:443 -tls1_2 -CAfile a -pass pass:x",
        "openssl enc -aes-256-cbc -a -k secret -p -in a -out b",
        "ssh -o StrictHostKeyChecking=no -p 22 -t user@host.example",
        "tar -xzp -o -a -t -f a.tar",
        "mysqldump --host db.example:3306 --user app --password x --threads 4",
        "wrk -t 4 --threads 4 --url https://host.example:8080 --tls",
        "redis-cli --user app --pass x --tls -u redis://host.example:6379",
        "docker run -t -p 8080:80 -u 1000 -o x host.example:5000/a:latest",
        "ntpq -c stratum host.example:123",
        "hashcat -a 3 -o cracked.txt -u 100",
        "gpg --algo sha256 -o host.example:80 -a",
        "argon2 salt -k 65536 -t 3 -p 4",
        "echo usage: x -o host:port -u wallet --donate-level N",
    ] {
        assert_eq!(proof(line), Proof::No, "{line}");
    }
}

#[test]
fn lines_that_belong_together_are_read_together() {
    let check = |text: &str, at: &str, expect: Proof| {
        let range = words::logical_line(text.as_bytes(), text.find(at).unwrap());
        assert_eq!(proof(&text[range]), expect, "{text}");
    };
    check("x -o pool.example:3333 \\\n  -u me \\\n  --donate-level 1\n", "--donate", Proof::Sure);
    check("args:\n  - -o\n  - pool.example:3333\n  - --algo\n  - rx/0\nother: 1\n", "-o", Proof::Sure);
    check("\"command\": [\n  \"-o\",\n  \"pool.example:3333\",\n  \"-a\",\n  \"rx/0\"\n]", "-o", Proof::Sure);
    check("x -o pool.example:3333\ny --donate-level 1\n", "-o", Proof::No);
    let padded = format!("x {} -o pool.example:3333 --donate-level 1", "a ".repeat(2000));
    check(&padded, "-o", Proof::Sure);
    let put_in = |text| words::put_in(text, |name| (name == "POOL").then_some("pool.example:1"));
    assert_eq!(put_in("-o $POOL -u ${W:-me} $ ${POOL} $X"), "-o pool.example:1 -u me $ pool.example:1 $X");
}
