//! Where a summary goes.

use std::fmt;
use std::path::PathBuf;

use super::{mlflow_folder, mlflow_server, tensorboard, wandb};
use crate::recordings::RunFigures;

/// A tracker of experiments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A folder that `TensorBoard` shows (`tensorboard --logdir DIR`).
    TensorBoard(PathBuf),
    /// A folder in the layout of `MLflow`'s file store (`mlruns`).
    MlflowFolder(PathBuf),
    /// A tracking server of `MLflow`.
    MlflowServer(String),
    /// A folder of lines for W&B's client.
    Wandb(PathBuf),
}

/// Why a summary did not arrive. The recording is not touched by it.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// A file could not be written.
    #[error("{}: cannot be written: {said}; free some space, or choose another folder with --push", .path.display())]
    Unwritten {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        said: String,
    },
    /// The server could not be reached, or broke off.
    #[error("{uri}: does not answer: {said}; is it the address of the tracking server?")]
    Unreached {
        /// The server.
        uri: String,
        /// What the client says.
        said: String,
    },
    /// The server refused.
    #[error("{uri}: answers {status} to {call}: {said}")]
    Refused {
        /// The server.
        uri: String,
        /// What it was asked.
        call: &'static str,
        /// HTTP status.
        status: u16,
        /// Its words.
        said: String,
    },
}

impl Destination {
    /// `tensorboard=DIR`, `mlflow=DIR`, `mlflow=http://HOST:PORT`, `wandb=DIR`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let form = "write mlflow=http://HOST:PORT, mlflow=DIR, tensorboard=DIR or wandb=DIR";
        let (tracker, place) = text.split_once('=').ok_or(form)?;
        let place = place.strip_prefix("file://").unwrap_or(place);
        if place.is_empty() {
            return Err(form.to_owned());
        }
        match tracker {
            "tensorboard" => Ok(Self::TensorBoard(place.into())),
            "wandb" => Ok(Self::Wandb(place.into())),
            "mlflow" if place.starts_with("http://") => {
                Ok(Self::MlflowServer(place.trim_end_matches('/').to_owned()))
            }
            "mlflow" if place.contains("://") => Err(format!(
                "{place}: only http:// and folders are possible here; give the address of the server within its network, \
                 or a folder"
            )),
            "mlflow" => Ok(Self::MlflowFolder(place.into())),
            _ => Err(form.to_owned()),
        }
    }

    /// Hands the summary over. Returns where it can be found.
    pub fn push(&self, run: &RunFigures) -> Result<String, PushError> {
        match self {
            Self::TensorBoard(folder) => tensorboard::write(folder, run),
            Self::MlflowFolder(folder) => mlflow_folder::write(folder, run),
            Self::MlflowServer(uri) => mlflow_server::push(uri, run),
            Self::Wandb(folder) => wandb::write(folder, run),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TensorBoard(folder) => write!(f, "tensorboard={}", folder.display()),
            Self::MlflowFolder(folder) => write!(f, "mlflow={}", folder.display()),
            Self::MlflowServer(uri) => write!(f, "mlflow={uri}"),
            Self::Wandb(folder) => write!(f, "wandb={}", folder.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Destination;

    #[test]
    fn each_destination_is_read_as_it_is_written() {
        for text in ["tensorboard=tb", "mlflow=/a/mlruns", "mlflow=http://h:5000", "wandb=w"] {
            assert_eq!(Destination::parse(text).unwrap().to_string(), text);
        }
        let server = Destination::MlflowServer("http://h:5000".to_owned());
        assert_eq!(Destination::parse("mlflow=http://h:5000/").unwrap(), server);
        for text in ["", "tb", "mlflow", "mlflow=", "neptune=x"] {
            assert!(Destination::parse(text).unwrap_err().starts_with("write mlflow="), "{text}");
        }
        for text in ["mlflow=https://h", "mlflow=databricks://x"] {
            assert!(Destination::parse(text).unwrap_err().contains("only http://"), "{text}");
        }
    }
}
