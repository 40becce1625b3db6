//! What came through a pipe is kept, so that it can be read once more.

use super::ReadError;
use std::io::{self, Read, Seek, Write};
use tempfile::SpooledTempFile;

/// What is kept in memory; anything longer goes to a file without a name in the folder for
/// temporary files.
const IN_MEMORY: usize = 1 << 24;

/// What came through a pipe.
pub(super) struct Kept {
    file: SpooledTempFile,
    /// Why it is not whole.
    broken: Option<io::Error>,
}

impl Kept {
    pub(super) fn new() -> Kept {
        Kept {
            file: SpooledTempFile::new(IN_MEMORY),
            broken: None,
        }
    }

    /// The same as the source, which is kept while it is read.
    pub(super) fn keep<'a>(&'a mut self, source: impl Read + 'a) -> impl Read + 'a {
        Keeping { source, kept: self }
    }

    /// All that was read, from its beginning.
    pub(super) fn again(&mut self) -> Result<impl Read + '_, ReadError> {
        let rewound = match self.broken.take() {
            Some(problem) => Err(problem),
            None => self.file.rewind(),
        };
        rewound.map_err(|problem| {
            ReadError::Closed(format!(
                "it has to be read twice, but what came through the pipe could not be kept in the folder for temporary files: {problem}; give it as a file"
            ))
        })?;
        Ok(&mut self.file)
    }
}

struct Keeping<'a, R> {
    source: R,
    kept: &'a mut Kept,
}

impl<R: Read> Read for Keeping<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        let kept = &mut *self.kept;
        if kept.broken.is_none() {
            kept.broken = kept.file.write_all(&buffer[..read]).err();
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_again_as_it_was() {
        let long = vec![7; IN_MEMORY + 1];
        for text in [&b"short"[..], &long] {
            let mut kept = Kept::new();
            for _ in 0..2 {
                let mut read = Vec::new();
                kept.keep(text).read_to_end(&mut read).unwrap();
                assert_eq!(read, text);
                let mut again = Vec::new();
                kept.again().unwrap().read_to_end(&mut again).unwrap();
                assert_eq!(again, text);
                kept = Kept::new();
            }
        }
    }
}
