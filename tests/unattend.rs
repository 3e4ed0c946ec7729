//! Answer files made here: every way of writing one, what an edit does to it, and input that means harm.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

use KeyKind::{BareText, Comment, Embedded, Empty, Key, Placeholder};
use proptest::prelude::*;
use wimkey::text::{self, Encoding, Form};
use wimkey::unattend::{AnswerFile, Architecture, Error, Fault, KeyKind, Pass, Setting};

/// Published by Microsoft: Windows 10 and 11 Enterprise.
const KEY: &str = "NPPR9-FWDCX-D2C8J-H872K-2YT43";
/// Published by Microsoft: Windows 10 and 11 Pro.
const OTHER_KEY: &str = "W269N-WFGWX-YVC9B-4J6C9-T83GX";
const COMPONENT: &str = "<component name=\"Microsoft-Windows-Shell-Setup\" processorArchitecture=\"amd64\" publicKeyToken=\"31bf3856ad364e35\" language=\"neutral\" versionScope=\"nonSxS\">";

fn product_key() -> Setting {
    Setting::product_key(Architecture::Amd64)
}

fn parse(text: &str) -> AnswerFile {
    AnswerFile::parse(text.as_bytes().to_vec().into()).unwrap()
}

fn refused(text: &str) -> Error {
    AnswerFile::parse(text.as_bytes().to_vec().into()).unwrap_err()
}

fn written(file: &AnswerFile) -> &str {
    std::str::from_utf8(file.bytes()).unwrap()
}

/// An answer file with `inside` as the content of the root element.
fn around(inside: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<unattend xmlns=\"urn:schemas-microsoft-com:unattend\">{inside}</unattend>\n"
    )
}

/// Sets the key in `old`, expects `new`, and expects that removing it in another run gives `old` again.
fn there_and_back(old: &str, new: &str) {
    let mut file = parse(old);
    assert!(file.set(&product_key(), KEY).unwrap().changed);
    assert_eq!(written(&file), new);
    assert_eq!(file.get(&product_key())[0].expose(), KEY);
    assert!(!file.set(&product_key(), KEY).unwrap().changed);
    let mut again = parse(new);
    assert!(again.remove(&product_key()).unwrap());
    assert_eq!(written(&again), old);
}

/// Sets the key in a component with `inside`, and expects it to become `after`.
fn replaced(inside: &str, after: &str) {
    let component = |inside: &str| {
        around(&format!(
            "<settings pass=\"specialize\">{COMPONENT}{inside}</component></settings>"
        ))
    };
    let mut file = parse(&component(inside));
    let change = file.set(&product_key(), KEY).unwrap();
    assert!(change.old.is_some());
    assert_eq!(written(&file), component(after));
    assert_eq!(change.changed, inside != after);
    assert_eq!(file.get(&product_key())[0].expose(), KEY);
}

#[test]
fn a_new_pass_stands_in_setups_order_and_looks_like_its_neighbours() {
    let old = around(
        "\n\t<settings pass=\"windowsPE\">\n\t\t<x/>\n\t</settings>\n\t<!-- last -->\n\t<settings pass=\"oobeSystem\"/>\n",
    );
    let new = around(&format!(
        "\n\t<settings pass=\"windowsPE\">\n\t\t<x/>\n\t</settings>\n\t<settings pass=\"specialize\">\n\t\t{COMPONENT}\n\t\t\t<ProductKey>{KEY}</ProductKey>\n\t\t</component>\n\t</settings>\n\t<!-- last -->\n\t<settings pass=\"oobeSystem\"/>\n"
    ));
    there_and_back(&old, &new);
    let crlf = |text: &str| text.replace('\n', "\r\n");
    there_and_back(&crlf(&old), &crlf(&new));
}

