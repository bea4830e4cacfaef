//! The addresses of the console, and the fields that its forms send.
//!
//! Every form is sent by `POST` as `application/x-www-form-urlencoded` and has the field `csrf`, the token of
//! [`Frame::csrf`](crate::Frame::csrf). The fields beside it stand at each address. Forms that look for something
//! ([`QUEUE`], [`SEARCH`], [`COMPARE`]) are sent by `GET` and have no token.

use crate::State;

/// Images by state: `?state=&repository=&last=`, all of them optional; `state` may be `all`, `last` is
/// `REPOSITORY@DIGEST`.
pub const QUEUE: &str = "/console";
/// The rows of [`QUEUE`] alone, with the same query: a fragment.
pub const QUEUE_ROWS: &str = "/console/rows";
/// Logging in. The form sends `name`, `password`, `next`.
pub const LOGIN: &str = "/console/login";
/// Where the button of the identity provider leads; `?next=`.
pub const LOGIN_PROVIDER: &str = "/console/login/provider";
/// Logging out.
pub const LOGOUT: &str = "/console/logout";
/// One image: `?repository=&digest=`.
pub const IMAGE: &str = "/console/image";
/// How that image stands, alone, with the same query: a fragment.
pub const IMAGE_STANDING: &str = "/console/image/standing";
/// Its report as JSON, with the same query.
pub const REPORT: &str = "/console/image/report";
/// Its report as one file of HTML, with the same query.
pub const REPORT_FILE: &str = "/console/image/report.html";
/// Sends `repository`, `digest`, `reason`.
pub const APPROVE: &str = "/console/image/approve";
/// Sends `repository`, `digest`, `reason`.
pub const DENY: &str = "/console/image/deny";
/// Sends `repository`, `digest`, `reason`.
pub const REVOKE: &str = "/console/image/revoke";
/// Sends `repository`, `digest`: a second look decides nothing by itself, so that nobody has to say why.
pub const RESCAN: &str = "/console/image/rescan";
/// Two images: `?old=REPOSITORY@DIGEST&new=REPOSITORY@DIGEST`.
pub const COMPARE: &str = "/console/compare";
/// `?q=`, and `&from=` with how many hits were on the pages before.
pub const SEARCH: &str = "/console/search";
/// Techniques of MITRE ATT&CK.
pub const COVERAGE: &str = "/console/coverage";
/// The exceptions; `?repository=&digest=` fills the form for that image.
pub const EXCEPTIONS: &str = "/console/exceptions";
/// Sends `rule`, `content`, `repositories`, `path`, `gap` (those that are empty were not meant), `reason`, `expires`
/// (`2027-01-31`).
pub const EXCEPTION_ASK: &str = "/console/exceptions/ask";
/// Sends `id`.
pub const EXCEPTION_APPROVE: &str = "/console/exceptions/approve";
/// Sends `id`.
pub const EXCEPTION_WITHDRAW: &str = "/console/exceptions/withdraw";
/// The journal: `?after=`.
pub const JOURNAL: &str = "/console/journal";
/// Users, robots, grants.
pub const ACCOUNTS: &str = "/console/accounts";
/// Sends `name`, `password`, and `admin=on` where it is ticked.
pub const USER_ADD: &str = "/console/accounts/users";
/// Sends `name` and `change`: `disable`, `enable`, `admin` or `no-admin`.
pub const USER_CHANGE: &str = "/console/accounts/users/change";
/// Sends `name`, `repositories` (a pattern), `actions` once for each that is ticked, `expires` (a day, or empty).
pub const ROBOT_ADD: &str = "/console/accounts/robots";
/// Sends `name` and `change`: `disable`, `enable`, `secret` (a new one) or `remove`.
pub const ROBOT_CHANGE: &str = "/console/accounts/robots/change";
/// Sends `principal`, `repositories`, `actions` once for each that is ticked.
pub const GRANT_ADD: &str = "/console/accounts/grants";
/// Sends `principal`, `repositories`.
pub const GRANT_REVOKE: &str = "/console/accounts/grants/revoke";
/// Changes one's own password. Sends `current`, `password`.
pub const PASSWORD: &str = "/console/accounts/password";
/// Registries that images are pulled through from.
pub const UPSTREAMS: &str = "/console/upstreams";
/// The state of the server.
pub const HEALTH: &str = "/console/health";
/// What files that pages link to lie below: `ASSETS/HASH/NAME`.
pub const ASSETS: &str = "/console/assets";

