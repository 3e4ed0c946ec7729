//! What lies beside the images of a medium or of a `RemoteInstall` folder and bears on activation.
//!
//! Source: Microsoft, Windows Setup Edition Configuration and Product ID Files (EI.cfg and PID.txt).

use super::show::in_words;
use crate::image::{Images, Part, Role};
use crate::key::ProductKey;
use crate::secret::Wiped;
use crate::text::{self, printable};
use crate::unattend::AnswerFile;
use std::path::Path;
use zeroize::Zeroizing;

/// A file beside images, and what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// The file's path below the folder, with `/`.
    pub path: String,
    /// What it says, in words; of a key at most the last five symbols.
    pub says: String,
}

/// The files of Setup below a medium.
const EI_CFG: &str = "sources/ei.cfg";
const PID_TXT: &str = "sources/PID.txt";

/// Looks at the files beside the images of a target that has several parts.
///
/// # Errors
/// A file that cannot be read.
pub fn beside(parts: &[Part]) -> Result<Vec<Beside>, super::Error> {
    let Some(root) = parts.iter().find(|part| part.role == Role::Loose) else {
        return Ok(Vec::new());
    };
    let root = root.target.path();
    let files = Images::loose(root);
    let mut found = Vec::new();
    for (path, says) in [
        (EI_CFG, edition_of as fn(&[u8]) -> String),
        (PID_TXT, key_of as fn(&[u8]) -> String),
    ] {
        if let Some(content) = files.read(1, path)? {
            found.push(Beside {
                path: path.to_owned(),
                says: says(&content),
            });
        }
    }
    for part in parts {
        let below = part.target.path().strip_prefix(root).unwrap_or(Path::new(""));
        let path = below.to_string_lossy().replace('\\', "/");
        match part.role {
            Role::SetupAnswers | Role::ImageAnswers => found.extend(answers(&files, path)?),
            Role::ClientAnswers => {
                for name in files.list(1, &path)?.unwrap_or_default() {
                    found.extend(answers(&files, format!("{path}/{name}"))?);
                }
            }
            Role::Install | Role::Boot | Role::Loose => {}
        }
    }
    Ok(found)
}

/// What an answer file does about activation, if there is one.
fn answers(files: &Images, path: String) -> Result<Option<Beside>, super::Error> {
    if !text::same_name(
        path.get(path.len().saturating_sub(4)..).unwrap_or_default(),
        ".xml",
    ) {
        return Ok(None);
    }
    let content: Option<Wiped> = files.read(1, &path)?;
    Ok(content.map(|content| Beside {
        path,
        says: match AnswerFile::parse(content) {
            Ok(answers) => {
                let places = answers.product_keys();
                let keys: Vec<String> = places
                    .iter()
                    .map(|place| in_words(place.kind, place.expose()))
                    .collect();
                if keys.is_empty() {
                    "an answer file without a key".to_owned()
                } else {
                    format!("an answer file with {}", keys.join(", "))
                }
            }
            Err(_) => "an answer file that cannot be read: wimkey unattend lint says why".to_owned(),
        },
    }))
}

/// The sections of `ei.cfg`, each with its value on the next line.
fn edition_of(content: &[u8]) -> String {
    let Ok((content, _)) = text::decode(content) else {
        return "no text".to_owned();
    };
    let lines: Vec<&str> = content
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let value = |section: &str| {
        let at = lines.iter().position(|line| line.eq_ignore_ascii_case(section))?;
        lines.get(at + 1).filter(|line| !line.starts_with('['))
    };
    let edition = value("[EditionID]").map_or_else(|| "any edition".to_owned(), |own| printable(own));
    let channel = value("[Channel]").map_or_else(|| "no channel".to_owned(), |own| printable(own));
    let volume = match value("[VL]") {
        Some(&"1") => ", volume licence",
        _ => "",
    };
    format!("{edition}, {channel}{volume}")
}

/// The key of `PID.txt`.
fn key_of(content: &[u8]) -> String {
    let Ok((content, _)) = text::decode(content) else {
        return "no text".to_owned();
    };
    let value = content.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        let is_value = name.trim().eq_ignore_ascii_case("Value");
        is_value.then(|| Zeroizing::new(value.trim().to_owned()))
    });
    match value.map(|value| ProductKey::parse(&value)) {
        Some(Ok(parsed)) => format!("Setup takes the key {}", parsed.key.partial()),
        Some(Err(_)) => "holds no product key that could be one".to_owned(),
        None => "holds no key".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ei_cfg_and_pid_txt_are_told_without_the_key() {
        let ei = b"[EditionID]\r\nEnterprise\r\n[Channel]\r\nVolume\r\n\r\n[VL]\r\n1\r\n";
        assert_eq!(edition_of(ei), "Enterprise, Volume, volume licence");
        assert_eq!(
            edition_of(b"[EditionID]\n[Channel]\nRetail\n"),
            "any edition, Retail"
        );
        let told = key_of(b"[PID]\nValue=33PXH-7Y6KF-2VJC9-XBBR8-HVTHH\n");
        assert_eq!(told, "Setup takes the key *****-*****-*****-*****-HVTHH");
        assert_eq!(key_of(b"[PID]\n"), "holds no key");
    }
}
