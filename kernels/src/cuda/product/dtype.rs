//! The formats that matrices are multiplied in, and their numbers as the host reads them.

/// A format of the factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dtype {
    Fp32,
    Tf32,
    Fp16,
    Bf16,
    Fp8,
}

impl Dtype {
    pub(super) const ALL: [Self; 5] = [Self::Fp32, Self::Tf32, Self::Fp16, Self::Bf16, Self::Fp8];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Tf32 => "tf32",
            Self::Fp16 => "fp16",
            Self::Bf16 => "bf16",
            Self::Fp8 => "fp8_e4m3",
        }
    }

    /// The format of the result; sums are fp32 in all of them.
    pub(super) fn output(self) -> Self {
        match self {
            Self::Tf32 => Self::Fp32,
            Self::Fp8 => Self::Bf16,
            same => same,
        }
    }

    /// Bytes of one number in memory.
    pub(super) fn bytes(self) -> u64 {
        match self {
            Self::Fp32 | Self::Tf32 => 4,
            Self::Fp16 | Self::Bf16 => 2,
            Self::Fp8 => 1,
        }
    }

    /// The kernel that fills a matrix.
    pub(super) fn filler(self) -> &'static str {
        match self {
            Self::Fp32 | Self::Tf32 => "random_fp32",
            Self::Fp16 => "random_fp16",
            Self::Bf16 => "random_bf16",
            Self::Fp8 => "random_fp8_e4m3",
        }
    }

    /// Why a device of this compute capability does not multiply it, if it does not.
    pub(super) fn missing(self, capability: (i32, i32)) -> Option<String> {
        let needed = match self {
            Self::Fp32 => return None,
            Self::Fp16 => (7, 0),
            Self::Tf32 | Self::Bf16 => (8, 0),
            Self::Fp8 => (8, 9),
        };
        (capability < needed).then(|| {
            format!(
                "{} in tensor cores needs compute capability {}.{}, this device has {}.{}",
                self.name(),
                needed.0,
                needed.1,
                capability.0,
                capability.1
            )
        })
    }

    /// The number that these bytes, the first of them the lowest, stand for.
    pub(super) fn number(self, bytes: &[u8]) -> f64 {
        let low = bytes.first().copied().unwrap_or(0);
        let word = u16::from_le_bytes([low, bytes.get(1).copied().unwrap_or(0)]);
        match self {
            Self::Fp32 | Self::Tf32 => {
                bytes.first_chunk().map_or(0.0, |bytes| f64::from(f32::from_le_bytes(*bytes)))
            }
            Self::Bf16 => f64::from(f32::from_bits(u32::from(word) << 16)),
            Self::Fp16 => small_float(u32::from(word), 5, 10, 15),
            Self::Fp8 => match low & 0x7f {
                0x7f => f64::NAN,
                _ => small_float(u32::from(low), 4, 3, 7),
            },
        }
    }
}

/// A finite number with so many bits of exponent and mantissa below its sign.
fn small_float(pattern: u32, exponent_bits: u32, mantissa_bits: u32, bias: i32) -> f64 {
    let sign = if pattern >> (exponent_bits + mantissa_bits) & 1 == 1 { -1.0 } else { 1.0 };
    let exponent = (pattern >> mantissa_bits & ((1 << exponent_bits) - 1)).cast_signed();
    let fraction = f64::from(pattern & ((1 << mantissa_bits) - 1)) / f64::from(1 << mantissa_bits);
    match exponent {
        0 => sign * fraction * 2_f64.powi(1 - bias),
        _ => sign * (1.0 + fraction) * 2_f64.powi(exponent - bias),
    }
}

#[cfg(test)]
mod tests {
    use super::Dtype;

    #[test]
    fn numbers_are_read_as_their_formats_say() {
        for (dtype, bytes, number) in [
            (Dtype::Fp32, &1.5_f32.to_le_bytes()[..], 1.5),
            (Dtype::Fp16, &[0x00, 0x3c], 1.0),
            (Dtype::Fp16, &[0x00, 0xc0], -2.0),
            (Dtype::Fp16, &[0xff, 0x7b], 65504.0),
            (Dtype::Fp16, &[0x01, 0x00], 2_f64.powi(-24)),
            (Dtype::Bf16, &[0x80, 0x3f], 1.0),
            (Dtype::Bf16, &[0x49, 0x40], 3.140_625),
            (Dtype::Fp8, &[0x38], 1.0),
            (Dtype::Fp8, &[0x7e], 448.0),
            (Dtype::Fp8, &[0x81], -(2_f64.powi(-9))),
        ] {
            assert_eq!(dtype.number(bytes).to_bits(), number.to_bits(), "{dtype:?} {bytes:x?}");
        }
        assert!(Dtype::Fp8.number(&[0xff]).is_nan());
    }

    #[test]
    fn what_a_device_lacks_has_a_reason() {
        assert_eq!(
            Dtype::Fp8.missing((8, 0)).unwrap(),
            "fp8_e4m3 in tensor cores needs compute capability 8.9, this device has 8.0"
        );
        assert_eq!(Dtype::Fp8.missing((8, 9)), None);
        assert_eq!(Dtype::Fp8.missing((10, 0)), None);
        assert!(Dtype::Bf16.missing((7, 5)).is_some());
        assert_eq!(Dtype::Fp32.missing((5, 0)), None);
    }
}
