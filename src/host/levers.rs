//! Levers for tests: make the host slow, lose a request or an answer, or be unable to decide.
//!
//! Invariant: without `bench_only = true` and `[levers]` in the configuration there is no socket, and nothing can pull one.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::HostError;

/// A line longer than this ends the conversation.
const LINE_BYTES_MAX: u64 = 1024;
/// A slow lever is meant to be waited for.
const SLOW_MS_MAX: u64 = 600_000;

/// The levers as they stand. All at rest by default.
#[derive(Debug, Default)]
pub struct Levers {
    slow_ms: AtomicU64,
    lose_requests: AtomicU64,
    lose_answers: AtomicU64,
    cannot_decide: AtomicBool,
}

/// One line on the socket.
#[derive(Debug, Deserialize)]
#[serde(tag = "lever", rename_all = "kebab-case", deny_unknown_fields)]
enum Command {
    /// Every registration waits so long before it is looked at.
    Slow {
        /// Milliseconds.
        ms: u64,
    },
    /// So many registrations get lost before the host sees them: the connection drops.
    LoseRequest {
        /// How many.
        count: u64,
    },
    /// So many registrations are decided and committed, and then the connection drops.
    LoseAnswer {
        /// How many.
        count: u64,
    },
    /// No new decision until cleared.
    CannotDecide,
    /// All at rest.
    Clear,
}

impl Levers {
    /// Waits as long as the slow lever says.
    pub async fn slow(&self) {
        let ms = self.slow_ms.load(Ordering::SeqCst);
        if ms > 0 {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
    }

    /// Whether this request is to get lost.
    #[must_use]
    pub fn loses_request(&self) -> bool {
        take_one(&self.lose_requests)
    }

    /// Whether this answer is to get lost.
    #[must_use]
    pub fn loses_answer(&self) -> bool {
        take_one(&self.lose_answers)
    }

    /// Whether the host is to be unable to decide.
    #[must_use]
    pub fn cannot_decide(&self) -> bool {
        self.cannot_decide.load(Ordering::SeqCst)
    }

    fn pull(&self, command: &Command) {
        match command {
            Command::Slow { ms } => self.slow_ms.store((*ms).min(SLOW_MS_MAX), Ordering::SeqCst),
            Command::LoseRequest { count } => self.lose_requests.store(*count, Ordering::SeqCst),
            Command::LoseAnswer { count } => self.lose_answers.store(*count, Ordering::SeqCst),
            Command::CannotDecide => self.cannot_decide.store(true, Ordering::SeqCst),
            Command::Clear => {
                self.slow_ms.store(0, Ordering::SeqCst);
                self.lose_requests.store(0, Ordering::SeqCst);
                self.lose_answers.store(0, Ordering::SeqCst);
                self.cannot_decide.store(false, Ordering::SeqCst);
            }
        }
    }
}

fn take_one(count: &AtomicU64) -> bool {
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

/// Makes the socket, for its owner only. Needs a runtime.
///
/// # Errors
/// [`HostError::Listen`] where the path cannot be used.
pub fn listen(path: &Path) -> Result<UnixListener, HostError> {
    let error = |source| HostError::Listen { address: path.display().to_string(), source };
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(error(e)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(error)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(error)?;
    Ok(listener)
}

/// Answers on the socket until the process ends.
pub async fn serve(listener: UnixListener, levers: Arc<Levers>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(converse(stream, levers.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "the levers' socket failed");
                return;
            }
        }
    }
}

async fn converse(stream: UnixStream, levers: Arc<Levers>) {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(tokio::io::AsyncReadExt::take(read, LINE_BYTES_MAX));
    let mut line = String::new();
    loop {
        line.clear();
        read.get_mut().set_limit(LINE_BYTES_MAX);
        if !matches!(read.read_line(&mut line).await, Ok(1..)) {
            return;
        }
        let answer = match serde_json::from_str::<Command>(&line) {
            Ok(command) => {
                tracing::info!(?command, "lever pulled");
                levers.pull(&command);
                serde_json::json!({ "ok": true })
            }
            Err(error) => serde_json::json!({ "ok": false, "error": error.to_string() }),
        };
        if write.write_all(format!("{answer}\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pull(levers: &Levers, line: &str) {
        levers.pull(&serde_json::from_str(line).unwrap());
    }

    #[test]
    fn counted_levers_run_out() {
        let levers = Levers::default();
        pull(&levers, r#"{"lever":"lose-answer","count":2}"#);
        assert_eq!(
            [levers.loses_answer(), levers.loses_answer(), levers.loses_answer()],
            [true, true, false]
        );
        assert!(!levers.loses_request());
    }

    #[test]
    fn clear_puts_all_to_rest() {
        let levers = Levers::default();
        for line in [
            r#"{"lever":"slow","ms":5}"#,
            r#"{"lever":"lose-request","count":1}"#,
            r#"{"lever":"lose-answer","count":1}"#,
            r#"{"lever":"cannot-decide"}"#,
            r#"{"lever":"clear"}"#,
        ] {
            pull(&levers, line);
        }
        assert!(!levers.cannot_decide() && !levers.loses_answer() && !levers.loses_request());
        assert_eq!(levers.slow_ms.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn other_lines_are_refused() {
        for line in ["", "{}", r#"{"lever":"x"}"#, r#"{"lever":"slow"}"#, r#"{"lever":"slow","ms":1,"x":1}"#]
        {
            assert!(serde_json::from_str::<Command>(line).is_err(), "{line}");
        }
    }
}
