use axum::http::StatusCode;

/// Why something is not done.
#[derive(Debug)]
pub(crate) struct Fail {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Fail {
    /// The request cannot be meant. What is quoted of it is escaped here.
    pub(crate) fn invalid(message: impl std::fmt::Display) -> Self {
        let message = model::escape_text(&message.to_string());
        Self { status: StatusCode::BAD_REQUEST, code: "INVALID", message }
    }

    pub(crate) fn denied(message: &str) -> Self {
        Self { status: StatusCode::FORBIDDEN, code: "DENIED", message: message.to_owned() }
    }

    pub(crate) fn missing(what: impl std::fmt::Display) -> Self {
        let message = model::escape_text(&format!("there is no {what}"));
        Self { status: StatusCode::NOT_FOUND, code: "NOT_FOUND", message }
    }

    pub(crate) fn conflict(message: impl std::fmt::Display) -> Self {
        let message = model::escape_text(&message.to_string());
        Self { status: StatusCode::CONFLICT, code: "CONFLICT", message }
    }

    pub(crate) fn too_many(message: &str) -> Self {
        Self { status: StatusCode::TOO_MANY_REQUESTS, code: "TOOMANYREQUESTS", message: message.to_owned() }
    }

    pub(crate) fn unauthorized(message: &str) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, code: "UNAUTHORIZED", message: message.to_owned() }
    }

    pub(crate) fn unavailable(message: &str) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, code: "UNAVAILABLE", message: message.to_owned() }
    }

    pub(crate) fn no_method(message: &str) -> Self {
        Self { status: StatusCode::METHOD_NOT_ALLOWED, code: "UNSUPPORTED", message: message.to_owned() }
    }

    /// The status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The code by which programs tell failures apart.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// What a person is told; escaped.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

impl From<store::Error> for Fail {
    fn from(error: store::Error) -> Self {
        use store::Error::{Blocked, Exists, NoManifest, NoRepository};
        match error {
            Exists { .. } | Blocked { .. } => Self::conflict(error),
            NoManifest { .. } | NoRepository(_) => {
                Self { status: StatusCode::NOT_FOUND, code: "NOT_FOUND", message: error.to_string() }
            }
            error => {
                tracing::error!(error = model::error_chain(&error), "the store failed");
                Self::unavailable("the store cannot do this now; the log of the server says why")
            }
        }
    }
}