#[test]
fn a_pass_goes_before_the_first_when_it_is_the_first() {
    let mut file = parse(&around(
        "\n  <settings pass=\"oobeSystem\"></settings>\n  <o xmlns=\"urn:o\"/>\n",
    ));
    for pass in [
        Pass::Specialize,
        Pass::WindowsPe,
        Pass::AuditUser,
        Pass::Generalize,
    ] {
        let setting = Setting::new(pass, "C", Architecture::Arm64, "A/B").unwrap();
        file.set(&setting, "1").unwrap();
    }
    let text = written(&file);
    let order: Vec<usize> = [
        "windowsPE",
        "generalize",
        "specialize",
        "auditUser",
        "oobeSystem",
        "urn:o",
    ]
    .iter()
    .map(|name| text.find(name).unwrap())
    .collect();
    assert!(order.is_sorted(), "{text}");
}

#[test]
fn elements_that_were_empty_are_empty_again_however_they_were_written() {
    let pass = "<settings pass=\"specialize\">";
    let filled = |trace: &str, end: &str| {
        around(&format!(
            "\n  {pass}{trace}\n    {COMPONENT}\n      <ProductKey>{KEY}</ProductKey>\n    </component>{end}\n"
        ))
    };
    there_and_back(
        &around(&format!("\n  {pass}</settings>\n")),
        &filled(" ", "\n  </settings>"),
    );
    there_and_back(
        &around(&format!("\n  {pass}\n\n  </settings>\n")),
        &filled("   ", "\n\n  </settings>"),
    );
    there_and_back(
        &around("\n  <settings pass=\"specialize\"/>\n"),
        &filled("  ", "\n  </settings>"),
    );
    let single = "<settings pass=\"specialize\"\n />";
    let mut file = parse(&around(single));
    file.set(&product_key(), KEY).unwrap();
    assert!(file.remove(&product_key()).unwrap());
    assert_eq!(written(&file), around(single));
}

#[test]
fn a_file_of_one_line_stays_one_line() {
    let open = "<unattend xmlns=\"urn:schemas-microsoft-com:unattend\">";
    let old = format!("{open}<settings pass=\"generalize\"/></unattend>");
    let new = format!(
        "{open}<settings pass=\"generalize\"/><settings pass=\"specialize\">{COMPONENT}<ProductKey>{KEY}</ProductKey></component></settings></unattend>"
    );
    there_and_back(&old, &new);
}

#[test]
fn comments_on_the_line_of_an_element_stay_with_it() {
    let old = around(&format!(
        "\n <settings pass=\"specialize\">\n  {COMPONENT}\n   <TimeZone>UTC</TimeZone> <!-- clock -->\n  </component>\n </settings>\n"
    ));
    there_and_back(
        &old,
        &old.replace(
            "<!-- clock -->",
            &format!("<!-- clock -->\n   <ProductKey>{KEY}</ProductKey>"),
        ),
    );
}

#[test]
fn a_component_that_holds_only_a_comment_keeps_it() {
    let old = around(&format!(
        "\n <settings pass=\"specialize\">\n  {COMPONENT}\n   <!-- none -->\n  </component>\n </settings>\n"
    ));
    let mut file = parse(&old);
    file.set(&product_key(), KEY).unwrap();
    file.remove(&product_key()).unwrap();
    assert_eq!(written(&file), old);
}

#[test]
fn the_files_prefix_is_used() {
    let open = "<u:unattend xmlns:u='urn:schemas-microsoft-com:unattend'>";
    let mut file = parse(&format!("{open}\r\n</u:unattend>"));
    file.set(&product_key(), KEY).unwrap();
    let component = COMPONENT.replace('<', "<u:");
    let expected = format!(
        "{open}   \r\n    <u:settings pass=\"specialize\">\r\n        {component}\r\n            <u:ProductKey>{KEY}</u:ProductKey>\r\n        </u:component>\r\n    </u:settings>\r\n</u:unattend>"
    );
    assert_eq!(written(&file), expected);
    assert_eq!(file.get(&product_key()).len(), 1);
    file.remove(&product_key()).unwrap();
    assert_eq!(written(&file), format!("{open}\r\n</u:unattend>"));
}

