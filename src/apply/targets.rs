//! Which files a plan is for: patterns, folders that hold several things, each file once, shares of a list.

use super::Error;
use crate::image::{self, Part, Role, Selector, Target};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// One of several shares of a list: the `number`-th of `count`, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    number: usize,
    count: usize,
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(number, count)| {
            let (number, count) = (number.parse().ok()?, count.parse().ok()?);
            (1..=count).contains(&number).then_some(Self { number, count })
        });
        numbers.ok_or_else(|| "a shard is K/N with K from 1 to N, as in 2/5".to_owned())
    }
}

impl Shard {
    /// Whether the entry at `place`, from 0, of a list belongs to this share.
    pub fn has(self, place: usize) -> bool {
        place % self.count == self.number - 1
    }
}

/// What the names stand for: each file once, in order, of a folder its parts; `selectors` choose images where a name does not.
///
/// # Errors
/// No name, a pattern that fits nothing or is none, a folder that cannot be read.
pub(super) fn parts(
    names: &[String],
    selectors: &[Selector],
    shard: Option<Shard>,
) -> Result<Vec<Part>, Error> {
    let mut targets = Once::default();
    for name in names {
        for target in expand(name)? {
            targets.add(&real(target.path()), target, |own, target| join(own, &target));
        }
    }
    if targets.all.is_empty() {
        return Err(Error::NoTargets);
    }
    let mine = |place: &usize| shard.is_none_or(|shard| shard.has(*place));
    let mut found = Once::default();
    for (_, target) in targets
        .all
        .into_iter()
        .enumerate()
        .filter(|(place, _)| mine(place))
    {
        let target = match target.selectors() {
            [] => target.select(selectors.to_vec()),
            _ => target,
        };
        for part in image::parts(&target)? {
            found.add(&real(part.target.path()), part, |own, part| {
                join(&mut own.target, &part.target);
                // What is named by itself is more than what a medium says of it.
                if part.role == Role::Install {
                    own.role = part.role;
                }
            });
        }
    }
    Ok(found.all)
}

/// The files that a name stands for.
fn expand(name: &str) -> Result<Vec<Target>, Error> {
    let target = Target::new(name);
    let pattern = target.path().to_string_lossy();
    if target.path().exists() || !pattern.contains(['*', '?', '[']) {
        return Ok(vec![target]);
    }
    let options = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: false,
    };
    let paths = glob::glob_with(&pattern, options).map_err(|cause| Error::Pattern {
        pattern: crate::text::printable(&pattern),
        cause: cause.msg,
    })?;
    let mut found = Vec::new();
    for path in paths {
        let path = path.map_err(|cause| Error::File {
            path: cause.path().to_owned(),
            cause: cause.into(),
        })?;
        found.push(target.at(&path));
    }
    if found.is_empty() {
        return Err(Error::NoMatch {
            pattern: crate::text::printable(&pattern),
        });
    }
    Ok(found)
}

/// Things in their order, of each path only one.
struct Once<T> {
    places: HashMap<PathBuf, usize>,
    all: Vec<T>,
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self {
            places: HashMap::new(),
            all: Vec::new(),
        }
    }
}

impl<T> Once<T> {
    /// Adds a thing, or joins it to the one of that path.
    fn add(&mut self, path: &Path, new: T, join: impl FnOnce(&mut T, T)) {
        match self.places.get(path).and_then(|place| self.all.get_mut(*place)) {
            Some(own) => join(own, new),
            None => {
                self.places.insert(path.to_owned(), self.all.len());
                self.all.push(new);
            }
        }
    }
}

/// Adds the images of another name of the same file.
fn join(own: &mut Target, other: &Target) {
    let mut selectors = own.selectors().to_vec();
    if selectors.is_empty() || other.selectors().is_empty() {
        selectors.clear();
    } else {
        selectors.extend_from_slice(other.selectors());
    }
    *own = own.clone().select(selectors);
}

/// The path without links, of something that does not exist as far as it does.
pub(super) fn real(path: &Path) -> PathBuf {
    match (path.canonicalize(), path.parent(), path.file_name()) {
        (Ok(real), _, _) => real,
        (Err(_), Some(folder), Some(name)) if !folder.as_os_str().is_empty() => real(folder).join(name),
        (Err(_), Some(_), Some(name)) => real(Path::new(".")).join(name),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_share_a_list_out_without_a_rest() {
        let shards: Vec<Shard> = ["1/3", "2/3", "3/3"].map(|text| text.parse().unwrap()).into();
        for place in 0..10 {
            assert_eq!(
                shards.iter().filter(|shard| shard.has(place)).count(),
                1,
                "{place}"
            );
        }
        for wrong in ["0/3", "4/3", "1/0", "3", "a/b", "-1/2", ""] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn patterns_fit_files_and_a_file_named_twice_is_one_target() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.wim", "a.wim", "c.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let name = |text: &str| folder.path().join(text).display().to_string();
        let names = [name("*.wim"), name("a.wim"), format!("{}:2", name("b.wim"))];
        let found = parts(&names, &[Selector::Index(1)], None).unwrap();
        let paths: Vec<_> = found.iter().map(|part| part.target.path().to_owned()).collect();
        assert_eq!(paths, [folder.path().join("a.wim"), folder.path().join("b.wim")]);
        assert!(
            found
                .iter()
                .all(|part| part.target.selectors() == [Selector::Index(1)])
        );
        let one = parts(&names[..1], &[], Some("2/2".parse().unwrap())).unwrap();
        assert_eq!(one.len(), 1);
        assert!(matches!(
            parts(&[name("*.esd")], &[], None),
            Err(Error::NoMatch { .. })
        ));
        assert!(matches!(parts(&[], &[], None), Err(Error::NoTargets)));
        assert!(matches!(
            parts(&[name("[.wim")], &[], None),
            Err(Error::Pattern { .. })
        ));
    }

    #[test]
    fn images_of_one_file_named_apart_are_meant_together() {
        let names = ["x.wim:1".to_owned(), "x.wim:Windows 7".to_owned()];
        let found = parts(&names, &[], None).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].target.selectors(),
            [Selector::Index(1), Selector::Name("Windows 7".into())]
        );
    }
}
