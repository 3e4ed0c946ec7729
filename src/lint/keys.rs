//! keys - product keys: absent, empty, standing in, wrong, for something else, in the wrong place, secret.

use super::draft::Drafts;
use super::named;
use super::{Ground, is_template};
use crate::catalog::{self, Platform, Status, rules};
use crate::finding::{Finding, Level};
use crate::key::{Draft, ProductKey};
use crate::pkeyconfig::{self, Context, Judgement, Verdict, judge_text};
use crate::unattend::{ComponentNode, DELETED, KeyKind, Node, Pass, SETUP, SHELL_SETUP, Value};
use std::ops::Range;

/// The element for a key.
const PRODUCT_KEY: &str = "ProductKey";
/// The channel of multiple activation keys.
const MULTIPLE: &str = "Volume:MAK";
/// The most keys that are compared with each other; there are five architectures and two passes.
const FOUND_LIMIT: usize = 64;
/// Serials that only the generic keys have, which Setup itself uses: the first of their range.
const LAST_GENERIC_SERIAL: u32 = 1;

/// The keys of a file.
#[derive(Default)]
pub(super) struct Keys {
    found: Vec<Found>,
    /// Whether there is an element for a key in pass windowsPE.
    has_element: bool,
    has_secret: bool,
}

/// A key where Setup reads one.
struct Found {
    for_installation: bool,
    architecture: String,
    span: Range<usize>,
    address: String,
    key: ProductKey,
    /// Editions that it is for; empty if unknown.
    editions: Vec<String>,
}

impl Keys {
    /// Whether there is a key that nobody published.
    pub(super) fn has_secret(&self) -> bool {
        self.has_secret
    }

    /// Whether Setup is told a key, or told to do without.
    pub(super) fn has_element(&self) -> bool {
        self.has_element
    }

    /// The key that selects the edition, and the editions that it is for, if they are known.
    pub(super) fn for_installation(&self) -> Option<(&ProductKey, &[String])> {
        let found = self.found.iter().find(|found| found.for_installation)?;
        Some((&found.key, &found.editions))
    }
}

pub(super) fn check(ground: &Ground<'_>, drafts: &mut Drafts) -> Keys {
    let mut checker = Checker {
        ground,
        drafts,
        keys: Keys::default(),
        scratch: Draft::new(),
        seen: Vec::new(),
        names_evaluation: named::names_evaluation(ground),
    };
    for component in &ground.components {
        for (_, node) in component.node.descendants() {
            if node.name() == PRODUCT_KEY {
                checker.seen.push(node.range());
                checker.element(component, node);
            }
        }
    }
    checker.elsewhere();
    checker.compare();
    checker.keys
}

struct Checker<'a, 'd> {
    ground: &'d Ground<'a>,
    drafts: &'d mut Drafts,
    keys: Keys,
    scratch: Draft,
    /// Where elements for keys stand.
    seen: Vec<Range<usize>>,
    /// Whether the image that is named to Setup is an evaluation.
    names_evaluation: bool,
}

