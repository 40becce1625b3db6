//! Every kind of message, byte for byte as this version of the format sends it, and how versions meet.
//!
//! Bytes that change need another number ([`FORMAT`]): then the file of the new one is written by
//! `KENSHO_WRITE_GOLDEN=1 cargo test -p kensho-node golden`, and that of the old one goes.

mod samples;

use std::collections::BTreeSet;
use std::fmt::{Debug, Write as _};
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::frame::{Decoder, Encoder};
use super::hello::FORMAT;

fn file() -> PathBuf {
    let name = format!("tests/golden/messages-{FORMAT}.txt");
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// A message as it goes over the wire, and as text.
fn line<M>(plane: &str, kind: &str, message: &M) -> String
where
    M: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let mut encoder = Encoder::default();
    encoder.push(message);
    let bytes = encoder.take();
    let mut read: Vec<M> = Vec::new();
    let decoded = Decoder::default().decode(&bytes, &mut read);
    assert_eq!(
        (decoded, read.as_slice()),
        (Ok(()), std::slice::from_ref(message))
    );
    let mut line = format!("{plane} {kind} ");
    for byte in bytes {
        write!(line, "{byte:02x}").expect("a string can always be written to");
    }
    line
}

/// One line for each kind of message.
fn lines() -> Vec<String> {
    let control = samples::control();
    let control = control.iter();
    let control = control.map(|m| line("control", samples::control_kind(m), m));
    let data = samples::data();
    let data = data.iter();
    let data = data.map(|m| line("data", samples::data_kind(&m.1), m));
    control.chain(data).collect()
}

#[test]
fn every_kind_of_message_is_sent_as_its_format_says() {
    let lines = lines();
    if std::env::var_os("KENSHO_WRITE_GOLDEN").is_some() {
        std::fs::write(file(), lines.join("\n") + "\n").expect("the folder can be written to");
    }
    let golden = std::fs::read_to_string(file());
    let golden = golden.expect("there are bytes for this number of the format");
    let (now, then): (BTreeSet<&str>, BTreeSet<&str>) = (
        lines.iter().map(String::as_str).collect(),
        golden.lines().collect(),
    );
    let changed: Vec<_> = now.symmetric_difference(&then).collect();
    assert!(
        changed.is_empty(),
        "messages changed, so that the number of their format has to: {changed:#?}"
    );
}

#[test]
fn there_is_a_sample_of_every_kind() {
    let kinds = |lines: &[String]| -> BTreeSet<String> {
        let kind = |line: &String| line.rsplit_once(' ').expect("bytes").0.to_owned();
        lines.iter().map(kind).collect()
    };
    let all = samples::CONTROL_KINDS.map(|kind| format!("control {kind}"));
    let all = all.into_iter();
    let all = all.chain(samples::DATA_KINDS.map(|kind| format!("data {kind}")));
    assert_eq!(kinds(&lines()), all.collect());
}
