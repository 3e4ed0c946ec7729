//! SRV records of KMS hosts, read from a zone file (RFC 1035, section 5; RFC 2782).

/// The service and protocol that KMS hosts publish.
pub const SERVICE: &str = "_vlmcs._tcp";
/// The port where nothing names another.
pub const DEFAULT_PORT: u16 = 1688;

/// One SRV record of a KMS host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The domain it is published in, in small letters, without the dot at the end.
    pub domain: String,
    /// Hosts of the lowest number are asked first.
    pub priority: u16,
    /// The share among hosts of one priority.
    pub weight: u16,
    /// The TCP port.
    pub port: u16,
    /// The host, in small letters, without the dot at the end.
    pub host: String,
}

/// Why a zone file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line} of the zone file: {what}\nAn SRV record reads: _vlmcs._tcp.example.com. 3600 IN SRV 10 75 1688 kms1.example.com."
)]
pub struct ZoneError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: &'static str,
}

/// Reads the SRV records of KMS hosts; records of other kinds and of other services are passed over.
///
/// # Errors
/// The first line that cannot be read: a record without a name, numbers out of range, brackets that do not close, `$INCLUDE`.
pub fn parse_zone(text: &str) -> Result<Vec<Record>, ZoneError> {
    let mut origin = String::new();
    let mut owner = String::new();
    let mut records = Vec::new();
    for (line, entry) in entries(text)? {
        let fault = |what| ZoneError { line, what };
        let mut words = entry.words.iter().map(String::as_str);
        let first = if entry.same_owner { None } else { words.next() };
        match first {
            Some(word) if word.eq_ignore_ascii_case("$ORIGIN") => {
                let name = words.next().ok_or_else(|| fault("$ORIGIN without a name"))?;
                origin = absolute(name, &origin);
                continue;
            }
            Some(word) if word.eq_ignore_ascii_case("$TTL") => continue,
            Some(word) if word.starts_with('$') => {
                return Err(fault("a directive other than $ORIGIN and $TTL"));
            }
            Some(word) => owner = absolute(word, &origin),
            None if owner.is_empty() => return Err(fault("a record without a name, and none before it")),
            None => {}
        }
        // Lifetime and class come before the type, in any order.
        let kind = words.find(|word| !is_lifetime(word) && !is_class(word));
        if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("SRV")) {
            continue;
        }
        let Some(domain) = owner
            .strip_prefix(SERVICE)
            .and_then(|rest| rest.strip_prefix('.').or_else(|| rest.is_empty().then_some("")))
        else {
            continue;
        };
        let mut number = |what| {
            let word = words
                .next()
                .ok_or_else(|| fault("an SRV record that is too short"))?;
            word.parse::<u16>().map_err(|_| fault(what))
        };
        let priority = number("the priority is no number from 0 to 65535")?;
        let weight = number("the weight is no number from 0 to 65535")?;
        let port = number("the port is no number from 0 to 65535")?;
        let host = words
            .next()
            .ok_or_else(|| fault("an SRV record without a host"))?;
        if words.next().is_some() {
            return Err(fault("an SRV record with something behind the host"));
        }
        records.push(Record {
            domain: domain.to_owned(),
            priority,
            weight,
            port,
            host: absolute(host, &origin),
        });
    }
    // RFC 2782: a target of "." says that the service is decidedly not there.
    records.retain(|record| !record.host.is_empty());
    Ok(records)
}

/// One entry of a zone file, over as many lines as its brackets take.
struct Entry {
    /// Whether it begins with a blank, and so has the name of the entry before.
    same_owner: bool,
    words: Vec<String>,
}

/// The entries with the lines on which they begin, without comments.
fn entries(text: &str) -> Result<Vec<(usize, Entry)>, ZoneError> {
    let mut found: Vec<(usize, Entry)> = Vec::new();
    let mut open = false;
    for (number, line) in text.lines().enumerate() {
        let line = line.split(';').next().unwrap_or_default();
        let same_owner = line.starts_with([' ', '\t']);
        let spaced = line.replace('(', " ( ").replace(')', " ) ");
        let mut words = Vec::new();
        let was_open = open;
        for word in spaced.split_whitespace() {
            match word {
                "(" => open = true,
                ")" if open => open = false,
                ")" => {
                    return Err(ZoneError {
                        line: number + 1,
                        what: "a closing bracket that nothing opened",
                    });
                }
                word => words.push(word.to_owned()),
            }
        }
        match found.last_mut().filter(|_| was_open) {
            Some((_, entry)) => entry.words.append(&mut words),
            None if words.is_empty() && !open => {}
            None => found.push((number + 1, Entry { same_owner, words })),
        }
    }
    match found.last().filter(|_| open) {
        Some((line, _)) => Err(ZoneError {
            line: *line,
            what: "a bracket that is never closed",
        }),
        None => Ok(found),
    }
}

/// A name in full, in small letters, without the dot at the end.
fn absolute(name: &str, origin: &str) -> String {
    let name = name.to_ascii_lowercase();
    if name == "@" {
        return origin.to_owned();
    }
    match name.strip_suffix('.') {
        Some(whole) => whole.to_owned(),
        None if origin.is_empty() => name,
        None => format!("{name}.{origin}"),
    }
}

/// Whether a word is a lifetime: seconds, or numbers with units as in `1h30m`.
fn is_lifetime(word: &str) -> bool {
    word.starts_with(|letter: char| letter.is_ascii_digit())
        && word
            .chars()
            .all(|letter| letter.is_ascii_digit() || "smhdwSMHDW".contains(letter))
}

fn is_class(word: &str) -> bool {
    ["IN", "CH", "HS"]
        .iter()
        .any(|class| class.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_however_the_file_is_laid_out() {
        let zone = "\
$ORIGIN east.example.com.
$TTL 1h
@ IN SOA ns1 admin (
    1 ; serial
    3600 600 86400 60 )
_vlmcs._tcp 3600 IN SRV 10 75 1688 kms_e1
            IN 1h SRV 10 25 1689 kms_e2.east.example.com. ; the second
_VLMCS._TCP SRV (
    90 75
    1688 KMS_W1.west.example.com. )
_ldap._tcp SRV 0 0 389 dc1
www A 192.0.2.1
_vlmcs._tcp.other.example.com. SRV 0 0 1688 .
";
        let records = parse_zone(zone).unwrap();
        let told: Vec<_> = records
            .iter()
            .map(|record| (record.priority, record.weight, record.port, record.host.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (10, 75, 1688, "kms_e1.east.example.com"),
                (10, 25, 1689, "kms_e2.east.example.com"),
                (90, 75, 1688, "kms_w1.west.example.com"),
            ]
        );
        assert!(records.iter().all(|record| record.domain == "east.example.com"));
    }

    #[test]
    fn faults_are_told_with_their_line() {
        for (zone, line) in [
            ("\n SRV 0 0 1688 kms", 2),
            ("_vlmcs._tcp SRV 65536 0 1688 kms", 1),
            ("_vlmcs._tcp SRV 0 0 1688", 1),
            ("_vlmcs._tcp SRV 0 0 1688 kms kms", 1),
            ("a A 1\nb ( A", 2),
            ("a )", 1),
            ("$INCLUDE other", 1),
        ] {
            assert_eq!(parse_zone(zone).unwrap_err().line, line, "{zone}");
        }
        assert_eq!(parse_zone(""), Ok(Vec::new()));
    }
}
