//! What the command line of a program that trains a network for images says: perfagent-bench's, torchvision's reference, timm's
//! and NVIDIA's examples.

use perfagent_predictor::Job;

/// perfagent-bench's presets: name, network, channels after the stem, side of an image, classes, images of a pass.
const PRESETS: [(&str, &str, [u64; 4]); 7] = [
    ("nano", "resnet14", [16, 64, 10, 8]),
    ("micro", "resnet26", [32, 64, 100, 8]),
    ("resnet18", "resnet18", [64, 224, 1000, 32]),
    ("resnet34", "resnet34", [64, 224, 1000, 32]),
    ("resnet50", "resnet50", [64, 224, 1000, 32]),
    ("resnet101", "resnet101", [64, 224, 1000, 32]),
    ("resnet152", "resnet152", [64, 224, 1000, 32]),
];

/// Adds to `job` what `words` say of a network for images; nothing if they name none.
pub(super) fn read(words: &[&str], job: &mut Job) {
    let of = |name: &str| value(words, name);
    if words.iter().any(|word| word.contains("perfagent-bench")) {
        if words.contains(&"resnet50") {
            preset(of("preset").unwrap_or("resnet50"), job);
            own(words, job);
        }
        return;
    }
    let Some(arch) = of("arch").or_else(|| of("model")).filter(|name| name.starts_with("resnet"))
    else {
        return;
    };
    job.model.arch = Some(arch.to_owned());
    let number = |name: &str| of(name).and_then(|text| text.parse().ok());
    job.run.micro_batch = job.run.micro_batch.or_else(|| number("batch-size"));
    job.model.image_size = number("train-crop-size").or_else(|| number("img-size"));
    let has = |name: &str| words.iter().any(|word| word.trim_start_matches('-') == name);
    if has("amp") && job.run.precision.is_none() {
        job.run.precision = Some("fp16".to_owned());
    }
    if has("channels-last") || of("memory-format") == Some("nhwc") {
        job.run.channels_last = Some(true);
    }
    job.run.framework.get_or_insert_with(|| "pytorch".to_owned());
}

/// perfagent-bench's own defaults, where its options say nothing else.
fn own(words: &[&str], job: &mut Job) {
    let number = |name: &str| value(words, name).and_then(|text| text.parse().ok());
    job.model.image_size = number("image-size").or(job.model.image_size);
    job.model.vocab = number("classes").or(job.model.vocab);
    job.run.precision.get_or_insert_with(|| "fp32".to_owned());
    job.run.optimizer.get_or_insert_with(|| "sgd".to_owned());
    job.run.recompute.get_or_insert_with(|| "none".to_owned());
    job.run.zero.get_or_insert(0);
    job.run.channels_last = Some(true);
}

fn preset(name: &str, job: &mut Job) {
    let Some((_, arch, [width, side, classes, images])) =
        PRESETS.iter().find(|(preset, ..)| *preset == name)
    else {
        return;
    };
    job.model.arch = Some((*arch).to_owned());
    job.model.hidden = Some(*width);
    job.model.image_size = Some(*side);
    job.model.vocab = Some(*classes);
    job.run.micro_batch.get_or_insert(*images);
}

/// The value of an option, written `--name value` or `--name=value`, with dashes or underscores.
fn value<'a>(words: &[&'a str], name: &str) -> Option<&'a str> {
    words.iter().enumerate().find_map(|(place, word)| {
        let option = word.strip_prefix("--")?;
        let (own, value) = match option.split_once('=') {
            Some((own, value)) => (own, Some(value)),
            None => (option, words.get(place + 1).copied().filter(|next| !next.starts_with("--"))),
        };
        (own.replace('_', "-") == name).then_some(value)?
    })
}

#[cfg(test)]
mod tests {
    use crate::start::read_command_line as read;

    #[test]
    fn of_our_own_benchmark_with_its_defaults() {
        let job =
            read("perfagent-bench resnet50 --precision bf16 --nproc 8 --accumulate 4 --steps 10");
        assert_eq!(job.model.arch.as_deref(), Some("resnet50"));
        assert_eq!((job.model.hidden, job.model.image_size), (Some(64), Some(224)));
        assert_eq!((job.run.micro_batch, job.run.grad_accum), (Some(32), Some(4)));
        assert_eq!(job.run.precision.as_deref(), Some("bf16"));
        assert_eq!(job.run.optimizer.as_deref(), Some("sgd"));
        assert_eq!((job.run.channels_last, job.run.zero), (Some(true), Some(0)));
        assert_eq!(job.cluster.gpus_per_node, Some(8));
    }

    #[test]
    fn of_a_preset_with_another_size() {
        let job = read("perfagent-bench resnet50 --preset nano --image-size=96 --micro-batch 4");
        assert_eq!(job.model.arch.as_deref(), Some("resnet14"));
        assert_eq!((job.model.hidden, job.model.vocab), (Some(16), Some(10)));
        assert_eq!((job.model.image_size, job.run.micro_batch), (Some(96), Some(4)));
        // Of language models the preset says nothing that is known here.
        assert_eq!(read("perfagent-bench llama --preset nano --steps 2").model.hidden, None);
    }

    #[test]
    fn of_other_programs() {
        let torchvision =
            read("torchrun --nproc_per_node=8 train.py --model resnet101 --batch-size 64 --amp");
        assert_eq!(torchvision.model.arch.as_deref(), Some("resnet101"));
        assert_eq!(torchvision.run.micro_batch, Some(64));
        assert_eq!(torchvision.run.precision.as_deref(), Some("fp16"));
        assert_eq!(torchvision.run.channels_last, None);
        let nvidia = read(
            "python main.py --arch resnet50 --batch-size 256 --memory-format nhwc --amp /data",
        );
        assert_eq!((nvidia.run.channels_last, nvidia.run.micro_batch), (Some(true), Some(256)));
        let other = read("python train.py --model vit_b_16 --batch-size 64");
        assert_eq!(other, perfagent_predictor::Job::default());
    }
}
