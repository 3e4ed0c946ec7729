//! An image in which one key lies about in every place and form that anybody has seen.

use base64::Engine as _;
use std::path::Path;
use wimkey::activation::{CURRENT_VERSION, string_data};
use wimkey::hive::{Hive, ValueKind};
use wimkey::key::{DigitalProductId, DigitalProductId4, Placement, ProductKey, Stamp};
use wimkey::sample::{self, SampleImage};
use wimkey::wim::{Builder, Codec, ImageBuilder, Properties};

/// Nobody published this; its shape is all it has.
pub fn unpublished() -> String {
    ["QRTVW"; 5].join("-")
}

/// A file of the image, and the rule by which the key in it is found.
pub struct Leak {
    pub path: &'static str,
    pub content: Vec<u8>,
    pub rule: &'static str,
}

pub fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

pub fn blobs(key: &ProductKey) -> (Vec<u8>, Vec<u8>) {
    let placement = Placement {
        key,
        group: 170,
        serial: 1,
        part_number: "X00-00001",
        activation_id: "00000000-0000-0000-0000-000000000000",
        edition: "Professional",
        key_type: "Volume:MAK",
        eula_type: "Volume",
        upgrade: false,
        product_id: "00371-868-0000007-85000",
        product_code: "00371",
        language: 1033,
        build: 7601,
        stamp: Stamp {
            unix_time: 1_700_000_000,
            random: 7,
        },
    };
    (
        DigitalProductId::build(&placement).unwrap().to_vec(),
        DigitalProductId4::build(&placement).unwrap().to_vec(),
    )
}

/// A SOFTWARE hive with the key in every value that holds one, in a deleted cell, and with a password.
pub fn software(text: &str) -> Vec<u8> {
    let key = ProductKey::parse(text).unwrap().key;
    let (digital3, digital4) = blobs(&key);
    let image = SampleImage {
        name: "Windows 7 Professional",
        edition: "Professional",
        build: 7601,
    };
    let mut hive = Hive::open(sample::software_hive(image).unwrap()).unwrap();
    for place in [
        CURRENT_VERSION.to_owned(),
        format!(r"{CURRENT_VERSION}\DefaultProductKey"),
        format!(r"{CURRENT_VERSION}\DefaultProductKey2"),
        format!(r"WOW6432Node\{CURRENT_VERSION}"),
        r"Microsoft\Internet Explorer\Registration".to_owned(),
    ] {
        hive.set_value(&place, "DigitalProductId", ValueKind::Binary, &digital3)
            .unwrap();
        hive.set_value(&place, "DigitalProductId4", ValueKind::Binary, &digital4)
            .unwrap();
    }
    let platform = format!(r"{CURRENT_VERSION}\SoftwareProtectionPlatform");
    hive.set_value(
        &platform,
        "BackupProductKeyDefault",
        ValueKind::String,
        &string_data(text),
    )
    .unwrap();
    let logon = format!(r"{CURRENT_VERSION}\Winlogon");
    hive.set_value(
        &logon,
        "DefaultPassword",
        ValueKind::String,
        &string_data("hunter2"),
    )
    .unwrap();
    // As Windows deletes: the cell is free, its content stays.
    let doomed = [&[0xEE; 8][..], &wide(text), &[0xEE; 8]].concat();
    hive.set_value(r"Company", "Deleted", ValueKind::Binary, &doomed)
        .unwrap();
    let mut bytes = hive.finish().unwrap().to_vec();
    let at = bytes
        .windows(doomed.len())
        .position(|window| window == doomed)
        .unwrap();
    let mut hive = Hive::open(zeroize::Zeroizing::new(bytes.clone())).unwrap();
    hive.delete_value("Company", "Deleted").unwrap();
    bytes = hive.finish().unwrap().to_vec();
    bytes[at..at + doomed.len()].copy_from_slice(&doomed);
    bytes
}

/// A SYSTEM hive that was upgraded.
pub fn system(text: &str) -> Vec<u8> {
    let key = ProductKey::parse(text).unwrap().key;
    let (digital3, digital4) = blobs(&key);
    let mut hive = Hive::open(sample::system_hive().unwrap()).unwrap();
    for day in ["1/2/2020 03:04:05", "6/7/2022 08:09:10"] {
        let place = format!(r"Setup\Source OS (Updated on {day})");
        hive.set_value(&place, "DigitalProductId", ValueKind::Binary, &digital3)
            .unwrap();
        hive.set_value(&place, "DigitalProductId4", ValueKind::Binary, &digital4)
            .unwrap();
    }
    hive.finish().unwrap().to_vec()
}

