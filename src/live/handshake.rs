//! A TLS client that notes the certificates it is shown and accepts every one of them: for reading, never for talking.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};

/// What a handshake showed so far.
#[derive(Debug, Default)]
pub struct Shown {
    /// Certificates in DER, the peer's own first.
    pub chain: Vec<Vec<u8>>,
    /// Whether the peer signed with the key of its certificate; `None`: it did not come to that.
    pub signed: Option<Result<(), String>>,
}

/// Notes certificates.
#[derive(Debug)]
pub struct Observer {
    provider: Arc<CryptoProvider>,
    shown: Mutex<Shown>,
}

impl Observer {
    /// A client's configuration with a new observer in it. The provider is named here and nowhere else: what the
    /// process has as its default must not matter.
    ///
    /// # Errors
    /// When the provider supports none of the protocol's versions.
    pub fn install() -> Result<(Arc<Self>, ClientConfig), rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let observer = Arc::new(Self { provider: Arc::clone(&provider), shown: Mutex::default() });
        let verifier: Arc<dyn ServerCertVerifier> = Arc::<Self>::clone(&observer);
        let configuration = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        Ok((observer, configuration))
    }

    /// What was shown; nothing is left behind.
    pub fn take(&self) -> Shown {
        std::mem::take(&mut *self.shown.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, checked: Result<HandshakeSignatureValid, rustls::Error>) -> HandshakeSignatureValid {
        let signed = checked.map(drop).map_err(|error| error.to_string());
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).signed = Some(signed);
        HandshakeSignatureValid::assertion()
    }
}

impl ServerCertVerifier for Observer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = std::iter::once(end_entity).chain(intermediates).map(|it| it.as_ref().to_vec()).collect();
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).chain = chain;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        Ok(self.note(verify_tls12_signature(message, cert, dss, algorithms)))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        Ok(self.note(verify_tls13_signature(message, cert, dss, algorithms)))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