#[test]
fn only_the_bytes_of_a_value_are_replaced() {
    replaced(
        "<ProductKey><![CDATA[old]]></ProductKey>",
        &format!("<ProductKey><![CDATA[{KEY}]]></ProductKey>"),
    );
    replaced(
        "<ProductKey>a&amp;<![CDATA[b]]>&#99;</ProductKey>",
        &format!("<ProductKey>{KEY}</ProductKey>"),
    );
    replaced(
        "<ProductKey><!--a-->old<!--b--></ProductKey>",
        &format!("<ProductKey><!--a-->{KEY}<!--b--></ProductKey>"),
    );
    replaced(
        "<ProductKey> <!--a--> old </ProductKey>",
        &format!("<ProductKey> <!--a--> {KEY} </ProductKey>"),
    );
    replaced(
        "<ProductKey><!--a--></ProductKey>",
        &format!("<ProductKey>{KEY}<!--a--></ProductKey>"),
    );
}

#[test]
fn an_element_that_stood_empty_stands_empty_again_when_its_value_goes() {
    for (before, close, trace) in [
        ("<ProductKey/>", "</ProductKey>", "\t \t\t \t"),
        ("<ProductKey\n />", "</ProductKey>", "\t \t\n \t \t"),
        ("<ProductKey></ProductKey>", "</ProductKey>", " \t "),
        ("<ProductKey></ProductKey >", "</ProductKey >", " \t "),
        ("<ProductKey>\n</ProductKey >", "</ProductKey >", "\t  \t\n\t  \t"),
    ] {
        let component = |inside: &str| {
            around(&format!(
                "<settings pass=\"specialize\">{COMPONENT}{inside} <!-- x --></component></settings>"
            ))
        };
        let mut file = parse(&component(before));
        file.set(&product_key(), OTHER_KEY).unwrap();
        file.set(&product_key(), KEY).unwrap();
        let filled = component(&format!("<ProductKey>{KEY}{close}{trace}"));
        assert_eq!(written(&file), filled);
        let edited = &written(&file);
        assert!(parse(edited).remove(&product_key()).unwrap());
        let mut again = parse(edited);
        assert_eq!(again.clear(false).unwrap().keys, 1);
        assert_eq!(written(&again), component(before));
    }
}

#[test]
fn a_value_that_is_there_is_left_as_it_is_written() {
    let spelt = KEY.replace('-', "&#45;");
    for there in [
        format!("<ProductKey>{KEY}</ProductKey>"),
        format!("<ProductKey>\n  {KEY}\n</ProductKey>"),
        format!("<ProductKey><![CDATA[{KEY}]]></ProductKey>"),
        format!("<ProductKey>{spelt}</ProductKey>"),
        format!("<ProductKey><!-- ours -->{KEY}</ProductKey>"),
    ] {
        replaced(&there, &there);
    }
}

#[test]
fn a_key_written_straight_into_product_key_gives_way_to_the_element_key() {
    let setting = Setting::installation_key(Architecture::X86);
    let file_with = |inside: &str| {
        around(&format!(
            "<settings pass=\"windowsPE\"><component name=\"Microsoft-Windows-Setup\" processorArchitecture=\"X86\"><UserData><ProductKey>{inside}</ProductKey></UserData></component></settings>"
        ))
    };
    let mut file = parse(&file_with(&format!(
        " {OTHER_KEY} <WillShowUI>Never</WillShowUI>"
    )));
    assert_eq!(file.product_keys()[0].kind, BareText);
    file.set(&setting, KEY).unwrap();
    assert_eq!(
        written(&file),
        file_with(&format!(" <Key>{KEY}</Key> <WillShowUI>Never</WillShowUI>"))
    );
}

#[test]
fn what_an_edit_would_damage_is_refused_and_nothing_changes() {
    let inside = |inside: &str| {
        around(&format!(
            "<settings pass=\"specialize\">{COMPONENT}{inside}</component></settings>"
        ))
    };
    for old in [
        inside("<ProductKey><Key>x</Key></ProductKey>"),
        inside("<ProductKey>a<!-- -->b</ProductKey>"),
        inside("<ProductKey>a</ProductKey><ProductKey>b</ProductKey>"),
        inside("stray text"),
    ] {
        let mut file = parse(&old);
        let error = file.set(&product_key(), KEY).unwrap_err();
        assert!(
            matches!(error, Error::Content { .. } | Error::Twice { .. }),
            "{error}"
        );
        assert_eq!(written(&file), old);
    }
}

