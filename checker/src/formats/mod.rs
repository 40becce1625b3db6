//! Histories in the notations of others: what is read, and how it is recognised.
//!
//! [`Format::ALL`] lists the formats; each is a file of this folder and a line of that list.
//! Packed files (gzip, zstd, xz) are unpacked while they are read. [`sources`] finds the histories
//! in a folder, for example in Jepsen's `store`.
//!
//! File order is history order. `:index` and `:time` may be missing. Any number or name is that of
//! a client, but `nemesis`; where the process is missing, operations can hardly be paired.
//!
//! A file that is cut or damaged is read as far as it is whole; the history then has a grave
//! problem that says where it ends, so that it is never called *valid*.
//!
//! ```
//! use kensho_checker::formats::{self, Format};
//! let text = b"{:process 0, :type :invoke, :f :read}\n{:process 0, :type :ok, :f :read, :value 3}";
//! let history = formats::read(text, Format::detect(text)).unwrap();
//! assert_eq!(history.operations.len(), 1);
//! let error = formats::read(b"{:process 0,\n :type :maybe}", Format::Edn).unwrap_err();
//! assert_eq!(error.to_string(), "line 1, column 1: :type must be :invoke, :ok, :fail or :info, not :maybe");
//! ```

mod beginning;
mod input;
mod json_values;
mod kept;
mod loose;
mod not_history;
mod sessions;
mod sources;
mod unpack;

pub use crate::history::ReadError;
pub use sources::{Source, sources};

use crate::history::{Builder, History, Problem};
use crate::judge::while_read::Prepare;
use beginning::Beginning;
use input::Input;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What a format is, how it is recognised, and how it is read.
struct Definition {
    /// Its name on the command line.
    name: &'static str,
    /// What it is, in a line.
    what: &'static str,
    /// Whether a file that begins like this is one.
    recognise: fn(&Beginning<'_>) -> bool,
    /// Reads events from the input into the builder. What was added before an error is kept.
    read: fn(&mut Input<'_>, &mut Builder) -> Result<(), ReadError>,
    /// How it is read where its parts are the files of a folder.
    folder: Option<Folder>,
}

/// A history that is a folder.
struct Folder {
    /// The files of such a folder; none if the folder is no such history.
    files: fn(&Path) -> Vec<PathBuf>,
    /// Reads these files. What was added before an error is kept.
    read: fn(&[PathBuf], &mut Builder) -> Result<(), ReadError>,
}

macro_rules! formats {
    ($($(#[$note:meta])* $visibility:vis $module:ident: $variant:ident,)*) => {
        $($visibility mod $module;)*

        /// A notation of histories.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Format {
            $($(#[$note])* $variant,)*
        }

        impl Format {
            /// All formats. The first that recognises the beginning of a file reads it.
            pub const ALL: &[Format] = &[$(Format::$variant,)*];

            fn definition(self) -> &'static Definition {
                match self {
                    $(Format::$variant => &$module::FORMAT,)*
                }
            }
        }
    };
}

formats! {
    /// Jepsen's `test.jepsen`.
    jepsen: Jepsen,
    /// Jepsen's `test.fressian`.
    fressian: Fressian,
    /// DBCop's `history.bincode`.
    dbcop: Dbcop,
    /// DBCop's histories as JSON.
    dbcop_json: DbcopJson,
    /// DBCop's histories as text, `.hist`.
    dbcop_text: DbcopText,
    /// Cobra's logs.
    cobra: Cobra,
    /// etcd's robustness reports.
    etcd: Etcd,
    /// Porcupine's operations as JSON.
    porcupine: Porcupine,
    /// TiPocket's and chaos's `history.log`.
    tipocket: Tipocket,
    /// A table of intervals.
    csv: Csv,
    /// Transactions of Plume and PolySI.
    plume: Plume,
    /// Transactions of AWDIT's tests.
    awdit: Awdit,
    /// A JSON array of events.
    elle_json: ElleJson,
    /// Our JSON lines.
    jsonl: Jsonl,
    /// Jepsen's EDN.
    pub edn: Edn,
    /// Jepsen's `history.txt`.
    jepsen_txt: JepsenTxt,
    /// `history.txt` lines as a logger printed them.
    porcupine_log: PorcupineLog,
}

impl Format {
    /// Recognises a history's notation by how it begins.
    pub fn detect(text: &[u8]) -> Format {
        Format::of(&Beginning::new(text)).unwrap_or(Format::PorcupineLog)
    }

    fn of(beginning: &Beginning<'_>) -> Option<Format> {
        Format::ALL
            .iter()
            .copied()
            .find(|format| (format.definition().recognise)(beginning))
    }

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        self.definition().name
    }

    /// Whether a read of nothing saw that there was nothing; in Jepsen's formats it may as well
    /// mean that the result is not known.
    pub(crate) fn nil_is_a_value(self) -> bool {
        use Format::{Csv, Etcd, Jsonl, Porcupine};
        matches!(self, Jsonl | Csv | Etcd | Porcupine)
    }

    /// What it is, in a line.
    pub fn what(self) -> &'static str {
        self.definition().what
    }
}

impl clap::ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Format] {
        Format::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.name()).help(self.what()))
    }
}

