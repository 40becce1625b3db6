//! The common event of EDN, read without building a map of it: entries in any order, with keywords
//! as keys. Whatever is unusual is left to the general reader, which decides what it means.

use super::forms::Reader;
use crate::history::{Builder, Datum, History, Kind, NEVER, RawEvent, Symbol};
use crate::value::Value;

/// Adds the event that stands at a place, and returns where it ends; none, and nothing added, if
/// the general reader has to look at it.
pub(super) fn push(text: &[u8], at: usize, builder: &mut Builder) -> Option<usize> {
    let mut scan = Scan {
        text,
        at,
        parts: Vec::new(),
    };
    scan.skip();
    if scan.text[scan.at..].starts_with(RECORD) {
        scan.at += RECORD.len();
    }
    let found = scan.event(&mut builder.history)?;
    let history = &mut builder.history;
    let name = |history: &mut History, name: &[u8]| {
        let name = std::str::from_utf8(name).ok()?;
        Some(match name {
            "" => Symbol::NONE,
            name => history.intern_name(name),
        })
    };
    let f = name(history, found.f)?;
    let key = match found.key {
        Some(key) => history.intern_text_key(std::str::from_utf8(key).ok()?),
        None => NEVER,
    };
    let node = name(history, found.node)?;
    let process = Some(history.intern_process(found.process?));
    let raw = RawEvent {
        index: found.index,
        time: found.time,
        process,
        kind: found.kind?,
        f,
        key,
        value: found.value.unwrap_or(Datum::NIL),
        answered: found.value.is_some(),
        observed: found.observed,
        node,
    };
    let operation = builder.push_raw(&raw);
    if let (Some(operation), true) = (operation, found.is_final) {
        builder.set_final(operation);
    }
    if let (Some(operation), Some(error)) = (operation, found.error) {
        builder.set_error(operation, error);
    }
    Some(scan.at)
}

/// How deep lists are read here; the general reader goes deeper.
const LIST_DEPTH_MAX: usize = 8;

/// How Jepsen prints its records.
const RECORD: &[u8] = b"#jepsen.history.Op";

#[derive(Default)]
struct Found<'a> {
    index: Option<u64>,
    time: u64,
    process: Option<u64>,
    kind: Option<Kind>,
    is_final: bool,
    f: &'a [u8],
    key: Option<&'a [u8]>,
    value: Option<Datum>,
    observed: Option<Datum>,
    error: Option<String>,
    node: &'a [u8],
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    /// The elements of lists that are not yet closed.
    parts: Vec<Datum>,
}

fn is_delimiter(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b',' | b'}' | b']' | b')' | b'\n' | b'\r' | b'\t' | b'{' | b'[' | b'(' | b'"' | b';'
    )
}

impl<'a> Scan<'a> {
    #[inline]
    fn skip(&mut self) {
        while matches!(
            self.text.get(self.at),
            Some(b' ' | b',' | b'\n' | b'\r' | b'\t')
        ) {
            self.at += 1;
        }
    }

