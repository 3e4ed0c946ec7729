//! judge - the verdict on one key.
//!
//! Promise: no allocation, no key text in the verdict but the last group and published keys. What decides, in this
//! order: the published tables, the image's key configuration, the image's build, the checksum.

use super::{KeyConfiguration, Licences, Match};
use crate::catalog::{self, FIRST_BUILD_WITH_N, KeyKind, Near, Platform, PublishedKey};
use crate::key::{self, Draft, Fields, Form, PREVIEW_GROUP, ProductKey, SYMBOL_COUNT};

/// The image a key is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Image<'a> {
    /// `EditionID`.
    pub edition: &'a str,
    /// Windows build, such as 7601.
    pub build: u32,
}

impl Image<'_> {
    /// Whether the image is an evaluation edition.
    pub fn is_evaluation(&self) -> bool {
        self.edition.contains("Eval")
    }
}

/// What keys are judged against.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// The image's key configuration.
    pub configuration: Option<&'a KeyConfiguration>,
    /// The image.
    pub image: Option<Image<'a>>,
    /// The licences installed for the image's edition; `None` where there is no folder of them to ask.
    pub licences: Option<&'a Licences>,
}

/// What a key turned out to be. The names are those of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// In the published tables.
    Published,
    /// Found in the key configuration.
    Matched,
    /// Right shape; nothing more can be known.
    WellFormed,
    /// Stands for a key and is none.
    Placeholder,
    /// Not the shape of a key.
    Malformed,
    /// Right shape, but one symbol from a published key, or with a wrong checksum.
    Misspelled,
    /// A key of another edition or another Windows.
    WrongEdition,
    /// A key that does not belong into a client: of a KMS host, or of a guest where there is none.
    NotAClientKey,
}

impl Judgement {
    /// Every judgement, in the order of declaration.
    pub const ALL: [Self; 8] = [
        Self::Published,
        Self::Matched,
        Self::WellFormed,
        Self::Placeholder,
        Self::Malformed,
        Self::Misspelled,
        Self::WrongEdition,
        Self::NotAClientKey,
    ];

    /// The name on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Matched => "matched",
            Self::WellFormed => "well-formed",
            Self::Placeholder => "placeholder",
            Self::Malformed => "malformed",
            Self::Misspelled => "misspelled",
            Self::WrongEdition => "wrong-edition",
            Self::NotAClientKey => "not-a-client-key",
        }
    }

    /// Whether a key so judged may be used.
    pub fn is_usable(self) -> bool {
        matches!(self, Self::Published | Self::Matched | Self::WellFormed)
    }
}

/// Why the judgement is as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Published,
    Matched,
    ChecksumFits,
    NoSerialToRead,
    Shape(key::Error),
    NotText,
    Near,
    ChecksumOff,
    OtherEdition,
    EvaluationImage,
    OfficeKey,
    UnknownToConfiguration,
    NotInstalled,
    NewerThanImage,
    OlderThanImage,
    PreviewKey,
    HostKey,
    NoN,
    GuestKey,
}

/// The verdict on one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict<'a> {
    /// What the key is.
    pub judgement: Judgement,
    /// The published key it is, or for a misspelt key the one that was meant.
    pub published: Option<&'static PublishedKey>,
    /// Its place in the key configuration.
    pub matched: Option<Match<'a>>,
    /// Column of the fault in the text, from 1; for a key without text, in the usual writing.
    pub position: Option<usize>,
    /// For a misspelt key with two symbols exchanged: the column of the second.
    pub swapped_with: Option<usize>,
    /// The last group, where there are 25 symbols.
    pub last_five: Option<[u8; 5]>,
    pub(super) image: Option<Image<'a>>,
    pub(super) reason: Reason,
}

impl<'a> Verdict<'a> {
    #[inline]
    fn new(judgement: Judgement, reason: Reason, image: Option<Image<'a>>) -> Self {
        Self {
            judgement,
            published: None,
            matched: None,
            position: None,
            swapped_with: None,
            last_five: None,
            image,
            reason,
        }
    }

