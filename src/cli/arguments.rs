//! The arguments of every command, as clap reads them. The names are a contract with scripts.

use super::apply::ApplyArguments;
use super::audit::AuditArguments;
use super::findings::FailOptions;
use super::help;
use super::key_source::KeySource;
use super::options::OutputOptions;
use super::scrub::ScrubArguments;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Prepares offline Windows images for volume activation
#[derive(Debug, Parser)]
#[command(name = "wimkey", version, about, after_help = help::FIRST_STEPS, max_term_width = 100, disable_help_subcommand = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
    #[command(flatten)]
    pub(super) output: OutputOptions,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Product keys: what a key is for, which key an edition takes
    #[command(subcommand)]
    Key(KeyCommand),
    /// Windows images in a WIM file or in a folder
    #[command(subcommand)]
    Image(ImageCommand),
    /// The main job on many targets, declared in a plan file
    #[command(after_help = help::APPLY_HELP)]
    Apply(ApplyArguments),
    /// A registry hive file on its own
    #[command(subcommand)]
    Hive(HiveCommand),
    /// Answer files (Unattend.xml)
    #[command(subcommand)]
    Unattend(UnattendCommand),
    /// KMS hosts: whom the clients of an image will ask
    #[command(subcommand)]
    Kms(KmsCommand),
    /// Explain an error code, an event, an slmgr option, a registry value, a WMI member, a policy or a term
    #[command(after_help = help::EXPLAIN_EXAMPLES)]
    Explain {
        /// A name, a number or part of a word; behind an event's number, its data
        #[arg(required = true, allow_negative_numbers = true)]
        topic: Vec<String>,
    },
    /// Make a small image, run the main job on it, show before and after
    #[command(after_help = help::DEMO_EXAMPLES)]
    Demo {
        /// Where to make it; a temporary folder otherwise, which is removed again
        folder: Option<PathBuf>,
    },
    /// Print the completion script of a shell
    #[command(after_help = help::COMPLETIONS)]
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Print the JSON schema of a plan file or of what a command tells
    #[command(after_help = help::SCHEMA_EXAMPLES)]
    Schema {
        /// Of what
        #[arg(value_parser = super::hints::shapes())]
        name: &'static crate::report::ReportShape,
    },
    /// Write the manual pages
    #[command(after_help = help::MAN_EXAMPLES)]
    Man {
        /// The folder for them; it is made if it is missing
        folder: PathBuf,
    },
}

