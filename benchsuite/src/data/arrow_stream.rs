//! Arrow's stream format, in which Hugging Face Datasets keeps tables on disk, one record batch at a time.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use arrow_ipc::reader::StreamReader;
use arrow_ipc::{MessageHeader, root_as_message};

use crate::data::column;
use crate::data::damage::Damage;
use crate::data::document::{Documents, Kind};
use crate::data::door;
use crate::data::table::Rows;

/// Before each message's length since 2019.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// What the file format (not the stream format) begins with.
const FILE_MAGIC: &[u8] = b"ARROW1";
/// A longer description of one batch than any table has.
const LARGEST_METADATA: usize = 64 << 20;

/// Where a record batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchPlace {
    /// Bytes of the schema, with which the file begins.
    pub schema: u64,
    /// First byte.
    pub at: u64,
    /// Length.
    pub bytes: u64,
}

/// What the documents are, and every record batch with its rows. Follows the chain of messages from the first to the last
/// byte, without their contents.
pub(crate) fn index(
    path: &Path,
    wanted: Option<&str>,
) -> Result<(Kind, Vec<(BatchPlace, u64)>), Damage> {
    let mut file = BufReader::new(open_file(path)?);
    let length = file.get_ref().metadata().map_err(|e| Damage::new(path, "start", e))?.len();
    let (_, kind) = choose(path, wanted)?;
    let mut batches = Vec::new();
    let (mut at, mut schema) = (0, 0);
    loop {
        let message = door::guarded(|| read_message(&mut file, at, length)).and_then(|read| read);
        let message = message.map_err(|reason| Damage::new(path, format!("byte {at}"), reason))?;
        let Some(Message { header, bytes, rows }) = message else { return Ok((kind, batches)) };
        match header {
            MessageHeader::Schema if at == 0 => schema = bytes,
            MessageHeader::RecordBatch if at > 0 => {
                batches.push((BatchPlace { schema, at, bytes }, rows));
            }
            other => {
                let name = other.variant_name().unwrap_or("an unknown message");
                return Err(Damage::with_remedy(
                    path,
                    format!("byte {at}"),
                    format!("{name} where a record batch is expected"),
                    "write it again with Dataset.save_to_disk, text as plain strings",
                ));
            }
        }
        at += bytes;
    }
}

/// The documents of a record batch, which has `rows` rows.
pub(crate) fn open(
    path: &Path,
    place: BatchPlace,
    rows: u64,
    wanted: Option<&str>,
    vocab: i64,
) -> Result<Documents, Damage> {
    let name = format!("record batch at byte {}", place.at);
    let damage = |reason: String| Damage::new(path, &name, reason);
    let (index, _) = choose(path, wanted)?;
    let schema = open_file(path)?.take(place.schema);
    let mut batch = open_file(path)?;
    batch.seek(SeekFrom::Start(place.at)).map_err(|e| damage(e.to_string()))?;
    let bytes = BufReader::new(schema.chain(batch.take(place.bytes)));
    let reader = door::guarded(|| {
        StreamReader::try_new(bytes, Some(vec![index])).map_err(|e| e.to_string())
    });
    let reader = reader.and_then(|made| made).map_err(damage)?;
    Ok(Box::new(Rows::new(reader, path.to_owned(), name, vocab, rows)))
}

fn open_file(path: &Path) -> Result<File, Damage> {
    File::open(path).map_err(|e| Damage::with_remedy(path, "start", e, "make it readable"))
}

/// The column with the documents, by the schema with which the file begins.
fn choose(path: &Path, wanted: Option<&str>) -> Result<(usize, Kind), Damage> {
    let damage = |reason: String| Damage::new(path, "schema", reason);
    let mut file = BufReader::new(open_file(path)?);
    let mut magic = [0; FILE_MAGIC.len()];
    if file.read_exact(&mut magic).is_ok() && magic == FILE_MAGIC {
        return Err(Damage::with_remedy(
            path,
            "byte 0",
            "Arrow's file format, not the stream format",
            "write it with Dataset.save_to_disk",
        ));
    }
    file.rewind().map_err(|e| damage(e.to_string()))?;
    let schema = door::guarded(|| {
        StreamReader::try_new(file, None).map(|reader| reader.schema()).map_err(|e| e.to_string())
    });
    let schema = schema.and_then(|read| read).map_err(damage)?;
    column::choose(&schema, wanted).map_err(|misfit| {
        Damage::with_remedy(path, "schema", misfit.reason, misfit.remedy.unwrap_or_default())
    })
}

/// What the chain is followed by.
struct Message {
    header: MessageHeader,
    /// Of all of it: length, description, contents.
    bytes: u64,
    rows: u64,
}

/// Reads the message at byte `at` and moves behind its contents; `None` at the end.
fn read_message(
    file: &mut BufReader<File>,
    at: u64,
    length: u64,
) -> Result<Option<Message>, String> {
    if at == length {
        // The mark of the end may be left out.
        return Ok(None);
    }
    let mut word = [0; 4];
    let mut prefix = 4;
    let cut = || "the file ends within a message".to_owned();
    file.read_exact(&mut word).map_err(|_| cut())?;
    if word == CONTINUATION {
        file.read_exact(&mut word).map_err(|_| cut())?;
        prefix = 8;
    }
    let size = i32::from_le_bytes(word);
    if size == 0 {
        return Ok(None);
    }
    let size = usize::try_from(size).ok().filter(|size| *size <= LARGEST_METADATA);
    let size = size.ok_or("the length of a message is impossible")?;
    let mut description = Vec::new();
    file.by_ref().take(size as u64).read_to_end(&mut description).map_err(|e| e.to_string())?;
    if description.len() < size {
        return Err(cut());
    }
    let message = root_as_message(&description)
        .map_err(|_| "the description of a message is damaged".to_owned())?;
    let rows = message.header_as_record_batch().map_or(0, |batch| batch.length());
    let rows = u64::try_from(rows).map_err(|_| format!("a record batch of {rows} rows"))?;
    let body = u64::try_from(message.bodyLength()).map_err(|_| "a negative length".to_owned())?;
    let bytes = (prefix + size as u64).checked_add(body);
    let bytes = bytes.filter(|bytes| *bytes <= length - at).ok_or_else(cut)?;
    file.seek_relative(body as i64).map_err(|e| e.to_string())?;
    Ok(Some(Message { header: message.header_type(), bytes, rows }))
}
