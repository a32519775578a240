//! One request and its answer: limits before, counting and logging after, problems as documents.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Request, StatusCode};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;
use wire::{Message as _, ProblemCode};

use super::connection::Peer;
use super::routes;
use crate::Desk;
use crate::metrics::{Code, Served};
use crate::refusal::Refusal;

/// The HTTP side of the desk.
#[derive(Clone)]
pub struct Service {
    desk: Arc<Desk>,
    router: axum::Router,
    slots: Arc<Semaphore>,
}

impl Service {
    /// For a desk.
    #[must_use]
    pub fn new(desk: Arc<Desk>) -> Self {
        let slots = usize::try_from(desk.parts().limits.requests_max).unwrap_or(usize::MAX);
        Self { router: routes::router(desk.clone()), desk, slots: Arc::new(Semaphore::new(slots)) }
    }

    /// Answers one request of a peer. Never fails: whatever goes wrong is a problem document.
    pub(crate) async fn answer(&self, peer: Peer, mut request: Request<Body>) -> Response {
        let parts = self.desk.parts();
        let begun = parts.clock.elapsed();
        let method = request.method().clone();
        let route = routes::name_of(request.uri().path());
        let terminal = peer.terminal.clone();
        request.extensions_mut().insert(peer);
        let mut response = match self.slots.try_acquire() {
            Ok(_slot) => match self.router.clone().oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            },
            Err(_) => Refusal::new(ProblemCode::Busy, "too many requests at once").into_response(),
        };
        let code = response.extensions().get::<ProblemCode>().copied();
        if let Some(code) = code {
            parts.metrics.problems.get_or_create(&Code { code: code.as_str() }).inc();
            if code.come_again() {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(parts.limits.retry_after_s));
            }
        }
        let status = response.status().as_u16();
        parts.metrics.served.get_or_create(&Served { route, status }).inc();
        let ms = u64::try_from(parts.clock.elapsed().saturating_sub(begun).as_millis()).unwrap_or(u64::MAX);
        let terminal = terminal.as_ref().map_or("-", |id| id.as_str());
        let code = code.map_or("-", ProblemCode::as_str);
        tracing::info!(%method, route, terminal, status, code, ms, "served");
        response
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = self.problem().to_bytes().unwrap_or_default();
        let mut response = (status, [(CONTENT_TYPE, wire::MEDIA_PROBLEM)], body).into_response();
        response.extensions_mut().insert(self.code);
        response
    }
}

/// Reads a body of the right type, size and speed.
pub(super) async fn read_body(
    request: Request<Body>,
    media: &str,
    bytes_max: usize,
    time_max: Duration,
) -> Result<bytes::Bytes, Refusal> {
    let given = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case(media) {
        return Err(Refusal::new(
            ProblemCode::UnsupportedMediaType,
            format!("the content type must be {media}"),
        ));
    }
    let too_large = || Refusal::new(ProblemCode::TooLarge, format!("at most {bytes_max} bytes are taken"));
    let announced = hyper::body::Body::size_hint(request.body()).lower();
    if announced > u64::try_from(bytes_max).unwrap_or(u64::MAX) {
        return Err(too_large());
    }
    match tokio::time::timeout(time_max, axum::body::to_bytes(request.into_body(), bytes_max)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) if is_length_limit(&error) => Err(too_large()),
        Ok(Err(_)) => Err(Refusal::new(ProblemCode::BadRequest, "the body did not arrive whole")),
        Err(_) => Err(Refusal::new(ProblemCode::Timeout, "the body took too long to arrive")),
    }
}

fn is_length_limit(error: &axum::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<http_body_util::LengthLimitError>())
}
