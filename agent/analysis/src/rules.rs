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
    /// The line.
    text: String,
}

/// A line of a table that is no rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// Its number, from 1 on.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
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
        let mut read = |text, what: &str| {
            let (rules, errors) = table(text);
            warnings.extend(errors.into_iter().map(|RuleError { line, problem }| {
                format!("{what} rules, line {line}: {problem}; the line is left out")
            }));
            rules
        };
        let (exceptions, communication) =
            read(communication, "communication").into_iter().partition(Rule::is_exception);
        let categories = read(categories, "category");
        (Self { communication, exceptions, categories }, warnings)
    }

    /// The built-in rules with another table of categories. In it `communication = …` adds to what is communication, and
    /// `!… = …` to what is none.
    pub fn with_categories(table_text: &str) -> Result<Self, RuleError> {
        let (rules, errors) = table(table_text);
        if let Some(error) = errors.into_iter().next() {
            return Err(error);
        }
        let mut all = Self::built_in().clone();
        let (exceptions, others): (Vec<_>, Vec<_>) =
            rules.into_iter().partition(Rule::is_exception);
        let (communication, categories) =
            others.into_iter().partition(|rule| rule.label == COMMUNICATION);
        all.exceptions.extend(exceptions);
        all.communication.extend::<Vec<Rule>>(communication);
        all.categories = categories;
        Ok(all)
    }

    /// The label of the rule that makes `name` communication; `None` when it is not.
    #[must_use]
    pub fn communication(&self, name: &str) -> Option<&str> {
        let rule = self.communication.get(self.communication_rule(name)?)?;
        Some(&rule.label)
    }

    fn communication_rule(&self, name: &str) -> Option<usize> {
        if self.exceptions.iter().any(|rule| rule.expression.is_match(name)) {
            return None;
        }
        first(&self.communication, name)
    }

    /// The number of the rule that decides on `name`; `None` when none matches.
    pub(crate) fn decide(&self, name: &str) -> Option<usize> {
        self.communication_rule(name)
            .or_else(|| Some(self.communication.len() + first(&self.categories, name)?))
    }

    /// The category and the text of every rule that gives one, in the order of their numbers.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let communication =
            self.communication.iter().map(|rule| (COMMUNICATION, rule.text.as_str()));
        let categories = self.categories.iter();
        communication.chain(categories.map(|rule| (rule.label.as_str(), rule.text.as_str())))
    }

    /// The category of `name`.
    #[must_use]
    pub fn category(&self, name: &str) -> &str {
        let rule = self.decide(name).and_then(|rule| self.all().nth(rule));
        rule.map_or(OTHER, |(category, _)| category)
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

impl Rule {
    /// What matches is never communication.
    fn is_exception(&self) -> bool {
        self.label.starts_with('!')
    }
}

fn first(rules: &[Rule], name: &str) -> Option<usize> {
    rules.iter().position(|rule| rule.expression.is_match(name))
}

/// The rules of a table, and the lines that are none.
fn table(text: &str) -> (Vec<Rule>, Vec<RuleError>) {
    let (mut rules, mut errors) = (Vec::new(), Vec::new());
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match rule(line) {
            Ok(rule) => rules.push(rule),
            Err(problem) => errors.push(RuleError { line: number + 1, problem }),
        }
    }
    (rules, errors)
}

fn rule(line: &str) -> Result<Rule, String> {
    let (label, expression) =
        line.split_once(" = ").ok_or("no ` = ` between label and expression")?;
    let expression = Regex::new(expression.trim()).map_err(|error| {
        error.to_string().lines().last().unwrap_or("not a regular expression").to_owned()
    })?;
    Ok(Rule { label: label.trim().to_owned(), expression, text: line.to_owned() })
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
            ("volta_scudnn_128x64_relu_interior_nn_v1", "convolution"),
            ("bmm_MxE4m3_MxE2m1MxE4m3_Fp32_t128x16x256u2", "matmul"),
            ("void moe::dev::routing::routingIndicesOffsetsKernel<8>(int)", "routing"),
            ("void at::native::max_pool_forward_nchw<float, float>(int)", "pooling"),
            ("at::cuda::(anonymous namespace)::spin_kernel(long)", "other"),
        ] {
            assert_eq!(rules.category(name), category, "{name}");
        }
    }

    #[test]
    fn the_rule_that_decided_is_the_line_in_its_table() {
        let rules = Rules::with_categories("mine = foo\nhis = bar\nmine = baz").unwrap();
        let decided = |name| rules.decide(name).and_then(|rule| rules.all().nth(rule));
        assert_eq!(decided("foobar"), Some(("mine", "mine = foo")));
        assert_eq!(decided("bar"), Some(("his", "his = bar")));
        assert_eq!(decided("baz"), Some(("mine", "mine = baz")));
        assert_eq!(decided("qux"), None);
        assert_eq!(decided("nvshmem").map(|(category, _)| category), Some(COMMUNICATION));
        let categories: Vec<_> = rules.categories().collect();
        assert_eq!(categories, [COMMUNICATION, "mine", "his", "other"]);
    }

    #[test]
    fn a_table_of_the_users_decides_on_communication_too() {
        let rules = Rules::with_categories("communication = ^swap$\n!mine = ^nccl").unwrap();
        assert_eq!(rules.category("swap"), COMMUNICATION);
        assert_eq!(rules.category("ncclDevKernel_SendRecv"), "other");
        let error = Rules::with_categories("a = b\n\nmatmul gemm").unwrap_err();
        assert_eq!((error.line, error.problem.contains("no ` = `")), (3, true));
    }

    #[test]
    fn a_bad_line_is_named_and_left_out() {
        let (rules, warnings) = Rules::parse("a = (\nb\n# c\nd = x", "");
        assert_eq!(rules.communication("x"), Some("d"));
        assert_eq!(warnings.len(), 2);
        assert!(warnings[0].contains("line 1") && warnings[1].contains("line 2"), "{warnings:?}");
    }
}