#[test]
fn values_that_no_setting_can_have_are_refused_without_being_repeated() {
    for value in ["", " secret", "secret\n", "sec\u{0}ret", "sec\u{FFFE}ret"] {
        let mut file = AnswerFile::minimal();
        let error = file.set(&product_key(), value).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("sec"), "{error}");
        assert_eq!(file.bytes(), AnswerFile::minimal().bytes());
    }
}

#[test]
fn components_are_told_apart_by_architecture_in_any_case_and_by_name_in_theirs() {
    let component = |name: &str, architecture: &str| {
        format!(
            "<component name=\"{name}\" processorArchitecture=\"{architecture}\"><ProductKey>{KEY}</ProductKey></component>"
        )
    };
    let file = parse(&around(&format!(
        "<settings pass=\"specialize\">{}{}{}</settings>",
        component("Microsoft-Windows-Shell-Setup", "AMD64"),
        component("Microsoft-Windows-Shell-Setup", "x86"),
        component("microsoft-windows-shell-setup", "arm64"),
    )));
    assert_eq!(file.architectures(), ["AMD64", "x86", "arm64"]);
    assert_eq!(file.get(&product_key()).len(), 1);
    assert_eq!(file.get(&Setting::product_key(Architecture::X86)).len(), 1);
    assert!(file.get(&Setting::product_key(Architecture::Arm64)).is_empty());
}

#[test]
fn elements_of_another_namespace_are_not_settings() {
    let file = parse(&around(&format!(
        "<settings pass=\"specialize\">{COMPONENT}<x:ProductKey xmlns:x=\"urn:x\">{KEY}</x:ProductKey><ProductKey xmlns=\"\">{KEY}</ProductKey></component></settings>"
    )));
    assert!(file.get(&product_key()).is_empty());
}

#[test]
fn every_unicode_form_is_kept() {
    let old = around("\r\n  <!-- \u{e9}\u{1d11e} -->\r\n  <settings pass=\"windowsPE\"/>\r\n");
    for encoding in [Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be] {
        for mark in [false, true] {
            let form = Form { encoding, mark };
            let bytes = text::encode(&old, form);
            let mut file = AnswerFile::parse(bytes.clone()).unwrap();
            file.set(&product_key(), KEY).unwrap();
            let (text, found) = text::decode(file.bytes()).unwrap();
            assert_eq!(found, form);
            assert!(
                text.starts_with("<?xml") && text.contains(&format!("<ProductKey>{KEY}</ProductKey>\r\n"))
            );
            let place = &file.get(&product_key())[0];
            assert_eq!(
                &file.bytes()[place.bytes.clone()],
                &*text::encode(KEY, Form { mark: false, ..form })
            );
            file.remove(&product_key()).unwrap();
            assert_eq!(file.bytes(), bytes.as_slice());
        }
    }
}

#[test]
fn a_code_page_keeps_the_bytes_that_are_not_ascii() {
    let mut bytes = b"<?xml version='1.0' encoding='windows-1252'?><unattend xmlns='urn:schemas-microsoft-com:unattend'><!--\xFC\x80--></unattend>".to_vec();
    let mut file = AnswerFile::parse(bytes.clone().into()).unwrap();
    let owner = Setting::new(Pass::Specialize, "C", Architecture::X86, "RegisteredOwner").unwrap();
    file.set(&owner, "\u{e4}&b").unwrap();
    assert_eq!(file.get(&owner)[0].expose(), "\u{e4}&b");
    assert!(file.bytes().windows(6).any(|window| window == b"--\xFC\x80--"));
    assert!(
        file.bytes()
            .windows(15)
            .any(|window| window == &b">&#228;&amp;b</"[..] || window.starts_with(b">&#228;&amp;b</"))
    );
    file.remove(&owner).unwrap();
    assert_eq!(file.bytes(), bytes.as_slice());
    bytes.splice(30..42, *b"euc-jp------");
    assert!(matches!(
        AnswerFile::parse(bytes.into()).unwrap_err(),
        Error::Encoding { .. }
    ));
}

