/// Why an image was not detonated.
#[derive(Debug, thiserror::Error)]
pub enum DetonateError {
    /// The sandbox cannot be made.
    #[error("the sandbox cannot be made; `roadstead doctor` says what this machine lacks")]
    Sandbox(#[source] sandbox::SandboxError),
    /// The tree of the image cannot be written for the run.
    #[error("the image's tree cannot be laid out in {directory}; name another with --scratch")]
    Stage {
        /// Where; escaped.
        directory: String,
        /// What was refused.
        #[source]
        source: std::io::Error,
    },
    /// A layer cannot be read again.
    #[error("layer {layer} cannot be read for the run")]
    Layer {
        /// Its index.
        layer: usize,
        /// What was refused.
        #[source]
        source: std::io::Error,
    },
    /// The network that answers cannot be made.
    #[error("the network of the sandbox cannot be answered")]
    Network(#[source] fakenet::FakenetError),
    /// The certificates of the run cannot be made.
    #[error("the certificates of the run cannot be made")]
    Authority(#[source] fakenet::AuthorityError),
    /// The record cannot be written or read.
    #[error("the record of the run {path} cannot be kept")]
    Record {
        /// Where; escaped.
        path: String,
        /// What was refused.
        #[source]
        source: events::SpoolError,
    },
    /// The image names no program to start.
    #[error("the image names no program to start")]
    NoStart,
    /// The image is for another processor.
    #[error("the image is for {platform}; this machine runs linux/amd64")]
    Platform {
        /// What it is for; escaped.
        platform: String,
    },
    /// A person asked to stop.
    #[error("stopped; nothing of the run is left")]
    Cancelled,
}