pub fn answer_file(text: &str) -> String {
    sample::ANSWER_FILE.replace(
        "<ComputerName>*</ComputerName>",
        &format!(
            "<ProductKey>{text}</ProductKey><AutoLogon><Password><Value>hunter2</Value><PlainText>true</PlainText></Password></AutoLogon>"
        ),
    )
}

/// Every file with the key in it.
#[allow(clippy::too_many_lines, reason = "a table, one row a file")]
pub fn leaks(text: &str) -> Vec<Leak> {
    let key = ProductKey::parse(text).unwrap().key;
    let (digital3, digital4) = blobs(&key);
    let dashless = text.replace('-', "");
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let command = format!("cscript slmgr.vbs /ipk {text}");
    let list: Vec<String> = digital3.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut registration = String::from(
        "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\X]\r\n\"DigitalProductId\"=hex:",
    );
    for (index, line) in list.chunks(20).enumerate() {
        if index > 0 {
            registration.push_str(",\\\r\n  ");
        }
        registration.push_str(&line.join(","));
    }
    let answers = answer_file(text);
    let marked = [&[0xFF, 0xFE][..], &wide(&registration)].concat();
    let leak = |path, content: &[u8], rule| Leak {
        path,
        content: content.to_vec(),
        rule,
    };
    vec![
        leak("Windows/System32/config/SOFTWARE", &software(text), "WK-A001"),
        leak("Windows/System32/config/SYSTEM", &system(text), "WK-A003"),
        leak(
            "Windows/System32/config/SOFTWARE.LOG1",
            &[&[0; 600][..], &digital3].concat(),
            "WK-A006",
        ),
        leak("Windows/System32/config/SOFTWARE.LOG2", &wide(text), "WK-A006"),
        leak(
            "Windows/System32/config/RegBack/SOFTWARE",
            &software(text),
            "WK-A007",
        ),
        leak("Windows/Panther/unattend.xml", answers.as_bytes(), "WK-A020"),
        leak(
            "Windows/Panther/Unattend/unattend.xml",
            &[&[0xFF, 0xFE][..], &wide(&answers.replace("utf-8", "utf-16"))].concat(),
            "WK-A020",
        ),
        leak(
            "Windows/System32/Sysprep/deploy.xml",
            answers.as_bytes(),
            "WK-A020",
        ),
        leak("Autounattend.xml", answers.as_bytes(), "WK-A020"),
        leak(
            "$WINDOWS.~BT/Sources/Panther/unattend.xml",
            answers.as_bytes(),
            "WK-A020",
        ),
        leak(
            "Windows.old/Windows/Panther/unattend.xml",
            answers.as_bytes(),
            "WK-A020",
        ),
        leak(
            "Windows.old/Windows/System32/config/SOFTWARE",
            &software(text),
            "WK-A001",
        ),
        leak(
            "Windows/Panther/setupact.log",
            format!("2023 Info key [{text}]\r\n").as_bytes(),
            "WK-A030",
        ),
        leak(
            "Windows/Panther/setuperr.log",
            &wide(&format!("2023 Info key [{text}]\r\n")),
            "WK-A030",
        ),
        leak(
            "Windows/Logs/DISM/dism.log",
            format!("key={}\r\n", text.to_lowercase()).as_bytes(),
            "WK-A030",
        ),
        leak(
            "Windows/Setup/Scripts/SetupComplete.cmd",
            command.as_bytes(),
            "WK-A031",
        ),
        leak(
            "Windows/Setup/Scripts/dashless.cmd",
            format!("slmgr /ipk {dashless}").as_bytes(),
            "WK-A031",
        ),
        leak(
            "Windows/Setup/Scripts/encoded.ps1",
            format!("powershell -EncodedCommand {}", base64(&wide(&command))).as_bytes(),
            "WK-A031",
        ),
        leak("Windows/Setup/Scripts/values.reg", &marked, "WK-A031"),
        leak(
            "sources/PID.txt",
            format!("[PID]\r\nValue={text}\r\n").as_bytes(),
            "WK-A032",
        ),
        leak(
            "Windows/Provisioning/Packages/x.ppkg",
            &[&[7; 100][..], &wide(text), &[9; 100]].concat(),
            "WK-A033",
        ),
        leak(
            "Users/Public/notes.txt",
            format!("our key:\n{text}\n").as_bytes(),
            "WK-A033",
        ),
        leak(
            "Users/Public/big.bin",
            &[&vec![5; 700_000][..], text.as_bytes(), &[5; 50]].concat(),
            "WK-A033",
        ),
        leak(
            "Users/Public/blob4.bin",
            &[&[1; 33][..], &digital4, &[1; 7]].concat(),
            "WK-A033",
        ),
        // Seen only because the key was found elsewhere.
        leak(
            "Users/Public/dashless.bin",
            &[&[5; 77][..], &wide(&dashless), &[5; 50]].concat(),
            "WK-A033",
        ),
        leak(
            "Users/Public/stored.bin",
            &[&[5; 78][..], key.stored().expose(), &[5; 50]].concat(),
            "WK-A033",
        ),
        leak(
            "Users/Public/encoded.bin",
            base64(format!("x{text}").as_bytes()).as_bytes(),
            "WK-A033",
        ),
    ]
}

