//! The command line of keys and signatures.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

const KEYGEN_EXAMPLES: &str = "\
Examples:
  roadstead keygen                                  roadstead.key and roadstead.pub
  roadstead keygen --output-key-prefix release      release.key and release.pub
  roadstead keygen --import open.pem                encrypt a key that lies open

The private key is encrypted with a password, which is taken from ROADSTEAD_PASSWORD or
COSIGN_PASSWORD, or asked for. cosign reads what is written, and `sign` reads what cosign writes.";

#[derive(Debug, Args)]
#[command(after_help = KEYGEN_EXAMPLES)]
pub(crate) struct Keygen {
    /// Begin of the names of the two files
    #[arg(long, value_name = "PREFIX", default_value = "roadstead")]
    pub(crate) output_key_prefix: PathBuf,

    /// Take over a private key instead of making one: PEM in PKCS#8 or SEC 1, or one that cosign wrote
    #[arg(long, value_name = "FILE")]
    pub(crate) import: Option<PathBuf>,
}

const SIGN_EXAMPLES: &str = "\
Examples:
  roadstead sign --key release.key registry.example/app@sha256:9f86d08…
  roadstead sign --key release.key registry.example/app:1.4   what the tag means now
  roadstead sign --key release.key oci:build/layout
  cosign verify --key release.pub --insecure-ignore-tlog registry.example/app:1.4

The image is signed twice, as cosign 2 and as cosign 3 look for it. An index is signed as it stands,
and the images in it are not signed by themselves.";

#[derive(Debug, Args)]
#[command(after_help = SIGN_EXAMPLES)]
pub(crate) struct Sign {
    /// The image, in a registry or an OCI layout
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    /// The private key; its password comes from ROADSTEAD_PASSWORD or COSIGN_PASSWORD, or is asked for
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,

    /// The repository that the signature names [default: the one of IMAGE]
    #[arg(long, value_name = "REPOSITORY")]
    pub(crate) identity: Option<String>,

    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

const VERIFY_EXAMPLES: &str = "\
Examples:
  roadstead verify --key release.pub registry.example/app:1.4
  roadstead verify --key release.pub oci:build/layout           no network
  roadstead verify --key evidence.pub --type test-result --format json registry.example/app:1.4
  roadstead verify --trusted-root root.json --certificate-identity me@example.org \\
      --certificate-oidc-issuer https://accounts.example.org registry.example/app:1.4

Exit codes: 0 a signature of the image holds; 1 none does; 2 the command could not run, or something
that could have been a signature could not be fetched.";

#[derive(Debug, Args)]
#[command(after_help = VERIFY_EXAMPLES)]
pub(crate) struct Verify {
    /// The image, in a registry or an OCI layout
    // Not there where something else is verified, which stands for it.
    #[arg(value_name = "IMAGE", required = true)]
    pub(crate) image: Option<String>,

    /// A public key of which the signature may be; repeatable
    #[arg(long, value_name = "FILE", required_unless_present = "trusted_root")]
    pub(crate) key: Vec<PathBuf>,

    /// Certificates that are trusted, as Sigstore's trusted_root.json has them
    #[arg(long, value_name = "FILE", requires_all = ["certificate_identity", "certificate_oidc_issuer"],
        help_heading = "Certificates")]
    pub(crate) trusted_root: Option<PathBuf>,

    /// The identity that a certificate must name, exactly
    #[arg(long, value_name = "IDENTITY", requires = "trusted_root", help_heading = "Certificates")]
    pub(crate) certificate_identity: Option<String>,

    /// Who must have vouched for that identity, exactly
    #[arg(long, value_name = "URL", requires = "trusted_root", help_heading = "Certificates")]
    pub(crate) certificate_oidc_issuer: Option<String>,

    /// What must have been stated, instead of that the image is signed: release, vsa, test-result, vulns, vuln,
    /// runtime-trace, spdx, cyclonedx, slsaprovenance1, openvex, or the address of a predicate type
    #[arg(long = "type", value_name = "PREDICATE")]
    pub(crate) kind: Option<String>,

    /// The repository that a signature of the older format must name; without it, it may name any
    #[arg(long, value_name = "REPOSITORY")]
    pub(crate) identity: Option<String>,

    /// Form of the result
    #[arg(long, value_enum, default_value_t = VerifyForm::Table)]
    pub(crate) format: VerifyForm,

    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

/// How a registry is spoken to.
#[derive(Debug, Args)]
#[command(next_help_heading = "Registries")]
pub(crate) struct RegistryArgs {
    /// A Docker configuration file with credentials and credential helpers; none is read unasked
    #[arg(long, value_name = "FILE")]
    pub(crate) docker_config: Option<PathBuf>,

    /// A registry (host or host:port) that is spoken to in HTTP, without TLS; repeatable
    #[arg(long, value_name = "HOST")]
    pub(crate) plain_http: Vec<String>,

    /// A further host that may hand out tokens for a registry, and see its credentials; repeatable
    #[arg(long, value_name = "HOST")]
    pub(crate) token_realm: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum VerifyForm {
    /// For people
    Table,
    /// roadstead.verification/v1
    Json,
}
