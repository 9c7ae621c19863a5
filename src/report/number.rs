//! Numbers short enough for a label.

/// Returns a number with three digits that count, as `0`, `-1.25`, `340`, `1.2e-5`.
pub fn short(value: f32) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".to_owned();
    }
    if !value.is_finite() || !(1e-3..1e5).contains(&size) {
        return format!("{value:.1e}");
    }
    let decimals = match size {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        0.1.. => 3,
        _ => 4,
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_keep_their_size() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-1.25, "-1.25"),
            (0.034_56, "0.0346"),
            (12.34, "12.3"),
            (99_999.0, "99999"),
            (340.4, "340"),
            (100_000.0, "1.0e5"),
            (-0.000_012, "-1.2e-5"),
            (f32::INFINITY, "inf"),
        ];
        for (value, text) in cases {
            assert_eq!(short(value), text);
        }
    }
}
