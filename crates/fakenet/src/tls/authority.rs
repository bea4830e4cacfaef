use crate::Clock;
use crate::recorder::locked;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType, SerialNumber, date_time_ymd,
};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio_rustls::rustls::crypto::aws_lc_rs::sign::any_ecdsa_type;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;

/// The authority of a run. Its key lives as long as the run and signs names that only the guest can reach.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
    pem: String,
    serial: AtomicU64,
}

/// No authority could be made.
#[derive(Debug, thiserror::Error)]
#[error("a certificate authority for the run could not be made")]
pub struct AuthorityError(#[from] rcgen::Error);

impl Authority {
    /// A new authority that is a few years old on the guest's clock.
    pub fn new(now: SystemTime) -> Result<Self, AuthorityError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name =
            distinguished("Global Trust Services Root R4", Some("Global Trust Services LLC"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        valid(&mut params, now, 1200, 6000);
        let certificate = params.self_signed(&key)?;
        Ok(Self {
            der: certificate.der().clone(),
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
            serial: AtomicU64::new(0x2f1d_9c33_0100),
        })
    }

    /// Its certificate as trust stores hold it.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Its certificate as bytes, for stores of other forms.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    fn leaf(&self, name: &str, now: SystemTime) -> Result<CertifiedKey, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = distinguished(name, None);
        params.subject_alt_names = vec![match name.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(name.try_into()?),
        }];
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.serial_number =
            Some(SerialNumber::from(self.serial.fetch_add(1, Ordering::Relaxed).to_be_bytes().to_vec()));
        valid(&mut params, now, 41, 49);
        let certificate = params.signed_by(&key, &self.issuer)?;
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let key = any_ecdsa_type(&private).map_err(|_| rcgen::Error::CouldNotParseKeyPair)?;
        Ok(CertifiedKey::new(vec![certificate.der().clone(), self.der.clone()], key))
    }
}

fn distinguished(name: &str, organisation: Option<&str>) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    if let Some(organisation) = organisation {
        distinguished.push(DnType::CountryName, "US");
        distinguished.push(DnType::OrganizationName, organisation);
    }
    // A common name has at most 64 characters.
    distinguished.push(DnType::CommonName, name.chars().take(64).collect::<String>());
    distinguished
}

/// Valid from so many days before a moment to so many after it.
fn valid(params: &mut CertificateParams, now: SystemTime, before: i64, after: i64) {
    let today = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86400) as i64;
    let date = |days: i64| civil((today + days).clamp(0, 200 * 365));
    let (year, month, day) = date(-before);
    params.not_before = date_time_ymd(year, month, day);
    let (year, month, day) = date(after);
    params.not_after = date_time_ymd(year, month, day);
}

/// Year, month and day of a day since 1970, after Howard Hinnant's `civil_from_days`.
pub(crate) fn civil(days: i64) -> (i32, u8, u8) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year as i32, month as u8, day as u8)
}

/// Certificates by name, made when they are asked for.
pub(super) struct Leaves {
    authority: Arc<Authority>,
    clock: Arc<dyn Clock>,
    made: Mutex<HashMap<String, (SystemTime, Arc<CertifiedKey>)>>,
}

impl std::fmt::Debug for Leaves {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Leaves")
    }
}

/// How many certificates are kept. A guest that asks for more names has them made again.
const MOST: usize = 512;

/// On the guest's clock, which may jump.
const FRESH: Duration = Duration::from_secs(20 * 86400);

impl Leaves {
    pub(super) fn new(authority: Arc<Authority>, clock: Arc<dyn Clock>) -> Self {
        Self { authority, clock, made: Mutex::default() }
    }

    pub(super) fn certificate(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let now = self.clock.now();
        if let Some((when, leaf)) = locked(&self.made).get(name)
            && now.duration_since(*when).unwrap_or_else(|early| early.duration()) < FRESH
        {
            return Some(Arc::clone(leaf));
        }
        let leaf = Arc::new(self.authority.leaf(name, now).ok()?);
        let mut made = locked(&self.made);
        if made.len() >= MOST {
            made.clear();
        }
        made.insert(name.to_owned(), (now, Arc::clone(&leaf)));
        Some(leaf)
    }
}
