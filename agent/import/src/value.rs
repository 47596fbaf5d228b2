//! Values as tolerant as the many programs that write and rewrite traces require: a number may come as
//! text, and a value of an unexpected type is no value.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// An integer, where there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Int(pub(crate) Option<i64>);

/// A text, empty where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words<'a>(pub(crate) Cow<'a, str>);

/// Three integers, of a grid of blocks or threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Triple(pub(crate) [Option<i64>; 3]);

/// A value as it is written, without the quotes of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written<'a>(pub(crate) &'a str);

/// A value as it is written; of a text with its quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Json<'a>(pub(crate) &'a str);

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(<&RawValue>::deserialize(deserializer)?.get()))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Written<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        let bare = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
        Ok(Self(bare.unwrap_or(raw)))
    }
}

/// Visits whatever is not wanted without complaint.
macro_rules! ignore_the_rest {
    ($value:ty: $($method:ident($type:ty)),*) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any value")
        }
        $(fn $method<E: Error>(self, _: $type) -> Result<$value, E> {
            Ok(<$value>::default())
        })*
        fn visit_unit<E: Error>(self) -> Result<$value, E> {
            Ok(<$value>::default())
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<$value, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(<$value>::default())
        }
    };
}
fn drain<'de, A: SeqAccess<'de>>(mut list: A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfInt;
        impl<'de> Visitor<'de> for OfInt {
            type Value = Int;
            ignore_the_rest!(Int: visit_bool(bool));
            fn visit_i64<E: Error>(self, value: i64) -> Result<Int, E> {
                Ok(Int(Some(value)))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Int, E> {
                Ok(Int(value.try_into().ok()))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Int, E> {
                // Beyond 2^53 a floating-point number no longer says which integer was meant.
                let exact = value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0;
                Ok(Int(exact.then_some(value as i64)))
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<Int, E> {
                Ok(Int(value.trim().parse().ok()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Int, A::Error> {
                drain(list).map(|()| Int(None))
            }
        }
        deserializer.deserialize_any(OfInt)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Words<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfWords;
        impl<'de> Visitor<'de> for OfWords {
            type Value = Words<'de>;
            ignore_the_rest!(Words<'de>: visit_bool(bool), visit_f64(f64));
            fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Words<'de>, E> {
                Ok(Words(Cow::Borrowed(value)))
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<Words<'de>, E> {
                Ok(Words(Cow::Owned(value.to_owned())))
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Words<'de>, E> {
                Ok(Words(Cow::Owned(value.to_string())))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Words<'de>, E> {
                Ok(Words(Cow::Owned(value.to_string())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Words<'de>, A::Error> {
                drain(list).map(|()| Words::default())
            }
        }
        deserializer.deserialize_any(OfWords)
    }
}

impl<'de> Deserialize<'de> for Triple {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfTriple;
        impl<'de> Visitor<'de> for OfTriple {
            type Value = Triple;
            ignore_the_rest!(Triple: visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str));
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Triple, A::Error> {
                let mut triple = Triple::default();
                for value in &mut triple.0 {
                    match list.next_element::<Int>()? {
                        Some(Int(read)) => *value = read,
                        None => return Ok(triple),
                    }
                }
                drain(list).map(|()| triple)
            }
        }
        deserializer.deserialize_any(OfTriple)
    }
}

#[cfg(test)]
mod tests {
    use super::{Int, Triple, Words, Written};

    #[test]
    fn integers_come_in_many_forms() {
        for (text, value) in [
            ("7", Some(7)),
            ("-7", Some(-7)),
            ("\" 7 \"", Some(7)),
            ("7.0", Some(7)),
            ("7.5", None),
            ("1e300", None),
            ("10159970886766084423", None),
            ("null", None),
            ("true", None),
            ("\"seven\"", None),
            ("[7, [8]]", None),
            ("{\"a\": [7]}", None),
        ] {
            assert_eq!(serde_json::from_str::<Int>(text).unwrap(), Int(value), "{text}");
        }
    }

    #[test]
    fn texts_and_triples_too() {
        let words = |text| serde_json::from_str::<Words<'_>>(text).unwrap().0.into_owned();
        assert_eq!(
            ["\"a\\nb\"", "7", "null", "[\"a\"]", "{}"].map(words),
            ["a\nb", "7", "", "", ""]
        );
        let triple = |text| serde_json::from_str::<Triple>(text).unwrap().0;
        assert_eq!(triple("[1, \"2\", 3, 4]"), [Some(1), Some(2), Some(3)]);
        assert_eq!(triple("[1]"), [Some(1), None, None]);
        assert_eq!(triple("\"[1, 2, 3]\""), [None; 3]);
        let written = |text| serde_json::from_str::<Written<'_>>(text).unwrap().0;
        assert_eq!(
            ["\"stream 7\"", "7", "\"\"", "1.50"].map(written),
            ["stream 7", "7", "", "1.50"]
        );
    }
}
