//! What wimkey says about keys: the published tables against key configurations, and the sentences of the verdicts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs,
    reason = "tests"
)]

mod common;

use wimkey::catalog::{self, KeyKind, Platform, Status};
use wimkey::key::{ALPHABET, Draft, Form, ProductKey};
use wimkey::pkeyconfig::{
    Context, Image, Judgement, KeyConfiguration, Verdict, judge, judge_text, resolve, sample,
};

fn verdict<'a>(text: &str, context: &Context<'a>) -> Verdict<'a> {
    judge_text(text.as_bytes(), &mut Draft::new(), context)
}

fn in_image(text: &str, edition: &'static str, build: u32) -> Verdict<'static> {
    verdict(
        text,
        &Context {
            configuration: None,
            image: Some(Image { edition, build }),
            licences: None,
        },
    )
}

/// Key configurations of real builds, with the build, if the corpus is there.
fn configurations() -> Vec<(u32, KeyConfiguration)> {
    let Some(folder) = common::corpus("pkeyconfig") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.contains("csvlk") {
            continue;
        }
        let digits: String = name
            .chars()
            .skip_while(|c| !c.is_ascii_digit())
            .take_while(char::is_ascii_digit)
            .collect();
        found.push((
            digits.parse().unwrap(),
            KeyConfiguration::parse(&std::fs::read(path).unwrap()).unwrap(),
        ));
    }
    found.sort_by_key(|found| found.0);
    found
}

#[test]
fn published_keys_have_the_edition_and_channel_that_real_configurations_give_them() {
    for (build, configuration) in configurations() {
        let mut known = 0;
        for published in catalog::published() {
            let key = ProductKey::parse(published.text).unwrap().key;
            let Some(matched) = configuration.match_key(&key) else {
                continue;
            };
            known += 1;
            assert_eq!(
                matched.configuration.key_type,
                published.kind.channel(),
                "{build} {}",
                published.product
            );
            assert!(
                published
                    .editions
                    .iter()
                    .all(|edition| matched.configuration.names_edition(edition))
                    || build < 17763,
                "{build} {}: {}",
                published.product,
                matched.configuration.edition_list
            );
            if let Some(id) = published.activation_id {
                assert_eq!(
                    matched.configuration.activation_id, id,
                    "{build} {}",
                    published.product
                );
            }
        }
        assert!(build < 9200 || known >= 10, "{build}: only {known}");
    }
}

#[test]
fn the_key_that_is_chosen_for_an_image_is_accepted_by_its_own_configuration() {
    for (build, configuration) in configurations() {
        for entry in configuration
            .configurations()
            .iter()
            .filter(|entry| entry.key_type == "Volume:GVLK")
        {
            for edition in entry.editions() {
                let Ok(chosen) = catalog::gvlk_for(edition, build) else {
                    continue;
                };
                let image = Image { edition, build };
                let context = Context {
                    configuration: Some(&configuration),
                    image: Some(image),
                    licences: None,
                };
                let key = ProductKey::parse(chosen.text).unwrap().key;
                let verdict = judge(&key, &context);
                assert_eq!(
                    verdict.judgement,
                    Judgement::Published,
                    "{build} {edition}: {verdict}"
                );
                let facts = resolve(&key, image, Some(&configuration)).unwrap();
                assert_eq!(facts.key_type, "Volume:GVLK");
                assert_eq!(facts.edition, edition);
            }
        }
    }
}

#[test]
fn no_key_is_accepted_for_an_edition_that_the_configuration_does_not_give_it() {
    for (build, configuration) in configurations() {
        let editions: std::collections::BTreeSet<&str> = configuration
            .configurations()
            .iter()
            .flat_map(wimkey::pkeyconfig::Configuration::editions)
            .collect();
        for published in catalog::published() {
            let key = ProductKey::parse(published.text).unwrap().key;
            for edition in &editions {
                let image = Image { edition, build };
                let verdict = judge(
                    &key,
                    &Context {
                        configuration: Some(&configuration),
                        image: Some(image),
                        licences: None,
                    },
                );
                let entry = match key.form() {
                    Form::Pkey2009 => configuration.match_key(&key),
                    Form::Pkey2005 => {
                        configuration.of_activation_id(published.activation_id.unwrap_or_default())
                    }
                };
                let expected = entry.is_some_and(|entry| entry.configuration.names_edition(edition))
                    && (published.kind != KeyKind::Avma || edition.starts_with("Server"));
                assert_eq!(
                    verdict.judgement == Judgement::Published,
                    expected,
                    "{build} {edition} {published:?}"
                );
                assert!(expected || !verdict.judgement.is_usable());
            }
        }
    }
}

