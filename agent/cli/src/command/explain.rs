//! `perfagent explain`: claims that people repeat, checked.

use anyhow::anyhow;
use perfagent_predictor::claims::claims;

use crate::command::predict;
use crate::exit::Exit;
use crate::printer::Printer;

/// Check a claim about training that people repeat
///
/// Without a name, lists the claims with what is to be said of each. With one, prints its page in Markdown: the figures, which
/// are calculated now, and measurements from elsewhere with their sources.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  perfagent explain\n  perfagent explain zero-175b")]
pub(crate) struct Args {
    /// The claim
    #[arg(value_name = "CLAIM")]
    claim: Option<String>,
}

/// Prints the claims, or the page of one.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    let predictor = predict::predictor(None)?;
    let claims = claims();
    let Some(name) = &args.claim else {
        for claim in &claims {
            let verdict =
                claim.verdict(&predictor).map_err(|why| anyhow!("{}: {why}", claim.name()))?;
            printer.line(format!("{}: \"{}\"\n  {verdict}", claim.name(), claim.title()))?;
        }
        return Ok(Exit::Success);
    };
    let claim = claims.iter().find(|claim| claim.name() == name).ok_or_else(|| {
        let known: Vec<&str> =
            claims.iter().map(perfagent_predictor::claims::Claim::name).collect();
        anyhow!("{name}: is no claim that is checked; known are {}", known.join(", "))
    })?;
    printer.answer(claim.page(&predictor).map_err(|why| anyhow!("{name}: {why}"))?)?;
    Ok(Exit::Success)
}
