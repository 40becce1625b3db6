//! Writes Fressian for tests, as Jepsen does: names in the cache, struct types declared once.

use crate::value::Value;

#[derive(Default)]
pub(in crate::formats) struct Writer {
    pub(in crate::formats) bytes: Vec<u8>,
    cached: Vec<String>,
    structs: Vec<String>,
}

impl Writer {
    pub(in crate::formats) fn int(&mut self, number: i64) -> &mut Writer {
        if number == -1 {
            self.bytes.push(0xff);
            return self;
        }
        if (0..64).contains(&number) {
            self.bytes.push(number as u8);
            return self;
        }
        // So many bytes after the code; the code's own bits are the highest ones.
        let forms = [(1, 0x50, 0x10), (2, 0x68, 8), (3, 0x72, 2), (4, 0x76, 2), (5, 0x7a, 2), (6, 0x7e, 2)];
        for (bytes, middle, half) in forms {
            let high = number >> (8 * bytes);
            if (-half..half).contains(&high) {
                self.bytes.push((middle + high) as u8);
                self.bytes.extend_from_slice(&number.to_be_bytes()[8 - bytes..]);
                return self;
            }
        }
        self.bytes.push(0xf8);
        self.bytes.extend_from_slice(&number.to_be_bytes());
        self
    }

    pub(in crate::formats) fn text(&mut self, text: &str) -> &mut Writer {
        let mut units = Vec::new();
        for unit in text.encode_utf16() {
            match unit {
                0..=0x7f => units.push(unit as u8),
                0x80..=0x7ff => units.extend([0xc0 | (unit >> 6) as u8, 0x80 | (unit & 0x3f) as u8]),
                _ => units.extend([
                    0xe0 | (unit >> 12) as u8,
                    0x80 | (unit >> 6 & 0x3f) as u8,
                    0x80 | (unit & 0x3f) as u8,
                ]),
            }
        }
        match units.len() {
            short @ 0..=7 => self.bytes.push(0xda + short as u8),
            long => {
                self.bytes.push(0xe3);
                self.int(long as i64);
            }
        }
        self.bytes.extend(units);
        self
    }

    /// A keyword, whose name goes into the cache.
    pub(in crate::formats) fn name(&mut self, name: &str) -> &mut Writer {
        self.bytes.extend([0xca, 0xf7]);
        match self.cached.iter().position(|known| known == name) {
            Some(number @ 0..=31) => self.bytes.push(0x80 + number as u8),
            Some(number) => {
                self.bytes.push(0xcc);
                self.int(number as i64);
            }
            None => {
                self.bytes.push(0xcd);
                self.cached.push(name.to_owned());
                self.text(name);
            }
        }
        self
    }

    pub(in crate::formats) fn list(&mut self, length: usize) -> &mut Writer {
        match length {
            0..=7 => self.bytes.push(0xe4 + length as u8),
            _ => {
                self.bytes.push(0xec);
                self.int(length as i64);
            }
        }
        self
    }

    /// A map's beginning; its keys and values follow.
    pub(in crate::formats) fn map(&mut self, entries: usize) -> &mut Writer {
        self.bytes.push(0xc0);
        self.list(2 * entries)
    }

    /// A struct's beginning; its fields follow.
    pub(in crate::formats) fn tag(&mut self, tag: &str, fields: usize) -> &mut Writer {
        match self.structs.iter().position(|known| known == tag) {
            Some(number @ 0..=15) => self.bytes.push(0xa0 + number as u8),
            Some(number) => {
                self.bytes.push(0xf0);
                self.int(number as i64);
            }
            None => {
                self.bytes.push(0xef);
                self.structs.push(tag.to_owned());
                self.text(tag).int(fields as i64);
            }
        }
        self
    }

    pub(in crate::formats) fn value(&mut self, value: &Value) -> &mut Writer {
        match value {
            Value::Nil => self.bytes.push(0xf7),
            Value::Bool(truth) => self.bytes.push(if *truth { 0xf5 } else { 0xf6 }),
            Value::Int(number) => {
                self.int(*number);
            }
            Value::Float(bits) => {
                self.bytes.push(0xfa);
                self.bytes.extend(bits.to_be_bytes());
            }
            Value::Text(text) => {
                self.text(text);
            }
            Value::Name(name) => {
                self.name(name);
            }
            Value::List(elements) => {
                self.list(elements.len());
                for element in elements {
                    self.value(element);
                }
            }
            Value::Set(elements) => {
                self.tag("persistent-hash-set", 1);
                if elements.is_empty() {
                    self.bytes.push(0xf7);
                } else {
                    self.value(&Value::List(elements.clone()));
                }
            }
            Value::Map(entries) => {
                self.map(entries.len());
                for (key, value) in entries {
                    self.value(key).value(value);
                }
            }
        }
        self
    }

    /// An operation of Jepsen 0.3.
    pub(in crate::formats) fn op(&mut self, index: i64, kind: &str, process: i64, f: &str, value: &Value) -> &mut Writer {
        self.tag("jepsen.history.Op", 7).int(index).int(1000 * index);
        // These two are cached whole, and so are their names within.
        for name in [kind, f] {
            let key = format!(":{name}");
            match self.cached.iter().position(|known| *known == key) {
                Some(number @ 0..=31) => self.bytes.push(0x80 + number as u8),
                Some(number) => {
                    self.bytes.push(0xcc);
                    self.int(number as i64);
                }
                None => {
                    self.bytes.push(0xcd);
                    self.cached.push(key);
                    self.name(name);
                }
            }
            if name == kind {
                self.int(process);
            }
        }
        self.value(value);
        self.bytes.push(0xf7);
        self
    }
}
