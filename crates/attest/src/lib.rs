//! Keys, signatures, envelopes and statements that cosign, podman and others read; and their verification.
#![forbid(unsafe_code)]