    /// The product; for a misspelt key none, for nothing is certain about it.
    pub fn product(&self) -> Option<&'a str> {
        if self.judgement == Judgement::Misspelled || self.judgement == Judgement::Malformed {
            return None;
        }
        let published = self.published.map(|key| key.product);
        published.or(self
            .matched
            .map(|matched| matched.configuration.description.as_str()))
    }

    /// The edition or, separated by `;`, the editions.
    pub fn edition(&self) -> Option<&'a str> {
        self.product()?;
        let published = self.published.and_then(PublishedKey::edition);
        self.matched
            .map(|matched| matched.configuration.edition_list.as_str())
            .or(published)
    }

    /// The channel, such as `Volume:GVLK`.
    pub fn channel(&self) -> Option<&'a str> {
        self.product()?;
        let published = self.published.map(|key| key.kind.channel());
        self.matched
            .map(|matched| matched.configuration.key_type.as_str())
            .or(published)
    }

    /// The KMS key group of a published key.
    pub fn kms_group(&self) -> Option<&'static str> {
        self.product()?;
        self.published.and_then(|key| key.kms_group)
    }

    /// The published key that a misspelt one was probably meant to be.
    pub fn did_you_mean(&self) -> Option<&'static PublishedKey> {
        self.published
            .filter(|_| self.reason == Reason::Near || self.judgement == Judgement::Malformed)
    }

    /// The key with all but the last group masked.
    pub fn partial(&self) -> Option<String> {
        let mut shown = String::from("*****-*****-*****-*****-");
        shown.extend(self.last_five?.map(char::from));
        Some(shown)
    }
}

/// The verdict on a key.
pub fn judge<'a>(key: &ProductKey, context: &Context<'a>) -> Verdict<'a> {
    let draft = Draft::new(); // its columns are those of the usual writing
    judge_symbols(key.symbols(), &draft, context)
}

/// The verdict on a text. `draft` is scratch memory that any number of calls may share.
pub fn judge_text<'a>(text: &[u8], draft: &mut Draft, context: &Context<'a>) -> Verdict<'a> {
    if draft.read_usual(text) {
        // No published key is a placeholder, so the more frequent question goes first.
        let symbols = draft.symbols();
        if let Some(published) = catalog::by_symbols(symbols) {
            return finish(judge_published(published, context), symbols);
        }
        // Nor does one stand next to a published key.
        let near = catalog::near(symbols);
        return match near.map_or_else(|| key::placeholder_of(symbols), |_| None) {
            Some(kind) => judge_fault(key::Error::Placeholder(kind), draft, context),
            None => judge_unpublished(symbols, near, draft, context),
        };
    }
    let Ok(text) = std::str::from_utf8(text) else {
        return Verdict::new(Judgement::Malformed, Reason::NotText, context.image);
    };
    match draft.read(text) {
        Ok(()) => judge_symbols(draft.symbols(), draft, context),
        Err(error) => judge_fault(error, draft, context),
    }
}

fn judge_fault<'a>(error: key::Error, draft: &Draft, context: &Context<'a>) -> Verdict<'a> {
    let judgement = match error {
        key::Error::Placeholder(_) => Judgement::Placeholder,
        _ => Judgement::Malformed,
    };
    let mut verdict = Verdict::new(judgement, Reason::Shape(error), context.image);
    verdict.position = error.column();
    verdict.published = match error {
        key::Error::NotASymbol { .. } => catalog::near(draft.symbols()).map(|near| near.key),
        key::Error::Count { .. } => draft.with_symbols(catalog::one_off),
        _ => None,
    };
    verdict
}

#[inline]
fn finish<'a>(mut verdict: Verdict<'a>, symbols: &[u8; SYMBOL_COUNT]) -> Verdict<'a> {
    verdict.last_five = symbols.last_chunk().copied();
    verdict
}

fn judge_symbols<'a>(symbols: &[u8; SYMBOL_COUNT], draft: &Draft, context: &Context<'a>) -> Verdict<'a> {
    match catalog::by_symbols(symbols) {
        Some(published) => finish(judge_published(published, context), symbols),
        None => judge_unpublished(symbols, catalog::near(symbols), draft, context),
    }
}

#[inline]
fn judge_unpublished<'a>(
    symbols: &[u8; SYMBOL_COUNT],
    near: Option<Near>,
    draft: &Draft,
    context: &Context<'a>,
) -> Verdict<'a> {
    let verdict = match (near, key::form(symbols)) {
        (Some(near), _) => misspelled(near, draft, context),
        (None, Some(Form::Pkey2005)) => without_n(context),
        (None, Some(Form::Pkey2009)) => with_n(symbols, context),
        (None, None) => {
            let error = key::misplaced_n(draft, symbols);
            let mut verdict = Verdict::new(Judgement::Malformed, Reason::Shape(error), context.image);
            verdict.position = error.column();
            verdict
        }
    };
    finish(verdict, symbols)
}

