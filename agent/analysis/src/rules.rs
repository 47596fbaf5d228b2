//! What a name stands for, decided by editable tables of regular expressions.

use std::sync::LazyLock;

use regex::Regex;

/// The category of everything that the communication table matches.
pub const COMMUNICATION: &str = "communication";
/// The category of ranges and operators that load data.
pub const DATA: &str = "data";
/// The category of what no rule matches.
pub const OTHER: &str = "other";

static BUILT_IN: LazyLock<(Rules, Vec<String>)> = LazyLock::new(|| {
    Rules::parse(
        include_str!("../../../data/communication_kernels.txt"),
        include_str!("../../../data/kernel_categories.txt"),
    )
});

/// One line of a table.
#[derive(Clone, Debug)]
struct Rule {
    label: String,
    expression: Regex,
}

/// The tables that classify kernels, operators and ranges.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    communication: Vec<Rule>,
    exceptions: Vec<Rule>,
    categories: Vec<Rule>,
}

impl Rules {
    /// The tables that come with the program, from `data/`.
    #[must_use]
    pub fn built_in() -> &'static Self {
        &BUILT_IN.0
    }

    /// Reads the two tables. A line that cannot be used is left out and named in the second value,
    /// with its number and what is wrong with it.
    #[must_use]
    pub fn parse(communication: &str, categories: &str) -> (Self, Vec<String>) {
        let mut warnings = Vec::new();
        let (exceptions, communication) = table(communication, "communication", &mut warnings)
            .into_iter()
            .partition(|rule| rule.label.starts_with('!'));
        let categories = table(categories, "category", &mut warnings);
        (Self { communication, exceptions, categories }, warnings)
    }

    /// The label of the rule that makes `name` communication; `None` when it is not.
    #[must_use]
    pub fn communication(&self, name: &str) -> Option<&str> {
        if self.exceptions.iter().any(|rule| rule.expression.is_match(name)) {
            return None;
        }
        first(&self.communication, name)
    }

    /// The category of `name`.
    #[must_use]
    pub fn category(&self, name: &str) -> &str {
        match self.communication(name) {
            Some(_) => COMMUNICATION,
            None => first(&self.categories, name).unwrap_or(OTHER),
        }
    }

    /// All categories in the order in which they are tried, communication first and `other` last.
    pub fn categories(&self) -> impl Iterator<Item = &str> {
        let mut seen = Vec::new();
        std::iter::once(COMMUNICATION)
            .chain(self.categories.iter().map(|rule| rule.label.as_str()))
            .chain(std::iter::once(OTHER))
            .filter(move |&label| {
                let new = !seen.contains(&label);
                seen.push(label);
                new
            })
    }
}

fn first<'a>(rules: &'a [Rule], name: &str) -> Option<&'a str> {
    rules.iter().find(|rule| rule.expression.is_match(name)).map(|rule| rule.label.as_str())
}

