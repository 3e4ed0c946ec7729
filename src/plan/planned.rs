//! The registry changes that a run would make, as a registration file for machines that run already.

use super::{Error, Memory, Request, prepare};
use crate::activation::{HiveName, Wanted, Wish};
use crate::image::{Images, Target};
use crate::regfile::Writer;
use crate::transfer;
use std::io::Write;

/// What is in the file, and what is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Planned {
    /// Changes in the file.
    pub written: usize,
    /// Changes that are left out because they hold a key or what is made of one; a running machine takes keys by slmgr /ipk.
    pub left_out: usize,
}

/// Writes to `out` what `request` would change in the registry of one image, in the places where Windows loads the hives; new users'
/// settings go to the current user. Nothing is changed.
///
/// # Errors
/// A target with several images; as [`prepare`]; what `out` reports.
pub fn export_planned(target: &Target, request: &Request, out: impl Write) -> Result<Planned, Error> {
    let images = Images::open(target)?;
    let [image] = images.selected() else {
        return Err(Error::OneImage);
    };
    let changes = prepare(&images, image, request, &mut Memory::default())?;
    let (keys, open): (Vec<&Wish>, Vec<&Wish>) = changes.registry.iter().partition(|wish| wish.holds_key());
    write(&open, out).map_err(Error::from)?;
    Ok(Planned {
        written: open.len(),
        left_out: keys.len() + changes.key_values,
    })
}

/// Where Windows loads the hive.
fn loaded(hive: HiveName) -> &'static str {
    match hive {
        HiveName::Software => r"HKEY_LOCAL_MACHINE\SOFTWARE",
        HiveName::System => r"HKEY_LOCAL_MACHINE\SYSTEM",
        HiveName::DefaultUser => "HKEY_CURRENT_USER",
    }
}

fn write(wishes: &[&Wish], out: impl Write) -> Result<(), transfer::Error> {
    let mut writer = Writer::new(out)?;
    let mut current = String::new();
    for wish in wishes {
        let path = format!(r"{}\{}", loaded(wish.hive), wish.key);
        if matches!(wish.wanted, Wanted::NoKey) {
            writer.delete_key(&path)?;
            current.clear();
            continue;
        }
        if current != path {
            writer.key(&path)?;
            current = path;
        }
        match &wish.wanted {
            Wanted::Value { kind, data, .. } => writer.value(&wish.name, kind.number(), data)?,
            Wanted::Absent => writer.delete_value(&wish.name)?,
            Wanted::Key | Wanted::NoKey => {}
        }
    }
    writer.finish()?;
    Ok(())
}
