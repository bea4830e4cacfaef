use super::*;
use crate::analyzers::fixture::Fixture;
use base64::Engine as _;

/// Bytes without any pattern that a person would see, the same in every run.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// Letters and digits of no meaning.
fn letters(len: usize, seed: u64) -> String {
    const LETTERS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    noise(len, seed).iter().map(|byte| char::from(LETTERS[usize::from(*byte) % 62])).collect()
}

/// A token whose checksum is right, found by trying.
fn checked(prefix: &str) -> String {
    const LETTERS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let body = letters(30, 7);
    let mut sum = !body.bytes().fold(!0_u32, |sum, byte| {
        (0..8).fold(
            sum ^ u32::from(byte),
            |sum, _| {
                if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 }
            },
        )
    });
    let mut digits = Vec::new();
    for _ in 0..6 {
        digits.insert(0, LETTERS[(sum % 62) as usize]);
        sum /= 62;
    }
    format!("{prefix}{body}{}", String::from_utf8(digits).unwrap())
}

/// A sequence of ASN.1 that holds no key.
fn pem(label: &str, headers: &str, end: &str) -> String {
    let mut der = vec![0x30, 0x82, 0x02, 0x00];
    der.extend(noise(512, 3));
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----{end}{headers}{}{end}-----END {label}-----{end}", lines.join(end))
}

fn web_token(claims: &str) -> String {
    let part = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"), part(claims), letters(43, 5))
}

fn check(text: &str, expect: &[SecretKind]) {
    let found: Vec<_> = find::secrets(text.as_bytes()).found.iter().map(|secret| secret.kind).collect();
    assert_eq!(found, expect, "{text}");
}

#[test]
fn live_forms_are_found_and_what_only_looks_like_them_is_not() {
    use SecretKind as K;
    let id = "AKIAQ3EGRT5WXYZ2KLMN";
    let key = format!("{}/{}", letters(19, 11), letters(20, 12));
    check(&format!("aws_access_key_id = {id}\naws_secret_access_key = {key}\n"), &[K::AwsPair]);
    check(&format!("aws_access_key_id = {id}\n"), &[]);
    check(&format!("AKIAIOSFODNN7EXAMPLE\n{key}\n"), &[]);
    check(&format!("{id}\nwJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n"), &[]);
    check(&format!("{id}\n{}\n", "0123456789abcdef0123456789abcdef01234567"), &[]);
    for prefix in ["ghp_", "gho_", "ghs_"] {
        let token = checked(prefix);
        check(&format!("token: {token}\n"), &[K::Github]);
        check(&format!("token: x{token}\n"), &[]);
        check(&token.replace(&token[10..12], "zz"), &[]);
    }
    check(&format!("{}{}_{}", "github_pat_", letters(22, 1), letters(59, 2)), &[K::Github]);
    check(&format!("github_pat_{}", "a".repeat(82)), &[]);
    check(&format!("//r.invalid/:_authToken={}\n", checked("npm_")), &[K::Npm]);
    check(&format!("//r.invalid/:_authToken={}\n", letters(36, 4)), &[K::Npm]);
    check("//r.invalid/:_authToken=${NPM_TOKEN}\n", &[]);
    check(&format!("{}{}", "glpat-", letters(20, 9)), &[K::Gitlab]);
    check("glpat-xxxxxxxxxxxxxxxxxxxx", &[]);
    check(
        &format!("{}-123456789012-123456789013-{}", "xoxb", letters(24, 8)).replace("123456", "918273"),
        &[K::Slack],
    );
    check("xoxb-your-token", &[]);
    check(
        &format!("https://hooks.slack.com/services/T0{}/B0{}/{}", "ABCDEFG1", "ABCDEFG2", letters(24, 6)),
        &[K::Slack],
    );
    check("https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX", &[]);
    check(&format!("{}_{}", "sk_live", letters(24, 13)), &[K::Stripe]);
    check(&format!("{}_{}", "sk_test", letters(24, 13)), &[]);
    check(&format!("pypi-AgEIcHlwaS5vcmc{}", letters(120, 14)), &[K::Pypi]);
    check(&format!("key={}{}", "AIza", letters(35, 15)), &[K::GoogleApi]);
    check("postgres://app:Tr0ub4dor-7@db.internal:5432/app", &[K::UrlPassword]);
    for url in [
        "postgres://user:password@db.internal/app",
        "https://x.invalid/a:b@c",
        "http://user:${PASS}@db.internal",
        "http://user:Tr0ub4dor-7@localhost:80",
        "http://user:Tr0ub4dor-7@example.com",
        "git@github.com:a/b",
        "ssh://git@host.internal/x",
    ] {
        check(url, &[]);
    }
}

