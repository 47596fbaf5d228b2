//! In which form a data set is kept, told by what is there.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::failure::{Failure, Result};

/// How documents are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// UTF-8 text files below a folder, tokenized whole.
    Text,
    /// Parquet files.
    Parquet,
    /// Arrow's stream format.
    Arrow,
    /// `WebDataset` shards.
    Tar,
}

impl Form {
    /// What results call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::Tar => "webdataset",
        }
    }

    /// By the end of a file's name.
    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        match () {
            () if name.starts_with('.') => None,
            () if ends(&[".parquet"]) => Some(Self::Parquet),
            () if ends(&[".arrow"]) => Some(Self::Arrow),
            () if ends(&[".tar", ".tar.gz", ".tgz"]) => Some(Self::Tar),
            () => None,
        }
    }
}

/// The part of a data set's `state.json` that names its files.
#[derive(Deserialize)]
struct State {
    #[serde(rename = "_data_files")]
    data_files: Vec<DataFile>,
    /// Which rows count and in which order; written by versions before 2.0 alone.
    #[serde(rename = "_indices_data_files", default)]
    indices: Option<Vec<DataFile>>,
}

#[derive(Deserialize)]
struct DataFile {
    filename: String,
}

/// The form of what is at `path`, and its files in the order of their names. A folder of text has none.
pub(crate) fn detect(path: &Path) -> Result<(Form, Vec<PathBuf>)> {
    if path.is_file() {
        return match Form::of(path) {
            Some(form) => Ok((form, vec![path.to_owned()])),
            None => Err(Failure::input(format!(
                "--data {} is not a folder, nor a .parquet, .arrow, .tar or .tar.gz file: name the folder that holds the text files",
                path.display()
            ))),
        };
    }
    // The splits of a DatasetDict are folders; the one to train on is always called so.
    let split = path.join("dataset_dict.json").is_file().then(|| path.join("train"));
    let path = split.as_deref().unwrap_or(path);
    if path.join("state.json").is_file() && path.join("dataset_info.json").is_file() {
        return Ok((Form::Arrow, saved(path)?));
    }
    for folder in [path.to_owned(), path.join("data"), path.join("train")] {
        if let Some(found) = shards(&folder)? {
            return Ok(found);
        }
    }
    Ok((Form::Text, Vec::new()))
}

/// The files of what `save_to_disk` wrote.
fn saved(folder: &Path) -> Result<Vec<PathBuf>> {
    let path = folder.join("state.json");
    let refuse = |reason: String| {
        Failure::input(format!("{}: {reason}; write the data set again", path.display()))
    };
    let text = fs::read(&path).map_err(|e| refuse(e.to_string()))?;
    let state: State = serde_json::from_slice(&text).map_err(|e| refuse(e.to_string()))?;
    if state.data_files.is_empty() {
        return Err(refuse("it names no files".to_owned()));
    }
    if state.indices.is_some_and(|files| !files.is_empty()) {
        return Err(refuse(
            "it selects rows by indices; flatten_indices() writes them out".to_owned(),
        ));
    }
    let mut files = Vec::new();
    for DataFile { filename } in state.data_files {
        let file = folder.join(&filename);
        if !file.is_file() {
            return Err(refuse(format!("it names {filename}, which is not there")));
        }
        files.push(file);
    }
    Ok(files)
}

/// The files of a folder that are of one form: those of the split `train`, where names say so.
fn shards(folder: &Path) -> Result<Option<(Form, Vec<PathBuf>)>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(None) };
    let mut found = Vec::new();
    for entry in entries {
        let path =
            entry.map_err(|e| Failure::input(format!("--data {}: {e}", folder.display())))?.path();
        if let Some(form) = Form::of(&path).filter(|_| path.is_file()) {
            found.push((form, path));
        }
    }
    found.sort_by(|left, right| left.1.cmp(&right.1));
    let Some((form, first)) = found.first().cloned() else { return Ok(None) };
    if let Some((other, second)) = found.iter().find(|(other, _)| *other != form) {
        return Err(Failure::input(format!(
            "--data {} holds data sets of two forms, {} ({}) and {} ({}): name a folder or a file of one of them",
            folder.display(),
            form.name(),
            file_name(&first),
            other.name(),
            file_name(second)
        )));
    }
    let mut files: Vec<PathBuf> = found.into_iter().map(|(_, path)| path).collect();
    let of_train = |path: &PathBuf| file_name(path).starts_with("train");
    if files.iter().any(of_train) {
        files.retain(of_train);
    }
    Ok(Some((form, files)))
}

/// The last part of a path, as far as it is text.
fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_by_indices_is_not_taken_for_the_whole() {
        let folder = folder(&["dataset_info.json", "data-00000-of-00001.arrow"]);
        let state = r#"{"_data_files": [{"filename": "data-00000-of-00001.arrow"}],
            "_indices_data_files": [{"filename": "indices.arrow"}]}"#;
        fs::write(folder.path().join("state.json"), state).unwrap();
        let refused = detect(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("flatten_indices()"), "{refused}");
    }

    /// A folder with these files, of which the contents do not matter.
    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let text = if name.ends_with("state.json") {
                r#"{"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_split": null}"#
            } else {
                "{}"
            };
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn found(files: &[&str]) -> (Form, Vec<String>) {
        let folder = folder(files);
        let (form, files) = detect(folder.path()).unwrap();
        (form, files.iter().map(|path| file_name(path)).collect())
    }

    #[test]
    fn each_form_is_told_by_its_files() {
        assert_eq!(found(&["a.txt", "b/c.md"]), (Form::Text, vec![]));
        let hub = ["data/train-00001-of-00002.parquet", "data/train-00000-of-00002.parquet"];
        let (first, second) = ("train-00000-of-00002.parquet", "train-00001-of-00002.parquet");
        let both = (Form::Parquet, vec![first.to_owned(), second.to_owned()]);
        assert_eq!(found(&[hub[0], hub[1], "README.md"]), both);
        assert_eq!(found(&[hub[0], hub[1], "data/test-00000-of-00001.parquet"]), both);
        let tars = (Form::Tar, vec!["0.tar".to_owned(), "1.tar.gz".to_owned()]);
        assert_eq!(found(&["1.tar.gz", "0.tar", "README.md"]), tars);
        let arrow = (Form::Arrow, vec!["data-00000-of-00001.arrow".to_owned()]);
        let saved = ["state.json", "dataset_info.json", "data-00000-of-00001.arrow"];
        assert_eq!(found(&[saved[0], saved[1], saved[2], "cache-1.arrow"]), arrow);
        let dict = saved.map(|name| format!("train/{name}"));
        assert_eq!(found(&["dataset_dict.json", &dict[0], &dict[1], &dict[2]]), arrow);
    }

    #[test]
    fn two_forms_and_files_that_are_missing_are_named() {
        let refused = |files: &[&str]| {
            let folder = folder(files);
            let text = detect(folder.path()).unwrap_err().to_string();
            text.replace(folder.path().to_str().unwrap(), "DATA")
        };
        insta::assert_snapshot!(refused(&["a.parquet", "b.tar"]), @"--data DATA holds data sets of two forms, parquet (a.parquet) and webdataset (b.tar): name a folder or a file of one of them");
        insta::assert_snapshot!(refused(&["state.json", "dataset_info.json"]), @"DATA/state.json: it names data-00000-of-00001.arrow, which is not there; write the data set again");
    }
}
