//! Reads Fressian, Clojure's binary notation: a byte that says what comes, then that.
//!
//! The bytes may be hostile: nesting is limited, nothing is reserved by a length that is only
//! declared, and caches are read with care.

use super::node::Node;
use std::rc::Rc;

/// How deep objects may be nested.
const DEPTH_MAX: usize = 200;

const TOO_DEEP: &str = "objects are nested too deeply";

/// How many bytes a whole number may have; the digits of a longer one are not worked out.
const GREAT_MAX: usize = 512;

/// What is wrong with the bytes, and where.
#[derive(Debug)]
pub(in crate::formats) struct Wrong {
    /// Offset in the reader's bytes.
    pub(in crate::formats) at: usize,
    pub(in crate::formats) what: String,
}

/// Reads objects.
pub(in crate::formats) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    /// The priority cache; an entry is none while it is being read.
    cached: Vec<Option<(Node, usize)>>,
    /// How deep the last object is nested, parts from the cache included.
    height: usize,
    /// The struct types that were declared: tag and number of fields.
    structs: Vec<(Rc<str>, usize)>,
}

type Result<T> = std::result::Result<T, Wrong>;

/// How a list goes on.
pub(in crate::formats) enum List {
    /// So many more elements.
    Length(usize),
    /// Elements until the byte that ends the list; the end of the bytes ends an open one as well.
    Until { or_end: bool },
}

const END: u8 = 0xfd;

