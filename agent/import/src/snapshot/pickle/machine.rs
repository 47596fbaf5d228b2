//! The stack machine.

use std::io::Read;

use super::{Holder, Id, Pickle, Span, Unreadable, Value};
use crate::window::{Finish, Window};

/// The newest protocol there is.
const NEWEST: u8 = 5;

/// Runs a pickle to its end.
pub(super) fn run<R: Read>(window: &mut Window<R>) -> Result<Pickle, Unreadable> {
    let mut machine = Machine {
        window,
        pickle: Pickle::default(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Vec::new(),
        at: 0,
    };
    while machine.step()? {}
    machine.pickle.root = machine.pop()?;
    Ok(machine.pickle)
}

struct Machine<'a, R> {
    window: &'a mut Window<R>,
    pickle: Pickle,
    stack: Vec<Value>,
    /// How much was on the stack at each mark.
    marks: Vec<usize>,
    memo: Vec<Option<Value>>,
    /// Where the current instruction stands.
    at: u64,
}

impl<R: Read> Machine<'_, R> {
    /// Does one instruction; false at the last.
    fn step(&mut self) -> Result<bool, Unreadable> {
        self.at = self.window.offset();
        let [instruction] = self.take()?;
        match instruction {
            // PROTO, FRAME: the pieces that a pickle comes in mean nothing to who reads it as a whole.
            0x80 => {
                let [protocol] = self.take()?;
                if protocol > NEWEST {
                    return Err(self.damaged(format!("it is of the unknown protocol {protocol}")));
                }
            }
            0x95 => drop(self.take::<8>()?),
            b'.' => return Ok(false),

            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'K' => {
                let [value] = self.take()?;
                self.push(Value::Int(value.into()));
            }
            b'M' => {
                let value = u16::from_le_bytes(self.take()?);
                self.push(Value::Int(value.into()));
            }
            b'J' => {
                let value = i32::from_le_bytes(self.take()?);
                self.push(Value::Int(value.into()));
            }
            0x8a => {
                let [length] = self.take()?;
                self.long(length.into())?;
            }
            0x8b => {
                let length = u32::from_le_bytes(self.take()?);
                self.long(length as usize)?;
            }
            b'G' => {
                let value = f64::from_be_bytes(self.take()?);
                self.push(Value::Float(value));
            }

            // Texts; those of Python 2 (SHORT_BINSTRING, BINSTRING) too.
            0x8c | b'U' => {
                let [length] = self.take()?;
                self.text(length.into())?;
            }
            b'X' | b'T' => {
                let length = u32::from_le_bytes(self.take()?);
                self.text(length.into())?;
            }
            0x8d => {
                let length = u64::from_le_bytes(self.take()?);
                self.text(length)?;
            }
            b'C' => {
                let [length] = self.take()?;
                self.bytes(length.into())?;
            }
            b'B' => {
                let length = u32::from_le_bytes(self.take()?);
                self.bytes(length.into())?;
            }
            0x8e => {
                let length = u64::from_le_bytes(self.take()?);
                self.bytes(length)?;
            }

            b']' => self.hold(Vec::new(), Value::List)?,
            b'}' => self.hold(Vec::new(), Value::Dict)?,
            b')' => self.hold(Vec::new(), Value::Tuple)?,
            0x85..=0x87 => {
                let items = self.last(usize::from(instruction - 0x84))?;
                self.hold(items, Value::Tuple)?;
            }
            b't' | b'l' | b'd' => {
                let items = self.since_mark()?;
                match instruction {
                    b't' => self.hold(items, Value::Tuple)?,
                    b'l' => self.hold(items, Value::List)?,
                    _ => {
                        self.in_pairs(&items)?;
                        self.hold(items, Value::Dict)?;
                    }
                }
            }
            b'a' => {
                let items = self.last(1)?;
                self.append(&items)?;
            }
            b'e' => {
                let items = self.since_mark()?;
                self.append(&items)?;
            }
            b's' => {
                let items = self.last(2)?;
                self.set(&items)?;
            }
            b'u' => {
                let items = self.since_mark()?;
                self.in_pairs(&items)?;
                self.set(&items)?;
            }

            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.since_mark()?),
            0x94 => self.put(self.memo.len() as u64)?,
            b'q' => {
                let [number] = self.take()?;
                self.put(number.into())?;
            }
            b'r' => {
                let number = u32::from_le_bytes(self.take()?);
                self.put(number.into())?;
            }
            b'h' => {
                let [number] = self.take()?;
                self.recall(number.into())?;
            }
            b'j' => {
                let number = u32::from_le_bytes(self.take()?);
                self.recall(number)?;
            }
            other => return Err(self.refused(other)),
        }
        Ok(true)
    }

    /// The next bytes of the pickle.
    fn take<const COUNT: usize>(&mut self) -> Result<[u8; COUNT], Unreadable> {
        self.reach(COUNT)?;
        let bytes = self.window.bytes().first_chunk().copied();
        self.window.consume(COUNT);
        bytes.ok_or_else(|| self.cut_off())
    }

    /// Has the next `count` bytes in the window.
    fn reach(&mut self, count: usize) -> Result<(), Unreadable> {
        while self.window.bytes().len() < count {
            if !self.window.more() {
                return Err(self.cut_off());
            }
        }
        Ok(())
    }

    fn text(&mut self, length: u64) -> Result<(), Unreadable> {
        let Ok(count) = u32::try_from(length) else {
            return Err(self.damaged(format!("a text of {length} bytes is none of a snapshot")));
        };
        self.reach(count as usize)?;
        let texts = &mut self.pickle.texts;
        let start = texts.len();
        let bytes = self.window.bytes().get(..count as usize).unwrap_or_default();
        texts.push_str(&String::from_utf8_lossy(bytes));
        let span = Span { length: (texts.len() - start) as u32, start: start as u64 };
        self.window.consume(count as usize);
        self.push(Value::Text(span));
        Ok(())
    }

    fn bytes(&mut self, length: u64) -> Result<(), Unreadable> {
        self.pass_over(length)?;
        self.push(Value::Bytes);
        Ok(())
    }

    fn pass_over(&mut self, mut count: u64) -> Result<(), Unreadable> {
        while count > 0 {
            self.reach(1)?;
            let some = count.min(self.window.bytes().len() as u64);
            self.window.consume(some as usize);
            count -= some;
        }
        Ok(())
    }

    /// An integer of `length` bytes, the least first, with its sign in the last.
    fn long(&mut self, length: usize) -> Result<(), Unreadable> {
        if length > size_of::<i64>() {
            self.pass_over(length as u64)?;
            self.push(Value::Huge);
            return Ok(());
        }
        self.reach(length)?;
        let bytes = self.window.bytes().get(..length).unwrap_or_default();
        let negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
        let mut whole = [if negative { 0xff } else { 0 }; size_of::<i64>()];
        whole.iter_mut().zip(bytes).for_each(|(whole, byte)| *whole = *byte);
        self.window.consume(length);
        self.push(Value::Int(i64::from_le_bytes(whole)));
        Ok(())
    }

    fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    /// Takes the last value off the stack. What was there before a mark is out of reach.
    fn pop(&mut self) -> Result<Value, Unreadable> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.pop() {
            Some(value) if self.stack.len() >= floor => Ok(value),
            _ => Err(self.damaged("its stack is empty".to_owned())),
        }
    }

    /// Takes the last `count` values off the stack.
    fn last(&mut self, count: usize) -> Result<Vec<Value>, Unreadable> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len().checked_sub(count) {
            Some(start) if start >= floor => Ok(self.stack.split_off(start)),
            _ => Err(self.damaged("its stack is empty".to_owned())),
        }
    }

    /// Takes off the stack what was put there since the last mark.
    fn since_mark(&mut self) -> Result<Vec<Value>, Unreadable> {
        match self.marks.pop() {
            Some(mark) if mark <= self.stack.len() => Ok(self.stack.split_off(mark)),
            _ => Err(self.damaged("it has set no mark".to_owned())),
        }
    }

    fn in_pairs(&self, items: &[Value]) -> Result<(), Unreadable> {
        if items.len().is_multiple_of(2) {
            return Ok(());
        }
        Err(self.damaged("the last key of a dict has no value".to_owned()))
    }

    /// Puts a new list, tuple or dict on the stack.
    fn hold(&mut self, items: Vec<Value>, kind: fn(Id) -> Value) -> Result<(), Unreadable> {
        let Ok(number) = u32::try_from(self.pickle.holders.len()) else {
            return Err(self.damaged("it has more than 4294967295 lists and dicts".to_owned()));
        };
        self.pickle.holders.push(Holder { items, offset: self.at });
        self.push(kind(Id(number)));
        Ok(())
    }

    fn append(&mut self, items: &[Value]) -> Result<(), Unreadable> {
        self.extend(items, |value| matches!(value, Value::List(_)), "a list")
    }

    fn set(&mut self, items: &[Value]) -> Result<(), Unreadable> {
        self.extend(items, |value| matches!(value, Value::Dict(_)), "a dict")
    }

    /// Puts items at the end of the list or dict that is last on the stack, and leaves it there.
    fn extend(
        &mut self,
        items: &[Value],
        fits: fn(&Value) -> bool,
        wanted: &str,
    ) -> Result<(), Unreadable> {
        let holder = self.pop()?;
        self.push(holder);
        let id = holder.id().filter(|_| fits(&holder));
        match id.and_then(|Id(id)| self.pickle.holders.get_mut(id as usize)) {
            Some(held) => {
                held.items.extend_from_slice(items);
                Ok(())
            }
            None => Err(self.damaged(format!("it adds items of {wanted} to {}", holder.name()))),
        }
    }

    /// Remembers the last value on the stack.
    fn put(&mut self, number: u64) -> Result<(), Unreadable> {
        // Numbers are given out one by one, so none is greater than the bytes so far; else a few bytes could ask for
        // gigabytes.
        if number > self.at {
            return Err(self.damaged(format!("it remembers a value under the number {number}")));
        }
        let value = self.pop()?;
        self.push(value);
        let number = number as usize;
        if number >= self.memo.len() {
            self.memo.resize(number + 1, None);
        }
        self.memo[number] = Some(value);
        Ok(())
    }

    fn recall(&mut self, number: u32) -> Result<(), Unreadable> {
        match self.memo.get(number as usize).copied().flatten() {
            Some(value) => self.push(value),
            None => {
                return Err(
                    self.damaged(format!("nothing was remembered under the number {number}"))
                );
            }
        }
        Ok(())
    }

    fn damaged(&self, what: String) -> Unreadable {
        Unreadable::Damaged(self.at, what)
    }

    fn cut_off(&self) -> Unreadable {
        let end = self.window.offset() + self.window.bytes().len() as u64;
        let why = match self.window.finish() {
            Some(Finish::Failed(why)) => format!("the rest cannot be read: {why}"),
            _ => "it ends before the pickle does".to_owned(),
        };
        Unreadable::Damaged(end, why)
    }

    fn refused(&self, instruction: u8) -> Unreadable {
        let (name, wants) = match instruction {
            b'c' | 0x93 => ("GLOBAL", "looks up a function of Python"),
            b'R' => ("REDUCE", "calls a function of Python"),
            b'b' => ("BUILD", "calls a function of Python"),
            b'i' | b'o' | 0x81 | 0x92 => ("NEWOBJ", "makes an object of a class of Python"),
            0x82..=0x84 => ("EXT", "looks up a function of Python"),
            b'P' | b'Q' => ("PERSID", "refers to something outside of the file"),
            0x96..=0x98 => ("BUFFER", "holds binary data"),
            0x8f..=0x91 => ("SET", "holds a set"),
            b'I' | b'L' | b'F' | b'S' | b'V' | b'g' | b'p' | b'2' => {
                ("text", "is of a protocol before 2")
            }
            _ => {
                return self.damaged(format!("0x{instruction:02x} is no instruction of a pickle"));
            }
        };
        Unreadable::Refused(
            self.at,
            format!(
                "instruction 0x{instruction:02x} ({name}) {wants}, which a snapshot never needs"
            ),
        )
    }
}
