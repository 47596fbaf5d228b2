//! What other arrangements of the open run would take, which are worth trying, and how to try them.

pub mod arrangement;
pub mod evidence;
pub mod given;
pub mod landscape;
pub mod outlook;
pub mod part;
pub mod trials;
pub mod tuning;
pub mod words;

pub use arrangement::Arrangement;
pub use given::{Given, Known};
pub use landscape::{Landscape, Spot, landscape};
pub use outlook::{Outlook, outlook};
pub use trials::Trials;
pub use tuning::Tuning;
