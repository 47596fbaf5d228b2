//! The head's logits, whole or a chunk of tokens at a time.
//!
//! A fused loss (Liger-Kernel's `fused_linear_cross_entropy.py`, arXiv 2410.10989; Cut Cross-Entropy, arXiv 2411.09009) multiplies
//! a chunk of the tokens by the head's matrix, takes loss and gradient of those logits where they are, and forgets them. Liger cuts
//! the tokens into as many chunks as the vocabulary is wider than the model, so that a chunk's logits are no more than the hidden
//! states.

use crate::setup::Setup;

/// Bytes a logit of a chunk: its 16 bits, which its gradient takes the place of.
const CHUNK_BYTES: f64 = 2.0;
/// Bytes of traffic a logit: written by the product, read and written again as the gradient. The products' own reading is theirs.
const CHUNK_TRAFFIC: f64 = 6.0;

/// Bytes of the logits that are alive at the loss; `whole` a logit where all are.
pub(crate) fn kept(setup: &Setup, whole: f64) -> f64 {
    let shape = &setup.shape;
    let logits = setup.tokens() * shape.vocab / setup.tp;
    if setup.fused_loss {
        let chunks = (shape.vocab / shape.hidden).ceil().max(1.0);
        (CHUNK_BYTES / chunks).min(whole) * logits
    } else {
        whole * logits
    }
}

/// Bytes of traffic of the logits beside the products; `whole` a logit where softmax and loss go over all of them one after the other.
pub(crate) fn traffic(setup: &Setup, whole: f64) -> f64 {
    let logits = setup.tokens() * setup.shape.vocab / setup.tp;
    logits * if setup.fused_loss { whole.min(CHUNK_TRAFFIC) } else { whole }
}
