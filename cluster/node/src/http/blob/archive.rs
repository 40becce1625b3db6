//! Zip archives, in memory.

use std::collections::HashMap;
use std::io::{Cursor, Read, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::http::error::Error;

/// The files of an archive, by their paths in it.
pub(super) struct Files(HashMap<String, Vec<u8>>);

impl Files {
    /// Unpacks an archive whose files have at most `limit` bytes together.
    pub(super) fn unpack(bytes: &[u8], limit: usize) -> Result<Self, Error> {
        let wrong = |error: &dyn std::fmt::Display| {
            Error::malformed(format!("the part file is no zip file: {error}"))
        };
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| wrong(&error))?;
        let mut files = HashMap::new();
        let mut room = limit;
        for place in 0..archive.len() {
            let file = archive.by_index(place).map_err(|error| wrong(&error))?;
            if file.is_dir() {
                continue;
            }
            let name = file.name().map_err(|error| wrong(&error))?.into_owned();
            let mut content = Vec::new();
            // What an archive says of its sizes may be wrong: they are counted while it is unpacked.
            let mut file = file.take(room as u64 + 1);
            file.read_to_end(&mut content)
                .map_err(|error| wrong(&error))?;
            room = room
                .checked_sub(content.len())
                .ok_or_else(|| Error::archive_too_large(limit))?;
            files.insert(name, content);
        }
        Ok(Files(files))
    }

    /// The bytes of a file.
    pub(super) fn get(&self, path: &str) -> Option<&[u8]> {
        self.0.get(path).map(Vec::as_slice)
    }
}

/// An archive on its way.
pub(super) struct Packed(ZipWriter<Cursor<Vec<u8>>>);

impl Packed {
    pub(super) fn new() -> Self {
        Packed(ZipWriter::new(Cursor::new(Vec::new())))
    }

    /// Adds a file. No other one has its name.
    pub(super) fn add(&mut self, name: &str, bytes: &[u8]) {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        let added = self.0.start_file(name, options);
        let added = added.map(|()| self.0.write_all(bytes));
        debug_assert!(
            matches!(added, Ok(Ok(()))),
            "{name}: memory takes everything"
        );
    }

    /// Its bytes.
    pub(super) fn finish(self) -> Vec<u8> {
        let finished = self.0.finish().expect("memory takes everything");
        finished.into_inner()
    }
}
