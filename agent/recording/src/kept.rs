//! Which table of a [`Recording`] in memory the rows of each type are.

use crate::Recording;
use crate::table::{self, SpoolProgress, tables};

/// A row that a recording in memory has a place for.
pub trait Kept: Sized {
    /// Appends a copy of the row, and returns its id.
    fn keep(&self, recording: &mut Recording) -> i64;

    /// Every row with its id.
    fn kept(recording: &Recording) -> Vec<(i64, Self)>;
}

macro_rules! kept {
    ({} $($kind:ident $table:ident: $row:ident,)+) => {$(
        impl Kept for table::$row {
            fn keep(&self, recording: &mut Recording) -> i64 {
                recording.$table.push(self.clone());
                recording.$table.len() as i64
            }

            fn kept(recording: &Recording) -> Vec<(i64, Self)> {
                (1..).zip(recording.$table.to_vec()).collect()
            }
        }
    )+};
}

tables!(kept {});

/// How far a recorder has read a spool matters only to a file that may have to be completed.
impl Kept for SpoolProgress {
    fn keep(&self, _recording: &mut Recording) -> i64 {
        0
    }

    fn kept(_recording: &Recording) -> Vec<(i64, Self)> {
        Vec::new()
    }
}
