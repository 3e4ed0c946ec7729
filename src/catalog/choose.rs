//! choose - the published client setup key for an image's edition and build, or why there is none.

use super::{KeyKind, PublishedKey, Status, published};
use crate::text::nearest;

/// Why Microsoft publishes no client setup key for an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoneReason {
    /// An evaluation edition.
    #[error(
        "it is an evaluation edition, which takes no volume key\nConvert it to the licensed edition first (DISM /Set-Edition)."
    )]
    Evaluation,
    /// An edition that is never licensed by volume.
    #[error(
        "this edition is not sold under volume licensing, so there is no client setup key for it\nUse an edition such as Pro, Enterprise or Standard."
    )]
    NotVolume,
    /// Keys exist for the edition, but not for this build.
    #[error(
        "client setup keys for this edition are published for other builds only\nCheck the image's build; a preview build has no published key."
    )]
    OtherBuild,
    /// The tables have never heard of the edition.
    #[error("the published tables have no client setup key for this edition\nGive a key of your own.")]
    UnknownEdition,
}

/// Client editions that are sold to people and with machines only.
const NOT_VOLUME: &[&str] = &[
    "Starter",
    "HomeBasic",
    "HomePremium",
    "Ultimate",
    "Core",
    "CoreARM",
    "CoreConnected",
    "CoreCountrySpecific",
    "CoreSingleLanguage",
    "Cloud",
    "CloudEdition",
    "ProfessionalWMC",
    "ProfessionalSingleLanguage",
    "ProfessionalCountrySpecific",
    "ServerWinFoundation",
    "ServerRdsh",
];

/// The `EditionID` without what marks a Server Core installation: `ServerStandardCor` and `ServerStandardCore` are
/// `ServerStandard`. `ServerStandardACor` is an edition of its own and stays.
pub fn plain_edition(edition: &str) -> &str {
    let stem = edition
        .strip_suffix("Core")
        .or_else(|| edition.strip_suffix("Cor"));
    match stem {
        Some(stem) if stem.starts_with("Server") && !stem.ends_with('A') => stem,
        _ => edition,
    }
}

/// The published client setup key for an image's `EditionID` and build.
///
/// # Errors
/// [`NoneReason`]: evaluation editions, editions outside volume licensing, builds and editions without a published key.
pub fn gvlk_for(edition: &str, build: u32) -> Result<&'static PublishedKey, NoneReason> {
    let own = || {
        published()
            .iter()
            .filter(|key| key.kind == KeyKind::Gvlk && key.status == Status::Current)
    };
    // An exact name goes before a name without its Server Core ending.
    let found = own()
        .find(|key| key.editions.contains(&edition) && key.fits(edition, build))
        .or_else(|| own().find(|key| key.fits(edition, build)));
    if let Some(key) = found {
        return Ok(key);
    }
    let plain = plain_edition(edition);
    if plain.ends_with("Eval") || edition.contains("Eval") {
        return Err(NoneReason::Evaluation);
    }
    let base = plain.strip_suffix(['N', 'E']).unwrap_or(plain);
    if NOT_VOLUME.contains(&plain) || NOT_VOLUME.contains(&base) {
        return Err(NoneReason::NotVolume);
    }
    if own().any(|key| key.builds.is_empty().eq(&false) && key.fits_edition(edition)) {
        return Err(NoneReason::OtherBuild);
    }
    Err(NoneReason::UnknownEdition)
}

/// The published client setup key of an edition of Windows for the newest builds there is one for.
///
/// # Errors
/// [`NoneReason`], as [`gvlk_for`].
pub fn newest_gvlk(edition: &str) -> Result<&'static PublishedKey, NoneReason> {
    let newest = published()
        .iter()
        .filter(|key| key.kind == KeyKind::Gvlk && key.status == Status::Current && key.fits_edition(edition))
        .filter(|key| !key.builds.is_empty()) // Office has none
        .max_by_key(|key| key.builds.last().map(|range| range.1));
    newest.map_or_else(|| gvlk_for(edition, u32::MAX), Ok)
}