impl<'a> Checker<'a, '_> {
    fn element(&mut self, component: &ComponentNode<'_>, node: Node<'_>) {
        let for_installation = component.name == SETUP;
        self.keys.has_element |= for_installation && component.pass == Pass::WindowsPe.name();
        let value = node.value();
        let address = component.address(if for_installation {
            "UserData/ProductKey"
        } else {
            PRODUCT_KEY
        });
        if !for_installation {
            if component.name == SHELL_SETUP && value.is_empty() {
                let message = "an empty key: pass specialize will fail with 0x80070057";
                let finding = self.drafts.at(value.span, address, &rules::KEY_EMPTY, message);
                finding.level = Level::Error;
            } else if !value.is_empty() {
                self.key(component, node, &value, address);
            }
            return;
        }
        let address_of_key = format!("{address}/Key");
        if !value.is_empty() && value.expose() != DELETED && !is_template(value.expose()) {
            let message = "the key stands straight in ProductKey, where Setup cannot read it";
            self.drafts.at(
                value.span.clone(),
                address.clone(),
                &rules::KEY_BARE_TEXT,
                message,
            );
            self.key(component, node, &value, address);
        }
        for key in node.children().filter(|child| child.name() == "Key") {
            let value = key.value();
            if value.is_empty() {
                let message = "an empty element Key: leave Key out if Setup is to do without a key";
                self.drafts
                    .at(value.span, address_of_key.clone(), &rules::KEY_EMPTY, message);
            } else {
                self.key(component, key, &value, address_of_key.clone());
            }
        }
    }

    /// Judges a key in the element `node`.
    fn key(&mut self, component: &ComponentNode<'_>, node: Node<'_>, value: &Value, address: String) {
        let text = value.expose();
        if text == DELETED || is_template(text) {
            let processed = component.settings.attribute("wasPassProcessed").is_some();
            if !processed && !self.ground.surroundings.in_image {
                let message = if text == DELETED {
                    "Windows has deleted the key from this copy of an answer file"
                } else {
                    "a variable stands for the key: something must fill it in before Setup reads the file"
                };
                let finding = self
                    .drafts
                    .at(value.span.clone(), address, &rules::KEY_PLACEHOLDER, message);
                if text != DELETED {
                    finding.level = Level::Note;
                }
            }
            return;
        }
        let for_installation = component.name == SETUP;
        let image = self.ground.meant().next();
        let verdict = self.judged(text, for_installation);
        let mut message = sentence(&verdict);
        let several = self.ground.meant().count();
        let refused = matches!(
            verdict.judgement,
            Judgement::WrongEdition | Judgement::NotAClientKey
        );
        if refused && several > 1 && named::named_image(self.ground).is_none() {
            message = format!("none of the {several} images takes this key: {message}");
        }
        let mut span = value.span.clone();
        if let Some(position) = verdict.position.filter(|_| span.len() == text.len()) {
            // Just the symbol that is wrong.
            let at = text.char_indices().nth(position.saturating_sub(1));
            if let Some((at, symbol)) = at {
                span = span.start + at..span.start + at + symbol.len_utf8();
            }
        }
        let secret = self.is_secret(&verdict);
        match verdict.judgement {
            Judgement::Placeholder => self.placeholder(node, text, span, address, message),
            Judgement::Malformed => {
                let finding = self.drafts.at(span, address, &rules::KEY_MALFORMED, message);
                suggest(finding, &verdict);
            }
            Judgement::Misspelled => {
                let finding = self.drafts.at(span, address, &rules::KEY_MISSPELT, message);
                suggest(finding, &verdict);
            }
            Judgement::WrongEdition | Judgement::NotAClientKey => {
                let evaluation = image.is_some_and(|image| image.edition.contains("Eval"));
                let rule = if evaluation {
                    &rules::KEY_FOR_EVALUATION_MEDIA
                } else {
                    &rules::KEY_OF_ANOTHER_EDITION
                };
                self.drafts.at(span.clone(), address.clone(), rule, message);
                self.remember(component, &verdict, text, &span, &address);
                self.secrecy(secret, &verdict, span, address);
            }
            Judgement::Published | Judgement::Matched | Judgement::WellFormed => {
                let office = verdict.published.filter(|row| row.platform == Platform::Office);
                if let Some(row) = office {
                    let message = format!("a key of {}, which Windows does not take", row.product);
                    self.drafts.at(
                        span.clone(),
                        address.clone(),
                        &rules::KEY_OF_ANOTHER_EDITION,
                        message,
                    );
                } else if for_installation && verdict.channel() == Some(MULTIPLE) {
                    let message =
                        "a multiple activation key (MAK), which Setup does not take in pass windowsPE";
                    self.drafts
                        .at(span.clone(), address.clone(), &rules::MAK_IN_WINDOWSPE, message);
                } else if self.names_evaluation && self.ground.surroundings.images.is_empty() {
                    let message = "a key is given, and the image named by InstallFrom is an evaluation";
                    self.drafts.at(
                        span.clone(),
                        address.clone(),
                        &rules::KEY_FOR_EVALUATION_MEDIA,
                        message,
                    );
                }
                self.remember(component, &verdict, text, &span, &address);
                self.secrecy(secret, &verdict, span, address);
            }
        }
    }

    /// The best verdict that an image which is meant gives.
    fn judged(&mut self, text: &str, for_installation: bool) -> Verdict<'a> {
        let named = named::named_image(self.ground);
        let mut best = None;
        for image in self
            .ground
            .meant()
            .filter(|image| named.is_none_or(|index| image.index == index))
        {
            let verdict = judge_text(text.as_bytes(), &mut self.scratch, &image.context());
            let multiple = for_installation && verdict.channel() == Some(MULTIPLE);
            let done = verdict.judgement.is_usable() && !multiple;
            best = Some(verdict);
            if done {
                break;
            }
        }
        best.unwrap_or_else(|| judge_text(text.as_bytes(), &mut self.scratch, &Context::default()))
    }

    /// Whether the key, which has the form of one, is nobody's but its owner's.
    fn is_secret(&self, verdict: &Verdict<'_>) -> bool {
        verdict.published.is_none() && self.generic_serial().is_none()
    }

    /// The serial of the key just judged, if it is that of a generic key.
    fn generic_serial(&self) -> Option<u32> {
        let key = ProductKey::from_symbols(self.scratch.symbols())?;
        let fields = key.fields().filter(|fields| fields.checksum_fits)?;
        Some(fields.serial).filter(|&serial| serial <= LAST_GENERIC_SERIAL)
    }

    fn secrecy(&mut self, secret: bool, verdict: &Verdict<'_>, span: Range<usize>, address: String) {
        if secret {
            self.keys.has_secret = true;
            let message = "this key is not a published one: treat it as a secret";
            self.drafts.at(span, address, &rules::UNPUBLISHED_KEY, message);
            return;
        }
        match verdict.published {
            Some(row) if row.status != Status::Current => {
                let message = format!("the key of {} is not printed any more", row.product);
                self.drafts.at(span, address, &rules::KEY_WITHDRAWN, message);
            }
            Some(row) => {
                let message = format!("the published key of {}: not a secret", row.product);
                self.drafts.at(span, address, &rules::PUBLISHED_KEY, message);
            }
            None => {
                let message = "a generic key, the first of its range, which Setup itself uses: not a secret, and it activates nothing";
                self.drafts.at(span, address, &rules::PUBLISHED_KEY, message);
            }
        }
    }

    fn placeholder(
        &mut self,
        node: Node<'_>,
        text: &str,
        span: Range<usize>,
        address: String,
        message: String,
    ) {
        let page = node.parent().and_then(|parent| parent.child("WillShowUI"));
        let asks = page.is_some_and(|page| page.value().expose().eq_ignore_ascii_case("Always"));
        let finding = self.drafts.at(span, address, &rules::KEY_PLACEHOLDER, message);
        if asks && text.chars().all(|symbol| matches!(symbol, '0' | '-')) {
            finding.level = Level::Note;
            "no key: with WillShowUI Always, Setup asks for one".clone_into(&mut finding.message);
            "Nothing has to be done if that is what you want.".clone_into(&mut finding.help);
        }
    }

    fn remember(
        &mut self,
        component: &ComponentNode<'_>,
        verdict: &Verdict<'_>,
        text: &str,
        span: &Range<usize>,
        address: &str,
    ) {
        let for_installation = component.name == SETUP;
        let pass = if for_installation {
            Pass::WindowsPe
        } else {
            Pass::Specialize
        };
        if component.pass != pass.name() {
            return;
        }
        let Ok(parsed) = ProductKey::parse(text) else {
            return;
        };
        let editions = match (verdict.matched, verdict.published) {
            (Some(matched), _) => matched.configuration.editions().map(str::to_owned).collect(),
            (None, Some(row)) => row.editions.iter().map(|&edition| edition.to_owned()).collect(),
            (None, None) => Vec::new(),
        };
        // Of each architecture the first key counts.
        let same = |found: &Found| {
            found.for_installation == for_installation
                && found.architecture.eq_ignore_ascii_case(component.architecture)
        };
        if self.keys.found.len() >= FOUND_LIMIT || self.keys.found.iter().any(same) {
            return;
        }
        self.keys.found.push(Found {
            for_installation,
            architecture: component.architecture.to_owned(),
            span: span.clone(),
            address: address.to_owned(),
            key: parsed.key,
            editions,
        });
    }

    /// The two keys of an architecture against each other.
    fn compare(&mut self) {
        for installation in self.keys.found.iter().filter(|found| found.for_installation) {
            let partner = self.keys.found.iter().find(|found| {
                !found.for_installation
                    && found
                        .architecture
                        .eq_ignore_ascii_case(&installation.architecture)
            });
            let Some(activation) = partner.filter(|found| found.key.symbols() != installation.key.symbols())
            else {
                continue;
            };
            let known = !installation.editions.is_empty() && !activation.editions.is_empty();
            let common = |edition: &String| activation.editions.contains(edition);
            if known && installation.editions.iter().any(common) {
                continue;
            }
            let row = |key: &ProductKey| catalog::row_of(key).map_or("an unpublished key", |row| row.product);
            let message = format!(
                "the key in windowsPE is for {}, this one is for {}",
                row(&installation.key),
                row(&activation.key)
            );
            let finding = self.drafts.at(
                activation.span.clone(),
                activation.address.clone(),
                &rules::KEYS_DIFFER,
                if known {
                    message
                } else {
                    "this key is another one than that in windowsPE".to_owned()
                },
            );
            if !known {
                finding.level = Level::Note;
                "The one in windowsPE chooses the edition, this one activates it: both must be for the same edition.".clone_into(&mut finding.help);
            }
        }
    }

    /// Keys in commands and comments, where only a secret matters.
    fn elsewhere(&mut self) {
        for (span, kind) in self.ground.file.stray_keys() {
            // They stand in the order of the file.
            let behind = self.seen.partition_point(|seen| seen.end <= span.start);
            if self
                .seen
                .get(behind)
                .is_some_and(|seen| seen.contains(&span.start))
            {
                continue;
            }
            let Ok(parsed) = ProductKey::parse(self.ground.file.exposed(span.clone())) else {
                continue;
            };
            let verdict = pkeyconfig::judge(&parsed.key, &Context::default());
            let generic = parsed
                .key
                .fields()
                .is_some_and(|fields| fields.serial <= LAST_GENERIC_SERIAL);
            if verdict.judgement != Judgement::WellFormed || generic || parsed.key.placeholder().is_some() {
                continue;
            }
            self.keys.has_secret = true;
            let message = match kind {
                KeyKind::Comment => "a key in a comment that is not a published one: treat it as a secret",
                _ => "a key within other text that is not a published one: treat it as a secret",
            };
            self.drafts.at(span, "", &rules::UNPUBLISHED_KEY, message);
        }
    }
}

/// The reason of a verdict, with places counted in the key: its column in the file stands beside the sentence.
fn sentence(verdict: &Verdict<'_>) -> String {
    let text = verdict.to_string();
    let text = match text
        .strip_prefix("column ")
        .and_then(|rest| rest.split_once([',', ':']))
    {
        Some((_, rest)) => rest.trim_start().to_owned(),
        None => text,
    };
    text.replace(" in column ", " in place ")
        .replace(" in columns ", " in places ")
}

/// Names the published key that was probably meant.
fn suggest(finding: &mut Finding, verdict: &Verdict<'_>) {
    if let Some(row) = verdict.did_you_mean() {
        finding.help = format!("If {} is meant, its key is {}.", row.product, row.text);
    }
}
