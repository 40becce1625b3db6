//! Packed files, written by the programs that people pack with: gzip 1.13, zstd 1.5, xz 5.4.

use super::*;
use crate::formats::read_from;

const GZIP: &str = "1f8b0800000000000203abb62a28ca4f4e2d2e5630d051b02aa92c4855b0cacc2bcbcf4e0572d314acca8b324b40ccb2c49cd25405f35aae6a2c1af2b371280600fb3e7e615e000000";
const ZSTD: &str = "28b52ffd0468d5010032c30b11a0ed7c6eb9b33212d4fabf2a1747fdee8ea7c1146787c6db2b37b3e0beec954fbf64f6ac62db6b38634c7aa99501020050d53828ada062f0473c";
/// Two frames, and one that is to be skipped between them.
const ZSTD_FRAMES: &str = "28b52ffd04588901007b3a70726f6365737320302c203a74797065203a696e766f6b652c203a66203a77726974652c203a76616c756520377d0a8bf1042c502a4d180300000061626328b52ffd04586901007b3a70726f6365737320302c203a74797065203a6f6b2c203a66203a77726974652c203a76616c756520377d0a1c47a9d7";
const XZ: &str = "fd377a585a000004e6d6b446020021011c00000010cf58cce0005d00395d003d8e8a0763fbf0b12f1ea2d06745c183ff254d218f8ea3ac3ec01e597211c0a581f3295f08e328b908fe6a92525ea49c5a9c97c861b105000000000000df7f6cf6e6423c8f0001555ec960996b1fb6f37d010000000004595a";

fn bytes(digits: &str) -> Vec<u8> {
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn packed_files_are_read_like_others() {
    for digits in [GZIP, ZSTD, ZSTD_FRAMES, XZ] {
        let packed = bytes(digits);
        let (history, format) = read_from(&packed[..], None).unwrap();
        assert_eq!((format, history.operations.len()), (Format::Edn, 1));
        assert_eq!(history.operations[0].outcome, Outcome::Ok);
        assert!(history.problems.is_empty(), "{:?}", history.problems);
    }
    // Two gzip files one after the other are one.
    let twice = [bytes(GZIP), bytes(GZIP)].concat();
    assert_eq!(read_from(&twice[..], None).unwrap().0.operations.len(), 2);
}

#[test]
fn a_packed_file_that_is_cut_or_damaged_is_never_whole() {
    for digits in [GZIP, ZSTD, XZ] {
        let packed = bytes(digits);
        for end in 6..packed.len() {
            match read_from(&packed[..end], Some(Format::Edn)) {
                Ok((history, _)) => {
                    let told = history.problems.last().expect("a problem");
                    assert!(
                        told.grave && told.text.contains("was not read"),
                        "{end} {told:?}"
                    );
                }
                Err(problem) => assert!(!problem.to_string().is_empty()),
            }
        }
    }
    // One frame that is whole, and one that is cut.
    let frames = bytes(ZSTD_FRAMES);
    let (history, _) = read_from(&frames[..frames.len() - 20], None).unwrap();
    assert_eq!(history.operations.len(), 1);
    assert!(history.problems.last().unwrap().grave);
}

#[test]
fn what_unpacks_beyond_all_bounds_takes_no_memory() {
    use std::io::{Read as _, Write as _};
    let mut packed = Vec::new();
    let mut encoder = flate2::write::GzEncoder::new(&mut packed, flate2::Compression::fast());
    // More than one event may have, of a list that is never closed.
    for _ in 0..300 {
        encoder.write_all(&vec![b'['; 1 << 20]).unwrap();
    }
    encoder.finish().unwrap();
    let error = read_from(&packed[..], None).unwrap_err().to_string();
    assert!(error.contains("nested too deeply"), "{error}");
    let mut nothing = std::io::repeat(b' ').take(1 << 20);
    assert_eq!(read_from(&mut nothing, None).unwrap().0.events, 0);
}
