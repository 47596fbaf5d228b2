//! What a name stands for, decided by editable tables of regular expressions.

mod literal;
mod rule;

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder};

use self::rule::Rule;

/// The category of everything that the communication table matches.
pub const COMMUNICATION: &str = "communication";
/// The category of ranges and operators that load data.
pub const DATA: &str = "data";
/// The category of what no rule matches.
pub const OTHER: &str = "other";

static BUILT_IN: LazyLock<(Rules, Vec<String>)> = LazyLock::new(|| {
    Rules::parse(
        include_str!("../../../../data/communication_kernels.txt"),
        include_str!("../../../../data/kernel_categories.txt"),
    )
});

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
    /// What is never communication, what is, and the categories of the rest.
    all: Vec<Rule>,
    /// How many of the rules are exceptions.
    exceptions: usize,
    /// How many of them tell communication.
    communication: usize,
    /// Finds the literals of all rules at once, in any case.
    literals: Option<AhoCorasick>,
    /// The rule of each literal.
    of_literal: Vec<usize>,
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
        let communication = read(communication, "communication");
        let categories = read(categories, "category");
        (Self::of(communication, categories), warnings)
    }

    /// The built-in rules with another table of categories. In it `communication = …` adds to what is communication, and
    /// `!… = …` to what is none.
    pub fn with_categories(table_text: &str) -> Result<Self, RuleError> {
        let (rules, errors) = table(table_text);
        if let Some(error) = errors.into_iter().next() {
            return Err(error);
        }
        for rule in &rules {
            rule.check().map_err(|problem| RuleError { line: rule.line, problem })?;
        }
        let built_in = Self::built_in();
        let mut communication =
            built_in.all[..built_in.exceptions + built_in.communication].to_vec();
        let (more, categories): (Vec<_>, Vec<_>) =
            rules.into_iter().partition(|rule| rule.is_exception() || rule.label == COMMUNICATION);
        communication.extend(more);
        Ok(Self::of(communication, categories))
    }

    /// `communication` has the exceptions too.
    fn of(communication: Vec<Rule>, categories: Vec<Rule>) -> Self {
        let (exceptions, communication): (Vec<_>, Vec<_>) =
            communication.into_iter().partition(Rule::is_exception);
        let counts = (exceptions.len(), communication.len());
        let rules: Vec<Rule> =
            exceptions.into_iter().chain(communication).chain(categories).collect();
        let mut literals = Vec::new();
        let mut of_literal = Vec::new();
        for (number, rule) in rules.iter().enumerate() {
            for literal in rule.literals.iter().flatten() {
                literals.push(literal.as_bytes());
                of_literal.push(number);
            }
        }
        let finder = AhoCorasickBuilder::new().ascii_case_insensitive(true).build(literals);
        Self {
            all: rules,
            exceptions: counts.0,
            communication: counts.1,
            literals: finder.ok(),
            of_literal,
        }
    }

    /// The label of the rule that makes `name` communication; `None` when it is not.
    #[must_use]
    pub fn communication(&self, name: &str) -> Option<&str> {
        let rule = self.decide(name).filter(|&rule| rule < self.communication)?;
        self.all.get(self.exceptions + rule).map(|rule| rule.label.as_str())
    }

    /// The number of the rule that decides on `name`; `None` when none matches.
    pub(crate) fn decide(&self, name: &str) -> Option<usize> {
        let candidates = self.candidates(name);
        let matches = |rules: Range<usize>| {
            rules.into_iter().find(|&number| {
                let rule = &self.all[number];
                candidates[number] && (rule.is_told_by_literals || rule.matches(name))
            })
        };
        let categories = self.exceptions + self.communication;
        let is_exception = matches(0..self.exceptions).is_some();
        let first = if is_exception { categories } else { self.exceptions };
        Some(matches(first..self.all.len())? - self.exceptions)
    }

    /// Of each rule whether it may match `name`.
    fn candidates(&self, name: &str) -> Vec<bool> {
        let Some(literals) = &self.literals else { return vec![true; self.all.len()] };
        let mut candidates: Vec<_> = self.all.iter().map(|rule| rule.literals.is_none()).collect();
        for found in literals.find_overlapping_iter(name) {
            candidates[self.of_literal[found.pattern().as_usize()]] = true;
        }
        candidates
    }

    /// The category and the text of every rule that gives one, in the order of their numbers.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.all[self.exceptions..].iter().enumerate().map(|(number, rule)| {
            let is_communication = number < self.communication;
            let category = if is_communication { COMMUNICATION } else { &rule.label };
            (category, rule.text.as_str())
        })
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
            .chain(self.all().skip(self.communication).map(|(category, _)| category))
            .chain(std::iter::once(OTHER))
            .filter(move |&label| {
                let new = !seen.contains(&label);
                seen.push(label);
                new
            })
    }
}

