#![no_main]

use kensho_checker::formats::Format;
use kensho_checker_fuzz::try_format;

libfuzzer_sys::fuzz_target!(|input: &[u8]| try_format(input, Format::Edn));
