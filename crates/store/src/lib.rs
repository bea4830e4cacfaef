//! Rows and blobs of the gate: repositories, releases, the journal, jobs.
#![forbid(unsafe_code)]