#[test]
fn a_fault_is_named_with_line_column_and_a_masked_picture() {
    let text = around(&format!("\n <a>\n\t<Key>{KEY} & more</Key></a>\n"));
    let error = refused(&text);
    let Error::Malformed {
        line,
        column,
        fault,
        picture,
    } = &error
    else {
        panic!("{error:?}")
    };
    assert_eq!((*line, *column, fault), (4, 37, &Fault::BareAmpersand));
    assert_eq!(
        picture.text(),
        " <Key>***************************** * ****</Key></a>"
    );
    assert_eq!(picture.caret(), 36);
    let shown = format!("{error}\n{error:?}");
    assert!(
        !shown.contains("NPPR9") && error.to_string().lines().count() == 2,
        "{shown}"
    );
}

#[test]
fn what_is_not_well_formed_is_refused() {
    for inside in [
        "<a></b>",
        "<a>",
        "</a>",
        "<a b=1/>",
        "<a b='1'c='2'/>",
        "<a b='<'/>",
        "<a b='1' b='1'/>",
        "<x:a/>",
        "<a x:b='1'/>",
        "<a:b:c/>",
        "<1/>",
        "&nbsp;",
        "&#0;",
        "&",
        "\u{1}",
        "]]>",
        "<!-- -- -->",
        "<!--->",
        "<![CDATA[",
        "<?xml version='1.0'?>",
        "<??>",
        "<? a?>",
        "<!x>",
        "< a/>",
        "<a",
        "<a/ >",
        "<a xmlns:x=''/>",
        "<a xmlns:xmlns='u'/>",
        "<a xmlns:x='u' xmlns:y='u' x:a='1' y:a='1'/>",
    ] {
        let text = around(inside);
        assert!(matches!(refused(&text), Error::Malformed { .. }), "{inside}");
        // The other reader lets a prefix be undeclared or named xmlns, which Namespaces in XML 1.0 does not.
        let lenient = inside.contains("xmlns:x=''") || inside.contains("xmlns:xmlns");
        assert!(lenient || roxmltree::Document::parse(&text).is_err(), "{inside}");
    }
    let root = "<unattend xmlns='urn:schemas-microsoft-com:unattend'/>";
    for text in [
        "",
        " ",
        "x",
        "\u{FEFF}\u{FEFF}<a/>",
        &format!("{root}{root}"),
        &format!("{root}x"),
        &format!(" <?xml version='1.0'?>{root}"),
        &format!("<?xml encoding='utf-8'?>{root}"),
        &format!("<?xml version='1.0' standalone='yes' encoding='utf-8'?>{root}"),
    ] {
        assert!(matches!(refused(text), Error::Malformed { .. }), "{text}");
    }
    assert!(matches!(refused("<unattend/>"), Error::NotAnAnswerFile { .. }));
    assert!(matches!(
        refused("<a xmlns='urn:schemas-microsoft-com:unattend'/>"),
        Error::NotAnAnswerFile { .. }
    ));
}

/// `pattern` so many times, each time with another number for `#`.
fn numbered(count: usize, pattern: &str) -> String {
    let all: Vec<String> = (0..count)
        .map(|number| pattern.replace('#', &number.to_string()))
        .collect();
    all.concat()
}

