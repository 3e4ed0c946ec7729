//! Reading ahead: the cells of several keys are read at the same time before they are needed one after another.
//!
//! Promise: nothing depends on it but time; an offset that leads nowhere is passed over.

use super::cell::{Cells, SIZE_FIELD};
use super::key_node as node;
use super::value::{self, LIST_WIDTH};
use crate::bytes::u32_at;

/// How many keys are read ahead.
pub(super) const AHEAD: usize = 32;
/// How many values of each of them.
pub(super) const FEW: usize = 4;

/// The number at `field` of the cell at an offset.
fn named(cells: Cells<'_>, field: usize) -> impl Fn(u32) -> Option<u32> {
    move |offset| {
        let place = (offset as usize).checked_add(SIZE_FIELD + field)?;
        u32_at(cells.bins(), place)
    }
}

/// Reads the beginnings of these keys and of what they name, one sort after the other; see [`Cells::touch`].
pub(super) fn touch_keys<I: Iterator<Item = u32>>(cells: Cells<'_>, keys: impl Fn() -> I) {
    cells.touch(keys(), node::NAME);
    cells.touch(keys().filter_map(named(cells, node::VALUE_LIST)), 0);
    cells.touch(keys().filter_map(named(cells, node::SUBKEY_LIST)), 0);
    for index in 0..FEW {
        cells.touch(values(cells, keys(), index), 0);
    }
}

/// As [`touch_keys`], then the data of their values.
pub(super) fn touch_keys_and_data<I: Iterator<Item = u32>>(cells: Cells<'_>, keys: impl Fn() -> I) {
    touch_keys(cells, &keys);
    for index in 0..FEW {
        let data = values(cells, keys(), index).filter_map(named(cells, value::DATA));
        cells.touch(data, 0);
    }
}

/// The value at `index` of each of the keys that have so many.
fn values(cells: Cells<'_>, keys: impl Iterator<Item = u32>, index: usize) -> impl Iterator<Item = u32> {
    let count = named(cells, node::VALUE_COUNT);
    let has = move |key: &u32| count(*key).is_some_and(|count| count as usize > index);
    let lists = keys.filter(has).filter_map(named(cells, node::VALUE_LIST));
    lists.filter_map(named(cells, index * LIST_WIDTH))
}
