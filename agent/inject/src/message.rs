//! The compact form of an event between the target's thread and the writer thread, in 64-bit words.
//!
//! Word 0 is kind (8 bits), flags (8), text length in bytes (16) and domain (32). Word 1 is the time. What the flags
//! announce follows: attributes (category and color, payload type, payload), an id, numbers (as many as four of the
//! flags' bits say), a registered string; then the text.

use perfagent_spool::{MonotonicNs, Payload};

/// The longest text that an event keeps, in bytes.
pub(crate) const MAX_TEXT: usize = 1024;
/// The longest message, in words.
#[cfg(test)]
const MAX_WORDS: usize = 2 + 3 + 2 + MAX_NUMBERS + MAX_TEXT / 8;
/// The most numbers that an event carries.
pub(crate) const MAX_NUMBERS: usize = 15;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Push = 1,
    Pop = 2,
    Start = 3,
    End = 4,
    Mark = 5,
    /// NCCL handed something to the GPU; the domain is the communicator.
    NcclCall = 6,
    /// When the kernel of what NCCL handed to the GPU ran, by NCCL's own timers.
    NcclTimes = 7,
    /// The host, or a stream, waited for the GPU.
    Wait = 8,
}

const ATTRIBUTES: u64 = 1 << 8;
const ID: u64 = 1 << 9;
const REGISTERED: u64 = 1 << 10;
const TRUNCATED: u64 = 1 << 11;
/// How many numbers there are: 4 bits from here.
const NUMBERS_AT: u32 = 12;

/// The text of an event as the target gave it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Text<'a> {
    None,
    /// Bytes, at most [`MAX_TEXT`]; whether they are only the beginning.
    Bytes(&'a [u8], bool),
    /// Code points of `wchar_t`, at most [`MAX_TEXT`]; whether they are only the beginning.
    Wide(&'a [u32], bool),
    /// A registered string.
    Registered(u32),
}

/// An event as the target's thread knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event<'a> {
    pub(crate) kind: Kind,
    pub(crate) time: MonotonicNs,
    pub(crate) domain: u32,
    pub(crate) category: u32,
    pub(crate) color: u32,
    pub(crate) payload: Payload,
    /// The id of a started range; 0 for none.
    pub(crate) id: u64,
    /// What the kind has to say besides, at most [`MAX_NUMBERS`].
    pub(crate) numbers: &'a [u64],
    pub(crate) text: Text<'a>,
}

impl Event<'_> {
    /// An event with nothing but a kind, a time and a domain.
    #[inline]
    pub(crate) fn bare(kind: Kind, domain: u32) -> Self {
        Self {
            kind,
            time: MonotonicNs::now(),
            domain,
            category: 0,
            color: 0,
            payload: Payload::None,
            id: 0,
            numbers: &[],
            text: Text::None,
        }
    }

    /// The first word; it tells the message's length.
    #[inline]
    pub(crate) fn header(&self) -> u64 {
        let mut word = self.kind as u64 | u64::from(self.domain) << 32;
        if self.category != 0 || self.color != 0 || self.payload != Payload::None {
            word |= ATTRIBUTES;
        }
        if self.id != 0 {
            word |= ID;
        }
        let (length, cut) = match self.text {
            Text::None => (0, false),
            Text::Bytes(bytes, cut) => (bytes.len().min(MAX_TEXT), cut),
            Text::Wide(wide, cut) => {
                let (length, fits) = utf8_length(wide);
                (length, cut || !fits)
            }
            Text::Registered(_) => {
                word |= REGISTERED;
                (0, false)
            }
        };
        if cut {
            word |= TRUNCATED;
        }
        word |= (self.numbers.len().min(MAX_NUMBERS) as u64) << NUMBERS_AT;
        word | (length as u64) << 16
    }

    /// Writes the message whose first word is `header` into `out`, which has [`words`] of it.
    #[inline]
    pub(crate) fn write(&self, header: u64, out: &mut [u64]) {
        out[0] = header;
        out[1] = self.time.0;
        let mut at = 2;
        if header & ATTRIBUTES != 0 {
            let (tag, bits) = match self.payload {
                Payload::None => (0, 0),
                Payload::U64(value) => (1, value),
                Payload::I64(value) => (2, value as u64),
                Payload::F64(value) => (3, value.to_bits()),
            };
            out[2] = u64::from(self.category) | u64::from(self.color) << 32;
            out[3] = tag;
            out[4] = bits;
            at = 5;
        }
        if header & ID != 0 {
            out[at] = self.id;
            at += 1;
        }
        let count = number_count(header);
        out[at..at + count].copy_from_slice(&self.numbers[..count]);
        at += count;
        match self.text {
            Text::None => {}
            Text::Bytes(bytes, _) => write_bytes(&bytes[..text_length(header)], &mut out[at..]),
            Text::Wide(wide, _) => write_wide(wide, text_length(header), &mut out[at..]),
            Text::Registered(number) => out[at] = u64::from(number),
        }
    }
}

#[inline]
fn text_length(header: u64) -> usize {
    (header >> 16 & 0xffff) as usize
}

#[inline]
fn number_count(header: u64) -> usize {
    (header >> NUMBERS_AT & 0xf) as usize
}

/// The length in words of the message that starts with `header`.
#[inline]
pub(crate) fn words(header: u64) -> usize {
    let fields = if header & ATTRIBUTES != 0 { 3 } else { 0 }
        + usize::from(header & ID != 0)
        + number_count(header)
        + usize::from(header & REGISTERED != 0);
    2 + fields + text_length(header).div_ceil(8)
}

