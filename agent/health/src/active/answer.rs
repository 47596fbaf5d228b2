//! The work on one device, in a child process.

use std::io::{self, Write};

use perfagent_kernels::{
    CeilingError, Comparison, Datasheets, Device, Effort, MemoryLimits, MemoryTest, measure,
    test_memory,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Work {
    /// On which device.
    pub device: Device,
    /// Test its memory.
    pub memory: Option<MemoryLimits>,
    /// Measure its ceilings, quickly.
    pub ceilings: bool,
}

/// One line of the child.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// What is about to be done.
    Calling(String),
    /// The memory was tested.
    Memory(MemoryTest),
    /// The ceilings, as in `perfagent.ceilings/1`, with `datasheet` and `nvlink_gbps` where they are known.
    Ceilings(Value),
    /// The part that was begun last came to nothing.
    Failed(String),
    /// The part that was begun last had a wrong result.
    Wrong(String),
    /// All was done.
    End,
}

/// Works, and writes the lines.
pub fn answer(work: &Work, out: &mut impl Write) -> io::Result<()> {
    let mut say = |line: &Line| -> io::Result<()> {
        let text = serde_json::to_string(line)?;
        writeln!(out, "{text}")?;
        out.flush()
    };
    if let Some(limits) = &work.memory {
        say(&Line::Calling("memory".to_owned()))?;
        let line =
            test_memory(work.device, limits).map_or_else(|error| failed(&error), Line::Memory);
        say(&line)?;
    }
    if work.ceilings {
        say(&Line::Calling("ceilings".to_owned()))?;
        let measured = ceilings(work.device);
        say(&measured.map_or_else(|error| failed(&error), Line::Ceilings))?;
    }
    say(&Line::End)
}

fn failed(error: &CeilingError) -> Line {
    match error {
        CeilingError::WrongResult { .. } => Line::Wrong(error.to_string()),
        _ => Line::Failed(error.to_string()),
    }
}

fn ceilings(device: Device) -> Result<Value, CeilingError> {
    let ceilings = measure(device, Effort::Quick)?;
    // Those that perfagent carries; that they are well-formed is a test of theirs.
    let sheets = Datasheets::load(None).ok();
    let comparison = sheets.as_ref().and_then(|sheets| Comparison::of(&ceilings, sheets));
    let sheet = ceilings.name.as_deref().zip(sheets.as_ref()).and_then(|(name, all)| all.of(name));
    let nvlink = sheet.and_then(|sheet| sheet.nvlink_gbps.as_ref()).map(|figure| figure.value);
    let mut document = json!(ceilings);
    if let Some(fields) = document.as_object_mut() {
        fields.insert("datasheet".to_owned(), json!(comparison));
        fields.insert("nvlink_gbps".to_owned(), json!(nvlink));
    }
    Ok(document)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use perfagent_kernels::{Device, MemoryLimits};

    use super::{Line, Work, answer};

    fn lines(work: &Work) -> Vec<Line> {
        let mut out = Vec::new();
        answer(work, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn each_part_is_told_before_and_after() {
        let limits = MemoryLimits { bytes: 1 << 16, time: Duration::ZERO };
        let told = lines(&Work { device: Device::Cpu, memory: Some(limits), ceilings: false });
        let [Line::Calling(part), Line::Memory(test), Line::End] = &told[..] else {
            panic!("{told:?}")
        };
        assert_eq!((part.as_str(), test.wrong_words, test.bytes), ("memory", 0, 1 << 16));
    }

    #[test]
    fn a_device_that_is_not_there_fails_by_part() {
        let limits = MemoryLimits { bytes: 1 << 16, time: Duration::ZERO };
        let told = lines(&Work {
            // No machine has so many, if it has any.
            device: Device::Cuda(4000),
            memory: Some(limits),
            ceilings: true,
        });
        let failed = told.iter().filter(|line| matches!(line, Line::Failed(_))).count();
        assert_eq!((failed, told.len()), (2, 5), "{told:?}");
    }
}