/// The edition that a misspelled name stands for, among those that have a published key; `None` if the name is known or like none.
pub fn near_edition(name: &str) -> Option<&'static str> {
    let is_unknown = matches!(newest_gvlk(name), Err(NoneReason::UnknownEdition));
    let editions = published().iter().filter_map(PublishedKey::edition);
    is_unknown.then(|| nearest(name, editions)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(edition: &str, build: u32) -> &'static str {
        gvlk_for(edition, build).map_or("", |key| key.product)
    }

    #[test]
    fn a_misspelled_edition_has_a_near_one() {
        assert_eq!(near_edition("Profesional"), Some("Professional"));
        assert_eq!(near_edition("ServerStandardCor"), None);
        assert_eq!(near_edition("Core"), None);
        assert_eq!(near_edition("Frobnicator"), None);
    }

    #[test]
    fn edition_and_build_choose_the_key() {
        for (edition, build, wanted) in [
            ("Business", 6002, "Windows Vista Business"),
            ("Enterprise", 7601, "Windows 7 Enterprise"),
            ("ServerStandard", 7601, "Windows Server 2008 R2 Standard"),
            ("ServerHPC", 7601, "Windows Server 2008 R2 HPC edition"),
            ("Professional", 9200, "Windows 8 Pro"),
            ("ServerSolution", 9600, "Windows Server 2012 R2 Essentials"),
            ("Enterprise", 10240, "Windows 11 Enterprise"),
            ("Professional", 26200, "Windows 11 Pro"),
            ("EnterpriseS", 10240, "Windows 10 Enterprise LTSB 2015"),
            ("EnterpriseS", 14393, "Windows 10 Enterprise LTSB 2016"),
            ("EnterpriseS", 17763, "Windows 11 Enterprise LTSC 2024"),
            ("EnterpriseSN", 19044, "Windows 11 Enterprise N LTSC 2024"),
            ("EnterpriseS", 26100, "Windows 11 Enterprise LTSC 2024"),
            ("IoTEnterpriseS", 26100, "Windows IoT Enterprise LTSC 2024"),
            ("ServerDatacenter", 14393, "Windows Server 2016 Datacenter"),
            ("ServerDatacenter", 17763, "Windows Server 2019 Datacenter"),
            ("ServerStandardCor", 20348, "Windows Server 2022 Standard"),
            (
                "ServerTurbine",
                20348,
                "Windows Server 2022 Datacenter: Azure Edition",
            ),
            ("ServerDatacenter", 26100, "Windows Server 2025 Datacenter"),
            (
                "ServerStandardACor",
                16299,
                "Windows Server, version 1709 Standard",
            ),
            (
                "ServerDatacenterACor",
                17134,
                "Windows Server, version 1803 Datacenter",
            ),
            (
                "ServerStandardACor",
                19042,
                "Windows Server, version 20H2 Standard",
            ),
        ] {
            assert_eq!(product(edition, build), wanted, "{edition} {build}");
        }
    }

    #[test]
    fn where_there_is_none_the_reason_is_told() {
        for (edition, build, reason) in [
            ("EnterpriseEval", 22621, NoneReason::Evaluation),
            ("ServerDatacenterEval", 20348, NoneReason::Evaluation),
            ("ServerDatacenterEvalCor", 20348, NoneReason::Evaluation),
            ("Core", 22621, NoneReason::NotVolume),
            ("CoreN", 9200, NoneReason::NotVolume),
            ("Ultimate", 7601, NoneReason::NotVolume),
            ("HomePremiumN", 7601, NoneReason::NotVolume),
            ("EnterpriseS", 15063, NoneReason::OtherBuild),
            ("ServerStandard", 25398, NoneReason::OtherBuild),
            ("Professional", 9431, NoneReason::OtherBuild),
            ("PPIPro", 22621, NoneReason::UnknownEdition),
        ] {
            assert_eq!(gvlk_for(edition, build), Err(reason), "{edition} {build}");
        }
    }
}
