//! setting - the address of one setting in an answer file: pass, component, architecture, path.
//!
//! Source: Microsoft, Unattended Windows Setup Reference; Windows Setup Configuration Passes.

use super::Error;
use super::grammar::is_plain_name;
use std::fmt;
use std::str::FromStr;

/// A configuration pass of Windows Setup, in the order in which Setup runs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pass {
    /// Setup itself: disks, image, installation key.
    WindowsPe,
    /// Applied to the offline image.
    OfflineServicing,
    /// While sysprep removes what is unique to a computer.
    Generalize,
    /// The first start of the installed system.
    Specialize,
    /// Audit mode, before logon.
    AuditSystem,
    /// Audit mode, after logon.
    AuditUser,
    /// Before the welcome pages.
    OobeSystem,
}

impl Pass {
    /// All passes in Setup's order.
    pub const ALL: [Self; 7] = [
        Self::WindowsPe,
        Self::OfflineServicing,
        Self::Generalize,
        Self::Specialize,
        Self::AuditSystem,
        Self::AuditUser,
        Self::OobeSystem,
    ];

    /// The name as it stands in the attribute `pass`.
    pub fn name(self) -> &'static str {
        match self {
            Self::WindowsPe => "windowsPE",
            Self::OfflineServicing => "offlineServicing",
            Self::Generalize => "generalize",
            Self::Specialize => "specialize",
            Self::AuditSystem => "auditSystem",
            Self::AuditUser => "auditUser",
            Self::OobeSystem => "oobeSystem",
        }
    }
}

impl fmt::Display for Pass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Pass {
    type Err = Error;

    /// The pass of this exact name.
    fn from_str(name: &str) -> Result<Self, Error> {
        let problem = "no configuration pass has that name";
        Self::ALL
            .into_iter()
            .find(|pass| pass.name() == name)
            .ok_or(Error::Setting { problem })
    }
}

/// A processor architecture for which an answer file can hold a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Architecture {
    /// 32-bit Intel, to Windows 10.
    X86,
    /// 64-bit Intel and AMD, from Vista.
    Amd64,
    /// 32-bit ARM: Windows RT.
    Arm,
    /// 64-bit ARM, from Windows 10.
    Arm64,
    /// Itanium: Server 2008 and 2008 R2.
    Ia64,
}

impl Architecture {
    /// All architectures.
    pub const ALL: [Self; 5] = [Self::X86, Self::Amd64, Self::Arm, Self::Arm64, Self::Ia64];

    /// The name as it stands in the attribute `processorArchitecture`.
    pub fn name(self) -> &'static str {
        match self {
            Self::X86 => "x86",
            Self::Amd64 => "amd64",
            Self::Arm => "arm",
            Self::Arm64 => "arm64",
            Self::Ia64 => "ia64",
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Architecture {
    type Err = Error;

    /// The architecture of this name, in whatever case.
    fn from_str(name: &str) -> Result<Self, Error> {
        let problem = "the architecture is none of x86, amd64, arm, arm64, ia64";
        let found = Self::ALL
            .into_iter()
            .find(|known| known.name().eq_ignore_ascii_case(name));
        found.ok_or(Error::Setting { problem })
    }
}

/// The address of one setting.
///
/// ```
/// use wimkey::unattend::{Architecture, Pass, Setting};
/// let setting = Setting::new(Pass::WindowsPe, "Microsoft-Windows-Setup", Architecture::Amd64, "UserData/ProductKey/Key")?;
/// assert_eq!(setting.to_string(), "windowsPE Microsoft-Windows-Setup (amd64) UserData/ProductKey/Key");
/// # Ok::<(), wimkey::unattend::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Setting {
    pass: Pass,
    component: String,
    architecture: Architecture,
    path: String,
}

impl Setting {
    /// A setting by its address. `path` names the elements below the component, parted by `/`.
    ///
    /// # Errors
    /// [`Error::Setting`] if the component is empty or holds other than letters, digits, `-`, `.`, `_`, or if a part of
    /// the path is not an element name.
    pub fn new(pass: Pass, component: &str, architecture: Architecture, path: &str) -> Result<Self, Error> {
        let allowed =
            |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '.' | '_');
        if component.is_empty() || !component.chars().all(allowed) {
            let problem = "the component has a name that no component has";
            return Err(Error::Setting { problem });
        }
        if !path.split('/').all(|name| name.is_ascii() && is_plain_name(name)) {
            let problem = "a part of the path is not an element name";
            return Err(Error::Setting { problem });
        }
        Ok(Self::known(pass, component, architecture, path))
    }

