//! The addresses of the interface. The list is the router; a test holds `openapi.json` to it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Extension, Router};
use hyper::header::CONTENT_TYPE;
use hyper::{Request, StatusCode};
use uuid::Uuid;
use wire::{ChallengeRequest, LogCheckpoint, Message, ProblemCode, TerminalId, limits};

use super::connection::Peer;
use super::exchange::read_body;
use crate::Desk;
use crate::refusal::Refusal;

/// The interface as a document.
const OPENAPI: &str = include_str!("../openapi.json");
/// Media type of `/metrics`.
const MEDIA_OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// One address with one method.
pub struct Route {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Path, with parameters in braces.
    pub path: &'static str,
    handler: MethodRouter<Arc<Desk>>,
}

/// All of them.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        Route { method: "POST", path: wire::PATH_CHALLENGES, handler: post(challenge) },
        Route { method: "POST", path: wire::PATH_REGISTRATIONS, handler: post(register) },
        Route { method: "GET", path: "/v1/registrations/{request_id}", handler: get(answer_of) },
        Route { method: "POST", path: wire::PATH_LOG_CHECKPOINTS, handler: post(keep_checkpoint) },
        Route { method: "GET", path: wire::PATH_HEALTH, handler: get(health) },
        Route { method: "GET", path: wire::PATH_METRICS, handler: get(metrics) },
        Route { method: "GET", path: wire::PATH_OPENAPI, handler: get(openapi) },
    ]
}

pub(super) fn router(desk: Arc<Desk>) -> Router {
    let wrong_method = || async { Refusal::new(ProblemCode::MethodNotAllowed, "see /v1/openapi.json") };
    let nothing = || async { Refusal::new(ProblemCode::NotFound, "see /v1/openapi.json") };
    routes()
        .into_iter()
        .fold(Router::new(), |router, route| router.route(route.path, route.handler.fallback(wrong_method)))
        .fallback(nothing)
        .with_state(desk)
}

/// The route's path for counting: never what the peer wrote.
pub(super) fn name_of(path: &str) -> &'static str {
    let known = [
        wire::PATH_CHALLENGES,
        wire::PATH_REGISTRATIONS,
        wire::PATH_LOG_CHECKPOINTS,
        wire::PATH_HEALTH,
        wire::PATH_METRICS,
        wire::PATH_OPENAPI,
    ];
    let of_one_request =
        || path.strip_prefix("/v1/registrations/").is_some_and(|id| !id.is_empty() && !id.contains('/'));
    match known.into_iter().find(|name| *name == path) {
        Some(name) => name,
        None if of_one_request() => "/v1/registrations/{request_id}",
        None => "none",
    }
}

fn terminal_of(peer: &Peer) -> Result<&TerminalId, Refusal> {
    peer.terminal.as_ref().ok_or_else(|| {
        Refusal::new(ProblemCode::NotThisTerminal, "the certificate's common name is no terminal id")
    })
}

fn body_time(desk: &Desk) -> Duration {
    Duration::from_millis(desk.parts().limits.body_ms_max.into())
}

async fn read_message<M: Message>(desk: &Desk, request: Request<Body>) -> Result<M, Refusal> {
    let body = read_body(request, wire::MEDIA_JSON, M::BYTES_MAX, body_time(desk)).await?;
    M::parse(&body)
        .map_err(|error| Refusal::new(ProblemCode::BadRequest, crate::chain::Chain(&error).to_string()))
}

fn json(message: &impl Message) -> Result<Response, Refusal> {
    let body = message.to_bytes().map_err(|_| Refusal::not_now("the answer cannot be written"))?;
    Ok(([(CONTENT_TYPE, wire::MEDIA_JSON)], body).into_response())
}

fn cms(answer: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, wire::MEDIA_CMS)], answer).into_response()
}

async fn challenge(
    State(desk): State<Arc<Desk>>,
    Extension(peer): Extension<Peer>,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let ChallengeRequest { schema: _ } = read_message(&desk, request).await?;
    json(&desk.challenge(terminal_of(&peer)?).await?)
}

async fn register(
    State(desk): State<Arc<Desk>>,
    Extension(peer): Extension<Peer>,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let levers = desk.parts().levers.clone();
    let bytes_max = usize::try_from(desk.parts().limits.registration_bytes_max)
        .unwrap_or(limits::REGISTRATION_BYTES_MAX)
        .min(limits::REGISTRATION_BYTES_MAX);
    let body = read_body(request, wire::MEDIA_CMS, bytes_max, body_time(&desk)).await?;
    let terminal = terminal_of(&peer)?;
    if levers.loses_request() {
        return cut(&peer).await;
    }
    levers.slow().await;
    let answer = desk.register(terminal, body).await?;
    if levers.loses_answer() {
        return cut(&peer).await;
    }
    Ok(cms(answer))
}

/// Drops the connection and never answers.
async fn cut(peer: &Peer) -> Result<Response, Refusal> {
    peer.cut.notify_one();
    std::future::pending().await
}

async fn answer_of(
    State(desk): State<Arc<Desk>>,
    Extension(peer): Extension<Peer>,
    Path(request_id): Path<String>,
) -> Result<Response, Refusal> {
    let request_id = Uuid::try_parse(&request_id)
        .map_err(|_| Refusal::new(ProblemCode::BadRequest, "the request id is not a UUID"))?;
    Ok(cms(desk.answer_of(terminal_of(&peer)?, request_id).await?))
}

async fn keep_checkpoint(
    State(desk): State<Arc<Desk>>,
    Extension(peer): Extension<Peer>,
    request: Request<Body>,
) -> Result<StatusCode, Refusal> {
    let checkpoint: LogCheckpoint = read_message(&desk, request).await?;
    desk.keep_checkpoint(terminal_of(&peer)?, checkpoint).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn health(State(desk): State<Arc<Desk>>) -> Result<Response, Refusal> {
    desk.health().await?;
    Ok(([(CONTENT_TYPE, wire::MEDIA_JSON)], r#"{"status":"ok"}"#).into_response())
}

async fn metrics(State(desk): State<Arc<Desk>>) -> Result<Response, Refusal> {
    // Asks the revocation lists too, so that the gauge is of now.
    let _unhealthy = desk.health().await;
    let text = desk.parts().metrics.text().map_err(|_| Refusal::not_now("the metrics cannot be written"))?;
    Ok(([(CONTENT_TYPE, MEDIA_OPENMETRICS)], text).into_response())
}

async fn openapi() -> Response {
    ([(CONTENT_TYPE, wire::MEDIA_JSON)], OPENAPI).into_response()
}
