//! Numbers as people read them.

/// A number with its thousands apart: `1,234,567`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many things of a kind, whose name is given for one: `1 kill`, `2 kills`.
pub fn counted(count: u64, one: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {one}{ending}", thousands(count))
}

/// A time with the unit and the digits that suit it: `340 µs`, `12.3 ms`, `4.56 s`.
pub fn duration_ms(milliseconds: f64) -> String {
    match milliseconds {
        ms if ms <= 0.0 => "0".to_string(),
        ms if ms < 1.0 => format!("{:.0} µs", ms * 1e3),
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 1_000.0 => format!("{ms:.0} ms"),
        ms if ms < 60_000.0 => format!("{:.2} s", ms / 1e3),
        ms => format!(
            "{:.0} min {:.0} s",
            (ms / 60_000.0).floor(),
            (ms % 60_000.0) / 1e3
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(thousands),
            ["0", "999", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn one_thing_is_not_many() {
        let texts = [0, 1, 2_000].map(|count| counted(count, "owner kill"));
        assert_eq!(
            texts,
            ["0 owner kills", "1 owner kill", "2,000 owner kills"]
        );
    }

    #[test]
    fn durations_have_the_unit_that_suits() {
        let texts = [0.0, 0.34, 1.24, 99.9, 4_560.0, 630_000.0].map(duration_ms);
        assert_eq!(
            texts,
            ["0", "340 µs", "1.2 ms", "100 ms", "4.56 s", "10 min 30 s"]
        );
    }
}
