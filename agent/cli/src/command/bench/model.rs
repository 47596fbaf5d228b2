//! `perfagent bench run MODEL`: train a real model, recorded.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser as _;

use super::Run;
use crate::command::record;

/// Arguments of `perfagent record`, to be parsed by themselves.
#[derive(Debug, clap::Parser)]
struct RecordArguments {
    #[command(flatten)]
    args: record::Args,
}

impl Run {
    /// The same as `perfagent record [-o OUTPUT] [-f] -- PROGRAM MODEL [--device DEVICE] [OPTIONS]`, with
    /// every default of `record`.
    pub(super) fn as_record(&self, program: PathBuf) -> Result<record::Args, clap::Error> {
        let mut words: Vec<OsString> = vec!["record".into()];
        if let Some(output) = &self.output {
            words.extend(["-o".into(), output.into()]);
        }
        if self.force {
            words.push("-f".into());
        }
        words.extend(["--".into(), program.into(), OsString::from(&self.name)]);
        if let Some(device) = self.device {
            words.extend(["--device".into(), device.name().into()]);
        }
        words.extend(self.options.iter().cloned());
        Ok(RecordArguments::try_parse_from(words)?.args)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::{Device, SuiteOptions};
    use super::{RecordArguments, Run};

    #[test]
    fn run_is_a_record_of_the_benchmark() {
        let run = Run {
            name: "gpt".into(),
            device: Some(Device::Cpu),
            output: Some("a b.perfdb".into()),
            force: true,
            suite: SuiteOptions::default(),
            options: vec!["--steps".into(), "3".into()],
        };
        let words = [
            "record",
            "-o",
            "a b.perfdb",
            "-f",
            "--",
            "/x/perfagent-bench",
            "gpt",
            "--device",
            "cpu",
            "--steps",
            "3",
        ];
        let same = RecordArguments::try_parse_from(words).unwrap().args;
        let recorded = run.as_record("/x/perfagent-bench".into()).unwrap();
        assert_eq!(format!("{recorded:?}"), format!("{same:?}"));
    }
}
