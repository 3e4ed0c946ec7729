//! TARGET as the command line names it: a WIM, perhaps `:INDEX` or `:NAME` of one image, or the root folder of an image.

use super::{Error, Image};
use std::path::{Path, PathBuf};

/// A WIM file or folder, and which of its images are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    path: PathBuf,
    selector: Option<String>,
}

impl Target {
    /// Reads `PATH`, `PATH:INDEX` or `PATH:NAME`. A path that exists as a whole is never taken apart.
    pub fn new(text: &str) -> Self {
        let whole = Path::new(text);
        match text.rsplit_once(':') {
            Some((path, selector)) if !whole.exists() && !path.is_empty() && !selector.is_empty() => Self {
                path: path.into(),
                selector: Some(selector.to_owned()),
            },
            _ => Self {
                path: whole.to_owned(),
                selector: None,
            },
        }
    }

    /// The same selection in another file, as a changed copy is read back.
    #[must_use]
    pub fn at(&self, path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            selector: self.selector.clone(),
        }
    }

    /// The WIM or folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The images meant, of all there are.
    pub(super) fn select(&self, all: Vec<Image>) -> Result<Vec<Image>, Error> {
        let Some(selector) = &self.selector else {
            return Ok(all);
        };
        let index: Option<u32> = selector.parse().ok();
        let chosen = all.iter().find(|image| match index {
            Some(index) => image.index == index,
            None => crate::text::same_name(&image.name, selector),
        });
        match chosen {
            Some(image) => Ok(vec![image.clone()]),
            None => Err(Error::NoSuchImage {
                path: self.path.clone(),
                selector: crate::text::printable(selector),
                available: all
                    .iter()
                    .map(|image| format!("{} {}", image.index, crate::text::printable(&image.name)))
                    .collect(),
            }),
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.path.display())?;
        match &self.selector {
            Some(selector) => write!(formatter, ":{selector}"),
            None => Ok(()),
        }
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
                .select(all())
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
    fn a_path_with_a_colon_that_exists_is_not_taken_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a:1");
        std::fs::write(&path, "").unwrap();
        let target = Target::new(path.to_str().unwrap());
        assert_eq!(target.path(), path);
        assert_eq!(target.selector, None);
    }
}