    fn known(pass: Pass, component: &str, architecture: Architecture, path: &str) -> Self {
        Self {
            pass,
            component: component.to_owned(),
            architecture,
            path: path.to_owned(),
        }
    }

    /// The key that Windows is activated with: `Microsoft-Windows-Shell-Setup/ProductKey` in pass specialize.
    pub fn product_key(architecture: Architecture) -> Self {
        Self::known(Pass::Specialize, super::SHELL_SETUP, architecture, "ProductKey")
    }

    /// The key that selects the image to install: `Microsoft-Windows-Setup/UserData/ProductKey/Key` in pass windowsPE.
    /// Microsoft requires a MAK to stand in [`Setting::product_key`] instead.
    pub fn installation_key(architecture: Architecture) -> Self {
        Self::known(
            Pass::WindowsPe,
            super::SETUP,
            architecture,
            "UserData/ProductKey/Key",
        )
    }

    /// When Setup's key page is shown: `Always`, `OnError` or `Never`.
    pub fn key_page(architecture: Architecture) -> Self {
        Self::known(
            Pass::WindowsPe,
            super::SETUP,
            architecture,
            "UserData/ProductKey/WillShowUI",
        )
    }

    /// Whether sysprep keeps the licensing state: `Microsoft-Windows-Security-SPP/SkipRearm` in pass generalize, `0` or `1`.
    pub fn skip_rearm(architecture: Architecture) -> Self {
        Self::known(
            Pass::Generalize,
            "Microsoft-Windows-Security-SPP",
            architecture,
            "SkipRearm",
        )
    }

    /// As [`Setting::skip_rearm`] for Windows Vista and Server 2008.
    pub fn skip_rearm_of_vista(architecture: Architecture) -> Self {
        let component = "Microsoft-Windows-Security-Licensing-SLC";
        Self::known(Pass::Generalize, component, architecture, "SkipRearm")
    }

    /// Whether Windows tries to activate by itself: `Microsoft-Windows-Security-SPP-UX/SkipAutoActivation` in pass
    /// specialize, `true` or `false`.
    pub fn skip_auto_activation(architecture: Architecture) -> Self {
        let component = "Microsoft-Windows-Security-SPP-UX";
        Self::known(Pass::Specialize, component, architecture, "SkipAutoActivation")
    }

    /// As [`Setting::skip_auto_activation`] for Windows Vista and Server 2008.
    pub fn skip_auto_activation_of_vista(architecture: Architecture) -> Self {
        let component = "Microsoft-Windows-Security-Licensing-SLC-UX";
        Self::known(Pass::Specialize, component, architecture, "SkipAutoActivation")
    }

    /// The configuration pass.
    pub fn pass(&self) -> Pass {
        self.pass
    }

    /// The component's name.
    pub fn component(&self) -> &str {
        &self.component
    }

    /// The processor architecture.
    pub fn architecture(&self) -> Architecture {
        self.architecture
    }

    /// The path below the component.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The names of the path, outermost first.
    pub(super) fn names(&self) -> Vec<&str> {
        self.path.split('/').collect()
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            pass,
            component,
            architecture,
            path,
        } = self;
        write!(formatter, "{pass} {component} ({architecture}) {path}")
    }
}