#[inline]
fn write_bytes(bytes: &[u8], out: &mut [u64]) {
    let (whole, rest) = bytes.as_chunks::<8>();
    for (word, chunk) in out.iter_mut().zip(whole) {
        *word = u64::from_le_bytes(*chunk);
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        out[whole.len()] = u64::from_le_bytes(last);
    }
}

fn to_char(point: u32) -> char {
    char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The length of the text in UTF-8, cut at a character to [`MAX_TEXT`], and whether all of it fits.
fn utf8_length(wide: &[u32]) -> (usize, bool) {
    let mut length = 0;
    for &point in wide {
        let next = length + to_char(point).len_utf8();
        if next > MAX_TEXT {
            return (length, false);
        }
        length = next;
    }
    (length, true)
}

fn write_wide(wide: &[u32], length: usize, out: &mut [u64]) {
    let mut text = [0; MAX_TEXT];
    let mut at = 0;
    for &point in wide {
        let character = to_char(point);
        if at + character.len_utf8() > length {
            break;
        }
        at += character.encode_utf8(&mut text[at..]).len();
    }
    write_bytes(&text[..length], out);
}

/// An event as the writer thread reads it back.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) kind: Kind,
    pub(crate) time: MonotonicNs,
    pub(crate) domain: u32,
    pub(crate) category: u32,
    pub(crate) color: u32,
    pub(crate) payload: Payload,
    pub(crate) id: u64,
    /// Those that were not given are 0.
    pub(crate) numbers: [u64; MAX_NUMBERS],
    /// 0 for none.
    pub(crate) registered: u32,
    pub(crate) truncated: bool,
}

/// Reads the message in `words`; its text goes to `text`. `None` when it makes no sense.
pub(crate) fn read(words: &[u64], text: &mut Vec<u8>) -> Option<Received> {
    let header = words[0];
    let kind = match header as u8 {
        1 => Kind::Push,
        2 => Kind::Pop,
        3 => Kind::Start,
        4 => Kind::End,
        5 => Kind::Mark,
        6 => Kind::NcclCall,
        7 => Kind::NcclTimes,
        8 => Kind::Wait,
        _ => return None,
    };
    let mut received = Received {
        kind,
        time: MonotonicNs(words[1]),
        domain: (header >> 32) as u32,
        category: 0,
        color: 0,
        payload: Payload::None,
        id: 0,
        numbers: [0; MAX_NUMBERS],
        registered: 0,
        truncated: header & TRUNCATED != 0,
    };
    let mut at = 2;
    if header & ATTRIBUTES != 0 {
        received.category = words[2] as u32;
        received.color = (words[2] >> 32) as u32;
        received.payload = match words[3] {
            1 => Payload::U64(words[4]),
            2 => Payload::I64(words[4] as i64),
            3 => Payload::F64(f64::from_bits(words[4])),
            _ => Payload::None,
        };
        at = 5;
    }
    if header & ID != 0 {
        received.id = words[at];
        at += 1;
    }
    let count = number_count(header);
    received.numbers[..count].copy_from_slice(&words[at..at + count]);
    at += count;
    if header & REGISTERED != 0 {
        received.registered = words[at] as u32;
        at += 1;
    }
    text.clear();
    let length = text_length(header);
    text.extend(words[at..].iter().flat_map(|word| word.to_le_bytes()).take(length));
    Some(received)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(event: &Event<'_>) -> (Received, String) {
        let header = event.header();
        let mut out = vec![u64::MAX; words(header)];
        assert!(out.len() <= MAX_WORDS);
        event.write(header, &mut out);
        let mut text = Vec::new();
        let received = read(&out, &mut text).unwrap();
        (received, String::from_utf8(text).unwrap())
    }

    #[test]
    fn every_part_comes_back() {
        for length in 0..40 {
            let text = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEF"[..length].to_owned();
            let event = Event {
                category: 7,
                color: 0xff00_ff00,
                payload: Payload::I64(-5),
                id: 99,
                numbers: &[1, 2, u64::MAX][..length % 4],
                text: Text::Bytes(text.as_bytes(), false),
                ..Event::bare(Kind::Start, 3)
            };
            let (received, read) = round_trip(&event);
            assert_eq!(read, text);
            assert_eq!((received.kind, received.time), (Kind::Start, event.time));
            assert_eq!((received.domain, received.category, received.color), (3, 7, 0xff00_ff00));
            assert_eq!((received.payload, received.id), (Payload::I64(-5), 99));
            assert_eq!(received.numbers[..length % 4], [1, 2, u64::MAX][..length % 4]);
            assert_eq!(received.numbers[length % 4..], [0; MAX_NUMBERS][length % 4..]);
            assert!(!received.truncated);
        }
    }

    #[test]
    fn wide_text_becomes_utf8_and_is_cut_at_a_character() {
        let wide: Vec<u32> = "größe 日本 🚀".chars().map(u32::from).chain([0xd800]).collect();
        let (_, text) =
            round_trip(&Event { text: Text::Wide(&wide, false), ..Event::bare(Kind::Mark, 0) });
        assert_eq!(text, "größe 日本 🚀\u{fffd}");
        let long = vec![u32::from('日'); MAX_TEXT];
        let (received, text) =
            round_trip(&Event { text: Text::Wide(&long, false), ..Event::bare(Kind::Mark, 0) });
        assert!(received.truncated);
        assert_eq!(text, "日".repeat(MAX_TEXT / 3));
    }

    #[test]
    fn a_pop_is_two_words() {
        assert_eq!(words(Event::bare(Kind::Pop, 5).header()), 2);
        let (received, _) =
            round_trip(&Event { text: Text::Registered(12), ..Event::bare(Kind::Push, 0) });
        assert_eq!(received.registered, 12);
    }
}