#[test]
fn windows_7_facts_come_from_the_table_and_from_the_configuration_alike() {
    for (build, configuration) in configurations().into_iter().filter(|found| found.0 < 9200) {
        for edition in [
            "Enterprise",
            "Professional",
            "ServerStandard",
            "ServerDatacenter",
            "ServerHPC",
            "ServerWeb",
        ] {
            let key = ProductKey::parse(catalog::gvlk_for(edition, build).unwrap().text)
                .unwrap()
                .key;
            let image = Image { edition, build };
            assert_eq!(
                resolve(&key, image, None),
                resolve(&key, image, Some(&configuration)),
                "{edition}"
            );
        }
    }
}

#[test]
fn configurations_are_read_in_less_than_ten_milliseconds_when_optimised() {
    if cfg!(debug_assertions) {
        return;
    }
    for (build, _) in configurations() {
        let folder = common::corpus("pkeyconfig").unwrap();
        let path = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| {
                path.to_str().unwrap().contains(&format!("_{build}"))
                    && !path.to_str().unwrap().contains("csvlk")
            })
            .unwrap();
        let bytes = std::fs::read(path).unwrap();
        let best = (0..5)
            .map(|_| {
                let start = std::time::Instant::now();
                KeyConfiguration::parse(&bytes).unwrap();
                start.elapsed()
            })
            .min()
            .unwrap();
        eprintln!("{build}: {} bytes in {best:?}", bytes.len());
        assert!(best.as_millis() < 10);
    }
}

/// A small pseudo-random sequence, the same on every run.
fn sequence() -> impl FnMut(usize) -> usize {
    let mut state = 0x2545_F491_4F6C_DD1Du64;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(below).unwrap()).unwrap()
    }
}

#[test]
fn one_changed_symbol_never_passes_for_a_published_key() {
    let mut random = sequence();
    let mut symbols = ALPHABET.to_vec();
    symbols.push(b'N');
    let mut told = 0;
    for _ in 0..2000 {
        let published = &catalog::published()[random(catalog::published().len())];
        let mut text = published.text.as_bytes().to_vec();
        let at = loop {
            let at = random(text.len());
            if text[at] != b'-' {
                break at;
            }
        };
        let before = text[at];
        while text[at] == before {
            text[at] = symbols[random(symbols.len())];
        }
        let verdict = verdict(std::str::from_utf8(&text).unwrap(), &Context::default());
        assert_ne!(verdict.judgement, Judgement::Published);
        if matches!(verdict.judgement, Judgement::Misspelled | Judgement::Malformed) {
            told += 1;
            assert_eq!(verdict.position, Some(at + 1));
            assert_eq!(verdict.did_you_mean(), Some(published));
        }
    }
    assert!(told >= 1980, "{told} of 2000");
}

/// Published for Windows 7 Enterprise.
const WINDOWS_7_ENTERPRISE: &str = "33PXH-7Y6KF-2VJC9-XBBR8-HVTHH";

/// `text` with another character at a place, from 0.
fn changed(text: &str, place: usize, character: char) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    characters[place] = character;
    characters.into_iter().collect()
}

/// A text of the right shape that nobody published and that has no letter `N`: the alphabet, two symbols exchanged.
fn shaped() -> String {
    let mut symbols = [&ALPHABET[..], b"B"].concat();
    symbols.swap(18, 19);
    let groups: Vec<_> = symbols
        .chunks(5)
        .map(|group| String::from_utf8_lossy(group).into_owned())
        .collect();
    groups.join("-")
}

