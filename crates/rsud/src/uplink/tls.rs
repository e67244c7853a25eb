//! TLS 1.2 and 1.3 by rustls: whom to trust, and who we are. Files are read for each connection, so what was renewed is
//! used from the next one on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use rumqttc::TlsConfiguration;
use rumqttc::tokio_rustls::rustls::crypto::ring;
use rumqttc::tokio_rustls::rustls::pki_types::pem::PemObject as _;
use rumqttc::tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rumqttc::tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Files for TLS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsSettings {
    /// Certificates of those who are trusted to vouch for the broker, PEM; without it the system's.
    pub ca_file: Option<PathBuf>,
    /// Our certificate and those that vouch for it, and its key, PEM: where the broker asks who we are.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// What TLS needs, from the files as they are now.
///
/// # Errors
/// A file cannot be read, holds nothing of the kind, or certificate and key do not fit. The text names it.
pub fn client(settings: Option<&TlsSettings>) -> anyhow::Result<TlsConfiguration> {
    let none = TlsSettings::default();
    let settings = settings.unwrap_or(&none);
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots(settings.ca_file.as_deref())?);
    let config = match &settings.identity {
        Some((certificate, key)) => {
            let chain = certificates(certificate)?;
            let key_octets =
                PrivateKeyDer::from_pem_file(key).with_context(|| format!("{}: no private key", key.display()))?;
            builder
                .with_client_auth_cert(chain, key_octets)
                .with_context(|| format!("{} and {} do not fit", certificate.display(), key.display()))?
        }
        None => builder.with_no_client_auth(),
    };
    Ok(TlsConfiguration::from(config))
}

fn roots(ca_file: Option<&Path>) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = ca_file {
        for certificate in certificates(file)? {
            roots.add(certificate).with_context(|| format!("{}: not a certificate to trust", file.display()))?;
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            bail!("the system trusts no certificates; set ca_file");
        }
    }
    Ok(roots)
}

fn certificates(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let read = || -> Result<Vec<_>, _> { CertificateDer::pem_file_iter(file)?.collect() };
    let certificates: Vec<_> = read().with_context(|| format!("{}: cannot be read as PEM", file.display()))?;
    if certificates.is_empty() {
        bail!("{}: there is no certificate in it", file.display());
    }
    Ok(certificates)
}
