//! Kernels' names as their authors wrote them, in the spelling of torch.profiler and `c++filt`.
//!
//! That spelling is libstdc++'s, so its own function is asked wherever the process has it, as every process with C++
//! code normally does: people look a kernel up in several tools, and `compare` takes kernels for the same by their names.
//! (Both leave names of more than about 1024 bytes as the compiler wrote them; here they are readable.) A short name can
//! unfold into any length, within the program's memory: so its length is looked at before.
#![expect(unsafe_code, reason = "a function of the process's C++ library is called")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::fmt;
use std::ptr;
use std::sync::OnceLock;

use cpp_demangle::{DemangleOptions, Symbol};

use super::loader;

/// What is longer stays as it is, mangled and shown.
const LONGEST: usize = 8192;
const LONGEST_SHOWN: usize = 16 << 10;

/// `__cxa_demangle`: the name, a buffer to write to and its size, a place for the status; the answer is allocated by
/// `malloc`.
type Demangle =
    unsafe extern "C" fn(*const c_char, *mut c_char, *mut usize, *mut c_int) -> *mut c_char;

/// How a kernel's name is shown: as it is, when it is no C++ name.
pub(super) fn shown(name: &CStr) -> String {
    let bytes = name.to_bytes();
    let as_it_is = || String::from_utf8_lossy(bytes).into_owned();
    if bytes.len() > LONGEST || !bytes.starts_with(b"_Z") {
        return as_it_is();
    }
    let Some(ours) = by_ourselves(bytes) else { return as_it_is() };
    library().and_then(|demangle| by_library(demangle, name)).unwrap_or(ours)
}