#[test]
fn a_typo_is_named_with_its_place_and_the_published_key() {
    let found = verdict(&changed(WINDOWS_7_ENTERPRISE, 28, 'K'), &Context::default());
    assert_eq!(found.judgement.name(), "misspelled");
    assert_eq!(found.position, Some(29));
    assert_eq!(
        found.to_string(),
        "the symbol in column 29 is wrong: did you mean 33PXH-7Y6KF-2VJC9-XBBR8-HVTHH, the published key of Windows 7 Enterprise?"
    );
    let swapped = WINDOWS_7_ENTERPRISE.replace("-7Y", "-Y7");
    let found = verdict(&swapped, &Context::default());
    assert_eq!((found.position, found.swapped_with), (Some(7), Some(8)));
    let found = verdict(&changed(WINDOWS_7_ENTERPRISE, 28, 'O'), &Context::default());
    assert_eq!(found.judgement, Judgement::Malformed);
    assert!(found.to_string().contains("'O'; did you mean 33PXH-"), "{found}");
}

#[test]
fn every_kind_of_text_has_its_own_judgement() {
    for (text, name) in [
        ("W269N-WFGWX-YVC9B-4J6C9-T83GX", "published"),
        (
            " w269n\u{2013}wfgwx\u{2013}yvc9b\u{2013}4j6c9\u{2013}t83gx ",
            "published",
        ),
        ("00000-00000-00000-00000-00000", "placeholder"),
        ("XXXXX-XXXXX-XXXXX-XXXXX-XXXXX", "placeholder"),
        ("BBBBB-BBBBB-BBBBB-BBBBB-BBBBB", "placeholder"),
        ("", "malformed"),
        ("hello", "malformed"),
        ("W269N-WFGWX-YVC9B-4J6C9-T83G", "malformed"),
        (&changed(&changed(&shaped(), 2, 'N'), 9, 'N'), "malformed"),
        (&changed(&shaped(), 28, 'N'), "malformed"),
        (&changed(&shaped(), 3, 'N'), "misspelled"),
        (&shaped(), "well-formed"),
    ] {
        assert_eq!(
            verdict(text, &Context::default()).judgement.name(),
            name,
            "{text}"
        );
    }
    assert_eq!(
        judge_text(b"\xFF\xFE", &mut Draft::new(), &Context::default()).judgement,
        Judgement::Malformed
    );
}

#[test]
fn generations_do_not_mix() {
    // A key with N on Windows 7, one without on Windows 10, an unknown one without on Windows 10.
    assert_eq!(
        in_image("NPPR9-FWDCX-D2C8J-H872K-2YT43", "Enterprise", 7601).judgement,
        Judgement::WrongEdition
    );
    assert_eq!(
        in_image("33PXH-7Y6KF-2VJC9-XBBR8-HVTHH", "Enterprise", 19041).judgement,
        Judgement::WrongEdition
    );
    let host = in_image(&shaped(), "Enterprise", 19041);
    assert_eq!(host.judgement, Judgement::NotAClientKey);
    assert!(host.to_string().contains("KMS host key"));
    assert_eq!(
        in_image("33PXH-7Y6KF-2VJC9-XBBR8-HVTHH", "Enterprise", 7601).judgement,
        Judgement::Published
    );
    assert_eq!(
        in_image("33PXH-7Y6KF-2VJC9-XBBR8-HVTHH", "Professional", 7601).judgement,
        Judgement::WrongEdition
    );
    let evaluation = in_image("NPPR9-FWDCX-D2C8J-H872K-2YT43", "EnterpriseEval", 22621);
    assert!(
        evaluation
            .to_string()
            .starts_with("the image is an evaluation edition")
    );
    let guest = in_image("W3GNR-8DDXR-2TFRP-H8P33-DV9BG", "Enterprise", 22621);
    assert_eq!(guest.judgement, Judgement::NotAClientKey);
    assert_eq!(
        in_image("W3GNR-8DDXR-2TFRP-H8P33-DV9BG", "ServerDatacenter", 20348).judgement,
        Judgement::Published
    );
    let office = in_image("NMMKJ-6RK4F-KMJVX-8D9MJ-6MWKP", "Enterprise", 22621);
    assert_eq!(office.judgement, Judgement::WrongEdition);
}