fn table(text: &str, what: &str, warnings: &mut Vec<String>) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((label, expression)) = line.split_once(" = ") else {
            warnings.push(format!(
                "{what} rules, line {}: no ` = ` between label and expression; the line is left out",
                number + 1
            ));
            continue;
        };
        match Regex::new(expression.trim()) {
            Ok(expression) => rules.push(Rule { label: label.trim().to_owned(), expression }),
            Err(error) => warnings.push(format!(
                "{what} rules, line {}: {}; the line is left out",
                number + 1,
                error.to_string().lines().last().unwrap_or("not a regular expression")
            )),
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::{BUILT_IN, COMMUNICATION, Rules};

    #[test]
    fn the_tables_that_come_with_the_program_are_sound() {
        assert_eq!(BUILT_IN.1, Vec::<String>::new());
        let rules = Rules::built_in();
        assert!(rules.communication.len() > 15 && rules.categories.len() > 10);
        assert_eq!(rules.categories().next(), Some(COMMUNICATION));
    }

    #[test]
    fn communication_is_told_from_its_namesakes() {
        let rules = Rules::built_in();
        for name in [
            "ncclKernel_AllReduce_RING_LL_Sum_float(ncclDevComm*, unsigned long, ncclWork*)",
            "ncclDevKernel_Generic(ncclDevKernelArgsStorage<4096ul>)",
            "void multimem_all_reduce_kernel<c10::BFloat16>(long)",
            "void vllm::cross_device_reduce_1stage<__half, 8>()",
            "deep_ep::intranode::dispatch",
            "c10d::allreduce_",
            "gloo:all_reduce",
        ] {
            assert_eq!(rules.category(name), COMMUNICATION, "{name}");
        }
        for name in [
            "triton_poi_fused_all_gather_into_tensor_wait_tensor_3",
            "void cub::BlockAllReduce<float>()",
            "void at::native::reduce_kernel<512, 1>()",
            "deep_ep::layout::get_dispatch_layout",
            "aten::all",
        ] {
            assert_ne!(rules.category(name), COMMUNICATION, "{name}");
        }
    }

    #[test]
    fn common_names_fall_where_a_reader_expects_them() {
        let rules = Rules::built_in();
        for (name, category) in [
            ("aten::addmm", "matmul"),
            ("AddmmBackward0", "matmul"),
            ("ampere_sgemm_128x64_tn", "matmul"),
            ("sm90_xmma_gemm_bf16bf16_bf16f32", "matmul"),
            ("aten::scaled_dot_product_attention", "attention"),
            ("void flash_fwd_kernel<Flash_fwd_kernel_traits<64>>()", "attention"),
            ("aten::native_layer_norm", "normalization"),
            ("aten::_softmax", "softmax"),
            ("aten::copy_", "layout"),
            ("aten::add_", "elementwise"),
            ("void at::native::vectorized_elementwise_kernel<4>()", "elementwise"),
            ("aten::embedding", "embedding"),
            ("aten::conv2d", "convolution"),
            ("aten::cudnn_convolution", "convolution"),
            ("Optimizer.step#AdamW.step", "optimizer"),
            ("enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__", "data"),
            ("frobnicate", "other"),
            // Of an H200.
            ("nvjet_sm90_tst_64x64_64x13_2x1_v_bz_NNT", "matmul"),
            ("cudnn_generated_fort_native_sdpa_sm90_flash_bprop_wgmma_f16_knob_26", "attention"),
            (
                "void cudnn::fusion::compute_dot_do_o_specialized<true, 64>(void const*)",
                "attention",
            ),
            ("void cudnn::fusion::convert_dq_to_16bits<true>(void const*)", "attention"),
            (
                "void at::native::(anonymous namespace)::GammaBetaBackwardCUDAKernelTemplate<float, float, 32u>(long)",
                "normalization",
            ),
            ("at::native::amp_update_scale_cuda_kernel(float*, int*, float const*)", "optimizer"),
            ("void cublasLt::splitKreduce_kernel<32, 16, int, float>(int)", "matmul"),
            ("gemm_fusion_dot_general_1", "matmul"),
            ("wrapped_broadcast", "layout"),
            ("wrapped_add", "elementwise"),
            ("loop_convert_fusion_2", "layout"),
            ("loop_add_fusion", "elementwise"),
            ("input_reduce_fusion", "reduction"),
            ("at::cuda::(anonymous namespace)::spin_kernel(long)", "other"),
        ] {
            assert_eq!(rules.category(name), category, "{name}");
        }
    }

    #[test]
    fn a_bad_line_is_named_and_left_out() {
        let (rules, warnings) = Rules::parse("a = (\nb\n# c\nd = x", "");
        assert_eq!(rules.communication("x"), Some("d"));
        assert_eq!(warnings.len(), 2);
        assert!(warnings[0].contains("line 1") && warnings[1].contains("line 2"), "{warnings:?}");
    }
}