#[test]
fn private_keys_must_decode() {
    use SecretKind as K;
    check(&pem("PRIVATE KEY", "", "\n"), &[K::PrivateKey]);
    check(&pem("RSA PRIVATE KEY", "", "\r\n"), &[K::PrivateKey]);
    check(&pem("ENCRYPTED PRIVATE KEY", "", "\n"), &[K::EncryptedKey]);
    check(
        &pem("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", "\n"),
        &[K::EncryptedKey],
    );
    check(
        &format!("{{\"type\": \"service_account\", \"private_key\": \"{}\"}}", pem("PRIVATE KEY", "", "\\n")),
        &[K::ServiceAccount],
    );
    for (cipher, kind) in [("none", K::PrivateKey), ("aes256-ctr", K::EncryptedKey)] {
        let key =
            [b"openssh-key-v1\0\0\0\0", [cipher.len() as u8].as_slice(), cipher.as_bytes(), &noise(200, 2)]
                .concat();
        let text = base64::engine::general_purpose::STANDARD.encode(key);
        check(
            &format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{text}\n-----END OPENSSH PRIVATE KEY-----\n"),
            &[kind],
        );
    }
    check(&pem("CERTIFICATE", "", "\n"), &[]);
    check("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg...\n-----END PRIVATE KEY-----\n", &[]);
    check("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\n-----END PRIVATE KEY-----\n", &[]);
    check("-----BEGIN PRIVATE KEY-----", &[]);
    check("grep -r -- '-----BEGIN RSA PRIVATE KEY-----' .", &[]);
}

#[test]
fn tokens_count_by_how_long_they_live() {
    check(&web_token("{\"sub\":\"ci\",\"iat\":1700000000}"), &[SecretKind::LongToken]);
    check(&web_token("{\"sub\":\"ci\",\"iat\":1700000000,\"exp\":1800000000}"), &[SecretKind::LongToken]);
    check(&web_token("{\"sub\":\"ci\",\"iat\":1700000000,\"exp\":1700003600}"), &[]);
    check(&web_token("{\"sub\":\"1234567890\",\"name\":\"John Doe\",\"iat\":1516239022}"), &[]);
    check(&web_token("nonsense"), &[]);
}

#[test]
fn no_secret_is_kept_or_shown() {
    let token = checked("ghp_");
    let mut image = Fixture::new();
    image.file("app/deploy.sh", 0o755, format!("#!/bin/sh\nexport T={token}\n").as_bytes());
    image.file("app/.env", 0o644, b"DB_PASSWORD=Tr0ub4dor-7\n");
    let out = image.run(&Secrets);
    let told = format!("{:?}", out.findings);
    assert_eq!(out.findings.len(), 2, "{told}");
    assert!(told.contains("ghp_") && !told.contains(&token[..12]) && !told.contains(&token[30..]), "{told}");
    assert!(!told.contains("Tr0") && !told.contains("r-7"), "{told}");
    let facts = find::secrets(token.as_bytes());
    assert!(!format!("{facts:?}").contains(&token[..12]));
    assert_eq!(
        (facts.found[0].len, facts.found[0].ends.as_str()),
        (40, format!("ghp_…{}", &token[38..]).as_str())
    );
    for finding in &out.findings {
        assert_eq!((finding.role, finding.axis), (Role::Context, Some(model::Axis::Hygiene)));
    }
}

fn severities(image: &Fixture) -> Vec<Severity> {
    image.run(&Secrets).findings.iter().map(|finding| finding.severity).collect()
}

#[test]
fn files_are_read_by_their_place() {
    let check = |path: &str, text: &str, expect: usize| {
        let mut image = Fixture::new();
        image.file(path, 0o600, text.as_bytes());
        assert_eq!(severities(&image).len(), expect, "{path}: {text}");
    };
    check("root/.netrc", "machine h.invalid login u password Tr0ub4dor-7\n", 1);
    check("root/.netrc", "machine h.invalid login u password <password>\n", 0);
    check("root/notes", "machine h.invalid login u password Tr0ub4dor-7\n", 0);
    let auth = base64::engine::general_purpose::STANDARD.encode("user:Tr0ub4dor-7");
    check("root/.docker/config.json", &format!("{{\"auths\":{{\"r.invalid\":{{\"auth\":\"{auth}\"}}}}}}"), 1);
    check("root/.docker/config.json", "{\"auths\":{\"r.invalid\":{}},\"credsStore\":\"pass\"}", 0);
    check("app/config.json", &format!("{{\"auths\":{{\"r.invalid\":{{\"auth\":\"{auth}\"}}}}}}"), 0);
    check("root/.kube/config", &format!("users:\n- user:\n    token: {}\n", letters(40, 3)), 1);
    check("app/.env", "API_KEY=\"q8Zr-41xT\"\n", 1);
    check(
        "app/.env",
        "API_KEY=changeme-1\nTOKEN_FILE=/run/secrets/T0ken\n#SECRET=q8Zr-41xT\nDEBUG=q8Zr-41xT\n",
        0,
    );
    check("app/.env.example", "API_KEY=q8Zr-41xT\n", 0);
}