#[test]
fn published_keys_fit_their_own_images_only() {
    for published in catalog::published()
        .iter()
        .filter(|key| key.platform != Platform::Office)
    {
        let key = ProductKey::parse(published.text).unwrap().key;
        for &(first, last) in published.builds {
            for build in [first, last] {
                let image = Image {
                    edition: published.editions[0],
                    build,
                };
                let verdict = judge(
                    &key,
                    &Context {
                        configuration: None,
                        image: Some(image),
                        licences: None,
                    },
                );
                assert_eq!(
                    verdict.judgement,
                    Judgement::Published,
                    "{}: {verdict}",
                    published.product
                );
                let image = Image {
                    edition: "HomeBasic",
                    build,
                };
                let verdict = judge(
                    &key,
                    &Context {
                        configuration: None,
                        image: Some(image),
                        licences: None,
                    },
                );
                assert!(!verdict.judgement.is_usable(), "{}", published.product);
            }
        }
        assert!(published.status != Status::Withdrawn || published.platform == Platform::Client);
    }
}

const MAK: sample::Row<'_> = sample::Row {
    group: 3319,
    editions: "Enterprise;EnterpriseN",
    key_type: "Volume:MAK",
    activation_id: "00000000-0000-0000-0000-000000003319",
    eula_type: "Volume",
    ranges: &[("[TH]X00-00001", 0, 9)],
};

#[test]
fn a_configuration_of_our_own_is_read_in_every_encoding() {
    let inner = sample::inner(&[MAK], true);
    let utf16: Vec<u8> = [0xFF, 0xFE]
        .into_iter()
        .chain(inner.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut zipped, inner.as_bytes()).unwrap();
    let prefixed = inner
        .replace("</", "</pkc:")
        .replace("<C", "<pkc:C")
        .replace("<P", "<pkc:P");
    let prefixed = ["<K", "<R", "<A", "<E", "<I", "<S", "<G"]
        .iter()
        .fold(prefixed, |text, start| {
            text.replace(start, &start.replace('<', "<pkc:"))
        });
    let prefixed = prefixed.replace("xmlns=", "xmlns:pkc=");
    let expected = KeyConfiguration::parse(sample::file(&[MAK], true).as_bytes()).unwrap();
    assert_eq!(expected.configurations().len(), 1);
    for payload in [utf16, zipped.finish().unwrap(), prefixed.into_bytes()] {
        assert_eq!(
            KeyConfiguration::parse(sample::wrap(&payload).as_bytes()).unwrap(),
            expected
        );
    }
    assert_eq!(KeyConfiguration::parse(inner.as_bytes()).unwrap(), expected);
    let image = Image {
        edition: "Enterprise",
        build: 22621,
    };
    let context = Context {
        configuration: Some(&expected),
        image: Some(image),
        licences: None,
    };
    let verdict = verdict("MH37W-N47XK-V7XM9-C7227-GCQG9", &context);
    assert_eq!(verdict.channel(), Some("Volume:MAK"));
    assert_eq!(verdict.matched.unwrap().range.part_number, "[TH]X00-00001");
}

#[test]
fn damaged_configurations_are_refused_with_a_reason() {
    for (bytes, part) in [
        (&b""[..], "holds no key configuration"),
        (b"<a/>", "holds no key configuration"),
        (b"<a><b></a>", "not well-formed"),
        (b"<infoBin name=\"pkeyConfigData\">!!!</infoBin>", "not base64"),
        (
            b"<infoBin name=\"pkeyConfigData\">H4sIAAAA</infoBin>",
            "does not unpack",
        ),
        (
            b"<ProductKeyConfiguration><Start>x</Start></ProductKeyConfiguration>",
            "holds no number",
        ),
        (b"\xFF\xFEa", "no text"),
    ] {
        let error = KeyConfiguration::parse(bytes).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}
