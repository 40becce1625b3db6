//! Records the inputs of the node's state machines, so that they can be replayed: see
//! [`kensho_protocol::inputs`] for what is written.
//!
//! Each life of the node adds two files to the folder, one for the coordinator and one for the
//! replicas, since each plane has its thread. A chunk is handed to the operating system before
//! anything that followed from it leaves the node: when the process is killed the record lacks
//! nothing that others have seen. It is not flushed to the disk: it survives the end of the
//! process, not that of the machine.
//!
//! A record that cannot be written is given up, and the node goes on: nobody relies on it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use kensho_protocol::inputs::{EXTENSION, Head, Plane, Transcript};
use kensho_protocol::table::Member;

use crate::clock;
use crate::settings::Settings;

/// Names the machine's run since it was booted.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// One for each plane.
#[derive(Default)]
pub(crate) struct Recorders {
    pub(crate) control: Recorder,
    pub(crate) data: Recorder,
}

/// Records what one plane is handed, or nothing.
#[derive(Default)]
pub(crate) struct Recorder {
    /// What was written down, until the plane's machine does that.
    transcript: Option<Box<Transcript>>,
    file: Option<(PathBuf, File)>,
}

impl Recorder {
    /// Where to write inputs down, if they are recorded.
    pub(crate) fn transcript(&mut self) -> Option<&mut Transcript> {
        self.transcript.as_deref_mut()
    }

    /// The same, for the plane's machine.
    pub(crate) fn take_transcript(&mut self) -> Option<Box<Transcript>> {
        self.transcript.take()
    }

    /// Takes what was written down so far to the file.
    pub(crate) fn write_begun(&mut self) {
        let mut transcript = self.transcript.take();
        self.write(&mut transcript);
        self.transcript = transcript;
    }

    /// Takes what the plane's machine has written down to the file.
    #[inline]
    pub(crate) fn write(&mut self, transcript: &mut Option<Box<Transcript>>) {
        if let (Some((path, file)), Some(written)) = (&mut self.file, &mut *transcript)
            && let Err(error) = write(file, written)
        {
            tracing::error!(
                "inputs are not recorded any more, since {} cannot be written: {error}",
                path.display()
            );
            *transcript = None;
        }
    }
}

fn write(file: &mut File, transcript: &mut Transcript) -> io::Result<()> {
    if let Some(chunk) = transcript.chunk() {
        file.write_all(chunk)?;
        transcript.written();
    }
    Ok(())
}

/// Begins a record of each plane, if the settings ask for it.
///
/// # Errors
/// Which file or folder cannot be used, and why.
pub(crate) fn start(settings: &Settings, me: &Member) -> Result<Recorders, (PathBuf, io::Error)> {
    let Some(folder) = &settings.record_dir else {
        return Ok(Recorders::default());
    };
    let wrong = |source| (folder.clone(), source);
    fs::create_dir_all(folder).map_err(wrong)?;
    let life = next_life(folder).map_err(wrong)?;
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    let head = Head {
        plane: Plane::Control,
        node: me.clone(),
        life,
        boot: boot(me),
        began: clock::now(),
        began_utc_ms: since_1970.map_or(0, |time| {
            u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
        }),
        program: concat!("kensho-node ", env!("CARGO_PKG_VERSION")).to_owned(),
        identity: settings.identity.clone(),
        settings: settings.protocol,
    };
    let begin = |plane| {
        let head = Head {
            plane,
            ..head.clone()
        };
        let name = format!("{life:06}-{}.{EXTENSION}", plane.name());
        let path = folder.join(name);
        let begin = || {
            let mut transcript = Transcript::new(&head);
            let mut file = File::create_new(&path)?;
            write(&mut file, &mut transcript)?;
            Ok(Recorder {
                transcript: Some(Box::new(transcript)),
                file: Some((path.clone(), file)),
            })
        };
        begin().map_err(|source| (path.clone(), source))
    };
    tracing::info!(life, "inputs are recorded in {}", folder.display());
    Ok(Recorders {
        control: begin(Plane::Control)?,
        data: begin(Plane::Data)?,
    })
}

/// One more than the highest life that left a file.
fn next_life(folder: &Path) -> io::Result<u32> {
    let mut last = 0;
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.split_once('-'));
        if let Some(life) = number.and_then(|(number, _)| number.parse().ok()) {
            last = u32::max(last, life);
        }
    }
    Ok(last + 1)
}

fn boot(me: &Member) -> String {
    match fs::read_to_string(BOOT_ID) {
        Ok(id) => id.trim().to_owned(),
        // Its clock is compared with no other node's then.
        Err(_) => format!("unknown, of node {}", me.id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_life_has_a_number_of_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(next_life(folder.path()).expect("it is there"), 1);
        for name in ["000002-control.inputs", "000010-data.inputs", "x-y", "z"] {
            fs::write(folder.path().join(name), "").expect("a file");
        }
        assert_eq!(next_life(folder.path()).expect("it is there"), 11);
    }
}
