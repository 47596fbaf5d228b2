//! Claims that people repeat, checked: each is a page whose numbers the models of this crate calculate.
//!
//! Measurements from elsewhere stand on a page beside the calculated ones, each with the place where it was published.

mod all_reduce;
mod fp8;
mod models;
mod page;
mod sixteen_gb;
mod zero_175b;

use page::Page;

use crate::predictor::Predictor;

/// A claim that is checked.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    name: &'static str,
    title: &'static str,
    check: fn(&Predictor) -> Result<Page, String>,
}

/// All claims that are checked.
#[must_use]
pub fn claims() -> Vec<Claim> {
    vec![sixteen_gb::CLAIM, zero_175b::CLAIM, fp8::CLAIM, all_reduce::CLAIM]
}

impl Claim {
    /// Its short name, such as `zero-175b`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The claim as it is repeated.
    #[must_use]
    pub fn title(&self) -> &'static str {
        self.title
    }

    /// What is to be said of it, in a few sentences.
    ///
    /// # Errors
    ///
    /// Why a job of the page is refused with this predictor's calibration.
    pub fn verdict(&self, predictor: &Predictor) -> Result<String, String> {
        (self.check)(predictor).map(|page| page.verdict().to_owned())
    }

    /// The page in Markdown: claim, verdict, calculated and measured figures.
    ///
    /// # Errors
    ///
    /// Why a job of the page is refused with this predictor's calibration.
    pub fn page(&self, predictor: &Predictor) -> Result<String, String> {
        (self.check)(predictor).map(|page| page.markdown(self.title))
    }
}
