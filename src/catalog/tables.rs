//! tables - the rows of `keydata/` as the build wrote them.
#![allow(clippy::unreadable_literal, reason = "generated")]

use super::{HostKey, HostUpdate, KeyKind, Platform, PublishedKey, Status, Thresholds, Windows7Placement};

include!(concat!(env!("OUT_DIR"), "/catalog.rs"));
