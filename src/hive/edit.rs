//! Edits: setting and deleting keys and values.
//!
//! Promise: a request is refused before anything is touched, or done whole; what already is as wanted is not touched
//! at all. Only the cells that must change do; times stay as they are, so the result depends on the input alone.

mod keys;
mod lists;
mod names;
mod values;

pub(super) use names::ValueNames;

use super::key::{DEPTH_LIMIT, Key};
use super::name::{self, NewName};
use super::value::{DATA_LIMIT, Value};
use super::{Error, Hive, ValueKind};

/// What an edit came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Everything was as wanted before; no byte changed.
    Unchanged,
    /// The value was there and has new data or a new type.
    Replaced,
    /// The key or the value was not there.
    Created,
}

impl Change {
    /// Whether anything was changed.
    pub fn is_change(self) -> bool {
        self != Self::Unchanged
    }
}

/// The parts of a key path; none for `""`.
pub(super) fn parts(path: &str) -> Result<Vec<&str>, Error> {
    let bad = |reason| Error::BadPath {
        path: crate::text::printable(path),
        reason,
    };
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let parts: Vec<_> = path.split('\\').collect();
    if parts.len() >= DEPTH_LIMIT {
        return Err(bad("it has more than 511 parts"));
    }
    for part in &parts {
        if part.is_empty() {
            return Err(bad("a part between two backslashes is empty"));
        }
        if part.encode_utf16().count() > name::KEY_LIMIT {
            return Err(bad("a key name has at most 255 characters"));
        }
    }
    Ok(parts)
}

/// How far a path leads: the last key that is there, and the parts that are not.
struct Reach<'p> {
    key: u32,
    missing: Vec<&'p str>,
}

impl Hive {
    /// Sets the value `name` of the key at `path` to `data` of type `kind`; `""` names the default value. Keys that are
    /// missing on the path are made, with the security descriptor and the time of their parents.
    ///
    /// # Errors
    /// As [`Hive::open`] if the hive was only read before; [`Error::BadPath`], [`Error::NameTooLong`],
    /// [`Error::ValueTooLarge`]; [`Error::SpecialKey`] if the path leads through a link or the like; [`Error::Full`].
    pub fn set_value(
        &mut self,
        path: &str,
        name: &str,
        kind: ValueKind,
        data: &[u8],
    ) -> Result<Change, Error> {
        let length = name.encode_utf16().count();
        if length > name::VALUE_LIMIT {
            return Err(Error::NameTooLong {
                length,
                limit: name::VALUE_LIMIT,
            });
        }
        if data.len() > DATA_LIMIT {
            return Err(Error::ValueTooLarge {
                length: data.len(),
                limit: DATA_LIMIT,
            });
        }
        self.demand_editable()?;
        let reach = self.reach(path)?;
        let name = NewName::new(name);
        if reach.missing.is_empty()
            && let Some(offset) = self.place_of_value(reach.key, &name)?
        {
            let value = Value::read(self.cells(), offset)?;
            if value.node.is_tombstone() {
                return Err(special(path, "part of a layered hive"));
            }
            if value.kind() == kind && *value.data()? == *data {
                return Ok(Change::Unchanged);
            }
            self.attempt_with_names(|hive| hive.replace_value(reach.key, offset, kind, data))?;
            return Ok(Change::Replaced);
        }
        let (key, place) = self.attempt_with_names(|hive| {
            let key = hive.make_keys(&reach)?;
            Ok((key, hive.add_value(key, &name, kind, data)?))
        })?;
        self.remember(key, &name, place);
        Ok(Change::Created)
    }

    /// Makes the key at `path` and those missing on the way, as [`Hive::set_value`] does.
    ///
    /// # Errors
    /// As [`Hive::set_value`].
    pub fn create_key(&mut self, path: &str) -> Result<Change, Error> {
        self.demand_editable()?;
        let reach = self.reach(path)?;
        if reach.missing.is_empty() {
            return Ok(Change::Unchanged);
        }
        self.attempt(|hive| hive.make_keys(&reach))?;
        Ok(Change::Created)
    }

