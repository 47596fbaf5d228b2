//! The column of a table that holds the documents.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Schema};

use crate::data::document::{Document, Kind};

/// Looked for in this order when no column is named.
const USUAL: [&str; 3] = ["text", "tokens", "input_ids"];

/// What is wrong with a table's columns or their values.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// Why.
    pub reason: String,
    /// What to do, where writing the file again is not it.
    pub remedy: Option<String>,
}

/// The index of the column with the documents, and what they are.
pub(crate) fn choose(schema: &Schema, wanted: Option<&str>) -> Result<(usize, Kind), Misfit> {
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let find = |name: &str| names.iter().position(|other| *other == name);
    let index = match wanted {
        Some(name) => find(name),
        None => USUAL.into_iter().find_map(find),
    };
    let Some(index) = index else {
        let missing = match wanted {
            Some(name) => format!("no column '{name}'"),
            None => "no column 'text', 'tokens' or 'input_ids'".to_owned(),
        };
        return Err(Misfit {
            reason: format!("{missing} among {}", names.join(", ")),
            remedy: Some("name the one with the documents with --data-column".to_owned()),
        });
    };
    let kind = match schema.field(index).data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::Text,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _)
            if item.data_type().is_integer() =>
        {
            Kind::Tokens
        }
        other => {
            return Err(Misfit {
                reason: format!(
                    "the column '{}' holds {other}, neither text nor lists of integers",
                    names[index]
                ),
                remedy: Some("name another with --data-column".to_owned()),
            });
        }
    };
    Ok((index, kind))
}

/// The document in a row; one without a value is empty. Ids must be below `vocab`.
pub(crate) fn document(array: &ArrayRef, row: usize, vocab: i64) -> Result<Document, Misfit> {
    if array.is_null(row) {
        return Ok(Document::Text(String::new()));
    }
    let text = |value: &str| Ok(Document::Text(value.to_owned()));
    if let Some(texts) = array.as_string_opt::<i32>() {
        return text(texts.value(row));
    }
    if let Some(texts) = array.as_string_opt::<i64>() {
        return text(texts.value(row));
    }
    if let Some(texts) = array.as_string_view_opt() {
        return text(texts.value(row));
    }
    let list = if let Some(lists) = array.as_list_opt::<i32>() {
        lists.value(row)
    } else if let Some(lists) = array.as_list_opt::<i64>() {
        lists.value(row)
    } else if let Some(lists) = array.as_fixed_size_list_opt() {
        lists.value(row)
    } else {
        let reason = format!("{} is neither text nor a list", array.data_type());
        return Err(Misfit { reason, remedy: None });
    };
    ids(&list, vocab).map(Document::Tokens)
}

/// One list's values as ids below `vocab`.
fn ids(list: &ArrayRef, vocab: i64) -> Result<Vec<u32>, Misfit> {
    if list.null_count() > 0 {
        return Err(Misfit { reason: "a token without a value".to_owned(), remedy: None });
    }
    match list.data_type() {
        DataType::Int8 => below::<Int8Type>(list, vocab),
        DataType::Int16 => below::<Int16Type>(list, vocab),
        DataType::Int32 => below::<Int32Type>(list, vocab),
        DataType::Int64 => below::<Int64Type>(list, vocab),
        DataType::UInt8 => below::<UInt8Type>(list, vocab),
        DataType::UInt16 => below::<UInt16Type>(list, vocab),
        DataType::UInt32 => below::<UInt32Type>(list, vocab),
        DataType::UInt64 => below::<UInt64Type>(list, vocab),
        other => Err(Misfit { reason: format!("tokens are integers, not {other}"), remedy: None }),
    }
}

fn below<T: ArrowPrimitiveType>(list: &ArrayRef, vocab: i64) -> Result<Vec<u32>, Misfit>
where
    T::Native: TryInto<i64>,
{
    let id = |value: &T::Native| {
        let id: Option<i64> = (*value).try_into().ok();
        id.filter(|id| (0..vocab).contains(id)).map(|id| id as u32).ok_or_else(|| Misfit {
            reason: format!("token {value:?} is outside of the vocabulary, which has {vocab}"),
            remedy: Some("give the vocabulary of the data with --vocab".to_owned()),
        })
    };
    list.as_primitive::<T>().values().iter().map(id).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{LargeListArray, ListArray, StringArray};
    use arrow_schema::Field;

    use super::*;

    fn schema(columns: &[(&str, DataType)]) -> Schema {
        let field = |(name, kind): &(&str, DataType)| Field::new(*name, kind.clone(), true);
        Schema::new(columns.iter().map(field).collect::<Vec<_>>())
    }

    fn list(item: DataType) -> DataType {
        DataType::List(Arc::new(Field::new("item", item, true)))
    }

    #[test]
    fn text_goes_before_tokens_and_a_named_column_before_both() {
        let schema = schema(&[
            ("id", DataType::Int64),
            ("input_ids", list(DataType::Int32)),
            ("text", DataType::Utf8),
            ("title", DataType::LargeUtf8),
        ]);
        assert_eq!(choose(&schema, None), Ok((2, Kind::Text)));
        assert_eq!(choose(&schema, Some("title")), Ok((3, Kind::Text)));
        assert_eq!(choose(&schema, Some("input_ids")), Ok((1, Kind::Tokens)));
    }

    #[test]
    fn a_column_that_is_missing_or_of_another_kind_is_named() {
        let schema = schema(&[("id", DataType::Int64), ("body", DataType::Utf8)]);
        let reason = |wanted| choose(&schema, wanted).unwrap_err().reason;
        insta::assert_snapshot!(reason(None), @"no column 'text', 'tokens' or 'input_ids' among id, body");
        insta::assert_snapshot!(reason(Some("x")), @"no column 'x' among id, body");
        insta::assert_snapshot!(reason(Some("id")), @"the column 'id' holds Int64, neither text nor lists of integers");
    }

    #[test]
    fn lists_of_any_integer_are_ids_and_rows_without_a_value_are_empty() {
        let small: ArrayRef = Arc::new(ListArray::from_iter_primitive::<UInt16Type, _, _>([
            Some(vec![Some(1), Some(319)]),
            None,
        ]));
        let large: ArrayRef = Arc::new(LargeListArray::from_iter_primitive::<Int64Type, _, _>([
            Some(vec![Some(1), Some(319)]),
            Some(vec![]),
        ]));
        for lists in [small, large] {
            assert_eq!(document(&lists, 0, 320), Ok(Document::Tokens(vec![1, 319])));
            assert!(document(&lists, 1, 320).unwrap().is_empty());
        }
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
        assert_eq!(document(&texts, 0, 320), Ok(Document::Text("a".to_owned())));
        assert!(document(&texts, 1, 320).unwrap().is_empty());
    }

    #[test]
    fn an_id_outside_of_the_vocabulary_is_refused() {
        let of = |rows: Vec<Vec<Option<i64>>>| -> ArrayRef {
            let rows = rows.into_iter().map(Some);
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(rows))
        };
        for (bad, says) in [(Some(320), "token 320"), (Some(-1), "token -1"), (None, "without")] {
            let lists = of(vec![vec![Some(0)], vec![Some(5), bad]]);
            assert_eq!(document(&lists, 0, 320), Ok(Document::Tokens(vec![0])));
            let misfit = document(&lists, 1, 320).unwrap_err();
            assert!(misfit.reason.contains(says), "{misfit:?}");
        }
    }
}
