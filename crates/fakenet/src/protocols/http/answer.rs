use super::Asked;
use crate::payloads::{self, Id, Wanted};
use crate::server::Shared;
use serde_json::Value;

/// What is answered to a request.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) served: &'static str,
}

impl Answer {
    pub(crate) fn new(status: u16, media_type: &str, body: impl Into<Vec<u8>>, served: &'static str) -> Self {
        let headers = vec![("content-type", media_type.to_owned())];
        Self { status, headers, body: body.into(), served }
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", body, "text")
    }

    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self::new(status, "application/json", value.to_string(), "json")
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), served: "none" }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn served(self, served: &'static str) -> Self {
        Self { served, ..self }
    }
}

/// Those who answer requests of their own, in order; none where a request is not theirs.
const CLAIMS: &[fn(&Asked<'_>, &Shared) -> Option<Answer>] = &[
    stage,
    crate::protocols::dns::over_https,
    crate::protocols::imds::claim,
    crate::protocols::docker::claim,
    crate::protocols::kubernetes::claim,
    crate::protocols::kubelet::claim,
    crate::protocols::etcd::claim,
    crate::protocols::registry::claim,
    crate::protocols::packages::claim,
    crate::protocols::git::claim,
    crate::protocols::tor::claim,
    crate::protocols::stratum::over_http,
    public_address,
    dead_drop,
];

pub(super) fn answer(asked: &Asked<'_>, shared: &Shared) -> Answer {
    CLAIMS.iter().find_map(|claim| claim(asked, shared)).unwrap_or_else(|| made_up(asked, shared))
}

/// Content that whoever planned the run gave for this.
fn stage(asked: &Asked<'_>, shared: &Shared) -> Option<Answer> {
    let stage = shared
        .world
        .stages
        .iter()
        .find(|stage| asked.host.contains(&stage.host) && asked.target.starts_with(&stage.path))?;
    Some(Answer::new(200, &stage.media_type, stage.bytes.clone(), "stage"))
}

/// Services that tell a guest which address it has. The address is one of those that belong to documentation.
fn public_address(asked: &Asked<'_>, _: &Shared) -> Option<Answer> {
    const ADDRESS: &str = "203.0.113.77";
    const SERVICES: &[&str] = &[
        "ifconfig.me",
        "icanhazip.com",
        "ipinfo.io",
        "ipify.org",
        "checkip.amazonaws.com",
        "ident.me",
        "ifconfig.co",
        "ip-api.com",
        "ipecho.net",
        "myexternalip.com",
        "wtfismyip.com",
        "ip.sb",
        "httpbin.org",
        "seeip.org",
        "myip.com",
        "2ip.ru",
        "ip.me",
    ];
    SERVICES.iter().find(|service| asked.at(service))?;
    if asked.at("httpbin.org") && asked.path != "/ip" {
        return None;
    }
    let json = asked.header("accept").contains("json")
        || asked.path.contains("json")
        || asked.query.contains("json")
        || asked.at("ipinfo.io") && asked.path == "/"
        || asked.at("httpbin.org");
    Some(if json {
        Answer::json(
            200,
            &serde_json::json!({
                "ip": ADDRESS, "query": ADDRESS, "origin": ADDRESS, "city": "Frankfurt am Main",
                "region": "Hesse", "country": "DE", "countryCode": "DE", "org": "AS64500 Example Networks",
                "timezone": "Europe/Berlin", "status": "success",
            }),
        )
    } else {
        Answer::text(200, &format!("{ADDRESS}\n"))
    })
}

/// The host that is named by pages on which others leave a word. Who asks for it has read one.
pub const DEAD_DROP: &str = "cdn-relay.example";

/// Pages on which others leave a word: a dropper that asks one for its next host is told one, and goes there.
fn dead_drop(asked: &Asked<'_>, _: &Shared) -> Option<Answer> {
    const DROPS: &[&str] = &[
        "pastebin.com",
        "gist.githubusercontent.com",
        "paste.ee",
        "rentry.co",
        "dpaste.com",
        "ghostbin.com",
        "hastebin.com",
        "termbin.com",
        "ix.io",
        "controlc.com",
        "paste.rs",
        "bpa.st",
        "0bin.net",
        "telegra.ph",
        "icp0.io",
        "ic0.app",
        "hackmd.io",
        "pastes.io",
        "textbin.net",
        "privatebin.net",
    ];
    let drop = DROPS.iter().any(|drop| asked.at(drop)) && asked.method == "GET";
    let name = asked.path.rsplit('/').next().unwrap_or_default();
    // A script or program by its name is served as what it is.
    (drop && !name.contains('.'))
        .then(|| Answer::text(200, &format!("{DEAD_DROP}:8443\n")).served("dead-drop"))
}

fn made_up(asked: &Asked<'_>, shared: &Shared) -> Answer {
    let id = Id::new(shared.world.canaries.get("input-data"), shared.serial());
    match asked.method.as_str() {
        "OPTIONS" => return Answer::empty(204).with("allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS"),
        "DELETE" => return Answer::empty(204),
        "GET" | "HEAD" => {}
        _ => {
            let json =
                asked.header("content-type").contains("json") || asked.header("accept").contains("json");
            return if json || asked.path.contains("/api") {
                let body = serde_json::json!({"status": "ok", "success": true, "ok": true, "id": id.0});
                Answer::json(200, &body)
            } else {
                Answer::text(200, "OK\n")
            };
        }
    }
    let wanted = Wanted {
        path: &asked.path,
        accept: &asked.header("accept"),
        agent: &asked.agent,
        seconds: shared.world.clock.seconds(),
    };
    let payload = payloads::choose(&wanted, &id);
    Answer::new(200, payload.media_type, payload.bytes, payload.what)
        .with("server", "nginx")
        .with("etag", format!("\"{}\"", id.0.get(..16).unwrap_or_default()))
        .with("last-modified", date(shared.world.clock.seconds().saturating_sub(5 * 86400)))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
pub(crate) fn date(seconds: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, rest) = (seconds / 86400, seconds % 86400);
    let (year, month, day) = crate::tls::civil(days.min(1 << 30) as i64);
    let weekday = DAYS.get((days % 7) as usize).unwrap_or(&"Thu");
    let month = MONTHS.get(usize::from(month).wrapping_sub(1)).unwrap_or(&"Jan");
    format!(
        "{weekday}, {day:02} {month} {year} {:02}:{:02}:{:02} GMT",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}
