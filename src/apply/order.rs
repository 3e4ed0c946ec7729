//! Which targets may be worked on at the same time: a folder waits for what is in it, for a search of the folder comes upon that too.

use super::targets::real;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The round in which each of the paths has its turn, from 0: a later one than all other paths below it.
pub(super) fn rounds<'a>(paths: impl Iterator<Item = &'a Path>) -> Vec<usize> {
    let paths: Vec<PathBuf> = paths.map(real).collect();
    let places: HashMap<&Path, usize> = paths.iter().map(PathBuf::as_path).zip(0..).collect();
    let mut deepest_first: Vec<usize> = (0..paths.len()).collect();
    deepest_first.sort_by_key(|place| std::cmp::Reverse(paths[*place].components().count()));
    let mut rounds = vec![0; paths.len()];
    for place in deepest_first {
        let next = rounds[place] + 1;
        for above in paths[place].ancestors().skip(1) {
            if let Some(above) = places.get(above) {
                rounds[*above] = next.max(rounds[*above]);
            }
        }
    }
    rounds
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