#[test]
fn what_means_nothing_is_left_out_or_counts_low() {
    let key = pem("PRIVATE KEY", "", "\n");
    let with = |path: &str, text: &str| {
        let mut image = Fixture::new();
        image.file(path, 0o600, text.as_bytes());
        severities(&image)
    };
    assert_eq!(with("app/server.key", &key), [Severity::Medium]);
    for path in [
        "etc/ssl/private/ssl-cert-snakeoil.key",
        "usr/share/doc/openssl/key.pem",
        "usr/local/go/src/crypto/tls/testdata/key.pem",
        "usr/local/go/src/net/http/example_test.go",
        "app/README.md",
        "usr/lib/python3/site-packages/proxy/ca.key",
        "app/node_modules/x/key.pem",
    ] {
        assert_eq!(with(path, &key), [], "{path}");
    }
    assert_eq!(with("app/tests/x.py", &checked("ghp_")), [Severity::Low]);
    assert_eq!(with("app/server.key", &pem("ENCRYPTED PRIVATE KEY", "", "\n")), [Severity::Low]);
    let mut owned = Fixture::new();
    owned.package("pkg", &[("usr/lib/pkg/key.pem", key.as_bytes())]).file(
        "usr/lib/pkg/key.pem",
        0o644,
        key.as_bytes(),
    );
    assert_eq!(severities(&owned), []);
}

#[test]
fn removed_files_configuration_and_history_are_looked_at() {
    let mut image = Fixture::new();
    image.file("root/.ssh/id_rsa", 0o600, pem("RSA PRIVATE KEY", "", "\n").as_bytes());
    image.layer().file("root/.ssh/.wh.id_rsa", 0o600, b"");
    let found = image.run(&Secrets).findings;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].is_residue());
    let mut image = Fixture::new();
    image
        .env("DB_PASSWORD=Tr0ub4dor-7")
        .env("PATH=/usr/bin")
        .env("GPG_KEY=E3FF2839C048B25C084DEBE9B26995E310250568");
    image.config.history.push(model::History {
        created_by: format!("|1 TOKEN={} /bin/sh -c make", letters(30, 21)),
        ..model::History::default()
    });
    assert_eq!(image.ids(&Secrets), ["S-CRE-SECRET", "S-CRE-SECRET"]);
    let mut image = Fixture::new();
    image
        .env("PASSWORD_FILE=/run/secrets/a1")
        .env("MYSQL_ROOT_PASSWORD=")
        .env("TOKEN_URL=https://x.invalid/t0ken");
    assert_eq!(image.ids(&Secrets), [""; 0]);
}

#[test]
fn a_key_in_a_large_log_is_found_with_its_line() {
    let mut log = "a line of the log\n".repeat(400_000);
    log.insert_str(18 * 300_000, &format!("token {}\n", checked("ghp_")));
    let mut image = Fixture::new();
    image.file("var/log/a.log", 0o644, log.as_bytes());
    let found: Vec<_> = image.run(&Secrets).findings.into_iter().map(|finding| finding.explanation).collect();
    assert!(matches!(found.as_slice(), [one] if one.contains("300001")), "{found:?}");
}

#[test]
fn hostile_texts_end() {
    let token = checked("ghp_");
    for text in [
        "eyJ".repeat(1 << 20),
        "eyJ ".repeat(1 << 18),
        "-----BEGIN PRIVATE KEY-----".repeat(40_000) + "-----END",
        "-----BEGIN PRIVATE KEY-----\\".repeat(40_000),
        "://a:b".repeat(200_000),
        "AKIAQ3EGRT5WXYZ2KLMN ".repeat(60_000),
        "_authToken=".repeat(100_000),
        format!("{token}\n").repeat(30_000),
        "x".repeat(4 << 20),
    ] {
        assert!(find::secrets(text.as_bytes()).found.len() <= find::MAX_SECRETS);
    }
    let many: String = (0..100).map(|seed| format!("glpat-{}\n", letters(20, seed + 50))).collect();
    let facts = find::secrets(many.as_bytes());
    assert!(facts.cut && facts.found.len() == find::MAX_SECRETS, "{}", facts.found.len());
    for place in ["a/.netrc", "a/.docker/config.json", "a/.kube/config", "a/.env"] {
        for text in [
            "",
            "=",
            "password",
            "{\"auths\":",
            "token:",
            "\"\"\"",
            &"[".repeat(100_000),
            &"A_TOKEN=\n".repeat(50_000),
        ] {
            places::secrets(place.as_bytes(), text.as_bytes(), &mut SecretFacts::default());
        }
    }
}
