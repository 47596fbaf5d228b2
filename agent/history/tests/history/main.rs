//! The store and the readers as their users meet them, and files that are damaged.

mod damaged;
mod foreign;
mod kept;
mod several;
mod support;
