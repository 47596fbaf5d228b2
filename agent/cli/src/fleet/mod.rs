//! A fleet's health: from files to its document, and from that to a page.

mod intake;
mod nccl;
mod page;

pub(crate) use intake::{expected, gather};
pub(crate) use page::{headline, page};
