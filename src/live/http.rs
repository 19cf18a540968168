//! One HTTP request for a page: what a probe asks. TLS trusts what the machine trusts.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::dial::{Dial, Stream};

/// How long a page may take in all.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a body that are read: a probe's answer is short.
const MOST: usize = 1 << 20;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// HTTP status.
    pub status: u16,
    /// The body, at most a mebibyte.
    pub body: Vec<u8>,
}

/// Gets a page. Redirections are not followed: they are an answer.
///
/// # Errors
/// Why there is no answer, in a few words.
pub async fn get(dial: &dyn Dial, url: &str) -> Result<Page, String> {
    match tokio::time::timeout(TIMEOUT, ask(dial, url)).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("no answer within {} s", TIMEOUT.as_secs())),
    }
}

async fn ask(dial: &dyn Dial, url: &str) -> Result<Page, String> {
    let uri: http::Uri = url.parse().map_err(|error| format!("{url:?} is no URL: {error}"))?;
    let host = uri.host().ok_or_else(|| format!("{url:?} names no host"))?.trim_matches(['[', ']']).to_owned();
    let secure = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(format!("{url:?} begins with neither http:// nor https://")),
    };
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let stream = dial.dial(&host, port).await.map_err(|error| format!("cannot connect: {error}"))?;
    let stream: Box<dyn Stream> = if secure { Box::new(handshake(stream, &host).await?) } else { stream };
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| format!("cannot talk: {error}"))?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
    let request = http::Request::get(path)
        .header(http::header::HOST, authority)
        .header(http::header::USER_AGENT, concat!("windlass/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| format!("no answer: {error}"))?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), MOST).collect().await;
        let body = body.map_err(|error| format!("the answer breaks off: {error}"))?.to_bytes().to_vec();
        Ok(Page { status, body })
    };
    let mut answer = std::pin::pin!(answer);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        answer = &mut answer => answer,
        _ended = &mut connection => answer.await,
    }
}

async fn handshake(
    stream: Box<dyn Stream>,
    host: &str,
) -> Result<tokio_rustls::client::TlsStream<Box<dyn Stream>>, String> {
    let mut roots = RootCertStore::empty();
    for certificate in rustls_native_certs::load_native_certs().certs {
        // One that cannot be read is not trusted: the handshake says so if it was needed.
        let _skipped = roots.add(certificate);
    }
    let configuration = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|_| format!("{host:?} is no host name"))?;
    let connector = TlsConnector::from(Arc::new(configuration));
    connector.connect(name, stream).await.map_err(|error| format!("TLS: {error}"))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::super::dial::Connecting;
    use super::*;

    /// Says the same to everybody, and notes nothing.
    #[derive(Debug)]
    struct Says(&'static str);

    impl Dial for Says {
        fn dial<'dial>(&'dial self, _host: &'dial str, _port: u16) -> Connecting<'dial> {
            let says = self.0;
            Box::pin(async move {
                let (near, mut far) = duplex(4096);
                tokio::spawn(async move {
                    let mut request = vec![0; 4096];
                    if far.read(&mut request).await.is_ok_and(|read| read > 0) {
                        let _told = far.write_all(says.as_bytes()).await;
                    }
                    if says.is_empty() {
                        std::future::pending::<()>().await;
                    }
                });
                Ok(Box::new(near) as Box<dyn Stream>)
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_is_status_and_body() {
        let says = Says("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 5\r\n\r\nlater");
        let page = get(&says, "http://shop.example:8080/healthz").await.expect("an answer");
        assert_eq!((page.status, page.body.as_slice()), (503, b"later".as_slice()));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_and_nonsense_are_told() {
        assert_eq!(get(&Says(""), "http://a.example").await, Err(String::from("no answer within 10 s")));
        assert!(get(&Says("hello\r\n\r\n"), "http://a.example").await.is_err());
        let error = get(&Says("x"), "ftp://a.example").await.expect_err("no HTTP");
        assert!(error.contains("begins with neither"), "{error}");
        assert!(get(&Says("x"), "not a url").await.is_err());
        assert!(get(&Says("x"), "/path").await.is_err());
    }
}