#[test]
fn input_that_means_harm_is_refused_quickly() {
    let bomb = "<!DOCTYPE a [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><unattend xmlns='urn:schemas-microsoft-com:unattend'>&b;</unattend>";
    assert!(matches!(
        refused(bomb),
        Error::Malformed {
            fault: Fault::DocumentType,
            ..
        }
    ));
    let limits = [
        "<a>".repeat(100_000),
        "<a/>".repeat(1_000_000),
        format!("<a {}/>", numbered(100_000, " a#=''")),
        format!("<a {}>", numbered(100, " xmlns:a#='u'")).repeat(100),
    ];
    for inside in limits {
        let error = refused(&around(&inside));
        assert!(
            matches!(
                error,
                Error::Malformed {
                    fault: Fault::Limit { .. },
                    ..
                }
            ),
            "{error}"
        );
    }
    let many = parse(&around(&format!(
        "<settings pass='specialize'>{COMPONENT}{}</component></settings>",
        format!("<ProductKey/>{KEY}<!--{KEY}-->").repeat(50_000)
    )));
    assert_eq!(many.product_keys().len(), 150_000);
    assert_eq!(
        (many.summary().effects.len(), many.get(&product_key()).len()),
        (50_000, 50_000)
    );
    let big = AnswerFile::parse(vec![b' '; 17 * 1024 * 1024].into()).unwrap_err();
    assert!(matches!(big, Error::TooLarge { .. }));
}

#[test]
fn keys_are_found_in_every_way_they_are_written_and_never_shown_unasked() {
    let text = around(&format!(
        "<settings pass=\"specialize\">{COMPONENT}<ProductKey>{KEY}</ProductKey></component></settings><settings pass=\"windowsPE\">\
         <component name=\"Microsoft-Windows-Setup\" processorArchitecture=\"arm64\"><UserData><ProductKey><Key/></ProductKey></UserData>\
         <UserData><ProductKey>{OTHER_KEY}</ProductKey></UserData><UserData><ProductKey><Key>00000-00000-00000-00000-00000</Key></ProductKey></UserData>\
         <RunSynchronous><Path>slmgr /ipk {KEY}</Path><!-- {KEY} --></RunSynchronous>\
         <ImageInstall><MetaData><Key>/IMAGE/INDEX</Key></MetaData></ImageInstall></component></settings>"
    ));
    let file = parse(&text);
    let places = file.product_keys();
    let kinds: Vec<KeyKind> = places.iter().map(|place| place.kind).collect();
    assert_eq!(kinds, [Key, Empty, BareText, Placeholder, Embedded, Comment]);
    assert_eq!(
        (places[0].pass.as_str(), places[4].architecture.as_str()),
        ("specialize", "arm64")
    );
    assert!(
        places
            .iter()
            .filter(|place| !matches!(place.kind, Empty | Placeholder))
            .all(|place| [KEY, OTHER_KEY].contains(&place.expose()))
    );
    assert!(
        places
            .iter()
            .all(|place| text.get(place.bytes.clone()) == Some(place.expose()))
    );
    let shown = format!(
        "{places:?} {file:?} {:?} {:?}",
        file.get(&product_key()),
        file.summary()
    );
    assert!(!shown.contains("NPPR9") && !shown.contains("W269N"), "{shown}");
}

#[test]
fn clearing_removes_keys_and_on_request_passwords_and_reports_what_is_left() {
    let account =
        "<UserAccounts><AdministratorPassword><Value>x</Value></AdministratorPassword></UserAccounts>";
    let text = around(&format!(
        "\n <settings pass=\"specialize\">\n  {COMPONENT}\n   <ProductKey>{KEY}</ProductKey>\n   <TimeZone>UTC</TimeZone>\n   {account}\n   <!-- {KEY} -->\n  </component>\n </settings>\n"
    ));
    let mut file = parse(&text);
    let cleared = file.clear(false).unwrap();
    assert_eq!((cleared.keys, cleared.passwords, cleared.left.len()), (1, 0, 1));
    let without_key = text.replacen(&format!("\n   <ProductKey>{KEY}</ProductKey>"), "", 1);
    assert_eq!(written(&file), without_key);
    let cleared = file.clear(true).unwrap();
    assert_eq!((cleared.keys, cleared.passwords), (0, 1));
    assert_eq!(
        written(&file),
        without_key.replacen(&format!("\n   {account}"), "", 1)
    );
}

#[test]
fn clearing_leaves_what_was_empty_before_the_key_came() {
    let old = around(
        "\n <settings pass=\"windowsPE\">\n  <component name=\"Microsoft-Windows-Setup\" processorArchitecture=\"amd64\">\n   <UserData>\n    <ProductKey/>\n   </UserData>\n  </component>\n </settings>\n",
    );
    let mut file = parse(&old);
    file.set(&Setting::installation_key(Architecture::Amd64), KEY)
        .unwrap();
    let mut again = parse(written(&file));
    assert_eq!(again.clear(false).unwrap().keys, 1);
    assert_eq!(written(&again), old);
    assert_eq!(again.clear(false).unwrap().keys, 0);
    assert_eq!(written(&again), old);
}