impl<'a> Reader<'a> {
    pub(in crate::formats) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader {
            bytes,
            at: 0,
            depth: 0,
            cached: Vec::new(),
            height: 0,
            structs: Vec::new(),
        }
    }

    /// The offset of the next byte.
    pub(in crate::formats) fn at(&self) -> usize {
        self.at
    }

    /// The next object; none at the end of the bytes.
    pub(in crate::formats) fn next(&mut self) -> Result<Option<Node>> {
        self.skip_marks()?;
        if self.at == self.bytes.len() {
            return Ok(None);
        }
        self.object().map(Some)
    }

    /// If a map comes next, how its list goes on: the list's elements are then read one by one.
    pub(in crate::formats) fn open_map(&mut self) -> Result<Option<List>> {
        self.skip_marks()?;
        if self.bytes.get(self.at) != Some(&0xc0) {
            return Ok(None);
        }
        self.at += 1;
        match self.open_list()? {
            Some(list) => Ok(Some(list)),
            None => Err(self.wrong("expected a map's list of keys and values")),
        }
    }

    /// If a list comes next that stands in no cache, how it goes on.
    pub(in crate::formats) fn open_list(&mut self) -> Result<Option<List>> {
        let list = match self.bytes.get(self.at) {
            Some(code @ 0xe4..=0xeb) => List::Length(usize::from(code - 0xe4)),
            Some(0xec) => {
                self.at += 1;
                return Ok(Some(List::Length(self.length()?)));
            }
            Some(0xed) => List::Until { or_end: false },
            Some(0xee) => List::Until { or_end: true },
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(list))
    }

    /// Whether the list has another element.
    pub(in crate::formats) fn goes_on(&mut self, list: &mut List) -> Result<bool> {
        match list {
            List::Length(0) => return Ok(false),
            List::Length(more) => {
                *more -= 1;
                return Ok(true);
            }
            List::Until { or_end: true } if self.at == self.bytes.len() => return Ok(false),
            List::Until { .. } => {}
        }
        if self.peek()? == END {
            self.at += 1;
            return Ok(false);
        }
        Ok(true)
    }

    fn wrong(&self, what: impl Into<String>) -> Wrong {
        Wrong {
            at: self.at,
            what: what.into(),
        }
    }

    fn peek(&self) -> Result<u8> {
        match self.bytes.get(self.at) {
            Some(byte) => Ok(*byte),
            None => Err(self.wrong("expected an object, but the bytes end")),
        }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        match rest.get(..count) {
            Some(bytes) => {
                self.at += count;
                Ok(bytes)
            }
            None => Err(self.wrong(format!(
                "expected {count} more bytes, but only {} are left",
                rest.len()
            ))),
        }
    }

    /// A big-endian number of up to eight bytes.
    fn unsigned(&mut self, count: usize) -> Result<u64> {
        let bytes = self.take(count)?;
        Ok(bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)))
    }

    /// Passes over marks that empty the caches, and over footers.
    fn skip_marks(&mut self) -> Result<()> {
        loop {
            match self.bytes.get(self.at) {
                Some(0xfe) => self.at += 1,
                Some(0xcf) => {
                    let magic = self.take(12)?;
                    if !magic.starts_with(&[0xcf; 4]) {
                        self.at -= 12;
                        return Err(self.wrong("expected a footer after the byte 0xcf"));
                    }
                }
                _ => return Ok(()),
            }
            self.cached.clear();
            self.structs.clear();
        }
    }

    /// A whole number that says how many of something follow.
    fn length(&mut self) -> Result<usize> {
        let start = self.at;
        let length = self.object()?.int();
        length
            .and_then(|length| usize::try_from(length).ok())
            .ok_or(Wrong {
                at: start,
                what: "expected a number of elements".to_owned(),
            })
    }

    /// Reads the next object.
    pub(in crate::formats) fn object(&mut self) -> Result<Node> {
        if self.depth == DEPTH_MAX {
            return Err(self.wrong(TOO_DEEP));
        }
        self.depth += 1;
        self.height = 0;
        let node = self.nested();
        self.depth -= 1;
        node
    }

    fn nested(&mut self) -> Result<Node> {
        self.skip_marks()?;
        let code = self.peek()?;
        let start = self.at;
        self.at += 1;
        let packed = |middle: u8, low: u64, bytes: usize| {
            let high = i64::from(code) - i64::from(middle);
            Node::Int(high << (8 * bytes) | low as i64)
        };
        Ok(match code {
            0x00..=0x3f => Node::Int(i64::from(code)),
            0xff => Node::Int(-1),
            0x40..=0x5f => packed(0x50, self.unsigned(1)?, 1),
            0x60..=0x6f => packed(0x68, self.unsigned(2)?, 2),
            0x70..=0x73 => packed(0x72, self.unsigned(3)?, 3),
            0x74..=0x77 => packed(0x76, self.unsigned(4)?, 4),
            0x78..=0x7b => packed(0x7a, self.unsigned(5)?, 5),
            0x7c..=0x7f => packed(0x7e, self.unsigned(6)?, 6),
            0xf8 => Node::Int(self.unsigned(8)? as i64),
            0xf9 => Node::Float(f64::from(f32::from_bits(self.unsigned(4)? as u32))),
            0xfa => Node::Float(f64::from_bits(self.unsigned(8)?)),
            0xfb => Node::Float(0.0),
            0xfc => Node::Float(1.0),
            0xf5 => Node::Bool(true),
            0xf6 => Node::Bool(false),
            0xf7 => Node::Nil,
            0xd0..=0xd9 => {
                self.at = start;
                Node::Text(hexadecimal(&self.byte_row()?).into())
            }
            0xda..=0xe3 => {
                self.at = start;
                Node::Text(self.string()?.into())
            }
            0xe4..=0xee => {
                self.at = start;
                Node::List(self.row()?)
            }
            0xc0 => {
                let entries = self.row()?;
                if entries.len() % 2 == 1 {
                    self.at = start;
                    return Err(self.wrong("this map has a key without a value"));
                }
                Node::Map(entries)
            }
            0xc1 => Node::Set(self.row()?),
            0xc3 => Node::Text(hexadecimal(&self.byte_row()?).into()),
            0xc4 | 0xc5 => Node::Text(self.text("a text")?),
            0xc6 => {
                let bytes = self.byte_row()?;
                great(&bytes)
            }
            0xc7 => {
                let digits = match great(&self.byte_row()?) {
                    Node::Int(number) => number.to_string(),
                    Node::Great(digits) => digits.to_string(),
                    _ => "nan".to_owned(),
                };
                let scale = self.object()?.int().unwrap_or(0);
                Node::Float(format!("{digits}e{}", -i128::from(scale)).parse().unwrap_or(f64::NAN))
            }
            0xc8 => self.object()?,
            0xc9 | 0xca => {
                let space = match self.object()? {
                    Node::Nil => None,
                    Node::Text(text) => Some(text),
                    _ => return Err(self.wrong("expected the namespace of a name")),
                };
                let name = self.text("a name")?;
                Node::Name(match space {
                    Some(space) => format!("{space}/{name}").into(),
                    None => name,
                })
            }
            0xb0..=0xb5 => {
                let mut list = List::Length(self.length()?);
                Node::List(self.rest(&mut list)?)
            }
            0xcd => {
                // It has its number before it is read.
                let number = self.cached.len();
                self.cached.push(None);
                let node = self.object()?;
                match self.cached.get_mut(number) {
                    Some(entry) => *entry = Some((node.clone(), self.height)),
                    // The caches were emptied meanwhile.
                    None => return Err(self.wrong("the caches were emptied within an object")),
                }
                node
            }
            0x80..=0x9f => self.cached_before(start, usize::from(code - 0x80))?,
            0xcc => {
                let number = self.length()?;
                self.cached_before(start, number)?
            }
            0xef => {
                let tag = self.text("the tag of a struct")?;
                let fields = self.length()?;
                self.structs.push((tag.clone(), fields));
                self.tagged(&tag, fields)?
            }
            0xa0..=0xaf => self.of_type(start, usize::from(code - 0xa0))?,
            0xf0 => {
                let number = self.length()?;
                self.of_type(start, number)?
            }
            _ => {
                self.at = start;
                return Err(self.wrong(format!("expected an object, not the byte {code:#04x}")));
            }
        })
    }

    fn cached_before(&mut self, start: usize, number: usize) -> Result<Node> {
        match self.cached.get(number) {
            Some(Some((node, height))) => {
                self.height = *height;
                Ok(node.clone())
            }
            _ => Err(Wrong {
                at: start,
                what: format!("nothing has the number {number} in the cache"),
            }),
        }
    }

    fn of_type(&mut self, start: usize, number: usize) -> Result<Node> {
        match self.structs.get(number).cloned() {
            Some((tag, fields)) => self.tagged(&tag, fields),
            None => Err(Wrong {
                at: start,
                what: format!("no struct type has the number {number}"),
            }),
        }
    }

    /// A text object.
    fn text(&mut self, expected: &str) -> Result<Rc<str>> {
        let start = self.at;
        match self.object()? {
            Node::Text(text) => Ok(text),
            _ => Err(Wrong {
                at: start,
                what: format!("expected {expected}"),
            }),
        }
    }

    /// A list object of any form.
    fn row(&mut self) -> Result<Rc<[Node]>> {
        match self.open_list()? {
            Some(mut list) => self.rest(&mut list),
            None => {
                let start = self.at;
                match self.object()? {
                    Node::List(nodes) => Ok(nodes),
                    _ => Err(Wrong {
                        at: start,
                        what: "expected a list".to_owned(),
                    }),
                }
            }
        }
    }

    fn rest(&mut self, list: &mut List) -> Result<Rc<[Node]>> {
        let mut nodes = Vec::new();
        let mut height = 0;
        while self.goes_on(list)? {
            nodes.push(self.object()?);
            height = height.max(self.height + 1);
        }
        self.height = height;
        if height > DEPTH_MAX {
            return Err(self.wrong(TOO_DEEP));
        }
        Ok(nodes.into())
    }

    /// The fields of a struct, as what its tag means.
    fn tagged(&mut self, tag: &Rc<str>, fields: usize) -> Result<Node> {
        let start = self.at;
        let nodes = self.rest(&mut List::Length(fields))?;
        Ok(match (&**tag, &*nodes) {
            ("jepsen.history.Op", [_, _, _, _, _, _, _]) => Node::Op(nodes),
            ("jepsen.history.Op", _) => {
                return Err(Wrong {
                    at: start,
                    what: format!("expected the 7 fields of an operation, not {fields}"),
                });
            }
            ("map-entry", [_, _]) => Node::Entry(nodes),
            ("block-ref", [Node::Int(id)]) => Node::Block(*id),
            ("persistent-hash-set" | "persistent-sorted-set", [Node::Nil]) => Node::Set(Rc::new([])),
            ("persistent-hash-set" | "persistent-sorted-set", [Node::List(elements)]) => {
                Node::Set(elements.clone())
            }
            ("vec" | "atom" | "throwable" | "byte" | "date-time" | "instant" | "multiset", [one]) => {
                one.clone()
            }
            ("record", [_, map @ Node::Map(_)]) => map.clone(),
            ("char", [Node::Int(code)]) => {
                let letter = u32::try_from(*code).ok().and_then(char::from_u32);
                Node::Text(letter.unwrap_or(char::REPLACEMENT_CHARACTER).to_string().into())
            }
            ("ratio", [above, below]) => match (number(above), number(below)) {
                (Some(above), Some(below)) => Node::Float(above / below),
                _ => Node::List(nodes),
            },
            // Nothing is known of it; what it holds is kept.
            _ => {
                let mut kept = vec![Node::Name(tag.clone())];
                kept.extend(nodes.iter().cloned());
                Node::List(kept.into())
            }
        })
    }

    /// The bytes of an object that is a row of bytes, whole or in parts.
    fn byte_row(&mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        loop {
            let start = self.at;
            let code = self.peek()?;
            self.at += 1;
            let length = match code {
                0xd0..=0xd7 => usize::from(code - 0xd0),
                0xd8 | 0xd9 => self.length()?,
                _ => {
                    self.at = start;
                    return Err(self.wrong("expected bytes"));
                }
            };
            bytes.extend_from_slice(self.take(length)?);
            if code != 0xd8 {
                return Ok(bytes);
            }
        }
    }

    /// A string, whole or in parts. Its letters are written as UTF-16 units of one to three bytes.
    fn string(&mut self) -> Result<String> {
        let mut units: Vec<u16> = Vec::new();
        loop {
            let code = self.peek()?;
            self.at += 1;
            let length = match code {
                0xda..=0xe1 => usize::from(code - 0xda),
                0xe2 | 0xe3 => self.length()?,
                _ => {
                    self.at -= 1;
                    return Err(self.wrong("expected the next part of a text"));
                }
            };
            let start = self.at;
            let bytes = self.take(length)?;
            let whole = code != 0xe2;
            if whole && units.is_empty() && bytes.is_ascii() {
                return Ok(String::from_utf8_lossy(bytes).into_owned());
            }
            if let Err(at) = decode_units(bytes, &mut units) {
                self.at = start + at;
                return Err(self.wrong("expected a letter of one to three bytes"));
            }
            if whole {
                return Ok(String::from_utf16_lossy(&units));
            }
        }
    }
}

