//! Pickles as Python writes them, and as nobody should.

use super::{Pickle, Unreadable, Value, read};
use crate::window::Window;

fn parse(bytes: &[u8]) -> Result<Pickle, Unreadable> {
    read(&mut Window::new(bytes))
}

/// `{'a': [1, 2, -3, 2**40, -2**40, 2**63, 1.5, None, True, False, 'é', b'xy', (1, 2, 3, 4), (), {}]}` with a list `b`
/// that is twice in it, as Python 3.12 pickles it in each protocol.
const PROTOCOLS: [&[u8]; 4] = [
    b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01K\x02J\xfd\xff\xff\xff\x8a\x06\x00\x00\x00\x00\x00\x01\x8a\x06\x00\x00\x00\x00\x00\xff\x8a\t\x00\x00\x00\x00\x00\x00\x00\x80\x00G?\xf8\x00\x00\x00\x00\x00\x00N\x88\x89X\x02\x00\x00\x00\xc3\xa9q\x03(K\x01K\x02K\x03K\x04tq\x04)}q\x05eX\x01\x00\x00\x00bq\x06]q\x07(h\x02h\x02eu.",
    b"\x80\x03}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01K\x02J\xfd\xff\xff\xff\x8a\x06\x00\x00\x00\x00\x00\x01\x8a\x06\x00\x00\x00\x00\x00\xff\x8a\t\x00\x00\x00\x00\x00\x00\x00\x80\x00G?\xf8\x00\x00\x00\x00\x00\x00N\x88\x89X\x02\x00\x00\x00\xc3\xa9q\x03(K\x01K\x02K\x03K\x04tq\x04)}q\x05eX\x01\x00\x00\x00bq\x06]q\x07(h\x02h\x02eu.",
    b"\x80\x04\x95\\\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94]\x94(K\x01K\x02J\xfd\xff\xff\xff\x8a\x06\x00\x00\x00\x00\x00\x01\x8a\x06\x00\x00\x00\x00\x00\xff\x8a\t\x00\x00\x00\x00\x00\x00\x00\x80\x00G?\xf8\x00\x00\x00\x00\x00\x00N\x88\x89\x8c\x02\xc3\xa9\x94(K\x01K\x02K\x03K\x04t\x94)}\x94e\x8c\x01b\x94]\x94(h\x02h\x02eu.",
    b"\x80\x05\x95\\\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94]\x94(K\x01K\x02J\xfd\xff\xff\xff\x8a\x06\x00\x00\x00\x00\x00\x01\x8a\x06\x00\x00\x00\x00\x00\xff\x8a\t\x00\x00\x00\x00\x00\x00\x00\x80\x00G?\xf8\x00\x00\x00\x00\x00\x00N\x88\x89\x8c\x02\xc3\xa9\x94(K\x01K\x02K\x03K\x04t\x94)}\x94e\x8c\x01b\x94]\x94(h\x02h\x02eu.",
];

#[test]
fn every_protocol_and_every_plain_value() {
    for bytes in PROTOCOLS {
        let pickle = parse(bytes).unwrap();
        let list = pickle.get(pickle.root(), "a").unwrap();
        let items = pickle.items(list);
        let ints: Vec<_> = items[..5].iter().map(|item| item.int()).collect();
        assert_eq!(ints, [Some(1), Some(2), Some(-3), Some(1 << 40), Some(-1 << 40)]);
        assert_eq!(items[5..8], [Value::Huge, Value::Float(1.5), Value::None]);
        assert_eq!(items[8..10], [Value::Bool(true), Value::Bool(false)]);
        assert_eq!(pickle.text(items[10]), Some("é"));
        assert_eq!(pickle.items(items[11]).len(), 4);
        assert_eq!((pickle.items(items[12]).len(), items[13].name()), (0, "a dict"));
        // One list, twice: not two lists.
        assert_eq!(pickle.items(pickle.get(pickle.root(), "b").unwrap()), [list, list]);
        assert_eq!(pickle.get(pickle.root(), "c"), None);
    }
}

