//! `serve` and `config check`.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::say;
use crate::clock::SystemClock;
use crate::{Config, HostError, Server};

/// Serves until SIGTERM or SIGINT.
pub(super) fn serve(config: &Config) -> Result<(), HostError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| HostError::Start { what: "the runtime", source })?;
    runtime.block_on(async {
        let stop = stop_signals()?;
        let server = Server::bind(config, Arc::new(SystemClock::new())).await?;
        say(&format!("listening on https://{}", server.local_address()?))?;
        server.run(stop).await
    })?;
    tracing::info!("stopped");
    Ok(())
}

fn stop_signals() -> Result<impl Future<Output = ()>, HostError> {
    let catch = |kind| signal(kind).map_err(|source| HostError::Start { what: "the signal handler", source });
    let (mut terminate, mut interrupt) = (catch(SignalKind::terminate())?, catch(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Does what `serve` does up to the first connection, on a port of the system's choice and without levers.
pub(super) fn check(config: &Config) -> Result<(), HostError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| HostError::Start { what: "the runtime", source })?;
    let mut config = config.clone();
    config.listen.set_port(0);
    config.levers = None;
    runtime.block_on(async {
        let server = Server::bind(&config, Arc::new(SystemClock::new())).await?;
        server.desk().health().await.map_err(|refusal| {
            HostError::ConfigRule(format!("the host would start, but could not decide: {}", refusal.detail))
        })
    })
}
