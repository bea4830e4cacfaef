use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};
use store::Error;

/// Why a request was not answered as it wished: a status, a code of the distribution specification, and a sentence that
/// tells a developer what to do. It is the only way in which this crate says no.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    code: Code,
    message: String,
    // Boxed so that results stay small: a value is as large as a map.
    detail: Box<Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The codes of the OCI distribution specification 1.1, and `UNKNOWN`, which registries use for their own failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the specification names them")]
pub enum Code {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    SizeInvalid,
    Unauthorized,
    Denied,
    Unsupported,
    TooManyRequests,
    Unknown,
}

impl Code {
    /// The code as the specification spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestInvalid => "MANIFEST_INVALID",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameInvalid => "NAME_INVALID",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::SizeInvalid => "SIZE_INVALID",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Denied => "DENIED",
            Self::Unsupported => "UNSUPPORTED",
            Self::TooManyRequests => "TOOMANYREQUESTS",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// The status that goes with it where nothing else is said.
    fn status(self) -> StatusCode {
        match self {
            Self::BlobUnknown | Self::BlobUploadUnknown | Self::ManifestUnknown | Self::NameUnknown => {
                StatusCode::NOT_FOUND
            }
            Self::BlobUploadInvalid
            | Self::DigestInvalid
            | Self::ManifestBlobUnknown
            | Self::ManifestInvalid
            | Self::NameInvalid
            | Self::SizeInvalid => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Denied => StatusCode::FORBIDDEN,
            Self::Unsupported => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Unknown => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl Refusal {
    /// A refusal with the usual status of its code. Untrusted text in the message is escaped by whoever wrote it in.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            status: code.status(),
            code,
            message: message.into(),
            detail: Box::new(Value::Null),
            headers: Vec::new(),
        }
    }

    /// Another status than the usual.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// What a program can make use of.
    #[must_use]
    pub fn detail(mut self, detail: Value) -> Self {
        *self.detail = detail;
        self
    }

    /// One more header; one that cannot be written is left out.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// After how many seconds to ask again.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header(RETRY_AFTER, &seconds.to_string())
    }

    /// The code that will be sent.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The answer. To HEAD it has no body.
    pub(crate) fn answer(self, head: bool) -> Response<Body> {
        let detail = if self.detail.is_null() { json!({}) } else { *self.detail };
        let error = json!({"code": self.code.name(), "message": self.message, "detail": detail});
        let body = json!({"errors": [error]}).to_string();
        let mut response = Response::new(if head { Body::empty() } else { Body::from(body) });
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        response
    }
}

/// What the store says, as the distribution specification spells it. What is nobody's business but the operator's goes to
/// the log, and the client is told the number of its request to ask with.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::NoRepository(_) => Self::new(Code::NameUnknown, text),
            Error::OriginDiffers(_) => Self::new(Code::Denied, text),
            Error::NoManifest { .. } => Self::new(Code::ManifestUnknown, text),
            Error::Missing(digests) => Self::new(
                Code::ManifestBlobUnknown,
                format!("{text}; push these first, then the manifest again"),
            )
            .detail(json!({ "digests": digests })),
            Error::Manifest(store::ManifestError::TooLarge(_)) => {
                Self::new(Code::ManifestInvalid, text).status(StatusCode::PAYLOAD_TOO_LARGE)
            }
            Error::Manifest(_) => Self::new(Code::ManifestInvalid, text),
            Error::NoUpload(_) => {
                Self::new(Code::BlobUploadUnknown, format!("{text}; begin a new one with POST"))
            }
            Error::Busy(_) => Self::new(Code::BlobUploadInvalid, format!("{text}; wait for it to end"))
                .status(StatusCode::CONFLICT),
            Error::Offset { end, given } => {
                Self::new(Code::BlobUploadInvalid, format!("{text}; ask with GET where to go on"))
                    .status(StatusCode::RANGE_NOT_SATISFIABLE)
                    .detail(json!({"end": end, "given": given}))
            }
            Error::Digest { expected, computed } => Self::new(
                Code::DigestInvalid,
                format!("{text}; the bytes changed on their way, or the digest is another's"),
            )
            .detail(json!({"expected": expected, "computed": computed})),
            Error::TooLarge { limit } => Self::new(Code::SizeInvalid, text)
                .status(StatusCode::PAYLOAD_TOO_LARGE)
                .detail(json!({ "limit": limit })),
            Error::Full { .. } => {
                tracing::error!(error = %text, "the disk is full");
                Self::new(
                    Code::Unknown,
                    "the registry's disk is full: tell whoever runs it; nothing was kept of this request",
                )
                .status(StatusCode::INSUFFICIENT_STORAGE)
            }
            Error::Closed => Self::new(Code::Unknown, "the registry is being stopped: try again")
                .status(StatusCode::SERVICE_UNAVAILABLE)
                .retry_after(5),
            error => {
                tracing::error!(error = %model::error_chain(&error), "the store failed");
                Self::new(
                    Code::Unknown,
                    "the registry could not do this: its log says why, under the X-Request-Id of this answer",
                )
            }
        }
    }
}

/// What access refuses is 403; that nobody is logged in, or that the token was made for less, is 401 and written where the
/// challenge is known.
impl From<access::Refusal> for Refusal {
    fn from(refusal: access::Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            access::Refusal::Authenticate { .. } => Self::new(Code::Unauthorized, message),
            _ => Self::new(Code::Denied, message),
        }
    }
}

impl From<crate::RouteError> for Refusal {
    fn from(error: crate::RouteError) -> Self {
        use crate::RouteError as E;
        let code = match error {
            E::Unknown => {
                return Self::new(Code::Unsupported, error.to_string()).status(StatusCode::NOT_FOUND);
            }
            E::Upload => Code::BlobUploadUnknown,
            E::Name(_) | E::Encoded | E::Long => Code::NameInvalid,
            E::Digest(_) => Code::DigestInvalid,
            E::Reference(_) => Code::ManifestInvalid,
        };
        Self::new(code, error.to_string())
    }
}
