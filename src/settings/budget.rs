//! How much room something may take: a number of bytes, or a share of a filesystem.

use super::layers::bytes_of;

/// The most that something may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// So many bytes.
    Bytes(u64),
    /// So many hundredths of the filesystem, 1–100.
    Percent(u8),
}

impl Budget {
    /// Returns the budget in bytes on a filesystem of `total` bytes.
    pub fn bytes(self, total: u64) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Percent(percent) => {
                let bytes = u128::from(total) * u128::from(percent) / 100;
                u64::try_from(bytes).unwrap_or(u64::MAX)
            }
        }
    }

    /// Reads a number of bytes, with a unit or without (`20 GiB`), or a share (`10 %`).
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some(number) = text.trim().strip_suffix('%') {
            let percent: u8 = number.trim().parse().ok()?;
            return (1..=100)
                .contains(&percent)
                .then_some(Self::Percent(percent));
        }
        let bytes = u64::try_from(bytes_of(text)?).ok()?;
        (bytes > 0).then_some(Self::Bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_are_bytes_or_shares() {
        let cases = [
            ("20 GiB", Some(Budget::Bytes(20 << 30))),
            ("1000", Some(Budget::Bytes(1000))),
            ("10 %", Some(Budget::Percent(10))),
            ("100%", Some(Budget::Percent(100))),
            ("0", None),
            ("0 %", None),
            ("101 %", None),
            ("-5 %", None),
            ("much", None),
            ("99999999999 TiB", None),
        ];
        for (text, budget) in cases {
            assert_eq!(Budget::parse(text), budget, "{text}");
        }
        assert_eq!(Budget::Percent(10).bytes(u64::MAX), u64::MAX / 10);
        assert_eq!(Budget::Bytes(7).bytes(3), 7);
    }
}
