//! Link arguments of the library that targets load.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // The library has threads and thread-local state, and the target keeps pointers into it: it must never be unmapped,
    // even when whoever loaded it calls dlclose.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