#[test]
fn wherever_a_pickle_is_cut_the_place_is_told() {
    for bytes in PROTOCOLS {
        for length in 0..bytes.len() {
            match parse(&bytes[..length]) {
                Err(Unreadable::Damaged(offset, what)) => {
                    assert_eq!((offset, &*what), (length as u64, "it ends before the pickle does"));
                }
                other => panic!("cut at {length}: {other:?}"),
            }
        }
    }
}

#[test]
fn code_is_refused_where_it_stands() {
    // os.system("true"), protocols 2 and 4; an object of a class; a set.
    for (bytes, offset, name) in [
        (&b"\x80\x02cposix\nsystem\nq\x00X\x04\x00\x00\x00trueq\x01\x85q\x02Rq\x03."[..], 2, "GLOBAL"),
        (b"\x80\x04\x95!\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x04true\x94\x85\x94R\x94.", 28, "GLOBAL"),
        (b"\x80\x02)R.", 3, "REDUCE"),
        (b"\x80\x02})b.", 4, "BUILD"),
        (b"\x80\x02)\x81.", 3, "NEWOBJ"),
        (b"\x80\x02\x82\x01.", 2, "EXT"),
        (b"\x80\x02K\x01Q.", 4, "PERSID"),
        (b"\x80\x05\x97.", 2, "BUFFER"),
        (b"\x80\x04\x8f\x94.", 2, "SET"),
        (b"\x80\x02I1\n.", 2, "text"),
    ] {
        match parse(bytes) {
            Err(Unreadable::Refused(at, what)) => {
                assert_eq!(at, offset, "{what}");
                assert!(what.contains(name), "{what}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn what_cannot_be_is_told_with_its_byte() {
    for (bytes, offset, what) in [
        (&b"\x80\x07N."[..], 0, "unknown protocol 7"),
        (b"\x80\x02.", 2, "stack is empty"),
        (b"\x80\x02N(0.", 4, "stack is empty"),
        (b"\x80\x02N(\x85.", 4, "stack is empty"),
        (b"\x80\x02e.", 2, "set no mark"),
        (b"\x80\x02}(Nu.", 5, "has no value"),
        (b"\x80\x02(N\x64.", 4, "has no value"),
        (b"\x80\x02}Na.", 4, "items of a list to a dict"),
        (b"\x80\x02]NNs.", 5, "items of a dict to a list"),
        (b"\x80\x02NNa.", 4, "to None"),
        (b"\x80\x02h\x00.", 2, "remembered under the number 0"),
        (b"\x80\x02Nr\xff\xff\xff\x7f.", 3, "under the number 2147483647"),
        (b"\x80\x02\xff.", 2, "no instruction"),
        (
            b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.",
            2,
            "a text of 9223372036854775807 bytes",
        ),
    ] {
        match parse(bytes) {
            Err(Unreadable::Damaged(at, why)) => {
                assert!(at == offset && why.contains(what), "{what}: byte {at}: {why}");
            }
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[test]
fn depth_and_repetition_cost_what_their_bytes_cost() {
    // A million lists in each other, which hold themselves too.
    let mut deep = b"\x80\x04".to_vec();
    deep.extend(std::iter::repeat_n(*b"]\x94", 1_000_000).flatten());
    deep.extend(std::iter::repeat_n(b'a', 999_999));
    deep.extend(*b"h\x00a.");
    let pickle = parse(&deep).unwrap();
    let first = pickle.root();
    assert_eq!(pickle.items(first).len(), 2);
    assert_eq!(pickle.items(first)[1], first);
    drop(pickle);

    // Each list holds the one before it ten times: 10^60 of the first.
    let mut bomb = b"\x80\x02]q\x00".to_vec();
    for number in 0..60_u8 {
        bomb.extend([b']', b'q', number + 1, b'(']);
        bomb.extend(std::iter::repeat_n([b'h', number], 10).flatten());
        bomb.push(b'e');
    }
    bomb.push(b'.');
    let pickle = parse(&bomb).unwrap();
    assert_eq!(pickle.items(pickle.root()).len(), 10);
}
