//! `WebDataset` shards: tar files in which neighbouring entries with one name up to the first dot are a sample.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use tar::Archive;

use crate::data::damage::Damage;
use crate::data::document::{Document, Documents};
use crate::data::door;

/// Entries are padded to this.
const BLOCK: u64 = 512;
/// Two blocks of zeros end an archive.
const END: u64 = 2 * BLOCK;
/// A longer entry is no document, and would have to be in memory whole.
const LARGEST: u64 = 64 << 20;
/// Documents that are read at once, in bytes.
const AT_ONCE: usize = 1 << 20;
/// The key of a JSON document's text when none is named.
const USUAL_KEY: &str = "text";

/// How the text of a sample is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    /// `.txt`, `.text`: as it is.
    Text,
    /// `.json`: under a key of an object.
    Json,
}

/// Sample and field of an entry; `None` for pictures, labels and whatever else there is.
fn field(name: &[u8]) -> Option<(&[u8], Field)> {
    let base = name.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let dot = base + name[base..].iter().position(|byte| *byte == b'.')?;
    let field = match &name[dot + 1..] {
        b"txt" | b"text" => Field::Text,
        b"json" => Field::Json,
        _ => return None,
    };
    // ".txt" and "._x.txt" are hidden files, not samples.
    (dot > base).then_some((&name[..dot], field))
}

/// The documents of a shard; `None` where only reading all of it would tell, as it is compressed. Follows the headers from
/// the first to the last, without the contents.
pub(crate) fn index(path: &Path) -> Result<Option<u64>, Damage> {
    if is_compressed(path) {
        // The beginning shows whether it is one at all.
        return open(path, None).and_then(|mut documents| {
            documents.next().transpose()?;
            Ok(None)
        });
    }
    let mut file = open_file(path)?;
    let length = file.metadata().map_err(|e| Damage::new(path, "start", e))?.len();
    let mut place = "byte 0".to_owned();
    let walked = door::guarded(|| {
        let mut archive = Archive::new(&file);
        let (mut count, mut sample) = (0, Vec::new());
        for entry in archive.entries_with_seek().map_err(|e| e.to_string())? {
            let entry = entry.map_err(|e| e.to_string())?;
            let at = entry.raw_header_position();
            place = format!("entry {} at byte {at}", String::from_utf8_lossy(&entry.path_bytes()));
            let end = entry.raw_file_position().checked_add(entry.size());
            if end.is_none_or(|end| end > length) {
                return Err("the file ends within this entry".to_owned());
            }
            if entry.header().entry_type().is_file()
                && let Some((name, _)) = field(&entry.path_bytes())
                && sample != name
            {
                name.clone_into(&mut sample);
                count += 1;
            }
            // Should the next header be damaged.
            place = format!("behind {place}");
        }
        Ok::<_, String>(count)
    });
    let count: u64 =
        walked.and_then(|walked| walked).map_err(|reason| Damage::new(path, &place, reason))?;
    let mut end = Vec::new();
    let read = file
        .seek(SeekFrom::Start(length.saturating_sub(END)))
        .and_then(|_| Read::by_ref(&mut file).take(END).read_to_end(&mut end));
    let whole = length % BLOCK == 0 && end.len() == END as usize;
    if read.is_err() || !whole || end.iter().any(|byte| *byte != 0) {
        let reason = "the two blocks of zeros that end an archive are missing: it is cut off";
        return Err(Damage::new(path, format!("byte {length}"), reason));
    }
    Ok(Some(count))
}

/// The documents of a shard, of JSON entries what is under `key`.
pub(crate) fn open(path: &Path, key: Option<&str>) -> Result<Documents, Damage> {
    let file = BufReader::new(open_file(path)?);
    let input: Box<dyn Read + Send> = if is_compressed(path) {
        Box::new(BufReader::new(MultiGzDecoder::new(file)))
    } else {
        Box::new(file)
    };
    Ok(Box::new(Samples {
        path: path.to_owned(),
        input: Some(input),
        at: 0,
        sample: Vec::new(),
        key: key.unwrap_or(USUAL_KEY).to_owned(),
        ready: VecDeque::new(),
    }))
}

/// By its name, as everybody does.
pub(crate) fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "gz" || end == "tgz")
}