#[inline]
fn misspelled<'a>(near: Near, draft: &Draft, context: &Context<'a>) -> Verdict<'a> {
    let mut verdict = Verdict::new(Judgement::Misspelled, Reason::Near, context.image);
    verdict.published = Some(near.key);
    verdict.position = Some(draft.column(near.symbol));
    verdict.swapped_with = near.swapped_with.map(|symbol| draft.column(symbol));
    verdict
}

#[inline]
fn judge_published<'a>(key: &'static PublishedKey, context: &Context<'a>) -> Verdict<'a> {
    let image = context.image;
    let matched = context
        .configuration
        .and_then(|configuration| match key.group_and_serial {
            Some((group, serial)) => configuration.match_fields(Fields {
                group,
                serial,
                upgrade: false,
                checksum_fits: true,
            }),
            None => key
                .activation_id
                .and_then(|id| configuration.of_activation_id(id)),
        });
    let (judgement, reason) = published_reason(key, matched, context);
    let mut verdict = Verdict::new(judgement, reason, image);
    verdict.published = Some(key);
    verdict.matched = matched;
    verdict
}

fn published_reason(
    key: &PublishedKey,
    matched: Option<Match<'_>>,
    context: &Context<'_>,
) -> (Judgement, Reason) {
    let of_windows = context.image.is_some() || context.configuration.is_some();
    let has_n = key.group_and_serial.is_some();
    if key.platform == Platform::Office && of_windows && matched.is_none() {
        return (Judgement::WrongEdition, Reason::OfficeKey);
    }
    if matched.is_some_and(|matched| matched.configuration.key_type == HOST_KEY) {
        return (Judgement::NotAClientKey, Reason::HostKey);
    }
    if let Some(image) = context.image {
        if has_n && image.build < FIRST_BUILD_WITH_N {
            return (Judgement::WrongEdition, Reason::NewerThanImage);
        }
        if !has_n && image.build >= FIRST_BUILD_WITH_N {
            return (Judgement::WrongEdition, Reason::OlderThanImage);
        }
        if key.kind == KeyKind::Avma && !image.edition.starts_with("Server") {
            return (Judgement::NotAClientKey, Reason::GuestKey);
        }
        let fits = match matched {
            Some(matched) => matched.configuration.names_edition(image.edition),
            None => context.configuration.is_none() && key.fits(image.edition, image.build),
        };
        if !fits && image.is_evaluation() {
            return (Judgement::WrongEdition, Reason::EvaluationImage);
        }
        if !fits && (matched.is_some() || context.configuration.is_none()) {
            return (Judgement::WrongEdition, Reason::OtherEdition);
        }
    }
    if context.configuration.is_some() && matched.is_none() {
        return (Judgement::WrongEdition, Reason::UnknownToConfiguration);
    }
    let installed = match (matched, key.activation_id, context.licences) {
        (Some(matched), _, _) => is_installed(matched, context),
        (None, Some(id), Some(licences)) => licences.contain(id),
        _ => true,
    };
    if !installed {
        return (Judgement::WrongEdition, Reason::NotInstalled);
    }
    (Judgement::Published, Reason::Published)
}

/// The channel of keys that make a machine a KMS host.
const HOST_KEY: &str = "Volume:CSVLK";

/// An unpublished key without the letter `N`.
fn without_n<'a>(context: &Context<'a>) -> Verdict<'a> {
    let image_takes_n = match (context.image, context.configuration) {
        (Some(image), _) => image.build >= FIRST_BUILD_WITH_N,
        (None, Some(configuration)) => configuration.has_keys_with_n(),
        (None, None) => false,
    };
    if image_takes_n {
        return Verdict::new(Judgement::NotAClientKey, Reason::NoN, context.image);
    }
    Verdict::new(Judgement::WellFormed, Reason::NoSerialToRead, context.image)
}

/// An unpublished key with one letter `N`.
#[inline]
fn with_n<'a>(symbols: &[u8; SYMBOL_COUNT], context: &Context<'a>) -> Verdict<'a> {
    match Fields::read(symbols).filter(|fields| fields.checksum_fits) {
        Some(fields) => of_fields(fields, context),
        None => Verdict::new(Judgement::Misspelled, Reason::ChecksumOff, context.image),
    }
}

