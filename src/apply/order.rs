//! Which targets may be worked on at the same time: a folder waits for what is in it, for a search of the folder comes upon that too.

use super::targets::real;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The round in which each of the paths has its turn, from 0: a later one than all other paths below it.
pub(super) fn rounds<'a>(paths: impl Iterator<Item = &'a Path>) -> Vec<usize> {
    let paths: Vec<PathBuf> = paths.map(real).collect();
    let mut rounds: HashMap<&Path, usize> = paths.iter().map(|path| (path.as_path(), 0)).collect();
    let mut deepest_first: Vec<&PathBuf> = paths.iter().collect();
    deepest_first.sort_by_key(|path| std::cmp::Reverse(path.components().count()));
    let round = |rounds: &HashMap<&Path, usize>, path: &Path| rounds.get(path).copied().unwrap_or_default();
    for path in deepest_first {
        let next = round(&rounds, path) + 1;
        for above in path.ancestors().skip(1) {
            if let Some(above) = rounds.get_mut(above) {
                *above = next.max(*above);
            }
        }
    }
    paths.iter().map(|path| round(&rounds, path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_comes_after_all_that_is_in_it() {
        let paths = [
            "/m",
            "/m/sources/install.wim",
            "/m/w",
            "/m/w/boot.wim",
            "/mm/x.wim",
        ]
        .map(Path::new);
        assert_eq!(rounds(paths.into_iter()), [2, 0, 1, 0, 0]);
        assert_eq!(rounds(std::iter::empty()), [0; 0]);
    }
}
