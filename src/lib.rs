//! wimkey prepares offline Windows images for volume activation.
//!
//! Reading order: [`architecture`], then the module of the format at hand.

/// The house, floor by floor. A module imports only from floors below its own.
///
/// | floor | modules | what lives there |
/// | --- | --- | --- |
/// | 4 the door | `main`, [`cli`] | clap, terminal, colours, exit codes |
/// | 3 the work | [`plan`], [`report`] | what to do to which image, and its execution; results as text and JSON |
/// | 2 the meaning | [`image`], [`activation`], [`pkeyconfig`], [`transfer`] | a Windows image that hands out hives and files and commits them; settings as registry values; key against edition; hives as .reg text and back |
/// | 1 the formats | [`key`], [`hive`], [`wim`], [`unattend`], [`regfile`], [`catalog`] | product keys; registry hives; WIM containers; answer files; .reg text; the tables of `keydata/` |
/// | 0 the ground | [`secret`], [`bytes`], [`text`] | wiped and locked memory; bounds-checked reading; encodings and upper-casing |
pub mod architecture {}

mod error;

pub mod activation;
pub mod bytes;
pub mod catalog;
pub mod cli;
pub mod file;
pub mod hive;
pub mod image;
pub mod key;
pub mod pkeyconfig;
pub mod plan;
pub mod regfile;
pub mod report;
pub mod sample;
pub mod secret;
pub mod text;
pub mod transfer;
pub mod unattend;
pub mod wim;

pub use error::Error;
