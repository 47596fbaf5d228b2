//! Kinds of copies by what tools call them: each has its own spelling of the same few.

use perfagent_recording::table::CopyKind;

/// What a kind is called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names {
    pub(crate) kind: CopyKind,
    /// Its number and symbol in an export of Nsight Systems; the numbers are CUPTI's, and go on where CUPTI has none.
    pub(crate) number: i64,
    pub(crate) symbol: &'static str,
    /// `H2D`, as XLA writes it; empty for migrations of managed memory, of which only Nsight Systems tells.
    short: &'static str,
    /// `Host-to-Device`, as later versions of `nsys stats` write it.
    long: &'static str,
}

/// All that have names. What PyTorch and earlier versions of `nsys stats` write, `HtoD`, is the recording's own word.
#[rustfmt::skip]
pub(crate) const ALL: [Names; 8] = [
    Names { kind: CopyKind::HtoD, number: 1, symbol: "CUDA_MEMCPY_KIND_HTOD", short: "H2D", long: "Host-to-Device" },
    Names { kind: CopyKind::DtoH, number: 2, symbol: "CUDA_MEMCPY_KIND_DTOH", short: "D2H", long: "Device-to-Host" },
    Names { kind: CopyKind::DtoD, number: 8, symbol: "CUDA_MEMCPY_KIND_DTOD", short: "D2D", long: "Device-to-Device" },
    Names { kind: CopyKind::HtoH, number: 9, symbol: "CUDA_MEMCPY_KIND_HTOH", short: "H2H", long: "Host-to-Host" },
    Names { kind: CopyKind::PtoP, number: 10, symbol: "CUDA_MEMCPY_KIND_PTOP", short: "P2P", long: "Peer-to-Peer" },
    Names { kind: CopyKind::UnifiedHtoD, number: 11, symbol: "CUDA_MEMCPY_KIND_UVM_HTOD", short: "", long: "" },
    Names { kind: CopyKind::UnifiedDtoH, number: 12, symbol: "CUDA_MEMCPY_KIND_UVM_DTOH", short: "", long: "" },
    Names { kind: CopyKind::UnifiedDtoD, number: 13, symbol: "CUDA_MEMCPY_KIND_UVM_DTOD", short: "", long: "" },
];

/// The kind with this name, in any of the spellings.
pub(crate) fn of(name: &str) -> Option<CopyKind> {
    let is_called = |names: &&Names| {
        !name.is_empty() && [names.kind.as_str(), names.short, names.long].contains(&name)
    };
    ALL.iter().find(is_called).map(|names| names.kind)
}

/// The same way as a migration of managed memory; a way that these do not go is kept as it is.
pub(crate) const fn unified(kind: CopyKind) -> CopyKind {
    match kind {
        CopyKind::HtoD => CopyKind::UnifiedHtoD,
        CopyKind::DtoH => CopyKind::UnifiedDtoH,
        CopyKind::DtoD => CopyKind::UnifiedDtoD,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use perfagent_recording::table::CopyKind;

    use super::{ALL, of, unified};

    #[test]
    fn a_kind_has_a_name_in_every_spelling() {
        for (names, kind) in [
            (&["HtoD", "H2D", "Host-to-Device"][..], CopyKind::HtoD),
            (&["DtoH", "D2H", "Device-to-Host"], CopyKind::DtoH),
            (&["DtoD", "D2D", "Device-to-Device"], CopyKind::DtoD),
            (&["HtoH", "H2H", "Host-to-Host"], CopyKind::HtoH),
            (&["PtoP", "P2P", "Peer-to-Peer"], CopyKind::PtoP),
            (&["unified-HtoD"], CopyKind::UnifiedHtoD),
        ] {
            assert_eq!(
                names.iter().map(|name| of(name)).collect::<Vec<_>>(),
                vec![Some(kind); names.len()]
            );
        }
        for name in ["", "HtoA", "htod", "H2D ", "memset"] {
            assert_eq!(of(name), None, "{name}");
        }
    }

    #[test]
    fn no_name_or_number_is_of_two() {
        for (at, names) in ALL.iter().enumerate() {
            for other in &ALL[at + 1..] {
                assert!(names.number != other.number && names.symbol != other.symbol);
                assert_ne!(names.kind, other.kind);
            }
            let symbol = names.symbol.trim_start_matches("CUDA_MEMCPY_KIND_");
            let text = names.kind.as_str().to_uppercase().replace("UNIFIED-", "UVM_");
            assert_eq!(symbol, text);
        }
        assert_eq!(unified(CopyKind::DtoH), CopyKind::UnifiedDtoH);
        assert_eq!(unified(CopyKind::PtoP), CopyKind::PtoP);
    }
}
