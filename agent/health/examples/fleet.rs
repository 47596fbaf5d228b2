//! Writes the documents of a made-up fleet, a file a node: `cargo run -p perfagent-health --example fleet -- FOLDER [NODES]`.
//! Every fortieth node has a fault.

#[path = "../tests/health/fleet/simulated.rs"]
mod simulated;

use std::error::Error;
use std::fs;
use std::path::Path;

use simulated::{Fault, Noise, document, name};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let folder = words.next().ok_or("name a folder")?;
    let nodes: usize = words.next().map_or(Ok(1000), |count| count.parse())?;
    fs::create_dir_all(&folder)?;
    let mut noise = Noise::new(1);
    for number in 0..nodes {
        let (gpu, by) = (noise.below(8), noise.between(0.05, 0.2));
        let fault = (number % 40 == 20).then(|| match noise.below(7) {
            0 => Fault::Compute(gpu, by),
            1 => Fault::Memory(gpu, by),
            2 => Fault::Link(gpu, by),
            3 => Fault::Node(by),
            4 => Fault::Network(by),
            5 => Fault::Missing(gpu),
            _ => Fault::Single(gpu, by),
        });
        let text = document(number, fault, 0.01, &mut noise).to_string();
        fs::write(Path::new(&folder).join(format!("{}.json", name(number))), text)?;
    }
    Ok(())
}