/// Every form in which the key is looked for, with what it is called.
pub fn forms(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    use sha2::Digest as _;
    let key = ProductKey::parse(text).unwrap().key;
    let (digital3, digital4) = blobs(&key);
    let dashless = text.replace('-', "");
    let base64 = |bytes: &[u8]| {
        base64::engine::general_purpose::STANDARD
            .encode(bytes)
            .into_bytes()
    };
    let stored = key.stored();
    let stored = &stored.expose()[..15];
    let hexadecimal: Vec<String> = stored.iter().map(|byte| format!("{byte:02X}")).collect();
    vec![
        ("text", text.as_bytes().to_vec()),
        ("lower", text.to_lowercase().into_bytes()),
        ("wide", wide(text)),
        ("dashless", dashless.as_bytes().to_vec()),
        ("dashless-wide", wide(&dashless)),
        ("stored", stored.to_vec()),
        ("hexadecimal", hexadecimal.concat().into_bytes()),
        ("hash", sha2::Sha256::digest(key.stored().expose()).to_vec()),
        ("digital3", digital3),
        ("digital4", digital4),
        ("base64-0", base64(text.as_bytes())),
        ("base64-1", base64(format!("x{text}").as_bytes())),
        ("base64-2", base64(format!("xy{text}").as_bytes())),
        ("base64-wide", base64(&wide(text))),
    ]
}

/// The last thing that a hive holds in a cell that was freed as Windows frees it: its content stays.
pub fn deleted(content: &[u8]) -> Vec<u8> {
    let doomed = [&[0xEE; 8][..], content, &[0xEE; 8]].concat();
    let mut hive = Hive::create(5).unwrap();
    hive.set_value("Company", "Deleted", ValueKind::Binary, &doomed)
        .unwrap();
    let bytes = hive.finish().unwrap();
    let at = memchr::memmem::find(&bytes, &doomed).unwrap();
    let mut hive = Hive::open(bytes).unwrap();
    hive.delete_value("Company", "Deleted").unwrap();
    let mut bytes = hive.finish().unwrap().to_vec();
    bytes[at..at + doomed.len()].copy_from_slice(&doomed);
    bytes
}

/// Files with each form of the key in each place that a program has to look at in its own way: the name of the place, that of the form,
/// the file's path and its content.
pub fn matrix(text: &str) -> Vec<(&'static str, &'static str, String, Vec<u8>)> {
    /// A WIM compresses this many bytes together, and a search must see across the border.
    const CHUNK: usize = 32 << 10;
    let mut planted = Vec::new();
    for (form, bytes) in forms(text) {
        let live = || {
            let mut hive = Hive::create(5).unwrap();
            hive.set_value("Company", "Value", ValueKind::Binary, &bytes)
                .unwrap();
            hive.finish().unwrap().to_vec()
        };
        let places: [(&str, &str, Vec<u8>); 5] = [
            ("file", "bin", [&[7; 10][..], &bytes, &[7; 10]].concat()),
            (
                "border",
                "bin",
                [&vec![7; CHUNK - bytes.len() / 2][..], &bytes, &vec![7; CHUNK]].concat(),
            ),
            ("live", "hiv", live()),
            ("deleted", "hiv", deleted(&bytes)),
            ("log", "LOG1", [&[0; 600][..], &bytes, &[0; 600]].concat()),
        ];
        for (place, ending, content) in places {
            let folder = if place == "log" {
                "Windows/System32/config"
            } else {
                "Users/Public"
            };
            planted.push((place, form, format!("{folder}/{place}-{form}.{ending}"), content));
        }
    }
    planted
}

/// Writes the files below `root`.
pub fn write_folder(root: &Path, leaks: &[Leak]) {
    for leak in leaks {
        let path = root.join(leak.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &leak.content).unwrap();
    }
}

/// Writes a WIM of two images, of which the second holds the files.
pub fn write_wim(path: &Path, leaks: &[Leak], codec: Codec) {
    let clean = sample::image(sample::IMAGES[0]).unwrap();
    let mut leaky = ImageBuilder::new("leaky");
    for leak in leaks {
        leaky = leaky.file(leak.path, &leak.content, Properties::default());
    }
    let builder = Builder::new().compress(codec, None).unwrap();
    std::fs::write(path, builder.image(clean).image(leaky).to_bytes().unwrap()).unwrap();
}