/// [`QUEUE`] with a query; what is empty is left out, and no state stands for `all`.
pub fn queue(state: Option<State>, repository: &str, last: &str) -> String {
    with_queue_query(QUEUE, state, repository, last)
}

/// [`QUEUE_ROWS`] with a query.
pub fn queue_rows(state: Option<State>, repository: &str, last: &str) -> String {
    with_queue_query(QUEUE_ROWS, state, repository, last)
}

/// [`IMAGE`] with its query.
pub fn image(repository: &str, digest: &str) -> String {
    query(IMAGE, &[("repository", repository), ("digest", digest)])
}

/// [`IMAGE_STANDING`] with its query.
pub fn image_standing(repository: &str, digest: &str) -> String {
    query(IMAGE_STANDING, &[("repository", repository), ("digest", digest)])
}

/// [`REPORT`] with its query.
pub fn report(repository: &str, digest: &str) -> String {
    query(REPORT, &[("repository", repository), ("digest", digest)])
}

/// [`REPORT_FILE`] with its query.
pub fn report_file(repository: &str, digest: &str) -> String {
    query(REPORT_FILE, &[("repository", repository), ("digest", digest)])
}

/// [`COMPARE`] with its query; both are `REPOSITORY@DIGEST`.
pub fn compare(old: &str, new: &str) -> String {
    query(COMPARE, &[("old", old), ("new", new)])
}

/// [`SEARCH`] for something.
pub fn search(text: &str) -> String {
    query(SEARCH, &[("q", text)])
}

/// [`SEARCH`] for something, beyond the hits of the pages before.
pub fn search_from(text: &str, from: usize) -> String {
    query(SEARCH, &[("q", text), ("from", &from.to_string())])
}

/// [`JOURNAL`] after an entry.
pub fn journal(after: i64) -> String {
    query(JOURNAL, &[("after", &after.to_string())])
}

/// [`LOGIN_PROVIDER`] with the page that is shown afterwards.
pub fn login_provider(next: &str) -> String {
    query(LOGIN_PROVIDER, &[("next", next)])
}

fn with_queue_query(path: &str, state: Option<State>, repository: &str, last: &str) -> String {
    let state = state.map_or("all", State::name);
    query(path, &[("state", state), ("repository", repository), ("last", last)])
}

fn query(path: &str, fields: &[(&str, &str)]) -> String {
    let mut out = path.to_owned();
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        out.push(if out.contains('?') { '&' } else { '?' });
        out.push_str(name);
        out.push('=');
        encode(value, &mut out);
    }
    out
}

/// Percent-encodes everything but letters, digits, and what no query reads as something else. An address is cut where
/// it is longer than any server takes: it leads nowhere then, and to nothing else.
fn encode(text: &str, out: &mut String) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    const LONGEST: usize = 600;
    for byte in text.bytes().take(LONGEST) {
        if byte.is_ascii_alphanumeric() || b"-._~/:@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                out.extend(HEX.get(usize::from(digit)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expect: &str) {
        assert_eq!(path, expect);
    }

    #[test]
    fn addresses_hold_what_they_were_given() {
        check(&queue(None, "", ""), "/console?state=all");
        check(
            &queue(Some(State::Denied), "team/app", "team/app@sha256:ab"),
            "/console?state=denied&repository=team/app&last=team/app@sha256:ab",
        );
        check(&image("a&b=c#d e", "\"><"), "/console/image?repository=a%26b%3Dc%23d%20e&digest=%22%3E%3C");
        check(&search("größe%+"), "/console/search?q=gr%C3%B6%C3%9Fe%25%2B");
        check(&journal(-1), "/console/journal?after=-1");
        assert!(search(&"\u{ff}".repeat(10_000)).len() < 2_000);
    }
}