/// The shells that have completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Say of each key what it is; one verdict a line
    #[command(after_help = help::CHECK_HELP)]
    Check {
        #[command(flatten)]
        source: KeySource,
        /// Judge the keys for this image, by its own key configuration
        #[arg(long, value_name = "TARGET", conflicts_with = "pkeyconfig")]
        image: Option<String>,
        /// Judge the keys by this key configuration (pkeyconfig.xrm-ms)
        #[arg(long, value_name = "FILE")]
        pkeyconfig: Option<PathBuf>,
        /// Print one JSON object a line, without a frame around them
        #[arg(long)]
        lines: bool,
    },
    /// Find a published key's product, or a product's or edition's published key
    #[command(after_help = help::LOOKUP_EXAMPLES)]
    Lookup {
        /// A published key, its last five symbols, a product or edition name, or an activation ID
        #[arg(required = true, value_parser = super::hints::editions(), hide_possible_values = true)]
        query: Vec<String>,
    },
    /// The published client setup keys (GVLK)
    #[command(after_help = help::KEY_LIST_EXAMPLES)]
    List {
        /// Only products of this family, as in "Windows Server 2022"
        #[arg(long)]
        family: Option<String>,
        /// Only products of this platform
        #[arg(long, value_enum)]
        platform: Option<PlatformName>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PlatformName {
    Client,
    Server,
    Office,
}

#[derive(Debug, Subcommand)]
pub(super) enum KmsCommand {
    /// Walk the discovery order on an image: which KMS host its clients ask, in order, and why
    #[command(after_help = help::DISCOVER_EXAMPLES)]
    Discover {
        /// A WIM file, perhaps with `:INDEX` or `:NAME` of one image, or the root folder of an image
        target: String,
        /// A zone file with the SRV records that DNS would answer with
        #[arg(long, value_name = "FILE")]
        zone: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum ImageCommand {
    /// The images of a target
    #[command(after_help = help::LIST_EXAMPLES)]
    List {
        /// A WIM file, the root folder of an image or an installation medium
        target: String,
    },
    /// What an image is and how it will activate, from its offline hives
    #[command(after_help = help::SHOW_EXAMPLES)]
    Show {
        /// A WIM file (every image, or one by `:INDEX` or `:NAME`), the root folder of an image, an installation medium, a folder of WDS
        target: String,
        /// Write the activation settings of one image to standard output as a registration file (.reg)
        #[arg(long)]
        reg: bool,
    },
    /// Put key, KMS and rearm settings and the answer file into every image of a target
    #[command(after_help = help::SET_EXAMPLES)]
    Set(Box<SetArguments>),
    /// Find product keys and passwords that lie about in images, wherever they are and however they are written
    #[command(after_help = help::AUDIT_HELP)]
    Audit(AuditArguments),
    /// Remove keys and passwords that lie about in images, and prove that they are gone
    #[command(after_help = help::SCRUB_HELP)]
    Scrub(ScrubArguments),
}

#[derive(Debug, Args)]
pub(super) struct SetArguments {
    /// A WIM file (every image, or one by `:INDEX` or `:NAME`), the root folder of an image, an installation medium, a folder of WDS
    pub(super) target: String,
    #[command(flatten)]
    pub(super) source: KeySource,
    /// Where the key goes: for a client setup key both, for any other key the answer file alone
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PLACE")]
    pub(super) key_in: Vec<KeyPlace>,
    /// Write the key even if it is for another edition than the image's
    #[arg(long)]
    pub(super) allow_other_edition: bool,
    /// If SOFTWARE, SYSTEM or the default user's hive is dirty and needed, apply its transaction logs (.LOG1, .LOG2) first
    #[arg(long)]
    pub(super) replay: bool,
    /// Whether sysprep leaves the licensing state alone (SkipRearm)
    #[arg(long, value_enum, value_name = "on|off")]
    pub(super) skip_rearm: Option<Switch>,
    /// The KMS host to ask, as HOST, HOST:PORT or [IPV6]:PORT
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(super) kms_host: Option<crate::activation::KmsHost>,
    /// Any other activation setting, spelled as Microsoft spells it
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(super) settings: Vec<String>,
    /// Bring a setting back to its default
    #[arg(long = "unset", value_name = "NAME", value_parser = super::hints::settings(), hide_possible_values = true)]
    pub(super) unset: Vec<String>,
    /// A registration file (.reg) to put into each image's hives
    #[arg(long = "reg", value_name = "FILE")]
    pub(super) registry: Vec<PathBuf>,
    /// Have the machine run an option of slmgr at the end of Setup, as in /ato
    #[arg(long, value_name = "OPTION")]
    pub(super) first_boot: Vec<String>,
    /// A licence file (.xrm-ms) to install at the end of Setup
    #[arg(long = "license-file", value_name = "FILE")]
    pub(super) licences: Vec<PathBuf>,
    /// The answer file to put into each image, with the key in it
    #[arg(long, value_name = "FILE")]
    pub(super) unattend: Option<PathBuf>,
    /// Print the changes and write nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Write a changed copy of the WIM here and leave TARGET alone
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Switch {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum KeyPlace {
    Unattend,
    Hive,
}

#[derive(Debug, Subcommand)]
pub(super) enum HiveCommand {
    /// Check a hive's whole structure; exit code 10 with findings
    #[command(after_help = help::HIVE_CHECK_EXAMPLES)]
    Check {
        /// The hive file
        file: PathBuf,
    },
    /// What a hive holds: version, state, how many keys and values, its first keys
    #[command(after_help = help::HIVE_SHOW_EXAMPLES)]
    Show {
        /// The hive file
        file: PathBuf,
    },
    /// Print a value, or all values of a key
    #[command(after_help = help::HIVE_GET_EXAMPLES)]
    Get {
        /// The hive file
        file: PathBuf,
        /// The key's path below the hive's root, as in 'Microsoft\Windows NT\CurrentVersion'
        key: String,
        /// The value's name; "" for the default value
        name: Option<String>,
    },
    /// Set a value; keys that are missing on the way are made
    #[command(after_help = help::SET_DATA)]
    Set {
        /// The hive file
        file: PathBuf,
        /// The key's path below the hive's root
        key: String,
        /// The value's name; "" for the default value
        name: String,
        /// The type, as in REG_SZ or REG_DWORD, or its number
        #[arg(value_name = "TYPE")]
        kind: crate::hive::ValueKind,
        /// The data
        #[arg(allow_hyphen_values = true)]
        data: String,
        #[command(flatten)]
        options: WriteOptions,
    },
    /// Delete a value, or a key with all below it
    #[command(after_help = help::HIVE_DELETE_EXAMPLES)]
    Delete {
        /// The hive file
        file: PathBuf,
        /// The key's path below the hive's root
        key: String,
        /// The value's name, "" for the default value; without it the key is deleted
        name: Option<String>,
        #[command(flatten)]
        options: WriteOptions,
    },
    /// Write keys and values to a registration file (.reg), as regedit does
    #[command(after_help = help::HIVE_EXPORT_HELP)]
    Export {
        /// The hive file
        file: PathBuf,
        /// Only this key and those below it
        key: Option<String>,
        /// What the hive's root is called in the .reg file; otherwise its file name decides, as in `HKEY_LOCAL_MACHINE\SOFTWARE`
        #[arg(long, value_name = "PATH")]
        prefix: Option<String>,
        /// Write the .reg file here
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Put a registration file (.reg, version 5 or REGEDIT4) into a hive
    #[command(after_help = help::HIVE_IMPORT_EXAMPLES)]
    Import {
        /// The hive file
        file: PathBuf,
        /// The registration file
        reg: PathBuf,
        /// What the hive's root is called in the .reg file; otherwise its file name decides, as in `HKEY_LOCAL_MACHINE\SOFTWARE`
        #[arg(long, value_name = "PATH")]
        prefix: Option<String>,
        #[command(flatten)]
        options: WriteOptions,
    },
    /// Zero everything in a hive that is not in use, where deleted values linger
    #[command(after_help = help::HIVE_SCRUB_EXAMPLES)]
    Scrub {
        /// The hive file
        file: PathBuf,
        #[command(flatten)]
        options: WriteOptions,
    },
    /// Write a hive afresh, with nothing in it that is not in use
    #[command(after_help = help::HIVE_COMPACT_EXAMPLES)]
    Compact {
        /// The hive file
        file: PathBuf,
        #[command(flatten)]
        options: WriteOptions,
    },
    /// Put the changes from a hive's transaction logs (FILE.LOG1, FILE.LOG2) into it
    #[command(after_help = help::HIVE_RECOVER_EXAMPLES)]
    Recover {
        /// The hive file
        file: PathBuf,
        /// Print what would be done and write nothing
        #[arg(long)]
        dry_run: bool,
        /// Write the recovered hive here and leave FILE and its logs alone
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// How a hive is written.
#[derive(Debug, Args)]
pub(super) struct WriteOptions {
    /// Print the changes and write nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Write the changed hive here and leave FILE and its logs alone
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// If the hive is dirty, apply its transaction logs (FILE.LOG, FILE.LOG1, FILE.LOG2) first
    #[arg(long)]
    pub(super) replay: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum UnattendCommand {
    /// Say what is wrong with answer files, and why Setup will not take them
    #[command(after_help = help::LINT_HELP)]
    Lint {
        /// Answer files (- for standard input), or folders with answer files in them
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Look whether they fit this image: a WIM (perhaps `:INDEX` or `:NAME`) or a folder
        #[arg(long, value_name = "TARGET")]
        image: Option<String>,
        #[command(flatten)]
        options: FailOptions,
    },
    /// What an answer file will do about activation
    #[command(after_help = help::UNATTEND_SHOW_EXAMPLES)]
    Show {
        /// The answer file
        file: PathBuf,
    },
    /// Put a key or settings into an answer file; every byte that is not theirs stays
    #[command(after_help = help::UNATTEND_SET_HELP)]
    Set(Box<UnattendSetArguments>),
    /// Remove the keys from an answer file
    #[command(after_help = help::CLEAR_EXAMPLES)]
    Clear {
        /// The answer file
        file: PathBuf,
        /// Remove passwords too
        #[arg(long)]
        secrets: bool,
        #[command(flatten)]
        destination: DestinationOptions,
    },
}

#[derive(Debug, Args)]
pub(super) struct UnattendSetArguments {
    /// The answer file
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) source: KeySource,
    /// Where the key goes: specialize (to activate with), windowsPE (to select the edition to install); otherwise specialize
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PASS")]
    pub(super) key_in: Vec<KeyPass>,
    /// Whether sysprep leaves the licensing state alone (SkipRearm)
    #[arg(long, value_enum, value_name = "on|off")]
    pub(super) skip_rearm: Option<Switch>,
    /// Any other setting that bears on activation
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(super) settings: Vec<String>,
    /// Remove a setting
    #[arg(long, value_name = "NAME")]
    pub(super) unset: Vec<String>,
    /// The architecture to set it for: x86, amd64, arm, arm64, ia64; may be given several times; those of the file otherwise
    #[arg(long, value_name = "NAME")]
    pub(super) architecture: Vec<String>,
    #[command(flatten)]
    pub(super) destination: DestinationOptions,
}

/// A pass that reads a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum KeyPass {
    Specialize,
    #[value(name = "windowsPE", alias = "windowspe")]
    WindowsPe,
}

/// Where a changed answer file goes.
#[derive(Debug, Args)]
pub(super) struct DestinationOptions {
    /// Print the changes and write nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Write the changed file here (- for standard output) and leave FILE alone
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

impl Command {
    /// Whether the command tells findings, which have formats of their own.
    pub(super) fn tells_findings(&self) -> bool {
        matches!(
            self,
            Self::Unattend(UnattendCommand::Lint { .. })
                | Self::Image(ImageCommand::Audit(_))
                | Self::Apply(_)
        )
    }

    /// Whether the command plans changes to the registry and makes none.
    pub(super) fn plans_settings(&self) -> bool {
        matches!(self, Self::Image(ImageCommand::Set(arguments)) if arguments.dry_run)
    }
}