/// An unpublished key with these fields, whose checksum fits.
#[inline]
fn of_fields<'a>(fields: Fields, context: &Context<'a>) -> Verdict<'a> {
    let image = context.image;
    if fields.group == PREVIEW_GROUP {
        return Verdict::new(Judgement::NotAClientKey, Reason::PreviewKey, image);
    }
    if image.is_some_and(|image| image.build < FIRST_BUILD_WITH_N) {
        return Verdict::new(Judgement::WrongEdition, Reason::NewerThanImage, image);
    }
    let Some(configuration) = context.configuration else {
        return Verdict::new(Judgement::WellFormed, Reason::ChecksumFits, image);
    };
    let Some(matched) = configuration.match_fields(fields) else {
        return Verdict::new(Judgement::WrongEdition, Reason::UnknownToConfiguration, image);
    };
    let (judgement, reason) = matched_reason(matched, context);
    let mut verdict = Verdict::new(judgement, reason, image);
    verdict.matched = Some(matched);
    verdict
}

fn matched_reason(matched: Match<'_>, context: &Context<'_>) -> (Judgement, Reason) {
    if matched.configuration.key_type == HOST_KEY {
        return (Judgement::NotAClientKey, Reason::HostKey);
    }
    let Some(image) = context.image else {
        return (Judgement::Matched, Reason::Matched);
    };
    if matched.configuration.key_type == KeyKind::Avma.channel() && !image.edition.starts_with("Server") {
        return (Judgement::NotAClientKey, Reason::GuestKey);
    }
    if !matched.configuration.names_edition(image.edition) {
        let reason = if image.is_evaluation() {
            Reason::EvaluationImage
        } else {
            Reason::OtherEdition
        };
        return (Judgement::WrongEdition, reason);
    }
    if !is_installed(matched, context) {
        return (Judgement::WrongEdition, Reason::NotInstalled);
    }
    (Judgement::Matched, Reason::Matched)
}

/// Whether the licence of a key's entry is installed, as far as the image tells.
fn is_installed(matched: Match<'_>, context: &Context<'_>) -> bool {
    context
        .licences
        .is_none_or(|licences| licences.contain(&matched.configuration.activation_id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pkeyconfig::sample;

    const ROW: sample::Row<'_> = sample::Row {
        group: 4000,
        editions: "Professional",
        key_type: "Volume:MAK",
        activation_id: "00000000-0000-0000-0000-000000004000",
        eula_type: "Volume",
        ranges: &[("X", 100, 199)],
    };
    const IMAGE: Image<'_> = Image {
        edition: "Professional",
        build: 22621,
    };

    fn judged(row: sample::Row<'_>, serial: u32, image: Option<Image<'_>>) -> (Judgement, Option<String>) {
        let configuration = KeyConfiguration::parse(sample::file(&[row], true).as_bytes()).unwrap();
        let fields = Fields {
            group: 4000,
            serial,
            upgrade: false,
            checksum_fits: true,
        };
        let context = Context {
            configuration: Some(&configuration),
            image,
            ..Context::default()
        };
        let verdict = of_fields(fields, &context);
        (verdict.judgement, verdict.channel().map(str::to_owned))
    }

    #[test]
    fn a_key_that_nobody_published_is_known_by_its_group_and_serial() {
        for (key_type, editions, wanted) in [
            ("Volume:MAK", "Professional", Judgement::Matched),
            ("Volume:MAK", "Core;Professional", Judgement::Matched),
            ("Volume:MAK", "Enterprise", Judgement::WrongEdition),
            ("Volume:CSVLK", "Professional", Judgement::NotAClientKey),
            ("VT:IA", "ServerStandard", Judgement::NotAClientKey),
        ] {
            let row = sample::Row {
                editions,
                key_type,
                ..ROW
            };
            let (judgement, channel) = judged(row, 150, Some(IMAGE));
            assert_eq!(judgement, wanted, "{key_type} {editions}");
            assert_eq!(channel.as_deref(), Some(key_type));
        }
        assert_eq!(judged(ROW, 150, None).0, Judgement::Matched);
        assert_eq!(judged(ROW, 200, None).0, Judgement::WrongEdition);
        let old = Image { build: 7601, ..IMAGE };
        assert_eq!(judged(ROW, 150, Some(old)).0, Judgement::WrongEdition);
    }

    #[test]
    fn the_group_of_previews_is_no_clients() {
        let fields = Fields {
            group: PREVIEW_GROUP,
            serial: 0,
            upgrade: false,
            checksum_fits: true,
        };
        let verdict = of_fields(fields, &Context::default());
        assert_eq!(verdict.judgement, Judgement::NotAClientKey);
        assert!(verdict.to_string().contains("placeholder group 999999"));
    }
}
