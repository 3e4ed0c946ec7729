//! Answer files: an edit changes its own bytes only, and its undoing gives the file back.

use wimkey::unattend::{AnswerFile, Architecture, Setting};
use zeroize::Zeroizing;

/// Files longer than this teach nothing that shorter ones do not, in bytes.
const LONGEST: usize = 1 << 16;

/// Any bytes: parsed, told, set, cleared.
pub fn edit(bytes: &[u8]) {
    if bytes.len() > LONGEST {
        return;
    }
    let Ok(mut file) = AnswerFile::parse(Zeroizing::new(bytes.to_vec())) else {
        return;
    };
    assert_eq!(file.bytes(), bytes, "reading changes nothing");
    file.summary();
    file.product_keys();
    for setting in [
        Setting::skip_rearm(Architecture::Amd64),
        Setting::skip_auto_activation(Architecture::Arm64),
    ] {
        let was_there = !file.get(&setting).is_empty();
        if file.set(&setting, "1").is_err() {
            continue;
        }
        let again =
            AnswerFile::parse(Zeroizing::new(file.bytes().to_vec())).expect("an edited file is well-formed");
        assert!(
            again.get(&setting).iter().all(|found| found.expose() == "1") && !again.get(&setting).is_empty()
        );
        if !was_there && file.remove(&setting).is_ok() {
            assert_eq!(file.bytes(), bytes, "setting and removing leaves something");
        } else {
            return;
        }
    }
    if file.clear(true).is_ok() {
        let again = file.clear(true).expect("a cleared file is cleared again");
        assert_eq!(
            (again.keys, again.passwords),
            (0, 0),
            "a key or a password is left"
        );
        AnswerFile::parse(Zeroizing::new(file.bytes().to_vec())).expect("a cleared file is well-formed");
    }
}

/// Small answer files of several encodings and habits.
pub fn seeds() -> Vec<Vec<u8>> {
    let plain = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<unattend xmlns=\"urn:schemas-microsoft-com:unattend\">\r\n  \
        <!-- a -->\r\n  <settings pass=\"specialize\">\r\n    <component name=\"Microsoft-Windows-Shell-Setup\" \
        processorArchitecture=\"amd64\" publicKeyToken=\"31bf3856ad364e35\" language=\"neutral\" versionScope=\"nonSxS\">\r\n      \
        <ComputerName>*</ComputerName>\r\n      <ProductKey></ProductKey>\r\n    </component>\r\n  </settings>\r\n</unattend>\r\n";
    let wide = |text: &str| {
        text.encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<u8>>()
    };
    vec![
        plain.as_bytes().to_vec(),
        plain.replace("\r\n", "").into_bytes(),
        [vec![0xFF, 0xFE], wide(&plain.replace("utf-8", "utf-16"))].concat(),
        AnswerFile::minimal().bytes().to_vec(),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_seeds_hold_what_they_promise() {
        super::seeds().iter().for_each(|seed| super::edit(seed));
    }
}
