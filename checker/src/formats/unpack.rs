//! Files that are packed: gzip, zstd and xz are unpacked while they are read.

use super::ReadError;
use super::input::Input;
use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::{self, Read};

/// What an xz or zstd file may ask for, so that a hostile one cannot take all memory: the window
/// of `xz -9` is 64 MiB, that of `zstd --ultra -22` and of `--long` 128 MiB.
const MEMORY_MAX: u64 = 1 << 27;

/// Packed files inside packed files are followed so far.
const LAYERS_MAX: usize = 3;

/// The input, unpacked if it is packed; the beginning of the file decides, not its name.
pub(crate) fn unpack(mut input: Input<'_>) -> Result<Input<'_>, ReadError> {
    for _ in 0..LAYERS_MAX {
        input.fill(6)?;
        let begin = input.bytes();
        input = if begin.starts_with(b"\x1f\x8b\x08") {
            Input::new(MultiGzDecoder::new(input.into_source()))
        } else if begin.starts_with(b"\x28\xb5\x2f\xfd") || is_skippable(begin) {
            Input::new(Zstd::new(input.into_source()))
        } else if begin.starts_with(b"\xfd7zXZ\x00") {
            let kibibytes = (MEMORY_MAX >> 10) as u32;
            Input::new(XzReader::new_mem_limit(
                input.into_source(),
                true,
                kibibytes,
            ))
        } else {
            break;
        };
    }
    Ok(input)
}

/// A zstd frame without content, with which some programs begin.
fn is_skippable(begin: &[u8]) -> bool {
    matches!(begin, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// All frames of a zstd file, one after the other.
struct Zstd<R> {
    source: R,
    decoder: FrameDecoder,
    within_frame: bool,
    /// Why no more can be unpacked; told when all that was unpacked before is read.
    damage: Option<io::Error>,
}

/// An empty last block and a place for a checksum: after these a frame gives out what it holds back.
const END_OF_FRAME: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];

impl<R: Read> Zstd<R> {
    fn new(source: R) -> Zstd<R> {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MEMORY_MAX);
        Zstd {
            source,
            decoder,
            within_frame: false,
            damage: None,
        }
    }

    /// Begins the next frame; false at the end of the source.
    fn next_frame(&mut self) -> io::Result<bool> {
        loop {
            let mut first = [0];
            if self.source.read(&mut first)? == 0 {
                return Ok(false);
            }
            let mut frame = first.chain(&mut self.source);
            match self.decoder.reset(&mut frame) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let skipped = (&mut self.source).take(u64::from(length));
                    io::copy(&mut { skipped }, &mut io::sink())?;
                }
                Err(problem) => return Err(io::Error::other(problem)),
            }
        }
    }
}

impl<R: Read> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.within_frame {
                if !self.next_frame()? {
                    return Ok(0);
                }
                self.within_frame = true;
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                if let Err(problem) = self.decoder.decode_blocks(&mut self.source, one) {
                    self.damage = Some(io::Error::other(problem));
                    self.decoder
                        .decode_blocks(&END_OF_FRAME[..], BlockDecodingStrategy::All)
                        .map_err(io::Error::other)?;
                }
            }
            let read = self.decoder.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            if let Some(problem) = self.damage.take() {
                return Err(problem);
            }
            let (told, found) = (
                self.decoder.get_checksum_from_data(),
                self.decoder.get_calculated_checksum(),
            );
            if told.is_some() && told != found {
                return Err(io::Error::other(
                    "the checksum of a zstd frame does not match",
                ));
            }
            self.within_frame = false;
        }
    }
}
