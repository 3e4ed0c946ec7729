//! sample - a small install.wim, answer file and key configuration of our own making, for the demo and the tests.
//!
//! Promise: everything here is built by this program; nothing comes from a Windows medium. The only keys are published ones.

use crate::activation::{CURRENT_VERSION, string_data};
use crate::catalog;
use crate::hive::{self, Hive, ValueKind};
use crate::image::{KEY_CONFIGURATION, SOFTWARE, SYSTEM};
use crate::pkeyconfig::{self, sample::Row};
use crate::secret::Wiped;
use crate::wim::{self, Builder, Codec, ImageBuilder, Properties, attribute};
use std::path::Path;

/// The version of hives from Windows XP on: 1.5.
const MINOR: u32 = 5;

/// The part number in the sample's key configuration.
const PART_NUMBER: &str = "X00-00001";
/// 2023-11-14, as a Windows FILETIME.
const INSTALLED: u64 = 133_444_736_000_000_000;
/// A self-relative security descriptor: owner and group Administrators, full access for SYSTEM.
const DESCRIPTOR: [u8; 80] = [
    1, 0, 4, 0x80, 48, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0,
    0, // revision, control, owner, group, no SACL, DACL
    2, 0, 28, 0, 1, 0, 0, 0, 0, 0, 20, 0, 0xFF, 1, 0x1F, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0,
    0, // DACL: SYSTEM, all
    1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0, // owner: Administrators
    1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0, // group: Administrators
];

/// An image to make.
#[derive(Debug, Clone, Copy)]
pub struct SampleImage {
    /// The image's name in the WIM.
    pub name: &'static str,
    /// EditionID.
    pub edition: &'static str,
    /// Build.
    pub build: u32,
}

/// What the demo works on: a client and a server of Windows 7's time, and two of today.
pub const IMAGES: [SampleImage; 4] = [
    SampleImage {
        name: "Windows 7 Professional",
        edition: "Professional",
        build: 7601,
    },
    SampleImage {
        name: "Windows Server 2008 R2 Standard",
        edition: "ServerStandard",
        build: 7601,
    },
    SampleImage {
        name: "Windows 11 Pro",
        edition: "Professional",
        build: 22621,
    },
    SampleImage {
        name: "Windows 11 Enterprise",
        edition: "Enterprise",
        build: 22621,
    },
];

/// A plan file for the sample.
pub const PLAN: &str = include_str!("apply/example.toml");

/// An answer file with comments, odd indentation and an empty key, as people keep them.
pub const ANSWER_FILE: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<unattend xmlns="urn:schemas-microsoft-com:unattend" xmlns:wcm="http://schemas.microsoft.com/WMIConfig/2002/State">
    <!-- the build pipeline puts the product key in -->
    <settings pass="specialize">
        <component name="Microsoft-Windows-Shell-Setup" processorArchitecture="amd64" publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS">
            <ComputerName>*</ComputerName>
        </component>
    </settings>
    <settings pass="oobeSystem">
        <component name="Microsoft-Windows-Shell-Setup" processorArchitecture="amd64" publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS">
            <OOBE>
                <HideEULAPage>true</HideEULAPage>
            </OOBE>
        </component>
    </settings>
</unattend>
"#;

