//! wimkey prepares offline Windows images for volume activation: product keys, registry hives and answer files inside a WIM.
//!
//! Reading order: [`architecture`], then the module of the format at hand. The main job in the library's words:
//!
//! ```no_run
//! use wimkey::image::Target;
//! use wimkey::plan::{self, Destination, KeyChoice, Request};
//!
//! let request = Request { key: Some(KeyChoice::Published(None)), skip_rearm: Some(true), ..Request::default() };
//! let outcome = plan::execute(&Target::new("install.wim"), &request, Destination::Target, &|_phase, _done, _total| {})?;
//! assert!(outcome.verified);
//! # Ok::<(), wimkey::plan::Error>(())
//! ```

/// The house, floor by floor. A module imports only from floors below its own.
///
/// | floor | modules | what lives there |
/// | --- | --- | --- |
/// | 4 the door | `main`, [`cli`] | clap, terminal, colours, progress, exit codes. Arguments become plain structs at once |
/// | 3 the work | [`report`], then [`apply`], then [`scrub`], then [`plan`], [`audit`] and [`sample`], then [`kms`] and [`licensing`] | results as text, JSON and a page; a plan file carried out on many targets; what to do to which image, and doing it; finding keys that lie about and removing them; which KMS host an image's clients ask; what an image itself says of keys; a small image of our own making. `Error`, the library's one error type, names them all |
/// | 2 the meaning | [`image`], then [`activation`] and [`lint`], then [`pkeyconfig`]; [`transfer`], [`explain`] | a Windows image (in a WIM or a folder) that hands out files and takes changed ones back, and what a medium or a folder of WDS is made of; what activation wants, as changes to registry values; key against edition; rules over answer files; hives as .reg text and back; what the tables tell of a topic |
/// | 1 the formats | [`hive`], [`wim`], [`unattend`], [`regfile`], [`key`], and on `key` [`catalog`] and [`trace`] | registry hives; WIM containers; answer files; .reg text; product keys; the tables of `keydata/`; the search for keys in bytes of any kind. They know nothing of each other |
/// | 0 the ground | [`file`](mod@file), [`finding`], [`secret`], [`text`], [`bytes`], [`threads`] | safe replacement of files; the shape of what checks find; wiped and locked memory; encodings and upper-casing; bounds-checked reading; how many threads can run, and how many a worker may have |
///
/// The journey of a key: `cli` reads it through `secret` into one locked buffer; `key` parses it; `plan` lets `pkeyconfig` and
/// `catalog` judge it for the image; `activation` turns it into wishes for registry values and applies them to a `hive` in
/// memory, which gives the list of changes; `image` hands the new contents to `wim`, which writes only what differs; `plan` opens
/// the result and asks for everything once more. There is one list of changes: printed, written, verified.
pub mod architecture {}

mod error;

pub mod activation;
pub mod apply;
pub mod audit;
pub mod bytes;
pub mod catalog;
pub mod cli;
pub mod explain;
pub mod file;
pub mod finding;
pub mod hive;
pub mod image;
pub mod key;
pub mod kms;
pub mod licensing;
pub mod lint;
pub mod pkeyconfig;
pub mod plan;
pub mod regfile;
pub mod report;
pub mod sample;
pub mod scrub;
pub mod secret;
pub mod text;
pub mod threads;
pub mod trace;
pub mod transfer;
pub mod unattend;
pub mod wim;

pub use error::Error;
