//! The listening side: connections, their limits, and the end of the process in peace.
//!
//! Invariants:
//! - A connection exists only with a certificate of the terminal CA; whose it is, is known before the first request.
//! - Everything that waits for a peer has a limit: handshake, head, body, life of the connection.
//! - SIGTERM: no new connection, requests in work are answered, what is queued in the store is committed.

mod connection;
mod exchange;
mod routes;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::store::StoreError;
use crate::{Config, Desk, HostError, levers};

pub use exchange::Service;
pub use routes::{Route, routes};
use tls::TlsFiles;

/// A host that listens and does not serve yet.
pub struct Server {
    listener: TcpListener,
    tls: Arc<TlsFiles>,
    desk: Arc<Desk>,
    levers_socket: Option<tokio::net::UnixListener>,
}

/// What connections share.
pub(crate) struct Shared {
    pub(crate) desk: Arc<Desk>,
    pub(crate) service: Service,
    pub(crate) tls: Arc<TlsFiles>,
    /// Turns true when the host is to stop.
    pub(crate) stop: watch::Receiver<bool>,
}

impl Server {
    /// Opens everything and listens. Needs a runtime with I/O and time.
    ///
    /// # Errors
    /// [`HostError`] that says what is missing or wrong.
    pub async fn bind(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, HostError> {
        let desk = Arc::new(crate::open_desk(config, clock.clone())?);
        let tls = Arc::new(TlsFiles::load(&config.tls, clock)?);
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(|source| HostError::Listen { address: config.listen.to_string(), source })?;
        let levers_socket =
            config.levers.as_ref().map(|settings| levers::listen(&settings.socket)).transpose()?;
        Ok(Self { listener, tls, desk, levers_socket })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// [`HostError::Listen`] where the system does not tell.
    pub fn local_address(&self) -> Result<SocketAddr, HostError> {
        self.listener
            .local_addr()
            .map_err(|source| HostError::Listen { address: "the chosen port".to_owned(), source })
    }

    /// The desk behind it.
    #[must_use]
    pub fn desk(&self) -> Arc<Desk> {
        self.desk.clone()
    }

    /// Serves until `stop` resolves, then ends in peace within `limits.stop_ms_max`.
    ///
    /// # Errors
    /// [`HostError::Store`] when the store has ended by itself: nothing can be decided any more.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), HostError> {
        let limits = self.desk.parts().limits.clone();
        let (stopping, stopped) = watch::channel(false);
        let shared = Arc::new(Shared {
            service: Service::new(self.desk.clone()),
            desk: self.desk.clone(),
            tls: self.tls.clone(),
            stop: stopped,
        });
        let mut helpers = JoinSet::new();
        helpers.spawn(keep_house(self.desk.clone()));
        helpers.spawn(reload_tls(self.tls.clone(), limits.reload_s));
        if let Some(socket) = self.levers_socket {
            helpers.spawn(levers::serve(socket, self.desk.parts().levers.clone()));
        }
        let mut connections = JoinSet::new();
        let ended = tokio::select! {
            () = accept(&self.listener, &shared, &mut connections, limits.connections_max) => Ok(()),
            () = self.desk.parts().store.ended() => Err(HostError::Store(StoreError::Stopped)),
            () = stop => Ok(()),
        };
        drop(self.listener);
        tracing::info!(connections = connections.len(), "stopping");
        let _nobody_listens = stopping.send(true);
        let all = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(Duration::from_millis(limits.stop_ms_max.into()), all).await.is_err() {
            tracing::warn!("some requests did not end in time and are dropped");
        }
        // The store finishes what is queued when the last desk is dropped.
        ended
    }
}

async fn accept(
    listener: &TcpListener,
    shared: &Arc<Shared>,
    connections: &mut JoinSet<()>,
    connections_max: u32,
) {
    let permits = Arc::new(Semaphore::new(usize::try_from(connections_max).unwrap_or(usize::MAX)));
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let shared = shared.clone();
                    connections.spawn(async move {
                        connection::serve(stream, &shared).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    // Out of file descriptors, for example: wait for connections to end instead of spinning.
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_ended) = connections.join_next() => {}
        }
    }
}

async fn keep_house(desk: Arc<Desk>) {
    let pause = Duration::from_secs(desk.parts().limits.housekeeping_s.into());
    loop {
        desk.keep_house().await;
        tokio::time::sleep(pause).await;
    }
}

async fn reload_tls(tls: Arc<TlsFiles>, reload_s: u32) {
    loop {
        tokio::time::sleep(Duration::from_secs(reload_s.into())).await;
        let tls = tls.clone();
        let _panicked = tokio::task::spawn_blocking(move || tls.reload_if_changed()).await;
    }
}