    fn event(&mut self, history: &mut History) -> Option<Found<'a>> {
        if *self.text.get(self.at)? != b'{' {
            return None;
        }
        self.at += 1;
        let mut found = Found::default();
        let mut seen = 0_u16;
        loop {
            self.skip();
            if *self.text.get(self.at)? == b'}' {
                self.at += 1;
                return Some(found);
            }
            let name = self.keyword()?;
            self.skip();
            let entry = match name {
                b"index" => {
                    found.index = self.number_or_nil()?.and_then(|n| u64::try_from(n).ok());
                    1
                }
                b"time" => {
                    found.time = self.number_or_nil()?.map_or(0, |n| n.try_into().unwrap_or(0));
                    2
                }
                b"process" => {
                    found.process = Some(self.number()?.try_into().ok()?);
                    4
                }
                b"type" => {
                    found.kind = Some(match self.keyword()? {
                        b"invoke" => Kind::Invoke,
                        b"ok" => Kind::Ok,
                        b"fail" => Kind::Fail,
                        b"info" => Kind::Info,
                        _ => return None,
                    });
                    8
                }
                b"f" => {
                    found.f = if self.nil() { b"" } else { self.keyword()? };
                    if found.f.iter().any(u8::is_ascii_uppercase) {
                        return None;
                    }
                    16
                }
                b"key" => {
                    found.key = if self.nil() { None } else { Some(self.name()?) };
                    32
                }
                b"value" => {
                    found.value = Some(self.value(history)?);
                    64
                }
                b"observed" => {
                    found.observed = Some(self.value(history)?);
                    128
                }
                b"error" => {
                    let error = self.form()?;
                    found.error = (error != Value::Nil)
                        .then(|| error.as_text().map_or_else(|| error.to_string(), str::to_owned));
                    256
                }
                b"node" => {
                    found.node = self.name()?;
                    512
                }
                b"final?" => {
                    found.is_final = self.form()? == Value::Bool(true);
                    0
                }
                _ => {
                    self.form()?;
                    0
                }
            };
            if seen & entry != 0 {
                return None;
            }
            seen |= entry;
        }
    }

    /// A keyword without its colon.
    #[inline]
    fn keyword(&mut self) -> Option<&'a [u8]> {
        if *self.text.get(self.at)? != b':' {
            return None;
        }
        let start = self.at + 1;
        let length = self.text[start..].iter().position(|byte| is_delimiter(*byte))?;
        self.at = start + length;
        let name = &self.text[start..self.at];
        (length > 0 && name[0] != b':').then_some(name)
    }

    /// A keyword or a text without escapes.
    fn name(&mut self) -> Option<&'a [u8]> {
        match self.text.get(self.at)? {
            b'"' => self.string(),
            _ => self.keyword(),
        }
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let start = self.at + 1;
        let end = start + memchr::memchr2(b'"', b'\\', &self.text[start..])?;
        self.at = end + 1;
        (self.text[end] == b'"').then(|| &self.text[start..end])
    }

    #[inline]
    fn nil(&mut self) -> bool {
        let is_nil = self.text[self.at..].starts_with(b"nil")
            && self.text.get(self.at + 3).is_some_and(|next| is_delimiter(*next));
        self.at += if is_nil { 3 } else { 0 };
        is_nil
    }

    fn number_or_nil(&mut self) -> Option<Option<i64>> {
        if self.nil() {
            return Some(None);
        }
        self.number().map(Some)
    }

    /// A whole number of at most 18 digits.
    #[inline]
    fn number(&mut self) -> Option<i64> {
        let negative = *self.text.get(self.at)? == b'-';
        let start = self.at + usize::from(negative);
        let mut at = start;
        let mut number = 0_i64;
        loop {
            match *self.text.get(at)? {
                digit @ b'0'..=b'9' if at - start < 18 => {
                    number = number * 10 + i64::from(digit - b'0');
                    at += 1;
                }
                byte if at > start && is_delimiter(byte) => {
                    self.at = at;
                    return Some(if negative { -number } else { number });
                }
                _ => return None,
            }
        }
    }

    /// A value: the simple ones at once, any other one by the general reader.
    #[inline]
    fn value(&mut self, history: &mut History) -> Option<Datum> {
        let start = self.at;
        let simple = match *self.text.get(self.at)? {
            b'n' if self.nil() => Some(Datum::NIL),
            b'-' | b'0'..=b'9' => self.number().and_then(Datum::small),
            b'[' => {
                self.parts.clear();
                self.list(history, 0)
            }
            _ => None,
        };
        if simple.is_some() {
            return simple;
        }
        self.at = start;
        let value = self.form()?;
        Some(history.intern(&value))
    }

    /// A vector of small numbers, nils, keywords and further such vectors, as transactions are.
    fn list(&mut self, history: &mut History, depth: usize) -> Option<Datum> {
        if depth > LIST_DEPTH_MAX {
            return None;
        }
        self.at += 1;
        let start = self.parts.len();
        loop {
            self.skip();
            let part = match *self.text.get(self.at)? {
                b']' => break,
                b'[' => self.list(history, depth + 1)?,
                b':' => {
                    let name = std::str::from_utf8(self.keyword()?).ok()?;
                    history.intern_keyword(name)
                }
                _ => self.small()?,
            };
            self.parts.push(part);
        }
        self.at += 1;
        let list = history.intern_list(&self.parts[start..]);
        self.parts.truncate(start);
        Some(list)
    }

    fn small(&mut self) -> Option<Datum> {
        match self.number_or_nil()? {
            None => Some(Datum::NIL),
            Some(number) => Datum::small(number),
        }
    }

    fn form(&mut self) -> Option<Value> {
        let mut reader = Reader::new(self.text, self.at);
        // A tag, a comment and the like before it are the general reader's, and so is an error.
        let value = reader.form(1).ok()?;
        self.at = reader.at;
        (!reader.saw_end).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::loose;
    use super::*;
    use crate::generate::Random;

    /// What may stand behind each keyword: common, unusual and wrong.
    const ENTRIES: &[&str] = &[
        ":type :invoke", ":type :ok", ":type :info", ":type :fail", ":type \"ok\"", ":type :INVOKE", ":type nil",
        ":process 0", ":process 1", ":process 7", ":process \"3\"", ":process :nemesis", ":process nil", ":process -1",
        ":process 99999999999", ":process 1.5", ":f :read", ":f :write", ":f \"read\"", ":f nil", ":f read", ":f :a/b",
        ":value nil", ":value 5", ":value -12", ":value [1 2]", ":value [nil -3]", ":value [1 2 3]", ":value \"t\\\"x\"",
        ":value :k", ":value nilly", ":value 9223372036854775807", ":value 123456789012345678901", ":value 5N",
        ":value 007", ":value +5", ":value 1/2", ":value #{1 2}", ":value [[:append 1 2] [:r 3 nil]]", ":value (1 2)",
        ":value {:a 1}", ":value #inst \"2020\"", ":value ; five\n 5", ":value #_5 6", ":value ^:a [1 2]", ":value",
        ":index 4", ":index nil", ":index -1", ":index \"x\"", ":time 17", ":time nil", ":time -5", ":time 1.5e3",
        ":time :x", ":key \"k\"", ":key :k", ":key 5", ":key nil", ":node \"n1\"", ":node :n1", ":node nil",
        ":error :timeout", ":error nil", ":error [:a \"b\"]", ":error \"why\"", ":observed 3", ":observed nil",
        ":clock {:a [1 2]}", ":debug #object[x 1]", "\"process\" 2", ":type", "#_:x", ", ,", "5 6", "\u{e9} 1",
    ];

    fn random_event(random: &mut Random) -> String {
        let usual = [":type :invoke", ":process 2", ":f :read", ":value 3"];
        let mut entries: Vec<&str> = usual.into_iter().filter(|_| random.below(8) > 0).collect();
        for _ in 0..random.below(5) {
            entries.push(ENTRIES[random.below(ENTRIES.len())]);
        }
        for at in (1..entries.len()).rev() {
            entries.swap(at, random.below(at + 1));
        }
        let open = ["{", "#jepsen.history.Op{", "{ "][random.below(3)];
        let between = [", ", " ", ",\n"][random.below(3)];
        format!("{open}{}}}", entries.join(between))
    }

    #[test]
    fn the_fast_reader_and_the_general_one_agree() {
        let mut random = Random::new(7);
        let (mut taken, mut left) = (0, 0);
        for _ in 0..30_000 {
            let text = format!("{} {}\n", random_event(&mut random), random_event(&mut random));
            let (mut fast, mut general) = (Builder::default(), Builder::default());
            let mut at = 0;
            for _ in 0..2 {
                let Some(end) = push(text.as_bytes(), at, &mut fast) else {
                    left += 1;
                    break;
                };
                taken += 1;
                let mut reader = Reader::new(text.as_bytes(), at);
                let event = reader.form(0);
                let event = event.unwrap_or_else(|wrong| panic!("{}: {text}", wrong.what));
                assert_eq!(reader.at, end, "{text}");
                loose::push(&mut general, event).unwrap_or_else(|what| panic!("{what}: {text}"));
                at = end;
            }
            let shown = |builder: Builder| {
                let history = builder.finish();
                let operations: Vec<_> = (0..history.operations.len())
                    .map(|at| {
                        let o = history.operations[at];
                        (
                            (o.process, o.invoke, o.complete, o.invoke_time, o.complete_time, o.outcome),
                            (history.value(o.argument), history.value(o.result), o.observed),
                            (history.key(o.key).cloned(), history.name(o.f).to_owned(), history.name(o.node).to_owned()),
                            history.error(at as u32).map(str::to_owned),
                            (history.index(o.invoke), history.problems.clone()),
                        )
                    })
                    .collect();
                operations
            };
            assert_eq!(shown(fast), shown(general), "{text}");
        }
        assert!(taken > 5_000 && left > 5_000, "{taken} {left}");
    }
}
