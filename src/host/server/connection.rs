//! One connection, from handshake to close.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use wire::TerminalId;

use super::{Shared, tls};

/// Largest head of a request.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Pings on an HTTP/2 connection that is silent.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Who is at the other end, as TLS says.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// None: a certificate of the CA that names no terminal; it may read health and metrics.
    pub(crate) terminal: Option<TerminalId>,
    /// Cuts the connection at once; for the levers that lose things.
    pub(crate) cut: Arc<Notify>,
}

/// Counts an open connection as long as it lives.
struct Counted<'a>(&'a Shared);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.desk.parts().metrics.connections.dec();
    }
}

pub(crate) async fn serve(stream: TcpStream, shared: &Shared) {
    let parts = shared.desk.parts();
    parts.metrics.connections.inc();
    let _counted = Counted(shared);
    // Answers are small and waited for.
    let _only_slower = stream.set_nodelay(true);
    let limit = Duration::from_millis(parts.limits.handshake_ms_max.into());
    let handshake = TlsAcceptor::from(shared.tls.current()).accept(stream);
    match tokio::time::timeout(limit, handshake).await {
        Ok(Ok(stream)) => converse(stream, shared).await,
        Ok(Err(error)) => {
            parts.metrics.handshake_failures.inc();
            tracing::info!(%error, "TLS handshake failed");
        }
        Err(_) => {
            parts.metrics.handshake_failures.inc();
            tracing::info!("TLS handshake took too long");
        }
    }
}

async fn converse(stream: TlsStream<TcpStream>, shared: &Shared) {
    let limits = &shared.desk.parts().limits;
    let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let peer = Peer { terminal: certificate.and_then(tls::terminal_of), cut: Arc::new(Notify::new()) };
    let cut = peer.cut.clone();
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (service, peer) = (shared.service.clone(), peer.clone());
        async move { Ok::<_, Infallible>(service.answer(peer, request.map(axum::body::Body::new)).await) }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .max_buf_size(HEAD_BYTES_MAX)
        .header_read_timeout(Duration::from_millis(limits.head_ms_max.into()));
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .max_concurrent_streams(limits.streams_per_connection_max)
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX));
    let mut conversation = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut stop = shared.stop.clone();
    let end_of_life = async {
        tokio::select! {
            _ = stop.wait_for(|stopping| *stopping) => {}
            () = tokio::time::sleep(Duration::from_secs(limits.connection_s_max.into())) => {}
        }
    };
    tokio::select! {
        ended = conversation.as_mut() => return log_end(ended),
        () = cut.notified() => return,
        () = end_of_life => conversation.as_mut().graceful_shutdown(),
    }
    // What is in work may end; a peer that does not take its answer may not stay.
    let grace = Duration::from_millis(limits.stop_ms_max.into());
    tokio::select! {
        ended = conversation => log_end(ended),
        () = cut.notified() => {}
        () = tokio::time::sleep(grace) => tracing::info!("connection cut at the end of its life"),
    }
}

fn log_end(ended: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}
