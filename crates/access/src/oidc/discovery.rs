use super::OidcError;
use serde::Deserialize;

/// What a provider says of itself at `/.well-known/openid-configuration`.
#[derive(Debug, Clone)]
pub struct Discovery {
    authorization: String,
    token: String,
    keys: String,
}

const LARGEST: usize = 256 * 1024;

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    code_challenge_methods_supported: Option<Vec<String>>,
}

impl Discovery {
    /// Where the document is, for an issuer.
    pub fn url(issuer: &str) -> String {
        format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
    }

    /// Reads the document of the issuer. One that speaks for another issuer is refused, and so is an address that
    /// is not HTTPS, but for this machine's own.
    pub fn read(bytes: &[u8], issuer: &str) -> Result<Self, OidcError> {
        let fail = |why| OidcError::Document { document: "discovery document", why };
        if bytes.len() > LARGEST {
            return Err(fail("it is larger than 256 KiB"));
        }
        let document: Document = serde_json::from_slice(bytes).map_err(|_| {
            fail("it is not JSON with issuer, authorization_endpoint, token_endpoint and jwks_uri")
        })?;
        if document.issuer != issuer {
            return Err(fail("it is of another issuer than the one that is configured"));
        }
        let addresses = [&document.authorization_endpoint, &document.token_endpoint, &document.jwks_uri];
        if !addresses.into_iter().all(|address| is_safe(address)) {
            return Err(fail("an address in it is not https"));
        }
        let methods = document.code_challenge_methods_supported;
        if methods.is_some_and(|methods| !methods.iter().any(|method| method == "S256")) {
            return Err(fail("the provider does not know PKCE with S256"));
        }
        Ok(Self {
            authorization: document.authorization_endpoint,
            token: document.token_endpoint,
            keys: document.jwks_uri,
        })
    }

    /// Where the browser is sent to.
    pub fn authorization_endpoint(&self) -> &str {
        &self.authorization
    }

    /// Where the code is exchanged.
    pub fn token_endpoint(&self) -> &str {
        &self.token
    }

    /// Where the keys are.
    pub fn keys_uri(&self) -> &str {
        &self.keys
    }
}

/// HTTPS to somewhere, or HTTP to this machine, without a name and password and without a fragment.
fn is_safe(address: &str) -> bool {
    // A backslash is a slash for some readers of URLs and none for others, and the host differs.
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\\#\"<>^`{|}".contains(&byte);
    if address.len() > 2048 || !address.bytes().all(plain) {
        return false;
    }
    let (secure, rest) = match (address.strip_prefix("https://"), address.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return false,
    };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if authority.is_empty() || authority.contains('@') {
        return false;
    }
    let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => authority.split(':').next().unwrap_or_default(),
    };
    secure || matches!(host, "localhost" | "127.0.0.1" | "::1")
}
