//! Recordings and traces of real machines.

use std::path::PathBuf;

use perfagent_gui::job;
use perfagent_gui::model::document::Document;

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A recording of an H200, such as `profiler/bf16`; see `data/h200/README.md`.
pub(crate) fn h200(name: &str) -> Document {
    let path = repository().join(format!("data/h200/{name}.perfdb.gz"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(format!("{}.perfdb", name.replace('/', "-")));
    let mut packed = flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap());
    std::io::copy(&mut packed, &mut std::fs::File::create(&file).unwrap()).unwrap();
    job::load(&[file], &|_| {}).unwrap()
}

/// A trace of `../shared/traces`, if it is there.
pub(crate) fn trace(name: &str) -> Option<Document> {
    let path = repository().parent()?.join("shared/traces").join(name);
    path.exists().then(|| job::load(&[path], &|_| {}).unwrap())
}
