//! A KMS host as people write it: `HOST`, `HOST:PORT`, `[IPV6]`, `[IPV6]:PORT`.
//!
//! Promise: read as `slmgr /skms` reads it. Without a port the port value goes away, as slmgr removes it.

use super::{HiveName, Wish};

/// A KMS host and, perhaps, its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsHost {
    /// A host name, an IPv4 address, or an IPv6 address in square brackets.
    pub host: String,
    /// The TCP port; `None` for Windows' own choice, 1688.
    pub port: Option<u16>,
}

/// Why a text is no KMS host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KmsHostError {
    /// Nothing stands where the name should be.
    #[error("the KMS host has no name\nWrite HOST or HOST:PORT, as in kms.example.com:1688.")]
    Empty,
    /// A character that no host name has.
    #[error(
        "the KMS host's name has {character:?} in it, which no host name can hold\nWrite HOST or HOST:PORT; an IPv6 address stands in square brackets."
    )]
    Character {
        /// The character.
        character: char,
    },
    /// A name or a part of it that is too long or empty.
    #[error(
        "the KMS host's name has an empty part or one of more than 63 characters\nWrite the full name, as in kms.example.com."
    )]
    Part,
    /// Not an IPv6 address between the brackets.
    #[error("what stands in square brackets is not an IPv6 address\nWrite it as in [2001:db8::1]:1688.")]
    Address,
    /// Not a port.
    #[error("the KMS host's port is not a number from 1 to 65535\nLeave it out for 1688.")]
    Port,
}

/// The longest host name that DNS can hold.
const NAME_LIMIT: usize = 253;
/// The longest part between two dots.
const PART_LIMIT: usize = 63;

impl std::str::FromStr for KmsHost {
    type Err = KmsHostError;

    fn from_str(text: &str) -> Result<Self, KmsHostError> {
        let text = text.trim();
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (address, rest) = rest.split_once(']').ok_or(KmsHostError::Address)?;
            address
                .parse::<std::net::Ipv6Addr>()
                .map_err(|_| KmsHostError::Address)?;
            let port = match rest {
                "" => None,
                rest => Some(rest.strip_prefix(':').ok_or(KmsHostError::Port)?),
            };
            (format!("[{address}]"), port)
        } else {
            let (name, port) = text
                .split_once(':')
                .map_or((text, None), |(name, port)| (name, Some(port)));
            check_name(name)?;
            (name.to_owned(), port)
        };
        let port = port.map(parse_port).transpose()?;
        Ok(Self { host, port })
    }
}

/// A port as `1` to `65535`, digits only.
pub(super) fn parse_port(text: &str) -> Result<u16, KmsHostError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(KmsHostError::Port);
    }
    text.parse()
        .ok()
        .filter(|&port| port != 0)
        .ok_or(KmsHostError::Port)
}

/// Whether `name` can be a host or domain name.
pub(super) fn check_name(name: &str) -> Result<(), KmsHostError> {
    if name.is_empty() {
        return Err(KmsHostError::Empty);
    }
    let odd = |character: &char| !(character.is_alphanumeric() || matches!(character, '-' | '.' | '_'));
    if let Some(character) = name.chars().find(odd) {
        return Err(KmsHostError::Character { character });
    }
    let parts = name.strip_suffix('.').unwrap_or(name).split('.');
    if name.len() > NAME_LIMIT
        || parts
            .into_iter()
            .any(|part| part.is_empty() || part.len() > PART_LIMIT)
    {
        return Err(KmsHostError::Part);
    }
    Ok(())
}

impl KmsHost {
    /// What the registry should hold for this host, below the settings key `key`.
    pub fn wishes(&self, key: &str) -> [Wish; 2] {
        let port = match self.port {
            Some(port) => Wish::text(
                HiveName::Software,
                key,
                "KeyManagementServicePort",
                &port.to_string(),
            ),
            None => Wish::absent(HiveName::Software, key, "KeyManagementServicePort"),
        };
        [
            Wish::text(HiveName::Software, key, "KeyManagementServiceName", &self.host),
            port,
        ]
    }
}

impl std::fmt::Display for KmsHost {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.host)?;
        match self.port {
            Some(port) => write!(formatter, ":{port}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Result<(String, Option<u16>), KmsHostError> {
        text.parse::<KmsHost>().map(|host| (host.host, host.port))
    }

    #[test]
    fn names_addresses_and_ports_are_read_as_slmgr_reads_them() {
        assert_eq!(host("kms.example.com"), Ok(("kms.example.com".into(), None)));
        assert_eq!(
            host("kms.example.com:1688"),
            Ok(("kms.example.com".into(), Some(1688)))
        );
        assert_eq!(host("10.0.0.1:1"), Ok(("10.0.0.1".into(), Some(1))));
        assert_eq!(host("[2001:db8::1]"), Ok(("[2001:db8::1]".into(), None)));
        assert_eq!(
            host("[2001:db8::1]:65535"),
            Ok(("[2001:db8::1]".into(), Some(65535)))
        );
        assert_eq!(host("kms_01.corp."), Ok(("kms_01.corp.".into(), None)));
    }

    #[test]
    fn what_is_no_host_is_told_apart() {
        assert_eq!(host(""), Err(KmsHostError::Empty));
        assert_eq!(host(":1688"), Err(KmsHostError::Empty));
        assert_eq!(host("kms host"), Err(KmsHostError::Character { character: ' ' }));
        assert_eq!(host("kms..example"), Err(KmsHostError::Part));
        assert_eq!(host("[kms]"), Err(KmsHostError::Address));
        assert_eq!(host("2001:db8::1"), Err(KmsHostError::Port));
        for port in ["0", "65536", "", "16 88", "+1688", "0x10"] {
            assert_eq!(host(&format!("kms:{port}")), Err(KmsHostError::Port), "{port}");
        }
    }
}
