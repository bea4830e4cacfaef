use super::{Canary, LONGEST, SHORTEST};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// Endless bytes from a seed and a name: each canary has a stream of its own, so that adding one changes no other.
struct Random {
    seed: [u8; 32],
    name: String,
    count: u64,
    rest: Vec<u8>,
}

const DIGITS: &[u8] = b"0123456789";
const HEX: &[u8] = b"0123456789abcdef";
const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const WORD: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl Random {
    fn new(seed: [u8; 32], name: &str) -> Self {
        Self { seed, name: name.to_owned(), count: 0, rest: Vec::new() }
    }

    fn byte(&mut self) -> u8 {
        loop {
            if let Some(byte) = self.rest.pop() {
                return byte;
            }
            let mut hash = Sha256::new();
            hash.update(self.seed);
            hash.update(self.name.as_bytes());
            hash.update(self.count.to_le_bytes());
            self.count += 1;
            self.rest = hash.finalize().to_vec();
        }
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    fn of(&mut self, alphabet: &[u8], count: usize) -> String {
        let letter = |random: &mut Self| {
            let at = usize::from(random.byte()) * alphabet.len() / 256;
            char::from(alphabet.get(at).copied().unwrap_or(b'x'))
        };
        (0..count).map(|_| letter(self)).collect()
    }
}

/// Every canary that a run may plant or hand out. The first part of a name says where it lies.
pub(super) fn all(seed: [u8; 32]) -> Vec<Canary> {
    let mut list = Vec::new();
    let mut add = |name: &str, make: &dyn Fn(&mut Random) -> Secret| {
        let Secret { value, unique } = make(&mut Random::new(seed, name));
        list.push(Canary { name: name.to_owned(), value, unique });
    };
    for place in ["env", "file", "imds", "ecs"] {
        let kind = if place == "imds" || place == "ecs" { "ASIA" } else { "AKIA" };
        add(&format!("{place}-aws-key-id"), &|random| plain(kind, random.of(BASE32, 16), ""));
        add(&format!("{place}-aws-secret"), &|random| plain("", random.of(BASE64, 40), ""));
    }
    for place in ["imds", "ecs"] {
        add(&format!("{place}-aws-token"), &|random| plain("IQoJb3JpZ2luX2VjE", random.of(BASE64, 375), ""));
    }
    for place in ["env", "file"] {
        add(&format!("{place}-github-token"), &|random| plain("ghp_", random.of(WORD, 36), ""));
        add(&format!("{place}-npm-token"), &|random| plain("npm_", random.of(WORD, 36), ""));
        add(&format!("{place}-database-password"), &|random| plain("", random.of(WORD, 22), ""));
    }
    add("file-ssh-key", &ssh_key);
    add("file-docker-auth", &|random| {
        let password = format!("dckr_pat_{}", random.of(WORD, 27));
        let value = STANDARD.encode(format!("deploybot:{password}"));
        Secret { unique: [windows(&password), vec![tail(&value)]].concat(), value }
    });
    for name in ["kube-service-token", "kube-config-token", "kube-node-token"] {
        add(name, &kube_token);
    }
    add("kube-secret", &|random| plain("", random.of(WORD, 32), ""));
    add("docker-container-env", &|random| plain("", random.of(WORD, 28), ""));
    add("redis-value", &|random| plain("sess:", random.of(HEX, 40), ""));
    add("etcd-value", &|random| plain("", random.of(WORD, 40), ""));
    add("gcp-key-id", &|random| plain("", random.of(HEX, 40), ""));
    add("gcp-key", &|random| {
        // The head of every 2048-bit key of this form, then what a key is made of.
        plain("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC", random.of(BASE64, 1573), "")
    });
    add("imds-gcp-token", &|random| plain("ya29.c.c0AYnqXlh", random.of(WORD, 180), ""));
    add("imds-azure-token", &jwt_of("https://management.azure.com/"));
    add("azure-sas", &|random| {
        let signature = STANDARD.encode(random.bytes::<32>());
        let escaped = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        let value =
            format!("sv=2023-11-03&ss=b&srt=sco&sp=rwdlac&se=2027-01-01T00:00:00Z&spr=https&sig={escaped}");
        Secret { value, unique: [windows(&signature), windows(&escaped)].concat() }
    });
    add("wallet-key", &|random| plain("", random.of(HEX, 64), ""));
    add("slack-hook", &|random| {
        let number = random.of(DIGITS, 1);
        plain(
            &format!("https://hooks.slack.com/services/T0{number}PRODOPS/B0"),
            format!("{}/{}", random.of(BASE32, 9), random.of(WORD, 24)),
            "",
        )
    });
    add("bait-document", &|random| plain("CONFIDENTIAL-", random.of(WORD, 32), ""));
    add("input-data", &|random| plain("", random.of(WORD, 32), ""));
    list
}

struct Secret {
    value: String,
    unique: Vec<Vec<u8>>,
}

/// A random part between two that are always the same.
fn plain(before: &str, random: String, after: &str) -> Secret {
    let unique =
        if random.len() < 24 { vec![format!("{before}{random}").into_bytes()] } else { windows(&random) };
    Secret { value: format!("{before}{random}{after}"), unique }
}

/// The beginning and the end of each stretch without white space.
pub(super) fn windows(value: &str) -> Vec<Vec<u8>> {
    let mut unique = Vec::new();
    for part in value.split_ascii_whitespace().filter(|part| part.len() >= SHORTEST).take(8) {
        let part = part.as_bytes();
        unique.push(part.get(..LONGEST).unwrap_or(part).to_vec());
        if part.len() > LONGEST {
            unique.push(part.get(part.len() - LONGEST..).unwrap_or(part).to_vec());
        }
    }
    unique
}

fn tail(value: &str) -> Vec<u8> {
    let bytes = value.trim_end_matches('=').as_bytes();
    bytes.get(bytes.len().saturating_sub(LONGEST)..).unwrap_or(bytes).to_vec()
}

/// A service account's token: three parts as the Kubernetes API server makes them.
fn kube_token(random: &mut Random) -> Secret {
    jwt_of("https://kubernetes.default.svc.cluster.local")(random)
}

fn jwt_of(audience: &str) -> impl Fn(&mut Random) -> Secret {
    move |random| {
        let head = format!(r#"{{"alg":"RS256","kid":"{}"}}"#, random.of(WORD, 43));
        let id = random.of(HEX, 32);
        let claims = format!(
            r#"{{"aud":["{audience}"],"exp":1924991999,"iat":1750000000,"jti":"{id}","iss":"{audience}","sub":"system:serviceaccount:production:web"}}"#
        );
        let signature = URL_SAFE_NO_PAD.encode(random.bytes::<256>());
        let value =
            format!("{}.{}.{signature}", URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(claims));
        Secret { value, unique: vec![tail(&signature), windows(&signature).swap_remove(0), id.into_bytes()] }
    }
}

/// A real key of a real form, which opens nothing: programs that check it before they use it are content.
fn ssh_key(random: &mut Random) -> Secret {
    let secret: [u8; 32] = random.bytes();
    let check: [u8; 4] = random.bytes();
    let public = Ed25519KeyPair::from_seed_unchecked(&secret)
        .map_or_else(|_| vec![0; 32], |pair| pair.public_key().as_ref().to_vec());
    let string = |out: &mut Vec<u8>, bytes: &[u8]| {
        out.extend((bytes.len() as u32).to_be_bytes());
        out.extend(bytes);
    };
    let mut blob = Vec::new();
    string(&mut blob, b"ssh-ed25519");
    string(&mut blob, &public);
    let mut private = [check, check].concat();
    private.extend(&blob);
    string(&mut private, &[&secret[..], &public].concat());
    string(&mut private, b"deploy@build-01");
    private.extend((1..).take((8 - private.len() % 8) % 8));
    let mut all = b"openssh-key-v1\0".to_vec();
    for part in [&b"none"[..], b"none", b""] {
        string(&mut all, part);
    }
    all.extend(1_u32.to_be_bytes());
    string(&mut all, &blob);
    string(&mut all, &private);
    let text = STANDARD.encode(all);
    let lines: Vec<&str> =
        text.as_bytes().chunks(70).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    let value = format!(
        "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n",
        lines.join("\n")
    );
    // The first line is the same in all keys of this kind. The key itself fills the third and the fourth.
    let mut unique = vec![secret.to_vec()];
    for line in lines.get(2..4).unwrap_or_default() {
        let line = line.as_bytes();
        unique.push(line.get(20..20 + LONGEST).unwrap_or(line).to_vec());
    }
    Secret { value, unique }
}
