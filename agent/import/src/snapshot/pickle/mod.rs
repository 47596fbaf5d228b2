//! Pickles of plain values, read without running anything.
//!
//! A pickle is a program for a stack machine that may call any function of Python. This machine knows only the
//! instructions that build `None`, booleans, numbers, texts, bytes, tuples, lists and dicts, of protocols 2 to 5,
//! and refuses every other with its byte.
//!
//! Values are 16 bytes and refer to what they hold by number, as the pickle's own memo does: what is referred to a
//! million times is there once, a list may hold itself, and nothing here or in a reader that looks a fixed number
//! of levels deep can run away. An instruction of one byte makes at most 56 bytes (an empty list on the stack), one of
//! them per byte read: the memory is bounded by the length of the pickle.
//!
//! `serde-pickle` copies a value at each use of the memo, which a file of a few hundred bytes turns into terabytes.

mod machine;
#[cfg(test)]
pub(crate) mod pickler;
#[cfg(test)]
mod tests;

use std::io::Read;

use crate::window::Window;

/// What a pickle holds.
#[derive(Debug, Default)]
pub(crate) struct Pickle {
    root: Value,
    holders: Vec<Holder>,
    /// All texts, one behind the other.
    texts: String,
}

/// A list, tuple or dict; of a dict, keys and values in turn.
#[derive(Debug)]
struct Holder {
    items: Vec<Value>,
    offset: u64,
}

/// A value. What does not fit in it is found in its [`Pickle`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Value {
    #[default]
    None,
    Bool(bool),
    Int(i64),
    /// An integer that needs more than 64 bits with its sign.
    Huge,
    Float(f64),
    Text(Span),
    /// Bytes, which are not kept.
    Bytes,
    List(Id),
    Tuple(Id),
    Dict(Id),
}

/// Which of the lists, tuples and dicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Id(u32);

/// Where a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    length: u32,
    start: u64,
}

/// Why a pickle was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It wants more than plain values at this byte.
    Refused(u64, String),
    /// It is damaged at this byte.
    Damaged(u64, String),
}

/// Reads the pickle that `window` begins with.
pub(crate) fn read<R: Read>(window: &mut Window<R>) -> Result<Pickle, Unreadable> {
    machine::run(window)
}

impl Pickle {
    /// The value that was pickled.
    pub(crate) const fn root(&self) -> Value {
        self.root
    }

    /// The items of a list or tuple; none of anything else.
    pub(crate) fn items(&self, value: Value) -> &[Value] {
        match value {
            Value::List(id) | Value::Tuple(id) => self.held(id),
            _ => &[],
        }
    }

    /// What a dict has under `key`: the last, where it is there twice.
    pub(crate) fn get(&self, value: Value, key: &str) -> Option<Value> {
        let Value::Dict(id) = value else { return None };
        let (pairs, _) = self.held(id).as_chunks::<2>();
        let found = pairs.iter().rev().find(|[name, _]| self.text(*name) == Some(key));
        found.map(|[_, value]| *value)
    }

    /// A text.
    pub(crate) fn text(&self, value: Value) -> Option<&str> {
        let Value::Text(Span { length, start }) = value else { return None };
        let start = start as usize;
        self.texts.get(start..start + length as usize)
    }

    /// Where a list, tuple or dict begins; 0 for anything else.
    pub(crate) fn offset(&self, value: Value) -> u64 {
        value.id().and_then(|Id(id)| self.holders.get(id as usize)).map_or(0, |held| held.offset)
    }

    fn held(&self, Id(id): Id) -> &[Value] {
        self.holders.get(id as usize).map_or(&[], |held| &held.items)
    }
}

impl Value {
    /// The number of a list, tuple or dict.
    pub(crate) const fn id(self) -> Option<Id> {
        match self {
            Self::List(id) | Self::Tuple(id) | Self::Dict(id) => Some(id),
            _ => None,
        }
    }

    /// An integer.
    pub(crate) const fn int(self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(value),
            _ => None,
        }
    }

    /// What a sentence calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Huge => "an integer",
            Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::Bytes => "bytes",
            Self::List(_) => "a list",
            Self::Tuple(_) => "a tuple",
            Self::Dict(_) => "a dict",
        }
    }
}
