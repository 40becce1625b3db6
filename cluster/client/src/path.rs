//! Names within a path.

use std::fmt::Write;

/// Appends `segment` to `path`, so that it stays one segment whatever it contains (RFC 3986).
pub(crate) fn push_segment(path: &mut String, segment: &str) {
    path.push('/');
    // A segment of dots alone would be taken for a step within the path.
    let dots = segment.bytes().all(|byte| byte == b'.');
    for byte in segment.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => path.push(byte.into()),
            b'.' if !dots => path.push('.'),
            _ => write!(path, "%{byte:02X}").expect("a string can always be written to"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_stays_one_segment() {
        let mut path = String::from("/rows");
        push_segment(&mut path, "k1.5");
        push_segment(&mut path, "a/b c?ü");
        push_segment(&mut path, "..");
        assert_eq!(path, "/rows/k1.5/a%2Fb%20c%3F%C3%BC/%2E%2E");
    }
}
