//! What an image is: edition, build, architecture, read from its hives.

use super::Image;
use crate::activation::{CURRENT_VERSION, text_of};
use crate::hive::{self, Hive};

/// What an image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// EditionID, as in `Professional`; empty if nothing says.
    pub edition: String,
    /// Build number, as in 7601; 0 if nothing says.
    pub build: u32,
    /// Architecture as answer files name it: `x86`, `amd64`, `arm`, `arm64`, `ia64`.
    pub architecture: &'static str,
    /// `ProductName`, as in `Windows 7 Professional`.
    pub product: Option<String>,
}

impl Facts {
    /// Reads the SOFTWARE hive; the WIM's XML fills what it does not tell.
    ///
    /// # Errors
    /// A hive that cannot be walked.
    pub fn read(software: &Hive, image: &Image) -> Result<Self, hive::Error> {
        let key = software.find(CURRENT_VERSION)?;
        let text = |name: &str| -> Result<Option<String>, hive::Error> {
            let Some(key) = &key else { return Ok(None) };
            let Some(value) = key.value(name)? else {
                return Ok(None);
            };
            Ok(Some(text_of(&value.data()?)).filter(|text| !text.is_empty()))
        };
        let number = |text: Option<String>| text.and_then(|text| text.trim().parse().ok());
        let build = match number(text("CurrentBuild")?) {
            Some(build) => Some(build),
            None => number(text("CurrentBuildNumber")?),
        };
        let laboratory = text("BuildLabEx")?;
        Ok(Self {
            edition: text("EditionID")?
                .or_else(|| image.edition.clone())
                .unwrap_or_default(),
            build: build.or(image.build).unwrap_or_default(),
            architecture: image
                .architecture
                .or_else(|| laboratory.as_deref().and_then(architecture_in_build))
                .unwrap_or("amd64"),
            product: text("ProductName")?,
        })
    }
}

/// The architecture in a `BuildLabEx` such as `7601.17727.x86fre.win7sp1_gdr.111118-2330`.
fn architecture_in_build(laboratory: &str) -> Option<&'static str> {
    let part = laboratory.split('.').nth(2)?;
    ["arm64", "amd64", "x86", "ia64", "arm"]
        .into_iter()
        .find(|name| part.starts_with(name))
}

/// The name of the number that a WIM's XML gives for an architecture (`PROCESSOR_ARCHITECTURE_*` of the Windows SDK).
pub fn architecture_of(number: u32) -> Option<&'static str> {
    match number {
        0 => Some("x86"),
        5 => Some("arm"),
        6 => Some("ia64"),
        9 => Some("amd64"),
        12 => Some("arm64"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_laboratory_names_the_architecture() {
        assert_eq!(
            architecture_in_build("7601.17727.x86fre.win7sp1_gdr.111118-2330"),
            Some("x86")
        );
        assert_eq!(
            architecture_in_build("22621.1.arm64fre.ni_release.220506-1250"),
            Some("arm64")
        );
        assert_eq!(architecture_in_build("22621"), None);
    }
}
