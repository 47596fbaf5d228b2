//! What libtorch makes of a processor: asked of the one program that links it.

use std::path::Path;
use std::process::{Command, Stdio};

use perfagent_kernels::Effort;
use perfagent_kernels::cpu::{TORCH_SCHEMA, Torch};

use crate::command::bench::PERFAGENT_BENCH;

/// Runs `perfagent-bench ceilings`; says why not in one line.
pub(crate) fn measure(effort: Effort) -> Result<Torch, String> {
    of(&PERFAGENT_BENCH.find().map_err(|error| error.to_string())?, effort)
}

fn of(program: &Path, effort: Effort) -> Result<Torch, String> {
    let mut command = Command::new(program);
    command.arg("ceilings");
    if effort == Effort::Quick {
        command.arg("--quick");
    }
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // Its last line is the reason when it fails.
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: cannot be started: {error}", program.display()))?;
    let output = child
        .wait_with_output()
        .map_err(|error| format!("{}: was lost: {error}", program.display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let line = said.lines().rfind(|line| !line.trim().is_empty());
        let why = line.map_or_else(|| output.status.to_string(), str::to_owned);
        return Err(format!("{} ceilings: {why}", program.display()));
    }
    let answer: Torch = serde_json::from_slice(&output.stdout).map_err(|error| {
        format!(
            "{} ceilings: its answer is not understood ({error}); is it of this version?",
            program.display()
        )
    })?;
    if answer.schema != TORCH_SCHEMA {
        let told = &answer.schema;
        return Err(format!(
            "{} ceilings: its answer is {told}, not {TORCH_SCHEMA}; use the program of this version",
            program.display()
        ));
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use perfagent_kernels::Effort;

    use super::of;

    #[test]
    fn what_does_not_measure_is_told_with_its_name() {
        let reason = |program: &str| of(Path::new(program), Effort::Quick).unwrap_err();
        assert!(reason("/no/such/program").contains("cannot be started"));
        assert!(reason("/bin/false").contains("/bin/false ceilings: exit status: 1"));
        let silent = reason("/bin/true");
        assert!(silent.contains("not understood") && silent.contains("this version"), "{silent}");
    }
}