/// The rules of a table, and the lines that are none.
fn table(text: &str) -> (Vec<Rule>, Vec<RuleError>) {
    let (mut rules, mut errors) = (Vec::new(), Vec::new());
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        match Rule::read(text, line) {
            Ok(rule) => rules.push(rule),
            Err(problem) => errors.push(RuleError { line, problem }),
        }
    }
    (rules, errors)
}

#[cfg(test)]
mod tests {
    use super::{BUILT_IN, COMMUNICATION, OTHER, Rules};

    #[test]
    fn the_tables_that_come_with_the_program_are_sound() {
        assert_eq!(BUILT_IN.1, Vec::<String>::new());
        let rules = Rules::built_in();
        assert!(rules.communication > 15 && rules.all.len() > rules.communication + 10);
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
            ("void fbgemm_gpu::permute_2D_data_kernel<false, int>", "embedding"),
            ("split_embedding_codegen_forward_unweighted_kernel<c10::Half>", "embedding"),
            (
                "fbgemm_gpu::(anonymous namespace)::_compute_FP8_quantize_cuda_kernel<float>",
                "elementwise",
            ),
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

    /// Which rules are tried is decided by what their names must contain; the answer must be as if all were.
    #[test]
    fn what_is_told_by_literals_is_what_the_expressions_tell() {
        let rules = Rules::built_in();
        let names = include_str!("../../../../data/kernel_categories.txt")
            .split(['|', '(', ')', '\n', ' ', '=', ','])
            .map(|word| word.replace(['\\', '?', '^', '$', '*', '+', '[', ']'], ""))
            .chain(
                ["ncclDevKernel_AllReduce_Sum_f32_RING_LL", "AtEn::AddMM", "FFT2D_r2c_32x32"]
                    .map(str::to_owned),
            );
        let told = rules.all.iter().filter(|rule| rule.is_told_by_literals).count();
        assert!(told > 15 && told < rules.all.len(), "{told}");
        let mut matched = 0;
        for name in names {
            let candidates = rules.candidates(&name);
            for (rule, candidate) in rules.all.iter().zip(candidates) {
                let is_match = rule.matches(&name);
                matched += u32::from(is_match);
                if rule.is_told_by_literals {
                    assert_eq!(candidate, is_match, "{}: {name}", rule.text);
                }
                assert!(candidate || !is_match, "{}: {name}", rule.text);
            }
        }
        assert!(matched > 100, "{matched}");
    }

    #[test]
    fn an_expression_knows_more_than_ascii_where_it_says_so() {
        let rules = Rules::with_categories("all = (?iu)^Übung\\w$\nascii = (?i)^ü\\w$").unwrap();
        assert_eq!(rules.category("übungß"), "all");
        assert_eq!(
            [rules.category("üb"), rules.category("Üb"), rules.category("üß")],
            ["ascii", OTHER, OTHER]
        );
    }

    #[test]
    fn a_bad_line_is_named_and_left_out() {
        let (rules, warnings) = Rules::parse("a = (\nb\n# c\nd = x", "");
        assert_eq!(rules.communication("x"), Some("d"));
        assert_eq!(warnings.len(), 2);
        assert!(warnings[0].contains("line 1") && warnings[1].contains("line 2"), "{warnings:?}");
    }
}
