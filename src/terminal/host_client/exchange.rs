//! One exchange with the host: the request as it goes out, the reply sorted into what was asked for and problems.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode};
use wire::{Message as _, ParseError, Problem, ProblemCode};

/// A request that can be sent, and sent again on another connection.
pub(super) type Outgoing = Result<Request<Full<Bytes>>, HostError>;

/// Why an exchange brought nothing to work with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HostError {
    /// No connection.
    #[error("no connection to the host")]
    Connect(#[source] std::io::Error),
    /// A connection that is not to our host, or on which the host does not want us.
    #[error("no secure connection to the host")]
    Tls(#[source] std::io::Error),
    /// The connection broke.
    #[error("the connection to the host broke")]
    Exchange(#[source] hyper::Error),
    /// Too slow.
    #[error("the host did not answer in time ({doing})")]
    Timeout {
        /// What took too long.
        doing: &'static str,
    },
    /// The host answered with a problem document.
    #[error("the host says: {}", .0.as_str())]
    Problem(ProblemCode),
    /// An answer of another shape than any of the interface.
    #[error("an answer that is none of the interface: status {status}")]
    Unexpected {
        /// The HTTP status.
        status: StatusCode,
    },
    /// A body larger than any of the interface.
    #[error("an answer of more than {max} bytes")]
    TooLong {
        /// The limit.
        max: usize,
    },
    /// A body that is not what its type says.
    #[error("the answer cannot be read")]
    Parse(#[source] ParseError),
    /// Our own message cannot be written.
    #[error("the message cannot be written")]
    Write(#[source] ParseError),
    /// Our own request cannot be built.
    #[error("the request cannot be built")]
    Build(#[source] hyper::http::Error),
}

/// What came back.
pub(crate) enum Reply {
    /// 200 with a body of this media type.
    Body { media: Vec<u8>, body: Vec<u8> },
    /// 204.
    Nothing,
    /// A problem document.
    Problem(ProblemCode),
}

impl Reply {
    /// Sorts a reply whose body is complete.
    pub(super) fn sort(
        status: StatusCode,
        media: Option<&HeaderValue>,
        body: Vec<u8>,
    ) -> Result<Self, HostError> {
        let media = media.map(|media| essence(media.as_bytes()).to_vec()).unwrap_or_default();
        match status {
            StatusCode::OK => Ok(Self::Body { media, body }),
            StatusCode::NO_CONTENT => Ok(Self::Nothing),
            _ if media == wire::MEDIA_PROBLEM.as_bytes() => {
                let problem = Problem::parse(&body).map_err(HostError::Parse)?;
                Ok(Self::Problem(problem.code))
            }
            _ => Err(HostError::Unexpected { status }),
        }
    }

    /// The body, when it is of this media type and not longer than `max`.
    pub(super) fn expect(self, wanted: &str, max: usize) -> Result<Vec<u8>, HostError> {
        match self {
            Self::Body { media, body } if media == wanted.as_bytes() => {
                if body.len() > max {
                    Err(HostError::TooLong { max })
                } else {
                    Ok(body)
                }
            }
            Self::Problem(code) => Err(HostError::Problem(code)),
            Self::Body { .. } => Err(HostError::Unexpected { status: StatusCode::OK }),
            Self::Nothing => Err(HostError::Unexpected { status: StatusCode::NO_CONTENT }),
        }
    }

    /// For what has no answer but "done".
    pub(super) fn expect_nothing(self) -> Result<(), HostError> {
        match self {
            Self::Nothing => Ok(()),
            Self::Problem(code) => Err(HostError::Problem(code)),
            Self::Body { .. } => Err(HostError::Unexpected { status: StatusCode::OK }),
        }
    }
}

/// A media type without its parameters.
fn essence(media: &[u8]) -> &[u8] {
    media.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}

/// A `POST`.
pub(super) fn post(authority: &str, path: &str, media: &str, body: Vec<u8>) -> Outgoing {
    build(Method::POST, authority, path, Some(media), body)
}

/// A `GET`.
pub(super) fn get(authority: &str, path: &str) -> Outgoing {
    build(Method::GET, authority, path, None, Vec::new())
}

fn build(method: Method, authority: &str, path: &str, media: Option<&str>, body: Vec<u8>) -> Outgoing {
    let accept = format!("{}, {}, {}", wire::MEDIA_CMS, wire::MEDIA_JSON, wire::MEDIA_PROBLEM);
    let mut request =
        Request::builder().method(method).uri(path).header(HOST, authority).header(ACCEPT, accept);
    if let Some(media) = media {
        request = request.header(CONTENT_TYPE, media);
    }
    request.body(Full::new(Bytes::from(body))).map_err(HostError::Build)
}
