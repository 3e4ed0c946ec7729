//! rules - what checks of answer files look for, drawn from `keydata/lint.toml`.

use crate::finding::{Level, Rule};

include!(concat!(env!("OUT_DIR"), "/lint.rs"));

/// The rule of this id, in any case.
pub fn find(id: &str) -> Option<&'static Rule> {
    RULES
        .iter()
        .copied()
        .find(|rule| rule.id.eq_ignore_ascii_case(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_found_by_id_in_any_case() {
        assert_eq!(find("wk-u003"), Some(&KEY_BARE_TEXT));
        assert_eq!(find("WK-U999"), None);
    }
}
