//! The same training steps on a real GPU, once recorded and once under torch.profiler (data/h200).

use std::fs::File;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use perfagent_import::{ImportOptions, import};
use perfagent_recording::table::Kernel;
use perfagent_recording::{Reader, Recording};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/h200").join(name)
}

fn load(path: &Path) -> Recording {
    Recording::load(&Reader::open(path).unwrap(), &mut |_| {}).unwrap()
}

fn recorded(name: &str, folder: &Path) -> Recording {
    let path = folder.join("recorded.perfdb");
    let mut packed = GzDecoder::new(File::open(data(name)).unwrap());
    std::io::copy(&mut packed, &mut File::create(&path).unwrap()).unwrap();
    load(&path)
}

fn imported(name: &str, folder: &Path) -> Recording {
    let output = folder.join("imported.perfdb");
    import(&ImportOptions { inputs: vec![data(name)], output: output.clone(), force: false })
        .unwrap();
    load(&output)
}

/// The names of the kernels that `wanted` picks, in the order in which they started.
fn names(recording: &Recording, wanted: impl Fn(&Kernel) -> bool) -> Vec<String> {
    let mut kernels: Vec<_> = recording.kernels.iter().filter(|kernel| wanted(kernel)).collect();
    kernels.sort_by_key(|kernel| kernel.start_ns);
    kernels.iter().map(|kernel| recording.strings.get(kernel.name_id).to_owned()).collect()
}

#[test]
fn kernels_have_the_names_and_the_order_that_torch_profiler_gives_them() {
    for (precision, count) in [("bf16", 1024), ("fp32", 792)] {
        let folder = tempfile::tempdir().unwrap();
        let ours = recorded(&format!("profiler/{precision}.perfdb.gz"), folder.path());
        let theirs = imported(&format!("profiler/{precision}.trace.json.gz"), folder.path());
        let measured = ours.strings.find("measured").unwrap();
        let range = ours.ranges.iter().find(|range| range.name_id == measured).unwrap();
        let mut ours = names(&ours, |kernel| {
            kernel.start_ns >= range.start_ns && kernel.end_ns <= range.end_ns
        });
        let mut theirs = names(&theirs, |_| true);
        assert_eq!((ours.len(), theirs.len()), (count, count), "{precision}");
        // The recordings of 2026-11-26 were made before names were spelled as torch.profiler does; newer ones must be
        // equal to the letter.
        if ours.iter().any(|name| name.contains("(unsigned long)")) {
            for name in ours.iter_mut().chain(&mut theirs) {
                *name = loosely(name);
            }
        }
        for (place, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            assert_eq!(ours, theirs, "{precision}, kernel {place}");
        }
    }
}

/// A name without the types of constants, return types and `const`, which `cpp_demangle` wrote differently, and some
/// `const` in the wrong place.
fn loosely(name: &str) -> String {
    let mut plain = name.to_owned();
    for spelling in ["(unsigned long)", "(unsigned int)", "void ", " const"] {
        plain = plain.replace(spelling, "");
    }
    for end in [",", ">", "]"] {
        for digit in '0'..='9' {
            for suffix in ["ul", "u", "l"] {
                plain = plain.replace(&format!("{digit}{suffix}{end}"), &format!("{digit}{end}"));
            }
        }
    }
    plain
}