/// Reads a history that is in memory.
pub fn read(text: &[u8], format: Format) -> Result<History, ReadError> {
    read_from(text, Some(format)).map(|(history, _)| history)
}

/// Reads a history from a file or a pipe, holding no more of it than one event: in this format, or
/// in the one that its beginning shows.
pub fn read_from(
    source: impl Read,
    format: Option<Format>,
) -> Result<(History, Format), ReadError> {
    let mut builder = Builder::default();
    let format = push_all(Input::new(source), format, &mut |_, _| {}, &mut builder)?;
    Ok((builder.finish(), format))
}

/// Reads a history with a builder that is prepared when the format is known.
#[cfg(test)]
pub(crate) fn read_prepared(
    source: impl Read,
    prepare: &mut Prepare<'_>,
) -> Result<(History, Format), ReadError> {
    let mut builder = Builder::default();
    let format = push_all(Input::new(source), None, prepare, &mut builder)?;
    Ok((builder.finish(), format))
}

/// Reads the events of an input into a builder, which is prepared when the format is known.
fn push_all(
    input: Input<'_>,
    format: Option<Format>,
    prepare: &mut Prepare<'_>,
    builder: &mut Builder,
) -> Result<Format, ReadError> {
    let mut input = unpack::unpack(input)?;
    input.fill(beginning::LENGTH)?;
    let beginning = Beginning::new(input.bytes());
    let format = match format {
        Some(format) => {
            if let Some(what) = not_history::wrapping(&beginning) {
                return Err(input.malformed(0, what));
            }
            format
        }
        None => {
            let format = Format::of(&beginning);
            if let Some(what) = not_history::name(&beginning, format) {
                return Err(input.malformed(0, what));
            }
            match format {
                Some(format) => format,
                None => return Err(input.malformed(0, not_history::UNKNOWN)),
            }
        }
    };
    prepare(format, builder);
    let result = (format.definition().read)(&mut input, builder);
    keep_what_is_whole(result, input.damage(), builder)?;
    Ok(format)
}

/// Where reading ended too early, says so in the history, which keeps what stands before that.
fn keep_what_is_whole(
    result: Result<(), ReadError>,
    damage: Option<&str>,
    builder: &mut Builder,
) -> Result<(), ReadError> {
    let events = builder.history.events;
    let told = match (result, damage) {
        (Ok(()), None) => return Ok(()),
        (Err(problem), None) if events == 0 => return Err(problem),
        (Ok(()), Some(damage)) => damage.to_owned(),
        (Err(problem), None) => problem.to_string(),
        (Err(problem), Some(damage)) => format!("{problem} ({damage})"),
    };
    if events == 0 {
        return Err(ReadError::Damaged(format!("nothing was read: {told}")));
    }
    builder.history.problems.push(Problem {
        event: builder.history.index(events - 1),
        text: format!(
            "{told}; what comes after that was not read, only the {events} event(s) before it"
        ),
        grave: true,
        // What was read is the beginning of the history: a violation in it is one.
        doubt: false,
    });
    Ok(())
}

#[cfg(test)]
mod tests;
