//! TLS to the one host: version 1.3 only, our CA only, with the terminal's certificate.
//!
//! A connection that has served is kept for the next exchange. When a kept one turns out to be dead before anything
//! came back, the same request goes out once more on a new one: every request of the interface may be repeated.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::CONTENT_TYPE;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::exchange::{HostError, Outgoing, Reply};

/// The largest body that the host may send to anything.
const BODY_BYTES_MAX: usize = wire::limits::CHALLENGE_ANSWER_BYTES_MAX;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadlines {
    /// Connecting, TLS included.
    pub(crate) connect: Duration,
    /// One exchange.
    pub(crate) answer: Duration,
}

/// Files of the TLS identity.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity<'a> {
    /// PEM of the CA of the host's TLS certificate.
    pub(crate) ca: &'a Path,
    /// PEM of the terminal's TLS certificate.
    pub(crate) certificate: &'a Path,
    /// PEM of its key.
    pub(crate) key: &'a Path,
}

/// Why there is no TLS configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// A PEM file cannot be read.
    #[error("cannot read {} for TLS", path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// The files do not fit together, or are of a kind that TLS cannot use.
    #[error("the TLS files cannot be used")]
    Unusable(#[source] rustls::Error),
    /// The host's name is none that a certificate can carry.
    #[error("the host's name cannot be in a certificate")]
    Name(#[source] rustls::pki_types::InvalidDnsNameError),
}

/// The TLS configuration: one CA, one identity, one version.
///
/// # Errors
/// [`TlsError`].
pub(crate) fn tls(identity: Identity<'_>) -> Result<Arc<ClientConfig>, TlsError> {
    let pem = |path: &Path| {
        let path = path.to_owned();
        move |source| TlsError::Pem { path, source }
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(identity.ca).map_err(pem(identity.ca))? {
        roots.add(certificate.map_err(pem(identity.ca))?).map_err(TlsError::Unusable)?;
    }
    let chain = CertificateDer::pem_file_iter(identity.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(pem(identity.certificate))?;
    let key = PrivateKeyDer::from_pem_file(identity.key).map_err(pem(identity.key))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(TlsError::Unusable)?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map(Arc::new)
        .map_err(TlsError::Unusable)
}

type Sender = SendRequest<Full<Bytes>>;

/// Connections to the one host.
pub(crate) struct Connections {
    host: (String, u16),
    name: ServerName<'static>,
    tls: TlsConnector,
    deadlines: Deadlines,
    kept: Mutex<Option<Sender>>,
}

impl Connections {
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// [`TlsError::Name`].
    pub(crate) fn new(
        host: (String, u16),
        tls: Arc<ClientConfig>,
        deadlines: Deadlines,
    ) -> Result<Self, TlsError> {
        let name = ServerName::try_from(host.0.clone()).map_err(TlsError::Name)?;
        Ok(Self { host, name, tls: TlsConnector::from(tls), deadlines, kept: Mutex::new(None) })
    }

    /// One exchange, within its deadlines.
    pub(super) async fn exchange(&self, outgoing: Outgoing) -> Result<Reply, HostError> {
        let request = outgoing?;
        let kept = self.kept.lock().await.take().filter(|sender| !sender.is_closed());
        if let Some(sender) = kept {
            match self.on(sender, request.clone()).await {
                Err(HostError::Exchange(error)) => {
                    tracing::debug!(%error, "a kept connection was dead");
                }
                reply => return reply,
            }
        }
        let sender = timeout(self.deadlines.connect, self.connect())
            .await
            .map_err(|_| HostError::Timeout { doing: "connecting" })??;
        self.on(sender, request).await
    }

    async fn on(&self, mut sender: Sender, request: Request<Full<Bytes>>) -> Result<Reply, HostError> {
        let exchange = async {
            sender.ready().await.map_err(HostError::Exchange)?;
            read(sender.send_request(request).await.map_err(HostError::Exchange)?).await
        };
        let reply = timeout(self.deadlines.answer, exchange)
            .await
            .map_err(|_| HostError::Timeout { doing: "waiting for the answer" })??;
        *self.kept.lock().await = Some(sender);
        Ok(reply)
    }

    async fn connect(&self) -> Result<Sender, HostError> {
        let (name, port) = (&self.host.0, self.host.1);
        let stream = TcpStream::connect((name.as_str(), port)).await.map_err(HostError::Connect)?;
        // A request is one small write; waiting for more would only cost time.
        stream.set_nodelay(true).map_err(HostError::Connect)?;
        let stream = self.tls.connect(self.name.clone(), stream).await.map_err(HostError::Tls)?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(HostError::Exchange)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection to the host ended");
            }
        });
        Ok(sender)
    }
}

async fn read(response: Response<Incoming>) -> Result<Reply, HostError> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            return HostError::TooLong { max: BODY_BYTES_MAX };
        }
        match error.downcast::<hyper::Error>() {
            Ok(error) => HostError::Exchange(*error),
            Err(other) => HostError::Connect(io::Error::other(other)),
        }
    })?;
    Reply::sort(head.status, head.headers.get(CONTENT_TYPE), body.to_bytes().to_vec())
}
