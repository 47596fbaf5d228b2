//! The real traces that live beside the repository.

use std::path::{Path, PathBuf};

use perfagent_import::{ImportOptions, import};
use perfagent_recording::{Reader, Recording};

/// Traces of one rank with operators, calls and kernels.
pub(crate) const WITH_OPERATORS: [&str; 9] = [
    "v100_resnet50_2021.json.gz",
    "a100_nccl_data.json.gz",
    "a100_sendrecv_rank0.json.gz",
    "a100_simple_add.json.gz",
    "h100_qwen_memory.json.gz",
    "h100_bert_small.json.gz",
    "mi300x_resnet_rccl.json.gz",
    "mi300x_vllm_graph_decode.json.gz",
    "rtx2080ti_linear.json.gz",
];

/// A Kineto trace by its file name; `None` where the traces are not there.
pub(crate) fn load(name: &str) -> Option<Recording> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/traces/kineto");
    let input = folder.join(name);
    if !input.is_file() {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let output: PathBuf = folder.path().join("run.perfdb");
    let options = ImportOptions { inputs: vec![input], output: output.clone(), force: false };
    import(&options).unwrap();
    Some(Recording::load(&Reader::open(&output).unwrap(), &mut |_progress| {}).unwrap())
}