/// Why a sample could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The hive engine refused.
    #[error(transparent)]
    Hive(#[from] hive::Error),
    /// The WIM could not be made.
    #[error(transparent)]
    Wim(#[from] wim::Error),
    /// The WIM could not be written.
    #[error("the sample: {0}")]
    File(#[from] crate::file::Error),
}

/// A SOFTWARE hive with what makes an edition.
///
/// # Errors
/// Should the engine refuse its own hive.
pub fn software_hive(image: SampleImage) -> Result<Wiped, hive::Error> {
    let mut hive = Hive::create(MINOR)?;
    let build = image.build.to_string();
    let laboratory = format!("{build}.1.amd64fre.sample.0");
    for (name, text) in [
        ("EditionID", image.edition),
        ("ProductName", image.name),
        ("CurrentBuild", &build),
        ("CurrentBuildNumber", &build),
        ("BuildLabEx", &laboratory),
        ("CurrentVersion", if image.build < 9200 { "6.1" } else { "6.3" }),
        ("SystemRoot", r"C:\Windows"),
    ] {
        hive.set_value(CURRENT_VERSION, name, ValueKind::String, &string_data(text))?;
    }
    let settings = format!(r"{CURRENT_VERSION}\SoftwareProtectionPlatform");
    for (name, number) in [
        ("SkipRearm", 0u32),
        ("UserOperations", 0),
        ("VLActivationInterval", 120),
        ("VLRenewalInterval", 10080),
    ] {
        hive.set_value(&settings, name, ValueKind::Dword, &number.to_le_bytes())?;
    }
    hive.set_value(
        &format!(r"{settings}\Activation"),
        "Manual",
        ValueKind::Dword,
        &0u32.to_le_bytes(),
    )?;
    hive.finish()
}

/// A SYSTEM hive whose current control set is the second, as after a boot that failed once.
///
/// # Errors
/// Should the engine refuse its own hive.
pub fn system_hive() -> Result<Wiped, hive::Error> {
    let mut hive = Hive::create(MINOR)?;
    for name in ["Current", "Default"] {
        hive.set_value("Select", name, ValueKind::Dword, &2u32.to_le_bytes())?;
    }
    for set in ["ControlSet001", "ControlSet002"] {
        let key = format!(r"{set}\Control\ProductOptions");
        hive.set_value(&key, "ProductType", ValueKind::String, &string_data("WinNT"))?;
    }
    hive.finish()
}

/// The key configuration of an image: the published client setup keys of the sample's editions in that build.
pub fn key_configuration(build: u32) -> String {
    let ranges: Vec<_> = IMAGES
        .iter()
        .filter_map(|image| {
            catalog::gvlk_for(image.edition, build)
                .ok()
                .map(|key| (image.edition, key))
        })
        .filter_map(|(edition, key)| Some((edition, key, key.group_and_serial?)))
        .map(|(edition, key, (group, serial))| (edition, key, group, [(PART_NUMBER, serial, serial + 999)]))
        .collect();
    let rows: Vec<_> = ranges
        .iter()
        .map(|(edition, key, group, ranges)| Row {
            group: *group,
            editions: edition,
            key_type: key.kind.channel(),
            activation_id: key.activation_id.unwrap_or_default(),
            eula_type: "Volume",
            ranges,
        })
        .collect();
    pkeyconfig::sample::file(&rows, build >= catalog::FIRST_BUILD_WITH_N)
}

/// One image with its hives and, from Windows 8 on, a key configuration.
///
/// # Errors
/// Should the hive engine refuse its own hives.
pub fn image(image: SampleImage) -> Result<ImageBuilder, hive::Error> {
    let version = if image.build < catalog::FIRST_BUILD_WITH_N {
        (6, 1)
    } else {
        (10, 0)
    };
    let mut made = ImageBuilder::new(image.name)
        .text("WINDOWS/ARCH", &9.to_string())
        .text("WINDOWS/EDITIONID", image.edition)
        .text("WINDOWS/VERSION/MAJOR", &version.0.to_string())
        .text("WINDOWS/VERSION/MINOR", &version.1.to_string())
        .text("WINDOWS/VERSION/BUILD", &image.build.to_string())
        .file(SOFTWARE, &software_hive(image)?, properties())
        .file(SYSTEM, &system_hive()?, properties())
        .file("Windows/win.ini", b"; for 16-bit app support\r\n", properties());
    if image.build >= catalog::FIRST_BUILD_WITH_N {
        made = made.file(
            KEY_CONFIGURATION,
            key_configuration(image.build).as_bytes(),
            properties(),
        );
    }
    Ok(made)
}

/// Descriptor, times and attributes as Windows' own files have them.
fn properties() -> Properties {
    Properties {
        attributes: attribute::ARCHIVE,
        security: Some(DESCRIPTOR.to_vec()),
        created: INSTALLED,
        accessed: INSTALLED,
        written: INSTALLED,
        ..Properties::default()
    }
}

/// Writes a WIM of the given images.
///
/// # Errors
/// When the WIM cannot be made or written.
pub fn write_wim(path: &Path, images: &[SampleImage]) -> Result<(), Error> {
    let mut builder = Builder::new().compress(Codec::Lzx, None)?;
    for &sample in images {
        builder = builder.image(image(sample)?);
    }
    Ok(crate::file::replace(path, &builder.to_bytes()?, |_| Ok(()))?)
}