    /// Deletes the value `name` of the key at `path`; `false` if there is no such key or value.
    ///
    /// # Errors
    /// As [`Hive::set_value`].
    pub fn delete_value(&mut self, path: &str, name: &str) -> Result<bool, Error> {
        self.demand_editable()?;
        let reach = self.reach(path)?;
        if !reach.missing.is_empty() {
            return Ok(false);
        }
        let Some(value) = Key::read(self.cells(), reach.key)?.value(name)? else {
            return Ok(false);
        };
        let offset = value.offset;
        self.attempt(|hive| hive.remove_value(reach.key, offset))?;
        Ok(true)
    }

    /// Deletes the key at `path` with all keys below it; `false` if there is no such key.
    ///
    /// # Errors
    /// As [`Hive::set_value`]; [`Error::RootStays`]; [`Error::SpecialKey`] too if a key below is a link or the like.
    pub fn delete_key(&mut self, path: &str) -> Result<bool, Error> {
        self.demand_editable()?;
        let reach = self.reach(path)?;
        if !reach.missing.is_empty() {
            return Ok(false);
        }
        if reach.key == self.root {
            return Err(Error::RootStays);
        }
        let doomed = self.subtree(reach.key)?;
        self.attempt(|hive| hive.remove_keys(reach.key, &doomed))?;
        Ok(true)
    }

    /// Runs an edit; if it fails half-way the hive is not to be used any more.
    fn attempt<T>(&mut self, edit: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        self.names = None;
        let result = edit(self);
        self.is_broken |= result.is_err();
        result
    }

    /// Follows `path` as far as there are keys.
    fn reach<'p>(&self, path: &'p str) -> Result<Reach<'p>, Error> {
        let parts = parts(path)?;
        let mut key = self.root()?;
        let mut left = parts.into_iter();
        loop {
            if let Some(sort) = key.special() {
                return Err(special(&key.path()?, sort));
            }
            let Some(part) = left.next() else {
                return Ok(Reach {
                    key: key.offset(),
                    missing: Vec::new(),
                });
            };
            match self.subkey_in_order(key, &NewName::new(part))? {
                Some(next) => key = next,
                None => {
                    return Ok(Reach {
                        key: key.offset(),
                        missing: std::iter::once(part).chain(left).collect(),
                    });
                }
            }
        }
    }
}

/// The error for a key that is not edited offline.
pub(super) fn special(path: &str, sort: &'static str) -> Error {
    Error::SpecialKey {
        path: crate::text::printable(path),
        sort,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_as_wanted_is_no_change() {
        let mut hive = Hive::create(5).unwrap();
        let mut set = |data: &[u8]| hive.set_value("K", "v", ValueKind::Binary, data).unwrap();
        let changes = [set(&[1]), set(&[1]), set(&[2])];
        assert_eq!(changes, [Change::Created, Change::Unchanged, Change::Replaced]);
        assert_eq!(changes.map(Change::is_change), [true, false, true]);
    }

    #[test]
    fn after_an_edit_that_failed_nothing_is_given_out() {
        let mut hive = Hive::create(5).unwrap();
        hive.attempt(|_| Err::<(), _>(Error::Full("this test")))
            .unwrap_err();
        hive.attempt(|_| Ok(())).unwrap();
        assert_eq!(hive.create_key("K"), Err(Error::Broken));
        assert_eq!(hive.rehearse(), Err(Error::Broken));
        assert_eq!(hive.finish().map(drop), Err(Error::Broken));
    }

    #[test]
    fn data_of_the_largest_size_is_taken() {
        let mut hive = Hive::create(3).unwrap();
        let data = vec![1; DATA_LIMIT];
        let change = hive.set_value("", "v", ValueKind::Binary, &data);
        assert_eq!(change, Ok(Change::Created));
    }
}
