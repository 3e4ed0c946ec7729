//! Texts from outside: registration files, key configurations, zone files.

use wimkey::hive::Hive;
use wimkey::pkeyconfig::KeyConfiguration;
use wimkey::{kms, regfile, sample, transfer};

/// Longer files teach nothing that shorter ones do not, in bytes.
const LONGEST: usize = 1 << 16;
/// What the hive of a registration file stands for.
const PREFIX: &str = r"HKEY_LOCAL_MACHINE\X";

/// Any bytes as a registration file: what a hive takes of it comes back from the export of that hive.
pub fn registration(bytes: &[u8]) {
    if bytes.len() > LONGEST {
        return;
    }
    let Ok(entries) = regfile::parse(bytes) else {
        return;
    };
    let Some(first) = imported(&entries) else { return };
    let Some(text) = exported(&first) else { return };
    let again = regfile::parse(&text).expect("what was exported is a registration file");
    let second = imported(&again).expect("what was exported is imported");
    assert_eq!(
        exported(&second).as_ref(),
        Some(&text),
        "a round trip changed something"
    );
    Hive::open(first.finish().expect("an import leaves a whole hive")).expect("which opens");
}

/// A new hive with the entries in it; `None` if it does not take them.
fn imported(entries: &[regfile::Entry]) -> Option<Hive> {
    let mut hive = Hive::create(5).unwrap();
    transfer::import(&mut hive, PREFIX, entries).ok().map(|_| hive)
}

/// `None` for names that the format cannot carry.
fn exported(hive: &Hive) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    transfer::export(&hive.root().unwrap(), PREFIX, &mut text)
        .ok()
        .map(|_| text)
}

/// Any bytes as a key configuration, and as a zone file.
pub fn configuration(bytes: &[u8]) {
    if bytes.len() > LONGEST {
        return;
    }
    if let Ok(configuration) = KeyConfiguration::parse(bytes) {
        let entries = configuration.configurations();
        assert!(entries.is_sorted_by_key(|entry| entry.group));
        for (index, entry) in entries.iter().enumerate() {
            assert!(configuration.of_group(entry.group).any(|(own, _)| own == index));
            assert!(
                configuration
                    .ranges_of(index)
                    .is_sorted_by_key(|range| range.start)
            );
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        for record in kms::parse_zone(text).into_iter().flatten() {
            assert!(!record.host.is_empty(), "a record of no host");
        }
    }
}

/// Registration files of each kind.
pub fn registration_seeds() -> Vec<Vec<u8>> {
    let values = "@=\"a\"\r\n\"n\"=dword:00000007\r\n\"b\"=hex:01,02,\\\r\n  03\r\n\"e\"=hex(2):25,00,00,00\r\n\"gone\"=-\r\n";
    let text = |head: &str| {
        format!("{head}\r\n\r\n; a\r\n[{PREFIX}]\r\n\r\n[{PREFIX}\\A\\B]\r\n{values}\r\n[-{PREFIX}\\C]\r\n")
    };
    let of_today = text("Windows Registry Editor Version 5.00");
    let wide = of_today.encode_utf16().flat_map(u16::to_le_bytes);
    vec![
        of_today.clone().into_bytes(),
        [0xFF, 0xFE].into_iter().chain(wide).collect(),
        text("REGEDIT4").into_bytes(),
    ]
}

/// A key configuration of each kind of Windows, and a zone file.
pub fn configuration_seeds() -> Vec<Vec<u8>> {
    let zone = "$ORIGIN example.com.\n$TTL 3600\n_vlmcs._tcp IN SRV 10 75 1688 kms1\n  IN SRV (10 25\n 1689 kms2.example.com. ) ; b\n";
    let mut all: Vec<Vec<u8>> = [7601, 22621]
        .into_iter()
        .map(|build| sample::key_configuration(build).into_bytes())
        .collect();
    all.push(zone.as_bytes().to_vec());
    all
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_seeds_hold_what_they_promise() {
        super::registration_seeds()
            .iter()
            .for_each(|seed| super::registration(seed));
        super::configuration_seeds()
            .iter()
            .for_each(|seed| super::configuration(seed));
    }
}
