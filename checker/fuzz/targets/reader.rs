//! Fuzzes the reader that the variable KENSHO_FORMAT names.
#![no_main]

use kensho_checker::formats::Format;
use kensho_checker_fuzz::try_format;
use std::sync::LazyLock;

static FORMAT: LazyLock<Format> = LazyLock::new(|| {
    let name = std::env::var("KENSHO_FORMAT").expect("KENSHO_FORMAT names a format");
    let mut formats = Format::ALL.iter().copied();
    formats
        .find(|format| format.name() == name)
        .unwrap_or_else(|| panic!("no format is called {name}"))
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| try_format(input, *FORMAT));
