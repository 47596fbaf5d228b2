//! Compiles the C++ shim against libtorch and tells the linker where libtorch is found at run time.
//! `cargo xtask` sets the two variables that name libtorch; nothing is searched for or downloaded here.

use std::path::PathBuf;

fn main() {
    for name in ["LIBTORCH", "PERFAGENT_TORCH_LIB"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    println!("cargo:rerun-if-changed=shim");
    let Some(libtorch) = std::env::var_os("LIBTORCH").map(PathBuf::from) else {
        panic!(
            "LIBTORCH is not set: build this crate through `cargo xtask demo` or `cargo xtask test`, which fetch \
             libtorch and set it"
        );
    };
    // The shadow folder holds links and a linker script; at run time the loader must see the real one.
    let run_time =
        std::env::var_os("PERFAGENT_TORCH_LIB").map_or_else(|| libtorch.join("lib"), PathBuf::from);

    cc::Build::new()
        .cpp(true)
        .std("c++17")
        // The operator observer runs thousands of times a step, whatever the profile of this crate.
        .opt_level(2)
        .debug(false)
        .warnings(false)
        .define("USE_C10D_GLOO", None)
        // As libtorch itself was built: its headers check, and lay out classes, differently without.
        .define("NDEBUG", None)
        .include("shim/include")
        .include(libtorch.join("include"))
        .include(libtorch.join("include/torch/csrc/api/include"))
        .files(["shim", "autograd", "memory", "operators"].map(|name| format!("shim/{name}.cpp")))
        .compile("perfagent_shim");
    println!("cargo:rustc-link-search=native={}", libtorch.join("lib").display());
    println!("cargo:rustc-link-lib=torch_cpu");
    println!("cargo:rustc-link-lib=c10");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", run_time.display());
    println!("cargo:rustc-env=PERFAGENT_TORCH_LIB_DIR={}", run_time.display());
}