/// Appends the UTF-16 units that these bytes spell; an error is the offset of a byte that spells none.
fn decode_units(bytes: &[u8], units: &mut Vec<u16>) -> std::result::Result<(), usize> {
    let mut at = 0;
    while at < bytes.len() {
        let more = |offset: usize| match bytes.get(at + offset) {
            Some(byte) if byte & 0xc0 == 0x80 => Ok(u16::from(byte & 0x3f)),
            _ => Err(at),
        };
        let first = bytes[at];
        let (unit, length) = match first {
            0x00..=0x7f => (u16::from(first), 1),
            0xc0..=0xdf => (u16::from(first & 0x1f) << 6 | more(1)?, 2),
            0xe0..=0xef => (
                u16::from(first & 0x0f) << 12 | more(1)? << 6 | more(2)?,
                3,
            ),
            _ => return Err(at),
        };
        units.push(unit);
        at += length;
    }
    Ok(())
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::from("0x"), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn number(node: &Node) -> Option<f64> {
    match node {
        Node::Int(number) => Some(*number as f64),
        Node::Great(digits) => digits.parse().ok(),
        Node::Float(number) => Some(*number),
        _ => None,
    }
}

/// The whole number of these bytes, in two's complement.
fn great(bytes: &[u8]) -> Node {
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    if bytes.len() <= 8 {
        let sign = if negative { -1 } else { 0 };
        return Node::Int(bytes.iter().fold(sign, |n: i64, byte| n << 8 | i64::from(*byte)));
    }
    if bytes.len() > GREAT_MAX {
        return Node::Text(hexadecimal(bytes).into());
    }
    // Its amount, the highest byte first.
    let mut amount = bytes.to_vec();
    if negative {
        let mut carry = true;
        for byte in amount.iter_mut().rev() {
            let (sum, over) = (!*byte).overflowing_add(u8::from(carry));
            *byte = sum;
            carry = over;
        }
    }
    let mut digits = Vec::new();
    while amount.iter().any(|byte| *byte != 0) {
        let mut rest = 0_u16;
        for byte in &mut amount {
            let part = rest << 8 | u16::from(*byte);
            *byte = (part / 10) as u8;
            rest = part % 10;
        }
        digits.push(b'0' + rest as u8);
    }
    if negative {
        digits.push(b'-');
    }
    digits.reverse();
    let text = String::from_utf8_lossy(&digits);
    match text.parse() {
        Ok(number) => Node::Int(number),
        Err(_) => Node::Great(text.into()),
    }
}
