//! The host's address: scheme, name and port, and nothing else.

use serde::{Deserialize, Serialize};

/// `https://NAME` or `https://NAME:PORT`. The name may be an IPv6 address in brackets.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostUrl {
    name: String,
    port: u16,
}

/// Why a text is no address of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefused {
    /// Not `https://`.
    #[error("it must begin with https:// because the host is reached over TLS only")]
    NotHttps,
    /// `user:password@`.
    #[error("it must not contain a user or password: the terminal is known by its certificate")]
    UserInfo,
    /// A path, query or fragment.
    #[error("nothing may follow the host's name and port: the paths are fixed")]
    Path,
    /// No name, or characters that no name has.
    #[error("the host's name is missing, too long, or has characters that no name has")]
    Name,
    /// Not a port.
    #[error("the port must be a number from 1 to 65535")]
    Port,
}

impl HostUrl {
    /// Name or address as for a TLS server name: an IPv6 address is without brackets.
    pub fn name(&self) -> &str {
        self.name.trim_start_matches('[').trim_end_matches(']')
    }

    /// Port; 443 when the address has none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `NAME:PORT`, with brackets where they are needed: for the `Host` header and for connecting.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.name, self.port)
    }
}

impl TryFrom<String> for HostUrl {
    type Error = UrlRefused;

    fn try_from(text: String) -> Result<Self, UrlRefused> {
        let rest = text.strip_prefix("https://").ok_or(UrlRefused::NotHttps)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('@') {
            return Err(UrlRefused::UserInfo);
        }
        if rest.contains(['/', '?', '#']) {
            return Err(UrlRefused::Path);
        }
        // The last colon outside the brackets of an IPv6 address parts name and port.
        let (name, port) = match rest.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => (name, Some(port)),
            _ => (rest, None),
        };
        let port = match port {
            None => 443,
            Some(port) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
                port.parse().ok().filter(|port| *port != 0).ok_or(UrlRefused::Port)?
            }
            Some(_) => return Err(UrlRefused::Port),
        };
        let sound = match name.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => {
                let host_character = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
                (1..=253).contains(&name.len()) && name.bytes().all(host_character)
            }
        };
        if sound { Ok(Self { name: name.to_owned(), port }) } else { Err(UrlRefused::Name) }
    }
}

impl From<HostUrl> for String {
    fn from(url: HostUrl) -> Self {
        url.to_string()
    }
}

impl std::fmt::Display for HostUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "https://{}:{}", self.name, self.port)
    }
}
