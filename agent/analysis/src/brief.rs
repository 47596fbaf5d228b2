//! Kernels' names in brief: a C++ name can be a thousand characters long, and what tells it from others is in the middle.

/// A kernel's name without its return type, its parameters, and the namespaces of all that it mentions; a lambda goes
/// by the function that it is in. Names that are no C++ stay as they are. For lists: two kernels can have the same.
#[must_use]
pub fn brief_kernel_name(name: &str) -> String {
    if !name.contains(['<', '(']) {
        return name.to_owned();
    }
    let mut text = Text { rest: name.strip_prefix("void ").unwrap_or(name), depth: 0 };
    let brief = text.entity();
    // What follows the name is its parameters. Anything else is not understood.
    if brief.is_empty() || !(text.rest.is_empty() || text.rest.starts_with('(')) {
        return name.to_owned();
    }
    brief
}

const ANONYMOUS: &str = "(anonymous namespace)";
/// Deeper names are not looked into.
const DEEPEST: usize = 64;

struct Text<'a> {
    rest: &'a str,
    depth: usize,
}

impl Text<'_> {
    /// One name, type or value, up to a `,` or a closing bracket, or to the parameters of the whole.
    fn entity(&mut self) -> String {
        let mut shown = String::new();
        // Where the last component of a qualified name begins in what is shown, and the function that it is in.
        let (mut start, mut owner) = (0, None);
        while let Some(next) = self.rest.chars().next() {
            if self.skip("::") {
                shown.truncate(start);
            } else if self.rest.starts_with("operator()") {
                shown.push_str("operator()");
                self.rest = &self.rest["operator()".len()..];
            } else if self.skip(ANONYMOUS) {
                // Goes with the `::` behind it.
            } else if next == '(' {
                let before = self.rest;
                let inside = self.list('(', ')');
                let after = self.rest.strip_prefix(" const").unwrap_or(self.rest);
                if after.starts_with("::") {
                    // The component was a function, and something in it is meant.
                    let function = shown[start..].to_owned();
                    owner = owner.or((function != "operator()").then_some(function));
                    self.rest = after;
                } else if self.depth == 0 {
                    self.rest = before;
                    break;
                } else {
                    shown.push_str(&inside);
                }
            } else if next == '<' {
                let inside = self.list('<', '>');
                shown.push_str(&inside);
            } else if next == '{' {
                let inside = self.list('{', '}');
                if let Some(function) = owner.take() {
                    shown.truncate(start);
                    shown.push_str(&function);
                    shown.push_str("::");
                    owner = Some(function);
                }
                shown.push_str(&inside);
            } else if matches!(next, ',' | '>' | ')' | '}') {
                break;
            } else {
                self.rest = &self.rest[next.len_utf8()..];
                shown.push(next);
                if matches!(next, ' ' | '*' | '&' | '[' | ']') {
                    (start, owner) = (shown.len(), None);
                }
            }
        }
        shown.trim_end().to_owned()
    }

    /// A bracket, what is in it, and the bracket that closes it.
    fn list(&mut self, open: char, close: char) -> String {
        let mut shown = String::from(open);
        self.rest = &self.rest[1..];
        self.depth += 1;
        while self.depth < DEEPEST {
            shown.push_str(&self.entity());
            if self.skip(",") {
                shown.push_str(", ");
                self.rest = self.rest.trim_start();
                continue;
            }
            if let Some(rest) = self.rest.strip_prefix(close) {
                shown.push(close);
                self.rest = rest;
            }
            break;
        }
        self.depth -= 1;
        shown
    }

    fn skip(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::brief_kernel_name;

    /// Names of PyTorch, cuDNN, CUTLASS, XLA and NCCL, as recorded on an H200.
    const NAMES: [(&str, &str); 12] = [
        (
            "void at::native::vectorized_elementwise_kernel<4, at::native::CUDAFunctor_add<float>, std::array<char*, 3ul> >\
             (int, at::native::CUDAFunctor_add<float>, std::array<char*, 3ul>)",
            "vectorized_elementwise_kernel<4, CUDAFunctor_add<float>, array<char*, 3ul>>",
        ),
        (
            "void at::native::elementwise_kernel<128, 4, at::native::gpu_kernel_impl_nocast<at::native::\
             direct_copy_kernel_cuda(at::TensorIteratorBase&)::{lambda()#3}::operator()() const::{lambda()#12}::\
             operator()() const::{lambda(c10::BFloat16)#1}>(at::TensorIteratorBase&, int const&)::{lambda(int)#1}>(int)",
            "elementwise_kernel<128, 4, gpu_kernel_impl_nocast<direct_copy_kernel_cuda::{lambda(BFloat16)#1}>::\
             {lambda(int)#1}>",
        ),
        (
            "void at::native::vectorized_elementwise_kernel<8, at::native::GeluCUDAKernelImpl(at::TensorIteratorBase&, \
             at::native::GeluType)::{lambda()#1}::operator()() const::{lambda(float)#1}, std::array<char*, 2ul> >(int)",
            "vectorized_elementwise_kernel<8, GeluCUDAKernelImpl::{lambda(float)#1}, array<char*, 2ul>>",
        ),
        (
            "void at::native::(anonymous namespace)::cunn_SoftMaxForwardReg<float, float, float, at::native::(anonymous \
             namespace)::LogSoftMaxForwardEpilogue, long, 8>(float*, float const*, long)",
            "cunn_SoftMaxForwardReg<float, float, float, LogSoftMaxForwardEpilogue, long, 8>",
        ),
        (
            "void cutlass::Kernel2<cutlass_80_simt_sgemm_256x128_8x4_nn_align1>(cutlass_80_simt_sgemm_256x128_8x4_nn_align1\
             ::Params)",
            "Kernel2<cutlass_80_simt_sgemm_256x128_8x4_nn_align1>",
        ),
        (
            "void cudnn::fusion::compute_dot_do_o_specialized<true, 64>(void const*, void const*, unsigned int)",
            "compute_dot_do_o_specialized<true, 64>",
        ),
        ("ncclDevKernel_SendRecv(ncclDevKernelArgsStorage<4096ul>)", "ncclDevKernel_SendRecv"),
        ("at::cuda::(anonymous namespace)::spin_kernel(long)", "spin_kernel"),
        (
            "void dot_kernel<float, 128, 0, cublasDotParams<cublasGemvTensor<float const>, cublasGemv<float> > >(int)",
            "dot_kernel<float, 128, 0, cublasDotParams<cublasGemvTensor<float const>, cublasGemv<float>>>",
        ),
        ("void f<(at::Kind)2, void (*)(int, at::Half)>(int)", "f<(Kind)2, void (*)(int, Half)>"),
        ("nvjet_sm90_tst_64x64_64x13_2x1_v_bz_NNT", "nvjet_sm90_tst_64x64_64x13_2x1_v_bz_NNT"),
        ("[CUDA graph]", "[CUDA graph]"),
    ];

    #[test]
    fn kernels_keep_what_tells_them_apart() {
        for (name, brief) in NAMES {
            assert_eq!(brief_kernel_name(name), brief, "{name}");
        }
    }

    #[test]
    fn names_that_are_not_understood_stay_as_they_are() {
        for name in ["(no name)", "f<a)>", "x)(y", "", &"f<".repeat(5000)] {
            assert_eq!(brief_kernel_name(name), name);
        }
    }

    #[test]
    fn no_piece_of_a_name_is_too_strange() {
        for (name, _) in NAMES {
            for cut in 0..name.len() {
                for piece in [&name[..cut], &name[cut..]] {
                    assert_eq!(brief_kernel_name(piece).is_empty(), piece.is_empty());
                }
            }
        }
    }
}