/// A text that takes no more than what is shown at most.
#[derive(Default)]
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > LONGEST_SHOWN {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// A symbol as `cpp_demangle` spells it, unless that is too long.
fn spelled(symbol: &Symbol<&[u8]>, options: DemangleOptions) -> Option<String> {
    let mut text = Bounded::default();
    symbol.structured_demangle(&mut text, &options).ok()?;
    Some(text.0)
}

/// The demangler of the libstdc++ that is in the process. None is ever loaded by us.
fn library() -> Option<Demangle> {
    static FOUND: OnceLock<Demangle> = OnceLock::new();
    // Looked for again while there is none: a library with kernels may bring it later.
    FOUND.get().copied().or_else(|| open(libc::RTLD_NOLOAD).map(|new| *FOUND.get_or_init(|| new)))
}

/// Not by the symbol alone: an interpreter keeps its extensions' libraries out of the global scope.
fn open(mode: c_int) -> Option<Demangle> {
    // SAFETY: the name ends with 0. The handle is kept for ever, so the library stays where it is.
    let library = unsafe { libc::dlopen(c"libstdc++.so.6".as_ptr(), libc::RTLD_LAZY | mode) };
    if library.is_null() {
        return None;
    }
    // SAFETY: the type is the one that the C++ ABI gives to this function.
    unsafe { loader::function(library, c"__cxa_demangle") }
}

fn by_library(demangle: Demangle, name: &CStr) -> Option<String> {
    let mut status = 0;
    // SAFETY: a text that ends with 0, and a place for the status; without a buffer one is allocated.
    let text =
        unsafe { demangle(name.as_ptr(), ptr::null_mut(), ptr::null_mut(), &raw mut status) };
    if text.is_null() {
        return None;
    }
    // SAFETY: a text that ends with 0, ours until it is freed below.
    let shown = unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
    // SAFETY: it was allocated by `malloc`, and nothing of it is kept.
    unsafe { libc::free(text.cast::<c_void>()) };
    Some(shown)
}

/// Where the process has no libstdc++: the nearest to its spelling.
fn by_ourselves(name: &[u8]) -> Option<String> {
    let symbol = Symbol::new(name).ok()?;
    let full = spelled(&symbol, DemangleOptions::new())?;
    // libstdc++ gives the return type of the whole, but not of functions within, whose lambdas are template arguments.
    // A kernel returns nothing.
    let text = match full.strip_prefix("void ") {
        Some(_) => {
            let bare = spelled(&symbol, DemangleOptions::new().no_return_type())?;
            format!("void {}", bare.strip_prefix("void ").unwrap_or(&bare))
        }
        None => full,
    };
    Some(with_literals(&text))
}

/// `(unsigned long)2` becomes `2ul`, as libstdc++ writes numbers of the common types.
fn with_literals(name: &str) -> String {
    let mut spelled = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(open) = rest.find('(') {
        spelled.push_str(&rest[..open]);
        rest = &rest[open..];
        let (text, length) = literal(rest).unwrap_or_else(|| ("(".to_owned(), 1));
        spelled.push_str(&text);
        rest = &rest[length..];
    }
    spelled + rest
}

/// The literal that `text` begins with, as libstdc++ spells it, and the length that it has here.
fn literal(text: &str) -> Option<(String, usize)> {
    const SUFFIXES: [(&str, &str); 5] = [
        ("(unsigned int)", "u"),
        ("(long)", "l"),
        ("(unsigned long)", "ul"),
        ("(long long)", "ll"),
        ("(unsigned long long)", "ull"),
    ];
    let (kind, suffix) = SUFFIXES.into_iter().find(|(kind, _)| text.starts_with(kind))?;
    let value = &text[kind.len()..];
    let digits = value.strip_prefix('-').unwrap_or(value);
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    let length = value.len() - digits.len() + count;
    (count > 0).then(|| (format!("{}{suffix}", &value[..length]), kind.len() + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names as compilers mangle them, and what `c++filt` prints.
    const NAMES: [(&CStr, &str); 22] = [
        (c"_Z3addPfS_i", "add(float*, float*, int)"),
        (c"_Z1fILin3EEvv", "void f<-3>()"),
        (c"_Z1fILj32EEvv", "void f<32u>()"),
        (c"_Z1fILm2EEvv", "void f<2ul>()"),
        (c"_Z1fILl7ELln7EEvv", "void f<7l, -7l>()"),
        (c"_Z1fILx5ELy6EEvv", "void f<5ll, 6ull>()"),
        (c"_Z1fILb1ELb0EEvv", "void f<true, false>()"),
        (c"_Z1fILc65EEvv", "void f<(char)65>()"),
        (c"_Z1fILs5ELh5EEvv", "void f<(short)5, (unsigned char)5>()"),
        (c"_Z1fILN2at4KindE2EEvv", "void f<(at::Kind)2>()"),
        (c"_Z1fIPFviEEvT_", "void f<void (*)(int)>(void (*)(int))"),
        (c"_Z1fIFvlEEvPT_", "void f<void (long)>(void (*)(long))"),
        (c"_Z1fIvPKvEvT0_", "void f<void, void const*>(void const*)"),
        (c"_Z1fIJEEvDpT_", "void f<>()"),
        (c"_Z1fIiJfdEEvT_DpT0_", "void f<int, float, double>(int, float, double)"),
        (c"_Z1fIM1aFivEEvT_", "void f<int (a::*)()>(int (a::*)())"),
        (c"_Z1fIA4_iEvRKT_", "void f<int [4]>(int const (&) [4])"),
        (
            c"_Z1fINSt6vectorIiSaIiEEEEvT_",
            "void f<std::vector<int, std::allocator<int> > >(std::vector<int, std::allocator<int> >)",
        ),
        (
            c"_ZN43_GLOBAL__N__5a67b559_10_buffers_cu_acc5a52f6hiddenEPd",
            "(anonymous namespace)::hidden(double*)",
        ),
        (
            c"_Z1fIZ1gIiEvT_EUlfE_EvT_",
            "void f<g<int>(int)::{lambda(float)#1}>(g<int>(int)::{lambda(float)#1})",
        ),
        (
            c"_Z1fIZ1gIiEvT_EUlT_E_EvS1_",
            "void f<g<int>(int)::{lambda(auto:1)#1}>(g<int>(int)::{lambda(auto:1)#1})",
        ),
        (
            c"_Z1fIZN1a1gIiEEvRT_EUlfE_EvRKS2_",
            "void f<a::g<int>(int&)::{lambda(float)#1}>(a::g<int>(int&)::{lambda(float)#1} const&)",
        ),
    ];

    #[test]
    fn kernels_are_spelled_as_torch_profiler_spells_them() {
        let demangle = open(0).expect("libstdc++.so.6, which comes with the C++ compiler");
        for (name, expected) in NAMES {
            assert_eq!(by_library(demangle, name).as_deref(), Some(expected), "{name:?}");
        }
        // Where cpp_demangle is wrong: an empty pack, the address of a function, a null pointer.
        for (name, expected) in [
            (c"_Z1fIiJEEvT_DpT0_", "void f<int>(int)"),
            (c"_Z1fIXadL_Z1gIfEfT_EEEvv", "void f<&(float g<float>(float))>()"),
            (c"_Z1fILDn0EEvv", "void f<(decltype(nullptr))0>()"),
        ] {
            assert_eq!(by_library(demangle, name).as_deref(), Some(expected), "{name:?}");
        }
        assert_eq!(by_library(demangle, c"_Znonsense"), None);
        // Now that the process has it, it is found.
        assert_eq!(shown(c"_Z1fIiJEEvT_DpT0_"), "void f<int>(int)");
    }

    #[test]
    fn kernels_are_spelled_the_same_without_libstdcxx() {
        for (name, expected) in NAMES {
            assert_eq!(by_ourselves(name.to_bytes()).as_deref(), Some(expected), "{name:?}");
        }
    }

    #[test]
    fn a_name_that_unfolds_without_limit_stays_as_it_is() {
        // pair<pair<pair<…>, pair<…>>, …>: each level doubles what is shown.
        let mut name = "1aIiiE".to_owned();
        let mut mangled = String::from("_Z1f");
        for level in 0..24 {
            let substitution = |number: usize| match number {
                0 => "S_".to_owned(),
                number => format!(
                    "S{}_",
                    char::from_digit(number as u32 - 1, 36).unwrap().to_ascii_uppercase()
                ),
            };
            mangled += &name;
            let before = substitution(if level == 0 { 1 } else { level + 1 });
            name = format!("S_I{before}{before}E");
        }
        let name = std::ffi::CString::new(mangled).unwrap();
        assert!(shown(&name).len() <= LONGEST_SHOWN);
        assert_eq!(shown(&name), name.to_str().unwrap());
    }

    #[test]
    fn what_is_no_cpp_name_stays_as_it_is() {
        for name in [c"triton_poi_fused_0", c"_Znonsense", c"i", c"_Z"] {
            assert_eq!(shown(name), name.to_str().unwrap());
        }
        let endless = std::ffi::CString::new(format!("_Z{}", "1f".repeat(LONGEST))).unwrap();
        assert_eq!(shown(&endless), endless.to_str().unwrap());
    }
}
