//! TARGET as the command line names it: a WIM, perhaps `:INDEX` or `:NAME` of one image, or the root folder of an image.

use super::{Error, Image};
use std::path::{Path, PathBuf};

/// A WIM file or folder, and which of its images are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    path: PathBuf,
    selectors: Vec<Selector>,
}

/// Which images of a WIM are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// The image of this index, from 1.
    Index(u32),
    /// The image of this name, in any case.
    Name(String),
    /// Every image of this edition (EditionID as the WIM's XML has it), in any case.
    Edition(String),
}

impl Selector {
    /// An index if it is a number, a name otherwise.
    pub fn new(text: &str) -> Self {
        text.parse()
            .map_or_else(|_| Self::Name(text.to_owned()), Self::Index)
    }

    /// An image as it is offered to whoever asked for another one in this way.
    fn offer(&self, image: &Image) -> String {
        let name = format!("{} {}", image.index, crate::text::printable(&image.name));
        match (self, &image.edition) {
            (Self::Edition(_), Some(edition)) => format!("{name} ({})", crate::text::printable(edition)),
            _ => name,
        }
    }

    fn chooses(&self, image: &Image) -> bool {
        match self {
            Self::Index(index) => image.index == *index,
            Self::Name(name) => crate::text::same_name(&image.name, name),
            Self::Edition(edition) => image
                .edition
                .as_ref()
                .is_some_and(|own| crate::text::same_name(own, edition)),
        }
    }
}

impl std::fmt::Display for Selector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Index(index) => write!(formatter, "{index}"),
            Self::Name(name) => formatter.write_str(&crate::text::printable(name)),
            Self::Edition(edition) => write!(formatter, "of edition {}", crate::text::printable(edition)),
        }
    }
}

impl Target {
    /// Reads `PATH`, `PATH:INDEX` or `PATH:NAME`. A path that exists as a whole is never taken apart.
    pub fn new(text: &str) -> Self {
        let whole = Path::new(text);
        let parts = |(path, selector): (&str, &str)| !path.is_empty() && !selector.is_empty();
        // A name may have colons too: what exists is the path.
        let existing = || {
            let mut splits = text.match_indices(':').filter_map(|(place, _)| {
                let (path, rest) = text.split_at_checked(place)?;
                Some((path, rest.strip_prefix(':')?)).filter(|&split| parts(split))
            });
            splits.find(|(path, _)| Path::new(path).exists())
        };
        if whole.exists() {
            return Self::all_of(whole);
        }
        match existing().or_else(|| text.rsplit_once(':').filter(|&split| parts(split))) {
            Some((path, selector)) => Self {
                path: path.into(),
                selectors: vec![Selector::new(selector)],
            },
            None => Self::all_of(whole),
        }
    }

    /// All images of a WIM, or a folder.
    pub fn all_of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            selectors: Vec::new(),
        }
    }

    /// The same selection in another file, as a changed copy is read back.
    #[must_use]
    pub fn at(&self, path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            selectors: self.selectors.clone(),
        }
    }

    /// The same file; of a WIM, only the images that any of these names. Without selectors, all of them.
    #[must_use]
    pub fn select(mut self, selectors: Vec<Selector>) -> Self {
        self.selectors = selectors;
        self
    }

    /// The WIM or folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which images are named; empty for all.
    pub fn selectors(&self) -> &[Selector] {
        &self.selectors
    }

    /// The images meant, of all there are.
    pub(super) fn choose(&self, all: Vec<Image>) -> Result<Vec<Image>, Error> {
        for selector in &self.selectors {
            if !all.iter().any(|image| selector.chooses(image)) {
                return Err(Error::NoSuchImage {
                    path: self.path.clone(),
                    selector: selector.to_string(),
                    available: all.iter().map(|image| selector.offer(image)).collect(),
                });
            }
        }
        let is_meant = |image: &Image| {
            self.selectors.is_empty() || self.selectors.iter().any(|selector| selector.chooses(image))
        };
        Ok(all.into_iter().filter(is_meant).collect())
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.path.display())?;
        self.selectors
            .iter()
            .try_for_each(|selector| write!(formatter, ":{selector}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(index: u32, name: &str) -> Image {
        Image {
            index,
            name: name.into(),
            ..Image::unknown()
        }
    }

    #[test]
    fn an_image_is_selected_by_index_or_by_name_without_regard_to_case() {
        let all = || vec![image(1, "Windows 7 Pro"), image(2, "Windows 7 Ent")];
        let selected = |text: &str| {
            Target::new(text)
                .choose(all())
                .map(|images| images.iter().map(|i| i.index).collect::<Vec<_>>())
        };
        assert_eq!(selected("missing.wim").unwrap(), [1, 2]);
        assert_eq!(selected("missing.wim:2").unwrap(), [2]);
        assert_eq!(selected("missing.wim:windows 7 pro").unwrap(), [1]);
        let error = selected("missing.wim:3").unwrap_err().to_string();
        assert!(
            error.contains("has no image 3") && error.contains("2 Windows 7 Ent"),
            "{error}"
        );
    }

    #[test]
    fn several_selectors_name_their_images_once_and_in_order() {
        let of = |index, name: &str, edition: &str| Image {
            edition: Some(edition.into()),
            ..image(index, name)
        };
        let all = vec![
            of(1, "A", "Professional"),
            of(2, "B", "Enterprise"),
            of(3, "C", "Professional"),
        ];
        let chosen = |selectors: &[Selector]| {
            let target = Target::all_of(Path::new("x.wim")).select(selectors.to_vec());
            target
                .choose(all.clone())
                .map(|images| images.iter().map(|image| image.index).collect::<Vec<_>>())
        };
        let professional = Selector::Edition("professional".into());
        assert_eq!(
            chosen(&[professional.clone(), Selector::Index(1)]).unwrap(),
            [1, 3]
        );
        assert_eq!(chosen(&[Selector::new("b"), professional]).unwrap(), [1, 2, 3]);
        let error = chosen(&[Selector::Index(1), Selector::Edition("Core".into())]).unwrap_err();
        assert!(error.to_string().contains("of edition Core"), "{error}");
    }

    #[test]
    fn a_name_with_colons_is_what_follows_the_path_that_exists() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("install.wim");
        std::fs::write(&path, "").unwrap();
        let target = Target::new(&format!("{}:Windows: Pro 11", path.display()));
        assert_eq!(target.path(), path);
        assert_eq!(target.selectors(), [Selector::Name("Windows: Pro 11".into())]);
        assert_eq!(Target::new(":").path(), Path::new(":"));
    }

    #[test]
    fn a_path_with_a_colon_that_exists_is_not_taken_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a:1");
        std::fs::write(&path, "").unwrap();
        let target = Target::new(path.to_str().unwrap());
        assert_eq!(target.path(), path);
        assert!(target.selectors.is_empty());
    }
}
