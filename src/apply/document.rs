//! The form of a plan file. What stands here is read, written down in its JSON schema, and suggested after a misspelling.

use crate::audit::Kind;
use crate::finding::Level;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use toml::Spanned;

/// Settings by name.
pub(super) type Settings = BTreeMap<Spanned<String>, Spanned<Scalar>>;

/// A wimkey plan: what is to be done to which Windows images. Paths in it are relative to the folder of the plan.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[schemars(title = "wimkey plan")]
pub(super) struct Document {
    /// WIM files, root folders of images, installation media or folders of WDS (`RemoteInstall`); `*`, `?`, `[…]` and `**` stand for what
    /// they stand for in a shell. Targets on the command line take their place.
    #[schemars(with = "Vec<String>")]
    pub(super) targets: Vec<Spanned<String>>,
    /// The images of each WIM that are meant, by index or by name; with editions too, those that either names. All if neither is given.
    #[schemars(with = "Vec<ImageName>")]
    pub(super) images: Vec<Spanned<ImageName>>,
    /// The images of each WIM that are meant, by EditionID, as in Professional.
    #[schemars(with = "Vec<String>")]
    pub(super) editions: Vec<Spanned<String>>,
    /// A folder for changed copies of the WIM files; without it, the targets themselves change.
    pub(super) output: Option<PathBuf>,
    /// The product key to put in.
    #[schemars(with = "Option<Key>")]
    pub(super) key: Option<Spanned<Key>>,
    /// Whether sysprep leaves the licensing state alone (SkipRearm).
    pub(super) skip_rearm: Option<bool>,
    /// The KMS host to ask, as HOST, HOST:PORT or [IPV6]:PORT.
    #[schemars(with = "Option<String>")]
    pub(super) kms_host: Option<Spanned<String>>,
    /// Any other activation settings, spelled as Microsoft spells them.
    #[schemars(with = "BTreeMap<String, Scalar>")]
    pub(super) settings: Settings,
    /// Group policies around activation, as the domain would write them.
    #[schemars(with = "BTreeMap<String, Scalar>")]
    pub(super) policies: Settings,
    /// Names of settings and policies to bring back to their defaults.
    #[schemars(with = "Vec<String>")]
    pub(super) unset: Vec<Spanned<String>>,
    /// Registration files (.reg) to put into each image's hives.
    pub(super) reg: Vec<PathBuf>,
    /// Options of slmgr that the machine is to run at the end of Setup, as in /ato.
    #[schemars(with = "Vec<String>")]
    pub(super) first_boot: Vec<Spanned<String>>,
    /// Licence files (.xrm-ms) to install at the end of Setup.
    pub(super) license_files: Vec<PathBuf>,
    /// If a hive is dirty and needed, apply its transaction logs first.
    pub(super) replay: bool,
    /// The answer file to put into each image, with the key in it.
    pub(super) unattend: Option<Unattend>,
    /// For the client of a folder of WDS (`RemoteInstall`).
    pub(super) wds: Option<Wds>,
    /// Remove keys and passwords that lie about, before anything is put in.
    pub(super) scrub: Option<Scrub>,
    /// Look for keys and passwords when all is done; the key of this plan, in the places it was put, is none of them.
    pub(super) audit: Option<Audit>,
}

/// An image by index or by name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "an image is an index, as in 1, or a name in quotes")]
pub(super) enum ImageName {
    /// From 1.
    Index(u32),
    /// In any case.
    Name(String),
}

/// A setting's value.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a value is a number, true or false, a text in quotes, or a list of texts"
)]
pub(super) enum Scalar {
    /// Written as 1 or 0.
    Switch(bool),
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
    /// Several texts (REG_MULTI_SZ).
    List(Vec<String>),
}

/// Where the key comes from, never the key itself: exactly one of gvlk, env, file and fd.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    default,
    expecting = "where the key comes from, as in { gvlk = true } or { env = \"MAK\" }"
)]
pub(super) struct Key {
    /// The published client setup key for this edition; true for the one of each image's own edition.
    pub(super) gvlk: Option<Gvlk>,
    /// The environment variable of this name.
    pub(super) env: Option<String>,
    /// A file; `-` for standard input.
    pub(super) file: Option<PathBuf>,
    /// An open file descriptor.
    pub(super) fd: Option<u32>,
    /// Where the key goes: for a client setup key both, for any other key the answer file alone, if nothing is said.
    #[serde(rename = "in")]
    pub(super) places: Vec<Place>,
    /// Write the key even if it is for another edition than the image's.
    pub(super) allow_other_edition: bool,
}

/// A published key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "gvlk is true, or an edition in quotes, as in \"Professional\""
)]
pub(super) enum Gvlk {
    /// That of each image's own edition.
    Own(bool),
    /// That of an edition.
    Edition(String),
}

/// A place for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Place {
    /// The SOFTWARE hive.
    Hive,
    /// The answer file.
    Unattend,
}

/// An answer file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, as in { file = \"Autounattend.xml\" }"
)]
pub(super) struct Unattend {
    /// The answer file; it is read only, each image gets its own copy at Windows/Panther/unattend.xml.
    pub(super) file: PathBuf,
    /// Settings of it, as unattend set takes them.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Scalar>")]
    pub(super) settings: Settings,
}

/// The answer file of the WDS client.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, as in { client-unattend = \"WdsClientUnattend.xml\" }"
)]
pub(super) struct Wds {
    /// The answer file for the WDS client; it is read only, the folder `WdsClientUnattend` gets a copy under the same name.
    pub(super) client_unattend: PathBuf,
    /// Settings of it, as in `WdsImageName` and `WdsImageGroup`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Scalar>")]
    pub(super) settings: Settings,
}

/// What to remove; an empty table removes what image scrub removes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    default,
    expecting = "a table, as in [scrub]"
)]
pub(super) struct Scrub {
    /// Only these kinds; otherwise all but other.
    pub(super) kinds: Vec<Kind>,
    /// Remove keys that Microsoft publishes too.
    pub(super) published: bool,
    /// If solid resources of a WIM hold what is to be removed, write the whole WIM afresh.
    pub(super) rewrite_solid: bool,
}

/// What to look for; an empty table looks as image audit does.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    default,
    expecting = "a table, as in { fail-on = \"error\" }"
)]
pub(super) struct Audit {
    /// The least level of a finding that makes the exit code 10: error if nothing is said.
    pub(super) fail_on: Option<Level>,
}