fn open_file(path: &Path) -> Result<File, Damage> {
    File::open(path).map_err(|e| Damage::with_remedy(path, "start", e, "make it readable"))
}

/// Reads a shard piece by piece.
struct Samples {
    path: PathBuf,
    /// At the header of an entry; `None` after the last one or a damage.
    input: Option<Box<dyn Read + Send>>,
    /// Bytes of the archive before that header.
    at: u64,
    /// The sample that the last document was of.
    sample: Vec<u8>,
    key: String,
    ready: VecDeque<Document>,
}

impl Samples {
    /// Reads on until there are about `AT_ONCE` bytes of documents, or the archive ends.
    fn refill(&mut self) -> Result<(), Damage> {
        let Some(input) = self.input.take() else { return Ok(()) };
        let mut place = format!("byte {}", self.at);
        let read = door::guarded(|| self.read(input, &mut place)).and_then(|read| read);
        read.map_err(|reason| Damage::new(&self.path, place, reason))
    }

    fn read(&mut self, input: Box<dyn Read + Send>, place: &mut String) -> Result<(), String> {
        let text = |e: io::Error| e.to_string();
        let mut archive = Archive::new(input);
        let mut bytes = 0;
        // Where the next header is, once enough has been read.
        let mut stop = None;
        for entry in archive.entries().map_err(text)? {
            let mut entry = entry.map_err(text)?;
            let name = entry.path_bytes().into_owned();
            *place = format!(
                "entry {} at byte {}",
                String::from_utf8_lossy(&name),
                self.at + entry.raw_header_position()
            );
            let Some((sample, field)) = field(&name) else { continue };
            if !entry.header().entry_type().is_file() || self.sample == sample {
                continue;
            }
            let size = entry.size();
            if size > LARGEST {
                return Err(format!("{size} bytes, and documents have at most {LARGEST}"));
            }
            let mut content = Vec::new();
            entry.read_to_end(&mut content).map_err(text)?;
            if content.len() as u64 != size {
                return Err(format!("{} of its {size} bytes are there", content.len()));
            }
            bytes += content.len();
            self.ready.push_back(Document::Text(self.text(content, field)?));
            sample.clone_into(&mut self.sample);
            *place = format!("behind {place}");
            if bytes >= AT_ONCE {
                let padding = size.next_multiple_of(BLOCK) - size;
                stop = Some((padding, entry.raw_file_position() + size + padding));
                break;
            }
        }
        let mut input = archive.into_inner();
        if let Some((padding, next)) = stop {
            io::copy(&mut Read::by_ref(&mut input).take(padding), &mut io::sink()).map_err(text)?;
            self.at += next;
            self.input = Some(input);
        } else {
            // Behind the archive is the checksum of what was compressed.
            "end".clone_into(place);
            io::copy(&mut input, &mut io::sink()).map_err(text)?;
        }
        Ok(())
    }

    /// The document in an entry.
    fn text(&self, content: Vec<u8>, field: Field) -> Result<String, String> {
        match field {
            Field::Text => String::from_utf8(content).map_err(|e| {
                format!("not UTF-8 from its byte {} on", e.utf8_error().valid_up_to())
            }),
            Field::Json => {
                let value: serde_json::Value =
                    serde_json::from_slice(&content).map_err(|e| format!("not JSON: {e}"))?;
                let text = value.get(&self.key).and_then(|text| text.as_str());
                text.map(str::to_owned).ok_or_else(|| {
                    format!("no text under \"{}\" (--data-column names another key)", self.key)
                })
            }
        }
    }
}

impl Iterator for Samples {
    type Item = Result<Document, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && self.input.is_some() {
            if let Err(damage) = self.refill() {
                // What came before it in the same piece is left out, too: the run ends here.
                self.ready.clear();
                return Some(Err(damage));
            }
        }
        self.ready.pop_front().map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_a_name_up_to_the_first_dot_of_its_last_part() {
        assert_eq!(field(b"a/b.c/0001.txt"), Some((&b"a/b.c/0001"[..], Field::Text)));
        assert_eq!(field(b"0001.json"), Some((&b"0001"[..], Field::Json)));
        for other in [&b"0001.jpg"[..], b"0001.seg.txt", b"0001", b"a/.txt", b"._1.txt", b""] {
            assert_eq!(field(other), None, "{}", String::from_utf8_lossy(other));
        }
    }
}
