//! Parquet, one row group at a time.

use std::fs::File;
use std::path::Path;

use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Compression;
use parquet::file::metadata::RowGroupMetaData;

use crate::data::column;
use crate::data::damage::Damage;
use crate::data::document::{Documents, Kind};
use crate::data::door;
use crate::data::table::Rows;

/// Rows decoded at once: with the pages that they are in, all of a file that is in memory.
const BATCH_ROWS: usize = 256;

/// What the documents are, and the rows of each row group. Also makes sure that the row groups are within the file and
/// compressed in a way that can be read.
pub(crate) fn index(path: &Path, wanted: Option<&str>) -> Result<(Kind, Vec<u64>), Damage> {
    let file = open_file(path)?;
    let length = file.metadata().map_err(|e| Damage::new(path, "start", e))?.len();
    let metadata = load(path, &file)?;
    let (root, kind) = choose(path, &metadata, wanted)?;
    let schema = metadata.parquet_schema();
    let mut rows = Vec::new();
    for (number, group) in metadata.metadata().row_groups().iter().enumerate() {
        let place = format!("row group {number}");
        let damage = |reason: String| Damage::new(path, &place, reason);
        let leaves = (0..schema.num_columns()).filter(|leaf| {
            schema.get_column_root_idx(*leaf) == root && *leaf < group.num_columns()
        });
        for leaf in leaves {
            check_chunk(group, leaf, length).map_err(damage)?;
            let codec = group.column(leaf).compression();
            if !readable(codec) {
                return Err(Damage::with_remedy(
                    path,
                    &place,
                    format!("compressed with {codec}"),
                    "write it again with snappy, zstd or gzip",
                ));
            }
        }
        let count = u64::try_from(group.num_rows())
            .map_err(|_| damage(format!("{} rows", group.num_rows())))?;
        rows.push(count);
    }
    Ok((kind, rows))
}

/// The documents of a row group, which has `rows` rows.
pub(crate) fn open(
    path: &Path,
    group: usize,
    rows: u64,
    wanted: Option<&str>,
    vocab: i64,
) -> Result<Documents, Damage> {
    let place = format!("row group {group}");
    let file = open_file(path)?;
    let metadata = load(path, &file)?;
    let (root, _) = choose(path, &metadata, wanted)?;
    let mask = ProjectionMask::roots(metadata.parquet_schema(), [root]);
    let reader = door::guarded(|| {
        ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
            .with_row_groups(vec![group])
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|e| e.to_string())
    });
    let reader = reader.and_then(|made| made).map_err(|e| Damage::new(path, &place, e))?;
    Ok(Box::new(Rows::new(reader, path.to_owned(), place, vocab, rows)))
}

fn open_file(path: &Path) -> Result<File, Damage> {
    File::open(path).map_err(|e| Damage::with_remedy(path, "start", e, "make it readable"))
}

fn load(path: &Path, file: &File) -> Result<ArrowReaderMetadata, Damage> {
    // What a file says of Arrow's types is left aside: text is then text, however its writer kept it in memory.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    door::guarded(|| ArrowReaderMetadata::load(file, options).map_err(|e| e.to_string()))
        .and_then(|read| read)
        .map_err(|e| Damage::new(path, "footer", e))
}

fn choose(
    path: &Path,
    metadata: &ArrowReaderMetadata,
    wanted: Option<&str>,
) -> Result<(usize, Kind), Damage> {
    column::choose(metadata.schema(), wanted).map_err(|misfit| {
        let remedy = misfit.remedy.unwrap_or_default();
        Damage::with_remedy(path, "schema", misfit.reason, remedy)
    })
}

/// The bytes of a column of a row group must be within the file.
fn check_chunk(group: &RowGroupMetaData, leaf: usize, length: u64) -> Result<(), String> {
    // It panics where they are negative.
    let (start, bytes) = door::guarded(|| group.column(leaf).byte_range())?;
    match start.checked_add(bytes) {
        Some(end) if end <= length => Ok(()),
        _ => Err(format!(
            "bytes {start} and the {bytes} behind it are not in the file, which has {length}"
        )),
    }
}

fn readable(codec: Compression) -> bool {
    matches!(
        codec,
        Compression::UNCOMPRESSED
            | Compression::SNAPPY
            | Compression::GZIP(_)
            | Compression::ZSTD(_)
    )
}
