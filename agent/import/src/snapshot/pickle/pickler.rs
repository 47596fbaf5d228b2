//! Writes pickles for tests, as Python's protocol 4 does.

use std::collections::HashMap;

/// A plain value of Python.
#[derive(Clone, Debug)]
pub(crate) enum Py {
    Int(i64),
    Text(&'static str),
    List(Vec<Py>),
    Dict(Vec<(&'static str, Py)>),
    /// What was pickled under this name before, else what follows; then once in the file, however often used.
    Shared(&'static str, Box<Py>),
}

/// The pickle of a value.
pub(crate) fn pickle(value: &Py) -> Vec<u8> {
    let mut pickler = Pickler { bytes: b"\x80\x04".to_vec(), memo: HashMap::new() };
    pickler.write(value);
    pickler.bytes.push(b'.');
    pickler.bytes
}

struct Pickler {
    bytes: Vec<u8>,
    memo: HashMap<&'static str, u32>,
}

impl Pickler {
    fn write(&mut self, value: &Py) {
        match value {
            Py::Int(value) => {
                self.bytes.extend([0x8a, 8]);
                self.bytes.extend(value.to_le_bytes());
            }
            Py::Text(text) => self.text(text),
            Py::List(items) => {
                self.bytes.extend(b"](");
                for item in items {
                    self.write(item);
                }
                self.bytes.push(b'e');
            }
            Py::Dict(pairs) => {
                self.bytes.extend(b"}(");
                for (key, value) in pairs {
                    self.text(key);
                    self.write(value);
                }
                self.bytes.push(b'u');
            }
            Py::Shared(name, value) => {
                if !self.recall(name) {
                    self.write(value);
                    self.remember(name);
                }
            }
        }
    }

    fn text(&mut self, text: &'static str) {
        if self.recall(text) {
            return;
        }
        self.bytes.push(b'X');
        self.bytes.extend((text.len() as u32).to_le_bytes());
        self.bytes.extend(text.as_bytes());
        self.remember(text);
    }

    fn remember(&mut self, name: &'static str) {
        self.memo.insert(name, self.memo.len() as u32);
        self.bytes.push(0x94);
    }

    fn recall(&mut self, name: &'static str) -> bool {
        let Some(number) = self.memo.get(name) else { return false };
        self.bytes.push(b'j');
        self.bytes.extend(number.to_le_bytes());
        true
    }
}
