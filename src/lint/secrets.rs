//! secrets - passwords, and secrets in files that anybody is handed out.

use super::draft::Drafts;
use super::{Ground, is_template};
use crate::catalog::rules;
use crate::unattend::{ComponentNode, DELETED, Node, PASSWORDS, SETUP};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// Base64 with or without padding, as answer files have both.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// Names of folders and files that WDS hands out.
const SHARED: [&str; 2] = ["remoteinstall", "wdsclientunattend"];

/// How a password stands in its element.
enum Stands {
    Plain,
    Encoded,
    NotEncoded,
}

/// Looks at every password. Gives whether there is one that somebody could use.
pub(super) fn check(ground: &Ground<'_>, drafts: &mut Drafts) -> bool {
    let mut found = false;
    for component in &ground.components {
        let mut path: Vec<&str> = Vec::new();
        for (depth, node) in component.node.descendants() {
            path.truncate(depth.saturating_sub(1));
            path.push(node.name());
            if PASSWORDS.contains(&node.name()) {
                found |= password(component, node, &path.join("/"), drafts);
            }
        }
    }
    found
}

fn password(component: &ComponentNode<'_>, node: Node<'_>, path: &str, drafts: &mut Drafts) -> bool {
    let holder = node.child("Value").unwrap_or(node);
    let value = holder.value();
    let text = value.expose();
    if text.is_empty() || text == DELETED || is_template(text) {
        return false;
    }
    let declared = node.child("PlainText").map(|plain| plain.value());
    let declared_false = declared
        .as_ref()
        .is_some_and(|plain| plain.expose().eq_ignore_ascii_case("false"));
    let declared_true = declared.is_some_and(|plain| plain.expose().eq_ignore_ascii_case("true"));
    let stands = match decodes(text, node.name()) {
        true if !declared_true => Stands::Encoded,
        false if declared_false => Stands::NotEncoded,
        _ => Stands::Plain,
    };
    let (rule, message) = match stands {
        Stands::Plain => (&rules::PLAIN_TEXT_PASSWORD, "a password that everyone can read"),
        Stands::Encoded => (
            &rules::ENCODED_PASSWORD,
            "a password that everyone can decode: it is Base64, not encryption",
        ),
        Stands::NotEncoded => (
            &rules::PASSWORD_NOT_ENCODED,
            "PlainText is false, but the value does not decode to a password",
        ),
    };
    drafts.at(value.span, component.address(path), rule, message);
    true
}

/// Whether `text` is Base64 of UTF-16 that ends with the name of the element, as Windows System Image Manager writes it.
/// Source: Microsoft, Hide Sensitive Data in an Answer File; answer files of public projects for the word at the end.
fn decodes(text: &str, element: &str) -> bool {
    let Ok(bytes) = BASE64.decode(text).map(Zeroizing::new) else {
        return false;
    };
    let word = crate::text::utf16le(element);
    bytes.len() % 2 == 0 && bytes.ends_with(&word)
}

/// A file for the WDS client, or one that lies where WDS hands files out, with a secret in it.
pub(super) fn check_share(ground: &Ground<'_>, has_secret: bool, drafts: &mut Drafts) {
    if !has_secret {
        return;
    }
    for component in ground
        .components
        .iter()
        .filter(|component| component.name == SETUP)
    {
        if let Some(node) = component.node.child("WindowsDeploymentServices") {
            let message =
                "this file is for the WDS client, which anybody on the network can be, and it holds a secret";
            drafts.at(
                node.start_tag(),
                component.address(node.name()),
                &rules::SECRETS_ON_A_WDS_SHARE,
                message,
            );
            return;
        }
    }
    let path = ground.surroundings.path.to_ascii_lowercase();
    if SHARED.iter().any(|name| path.contains(name)) {
        let message = "the file lies in a folder that WDS hands out, and it holds a secret";
        drafts.about(&rules::SECRETS_ON_A_WDS_SHARE, message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_password_ends_with_the_name_of_its_element() {
        let encoded = BASE64.encode(&*crate::text::utf16le("secretPassword"));
        assert!(decodes(&encoded, "Password"));
        assert!(decodes(encoded.trim_end_matches('='), "Password"));
        assert!(!decodes(&encoded, "AdministratorPassword"));
        assert!(!decodes("Passw0rd", "Password"));
    }
}