#[test]
fn a_summary_tells_what_setup_will_heed() {
    let mut file = AnswerFile::minimal();
    file.set(&Setting::installation_key(Architecture::Amd64), KEY)
        .unwrap();
    file.set(&Setting::key_page(Architecture::Amd64), "Never")
        .unwrap();
    file.set(&Setting::skip_rearm(Architecture::Amd64), "1").unwrap();
    let wrong_pass = Setting::new(
        Pass::OobeSystem,
        "Microsoft-Windows-Shell-Setup",
        Architecture::Amd64,
        "ProductKey",
    )
    .unwrap();
    file.set(&wrong_pass, KEY).unwrap();
    let effects = file.summary().effects;
    let told: Vec<_> = effects
        .iter()
        .map(|effect| {
            (
                effect.path.as_str(),
                effect.key,
                effect.value.as_deref(),
                effect.in_effect,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("UserData/ProductKey/Key", Some(Key), None, true),
            ("UserData/ProductKey/WillShowUI", None, Some("Never"), true),
            ("SkipRearm", None, Some("1"), true),
            ("ProductKey", Some(Key), None, false),
        ]
    );
}

#[test]
fn all_settings_can_be_set_together_and_taken_away_in_any_order() {
    let settings = |architecture| {
        [
            (Setting::product_key(architecture), KEY),
            (Setting::installation_key(architecture), KEY),
            (Setting::key_page(architecture), "OnError"),
            (Setting::skip_rearm(architecture), "1"),
            (Setting::skip_rearm_of_vista(architecture), "1"),
            (Setting::skip_auto_activation(architecture), "true"),
            (Setting::skip_auto_activation_of_vista(architecture), "true"),
        ]
    };
    let all: Vec<_> = Architecture::ALL.into_iter().flat_map(settings).collect();
    for reverse in [false, true] {
        let mut file = AnswerFile::minimal();
        for (setting, value) in &all {
            file.set(setting, value).unwrap();
        }
        assert_eq!(file.architectures(), ["x86", "amd64", "arm", "arm64", "ia64"]);
        let order: Vec<_> = if reverse {
            all.iter().rev().collect()
        } else {
            all.iter().collect()
        };
        for (setting, value) in order {
            assert_eq!(file.get(setting)[0].expose(), *value);
            assert!(file.remove(setting).unwrap());
        }
        assert_eq!(file.bytes(), AnswerFile::minimal().bytes());
    }
}

/// Content of an answer file: well-formed, with all the ways of writing it mixed.
fn content() -> impl Strategy<Value = String> {
    let space = prop::sample::select(vec![
        "", " ", "  ", "   ", "\n", "\n  ", "\r\n\t", "\n\n    ", " \n ",
    ]);
    let leaf = prop::sample::select(vec![
        "<TimeZone>UTC</TimeZone>",
        "<!-- note -->",
        "<?pi x?>",
        "<x:y xmlns:x='urn:x' x:z='1'/>",
        "<ProductKey/>",
        "<ProductKey ></ProductKey>",
        "<ProductKey>a&amp;b</ProductKey>",
        "<ProductKey><![CDATA[c]]></ProductKey>",
        "",
    ]);
    let inside = |inner: BoxedStrategy<String>| {
        (space.clone(), prop::collection::vec((inner, space.clone()), 0..4)).prop_map(|(first, parts)| {
            parts
                .into_iter()
                .fold(first.to_owned(), |text, (inner, space)| text + &inner + space)
        })
    };
    let component =
        (inside(leaf.prop_map(str::to_owned).boxed()), any::<bool>()).prop_map(|(inside, amd64)| {
            let component = if amd64 {
                COMPONENT.to_owned()
            } else {
                COMPONENT.replace("amd64", "x86")
            };
            if inside.is_empty() {
                component.replace('>', "/>")
            } else {
                format!("{component}{inside}</component>")
            }
        });
    let pass = prop::sample::select(Pass::ALL.to_vec());
    let settings = (inside(component.boxed()), pass, any::<bool>()).prop_map(|(inside, pass, short)| {
        if inside.is_empty() && short {
            format!("<settings pass='{pass}' />")
        } else {
            format!("<settings pass='{pass}'>{inside}</settings>")
        }
    });
    inside(settings.boxed())
}

/// Text of the pieces that answer files are made of, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "<unattend xmlns='urn:schemas-microsoft-com:unattend'>",
        "</unattend>",
        "<settings pass='specialize'>",
        "</settings>",
        "<ProductKey>",
        "</ProductKey>",
        "<Key/>",
        "<a b='c'/>",
        "<",
        ">",
        "&",
        ";",
        "&amp;",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<?pi ?>",
        "\"",
        "'",
        "=",
        " ",
        "\n",
        "\u{FEFF}",
        "\u{e9}",
        "\u{1d11e}",
        "<!DOCTYPE",
        "<?xml version='1.0'?>",
        "-",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Everything that can be done to a file must end without panic.
fn exercise(bytes: &[u8]) {
    if let Ok(mut file) = AnswerFile::parse(bytes.to_vec().into()) {
        let _ = (file.architectures(), file.product_keys(), file.summary());
        if file.set(&product_key(), KEY).is_ok() {
            assert_eq!(file.get(&product_key())[0].expose(), KEY);
        } else {
            assert_eq!(file.bytes(), bytes);
        }
        let _ = file.remove(&product_key());
        let _ = file.clear(true);
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        exercise(&bytes);
    }

    #[test]
    fn random_pieces_never_panic_and_others_agree_on_what_is_well_formed(text in pieces()) {
        let root = format!("<unattend xmlns='urn:schemas-microsoft-com:unattend'>{text}</unattend>");
        let ours = AnswerFile::parse(root.clone().into_bytes().into());
        let other = roxmltree::Document::parse(&root);
        prop_assert_eq!(ours.is_ok(), other.is_ok(), "{:?} {:?}", ours, other);
        exercise(root.as_bytes());
        exercise(text.as_bytes());
    }

    #[test]
    fn values_come_back_as_they_were_set(value in "[^\\p{Cc}\u{FFFE}\u{FFFF}]{1,40}", form in 0..6usize) {
        let value = value.trim_matches([' ', '\t', '\r', '\n']);
        prop_assume!(!value.is_empty());
        let encoding = [Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be][form % 3];
        let bytes = text::encode(&around("\n"), Form { encoding, mark: form > 2 });
        let mut file = AnswerFile::parse(bytes.clone()).unwrap();
        file.set(&product_key(), value).unwrap();
        let found = file.get(&product_key());
        prop_assert_eq!(found[0].expose(), value);
        let again = AnswerFile::parse(file.bytes().to_vec().into()).unwrap();
        let found = again.get(&product_key());
        prop_assert_eq!(found[0].expose(), value);
        file.remove(&product_key()).unwrap();
        prop_assert_eq!(file.bytes(), bytes.as_slice());
    }

    #[test]
    fn what_set_created_remove_takes_away_to_the_byte(inside in content()) {
        let old = around(&inside);
        let mut file = parse(&old);
        let setting = product_key();
        let existed = !file.get(&setting).is_empty();
        if let Ok(change) = file.set(&setting, KEY) {
            prop_assert_eq!(file.get(&setting).len(), 1);
            prop_assert_eq!(change.old.is_some(), existed);
            prop_assert!(roxmltree::Document::parse(written(&file)).is_ok());
            let new = written(&file).to_owned();
            prop_assert!(!file.set(&setting, KEY).unwrap().changed);
            prop_assert_eq!(written(&file), &new);
            let mut again = parse(&new);
            prop_assert!(again.remove(&setting).unwrap());
            if !existed {
                prop_assert_eq!(written(&again), old);
            }
        }
    }
}
