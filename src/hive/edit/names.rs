//! names - where the values of one key stand, so that a key takes many values in a time that grows with their number alone.
//!
//! Promise: what is remembered is what the key's list says; an edit that could make it say something else makes it forgotten.

use crate::hive::key::Key;
use crate::hive::name::NewName;
use crate::hive::value::{Value, ValueNode};
use crate::hive::{Error, Hive};
use std::collections::HashMap;

/// A key with fewer values is searched each time.
const WORTH_REMEMBERING: u32 = 64;

/// The values of the key that got the latest value.
pub(in crate::hive) struct ValueNames {
    key: u32,
    /// Their places in the order of the list, by the hash of their names.
    places: HashMap<u32, Vec<u32>>,
}

impl ValueNames {
    fn of(key: &Key<'_>) -> Result<Self, Error> {
        let mut places: HashMap<u32, Vec<u32>> = HashMap::new();
        for value in key.values() {
            let value = value?;
            places
                .entry(value.node.name().hash())
                .or_default()
                .push(value.offset);
        }
        Ok(Self {
            key: key.offset(),
            places,
        })
    }
}

impl Hive {
    /// The value `name` of the key at `path`, as [`Hive::find`] and [`Key::value`] give it, but quickly where many values of one key
    /// are asked for and set in turn.
    ///
    /// # Errors
    /// As [`Hive::set_value`].
    pub fn value_before_edit(&mut self, path: &str, name: &str) -> Result<Option<Value<'_>>, Error> {
        let reach = self.reach(path)?;
        if !reach.missing.is_empty() {
            return Ok(None);
        }
        let place = self.place_of_value(reach.key, &NewName::new(name))?;
        place.map(|place| Value::read(self.cells(), place)).transpose()
    }

    /// Where the value `name` of the key at `key` stands, if there is one.
    pub(super) fn place_of_value(&mut self, key: u32, name: &NewName) -> Result<Option<u32>, Error> {
        let found = Key::read(self.cells(), key)?;
        if found.value_count() < WORTH_REMEMBERING {
            return Ok(found.value_named(name.name())?.map(|value| value.offset));
        }
        if self.names.as_ref().is_none_or(|names| names.key != key) {
            self.names = Some(ValueNames::of(&found)?);
        }
        let places = self
            .names
            .as_ref()
            .and_then(|names| names.places.get(&name.name().hash()));
        for &place in places.into_iter().flatten() {
            if ValueNode::read(self.cells(), place)?.name().is_same(name.name()) {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// Runs an edit that takes no value out of any list and moves none.
    pub(super) fn attempt_with_names<T>(
        &mut self,
        edit: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let names = self.names.take();
        let done = self.attempt(edit)?;
        self.names = names;
        Ok(done)
    }

    /// Remembers the value that the key at `key` got at the end of its list.
    pub(super) fn remember(&mut self, key: u32, name: &NewName, place: u32) {
        if let Some(names) = self.names.as_mut().filter(|names| names.key == key) {
            names.places.entry(name.name().hash()).or_default().push(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hive::{Change, ValueKind};

    #[test]
    fn values_are_found_again_whatever_was_done_between() {
        let mut hive = Hive::create(5).unwrap();
        let many = 3 * WORTH_REMEMBERING;
        let set = |hive: &mut Hive, key: &str, name: &str, byte: u8| {
            hive.set_value(key, name, ValueKind::Binary, &[byte; 9]).unwrap()
        };
        for number in 0..many {
            assert_eq!(set(&mut hive, "K", &format!("Name{number}"), 1), Change::Created);
        }
        assert_eq!(set(&mut hive, "k", "nAME7", 1), Change::Unchanged);
        assert_eq!(set(&mut hive, "K", "NAME8", 2), Change::Replaced);
        // Names of one hash: "Aa" and the letter of that number.
        let twin = char::from_u32(u32::from(b'A') * 37 + u32::from(b'A'))
            .unwrap()
            .to_string();
        assert_eq!(
            NewName::new("Aa").name().hash(),
            NewName::new(&twin).name().hash()
        );
        assert_eq!(set(&mut hive, "K", "Aa", 3), Change::Created);
        assert_eq!(set(&mut hive, "K", &twin, 4), Change::Created);
        assert_eq!(set(&mut hive, "K", "AA", 3), Change::Unchanged);
        // Another key between, and values that went.
        assert_eq!(set(&mut hive, "Other", "Name1", 1), Change::Created);
        assert!(hive.delete_value("K", "name9").unwrap());
        assert_eq!(set(&mut hive, "K", "Name9", 5), Change::Created);
        assert!(hive.delete_key("K").unwrap());
        assert!(hive.value_before_edit("K", "Name1").unwrap().is_none());
        assert_eq!(set(&mut hive, "K", "Name1", 6), Change::Created);
        let value = hive.value_before_edit("K", "NAME1").unwrap().unwrap();
        assert_eq!(value.data().unwrap()[..], [6; 9]);
        Hive::open(hive.finish().unwrap()).unwrap();
    }
}
