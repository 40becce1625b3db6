//! What a Fressian object is, before it becomes a value.

use crate::value::Value;
use std::rc::Rc;

/// An object. Parts that stand in a cache are shared, so that copies cost nothing.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::formats) enum Node {
    Nil,
    Bool(bool),
    Int(i64),
    /// A whole number beyond 64 bits, by its digits.
    Great(Rc<str>),
    Float(f64),
    Text(Rc<str>),
    /// A keyword or symbol.
    Name(Rc<str>),
    List(Rc<[Node]>),
    Set(Rc<[Node]>),
    /// Keys and values by turns.
    Map(Rc<[Node]>),
    /// An entry of a map: jepsen.independent's `[key value]`.
    Entry(Rc<[Node]>),
    /// An operation of Jepsen: index, time, type, process, f, value, and a map of what else it has.
    Op(Rc<[Node]>),
    /// Another block of a test.jepsen.
    Block(i64),
}

impl Node {
    pub(in crate::formats) fn text(&self) -> Option<&str> {
        match self {
            Node::Text(text) | Node::Name(text) => Some(text),
            _ => None,
        }
    }

    pub(in crate::formats) fn int(&self) -> Option<i64> {
        match self {
            Node::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The entry of a map under a name.
    pub(in crate::formats) fn get(&self, name: &str) -> Option<&Node> {
        let Node::Map(entries) = self else {
            return None;
        };
        entries
            .chunks_exact(2)
            .find(|entry| entry[0].text() == Some(name))
            .map(|entry| &entry[1])
    }

    /// The value. Shared parts are written out, so a small file could make a value beyond all
    /// memory: the budget is how many parts are left, and an error says that they do not suffice.
    pub(in crate::formats) fn value(&self, budget: &mut usize) -> Result<Value, String> {
        *budget = budget
            .checked_sub(1)
            .ok_or("this object repeats parts of itself far too often")?;
        let mut row = |nodes: &[Node]| -> Result<Vec<Value>, String> {
            nodes.iter().map(|node| node.value(budget)).collect()
        };
        Ok(match self {
            Node::Nil => Value::Nil,
            Node::Bool(truth) => Value::Bool(*truth),
            Node::Int(number) => Value::Int(*number),
            Node::Great(digits) => {
                Value::great_number(digits).unwrap_or_else(|| Value::Name(digits.to_string()))
            }
            Node::Float(number) => Value::Float(number.to_bits()),
            Node::Text(text) => Value::Text(text.to_string()),
            Node::Name(name) => Value::Name(name.to_string()),
            Node::List(nodes) | Node::Entry(nodes) | Node::Op(nodes) => Value::List(row(nodes)?),
            Node::Set(nodes) => Value::set(row(nodes)?),
            Node::Map(nodes) => {
                let mut parts = row(nodes)?.into_iter();
                let mut entries = Vec::with_capacity(nodes.len() / 2);
                while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
                    entries.push((key, value));
                }
                Value::map(entries)
            }
            Node::Block(id) => Value::Name(format!("block-{id}")),
        })
    }
}
