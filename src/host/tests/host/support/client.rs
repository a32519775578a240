//! A terminal's side of the line, as small as it can be: one connection a request.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use hyper::header::{CONTENT_TYPE, RETRY_AFTER};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use test_pki::{AuthorityName, KeyFiles, Pki};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wire::{ChallengeAnswer, ChallengeRequest, Message as _, Problem, ProblemCode};

/// One answer of the host.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub media: String,
    pub retry_after: Option<String>,
    pub body: Vec<u8>,
}

impl Reply {
    /// The code of a problem document, whose form is checked.
    pub fn problem(&self) -> ProblemCode {
        assert_eq!(self.media, wire::MEDIA_PROBLEM, "{}", self.text());
        let problem = Problem::parse(&self.body).unwrap();
        assert_eq!(problem.status, self.status);
        assert_eq!(problem.code.status(), self.status);
        assert_eq!(
            problem.code.come_again(),
            self.retry_after.is_some(),
            "Retry-After exactly where it helps"
        );
        problem.code
    }

    pub fn text(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

/// A way to the host with one certificate.
#[derive(Clone)]
pub struct Client {
    tls: Arc<ClientConfig>,
    address: SocketAddr,
}

impl Client {
    /// With the TLS certificate of a terminal.
    pub fn new(pki: &Pki, terminal: &str, address: SocketAddr) -> Self {
        Self::with_files(pki, Some(&pki.terminal(terminal).unwrap().tls), address)
    }

    /// With any certificate, or none.
    pub fn with_files(pki: &Pki, files: Option<&KeyFiles>, address: SocketAddr) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        let ca = pki.layout().authority(AuthorityName::Host).certificate;
        roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots);
        let tls = match files {
            Some(files) => builder
                .with_client_auth_cert(
                    vec![CertificateDer::from_pem_file(&files.certificate).unwrap()],
                    PrivateKeyDer::from_pem_file(&files.key).unwrap(),
                )
                .unwrap(),
            None => builder.with_no_client_auth(),
        };
        Self { tls: Arc::new(tls), address }
    }

    pub async fn connect(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        TlsConnector::from(self.tls.clone()).connect(ServerName::try_from("localhost").unwrap(), stream).await
    }

    /// Whether the host lets this certificate in at all. In TLS 1.3 a client hears of its refusal with the first answer.
    pub async fn connect_and_ask(&self) -> Result<Reply, String> {
        self.try_send(request(Method::GET, wire::PATH_HEALTH, "", Body::empty())).await
    }

    /// Sends a request; an error is a connection that gave no answer.
    pub async fn try_send(&self, request: Request<Body>) -> Result<Reply, String> {
        let text = |e: &dyn std::fmt::Display| e.to_string();
        let stream = self.connect().await.map_err(|e| text(&e))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| text(&e))?;
        let driver = tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(|e| text(&e))?;
        let header = |name| {
            let value: Option<&hyper::header::HeaderValue> = response.headers().get(name);
            value.map(|value| value.to_str().unwrap().to_owned())
        };
        let (media, retry_after) = (header(CONTENT_TYPE).unwrap_or_default(), header(RETRY_AFTER));
        let status = response.status().as_u16();
        let body =
            axum::body::to_bytes(Body::new(response.into_body()), 1 << 20).await.map_err(|e| text(&e))?;
        driver.abort();
        Ok(Reply { status, media, retry_after, body: body.to_vec() })
    }

    pub async fn send(&self, method: Method, path: &str, media: &str, body: impl Into<Body>) -> Reply {
        self.try_send(request(method, path, media, body)).await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, "", Body::empty()).await
    }

    pub async fn post_json(&self, path: &str, body: impl Into<Body>) -> Reply {
        self.send(Method::POST, path, wire::MEDIA_JSON, body).await
    }

    pub async fn register(&self, body: Vec<u8>) -> Reply {
        self.send(Method::POST, wire::PATH_REGISTRATIONS, wire::MEDIA_CMS, body).await
    }

    pub async fn try_register(&self, body: Vec<u8>) -> Result<Reply, String> {
        self.try_send(request(Method::POST, wire::PATH_REGISTRATIONS, wire::MEDIA_CMS, body)).await
    }

    pub async fn answer_of(&self, id: uuid::Uuid) -> Reply {
        self.get(&format!("{}/{id}", wire::PATH_REGISTRATIONS)).await
    }

    pub async fn challenge(&self) -> ChallengeAnswer {
        let reply =
            self.post_json(wire::PATH_CHALLENGES, ChallengeRequest::default().to_bytes().unwrap()).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        ChallengeAnswer::parse(&reply.body).unwrap()
    }
}

pub fn request(method: Method, path: &str, media: &str, body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
    if !media.is_empty() {
        request = request.header(CONTENT_TYPE, media);
    }
    request.body(body.into()).unwrap()
}
