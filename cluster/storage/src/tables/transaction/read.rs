//! A transaction as clients describe it, checked against a container.

use std::borrow::Cow;
use std::fmt::Display;

use kensho_query::types::Column;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::parts::Comparison;
use super::valid::{ValidChange, ValidMust, ValidOperation, ValidRequirement, ValidTransaction};
use crate::tables::container::ContainerInfo;
use crate::tables::one_value::ValidValue;
use crate::tables::rows::{ValidKeys, ValidRows};

/// `{"if":[…],"then":[…],"else":[…]}`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body<'a> {
    #[serde(borrow, default, rename = "if")]
    requirements: Vec<Required<'a>>,
    #[serde(borrow, default)]
    then: Vec<Asked<'a>>,
    #[serde(borrow, default, rename = "else")]
    otherwise: Vec<Asked<'a>>,
}

/// `{"key":…,"exists":true}`, `{"key":…,"version":"3-17"}`, or
/// `{"key":…,"column":"…","operator":">=","value":…}`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Required<'a> {
    #[serde(borrow)]
    key: &'a RawValue,
    exists: Option<bool>,
    #[serde(borrow)]
    version: Option<Cow<'a, str>>,
    #[serde(borrow)]
    column: Option<Cow<'a, str>>,
    #[serde(borrow)]
    operator: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "given")]
    value: Option<&'a RawValue>,
}

/// `null` is a value, too.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Asked<'a> {
    #[serde(borrow)]
    Get(&'a RawValue),
    #[serde(borrow)]
    Put(&'a RawValue),
    #[serde(borrow)]
    Delete(&'a RawValue),
    #[serde(borrow)]
    Append(AskedChange<'a>),
    #[serde(borrow)]
    Add(AskedChange<'a>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedChange<'a> {
    #[serde(borrow)]
    key: &'a RawValue,
    #[serde(borrow)]
    column: Cow<'a, str>,
    #[serde(borrow)]
    value: &'a RawValue,
}

/// What is wrong with a transaction, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}{what}")]
pub struct InvalidTransaction {
    place: String,
    what: String,
}

impl InvalidTransaction {
    fn new(what: impl Display) -> Self {
        InvalidTransaction {
            place: String::new(),
            what: what.to_string(),
        }
    }

    fn at(self, list: &str, index: usize) -> Self {
        let place = format!("{list}[{index}]: {}", self.place);
        InvalidTransaction { place, ..self }
    }
}

type Checked<T> = Result<T, InvalidTransaction>;

impl ValidTransaction {
    /// A transaction from the JSON text `{"if":[…],"then":[…],"else":[…]}`.
    ///
    /// # Errors
    /// When the text is something else, or does not fit the container.
    pub fn read(info: &ContainerInfo, text: &[u8]) -> Checked<Self> {
        let no_transaction = |error: &dyn Display| {
            InvalidTransaction::new(format_args!(
                "the body is no transaction, such as \
                 {{\"if\":[{{\"key\":\"a\",\"exists\":false}}],\"then\":[{{\"put\":[\"a\",1]}}],\"else\":[{{\"get\":\"a\"}}]}}: \
                 {error}"
            ))
        };
        // An array of lists would do for the reader, but not for a person.
        if text.trim_ascii_start().first() != Some(&b'{') {
            return Err(no_transaction(&"expected an object"));
        }
        let body: Body<'_> =
            serde_json::from_slice(text).map_err(|error| no_transaction(&error))?;
        if info.key_type().is_none() {
            return Err(InvalidTransaction::new(
                "the container has no row key, so that transactions cannot name its rows",
            ));
        }
        Ok(ValidTransaction {
            requirements: each("if", &body.requirements, |required| {
                requirement(info, required)
            })?,
            then: each("then", &body.then, |asked| operation(info, asked))?,
            otherwise: each("else", &body.otherwise, |asked| operation(info, asked))?,
        })
    }
}

fn each<T, U>(list: &str, asked: &[T], check: impl Fn(&T) -> Checked<U>) -> Checked<Vec<U>> {
    let checked = asked.iter().enumerate();
    let checked = checked.map(|(index, asked)| check(asked).map_err(|wrong| wrong.at(list, index)));
    checked.collect()
}

fn key(info: &ContainerInfo, text: &RawValue) -> Checked<ValidKeys> {
    let list = format!("[{}]", text.get());
    ValidKeys::many(info, list.as_bytes()).map_err(InvalidTransaction::new)
}

fn column<'a>(info: &'a ContainerInfo, name: &str) -> Checked<(u16, &'a Column)> {
    let columns = info.columns.iter().zip(0..);
    let mut found = columns.filter(|(column, _)| column.name.eq_ignore_ascii_case(name));
    let shown = || name.chars().take(64).collect::<String>();
    match found.next() {
        Some((column, number)) => Ok((number, column)),
        None => Err(InvalidTransaction::new(format_args!(
            "there is no column {}",
            shown()
        ))),
    }
}

fn requirement(info: &ContainerInfo, required: &Required<'_>) -> Checked<ValidRequirement> {
    let key = key(info, required.key)?;
    let compared = (&required.column, &required.operator, required.value);
    let must = match (required.exists, &required.version, compared) {
        (Some(true), None, (None, None, None)) => ValidMust::Exist,
        (Some(false), None, (None, None, None)) => ValidMust::BeAbsent,
        (None, Some(version), (None, None, None)) => {
            let parsed = version.trim_matches('"').parse();
            ValidMust::HaveVersion(
                parsed
                    .map_err(|_| InvalidTransaction::new("a version is a row's ETag, like 3-17"))?,
            )
        }
        (None, None, (Some(name), Some(operator), Some(value))) => {
            comparison(info, name, operator, value)?
        }
        _ => {
            return Err(InvalidTransaction::new(
                "beside the key, give exists, or version, or column, operator and value",
            ));
        }
    };
    Ok(ValidRequirement { key, must })
}

fn comparison(
    info: &ContainerInfo,
    name: &str,
    operator: &str,
    value: &RawValue,
) -> Checked<ValidMust> {
    let (number, column) = column(info, name)?;
    let comparison = match operator {
        "=" => Comparison::Equal,
        "<>" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterOrEqual,
        other => {
            let other: String = other.chars().take(16).collect();
            return Err(InvalidTransaction::new(format_args!(
                "the operator is one of = <> < <= > >=, not {other}"
            )));
        }
    };
    let is_order = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
    if is_order && (!column.kind.has_order() || value.get() == "null") {
        return Err(InvalidTransaction::new(format_args!(
            "{operator} compares values that have an order; column {} ({}) and {} have none",
            column.name,
            column.kind,
            value.get().chars().take(64).collect::<String>()
        )));
    }
    // Whether a value is null can be asked of any column.
    let nullable = Column {
        nullable: true,
        ..column.clone()
    };
    let value = ValidValue::read(&nullable, value.get().as_bytes());
    let value = value.map_err(InvalidTransaction::new)?;
    Ok(ValidMust::Compare(number, comparison, value))
}

fn operation(info: &ContainerInfo, asked: &Asked<'_>) -> Checked<ValidOperation> {
    Ok(match asked {
        Asked::Get(text) => ValidOperation::Get(key(info, text)?),
        Asked::Put(text) => {
            let row = ValidRows::one(info, text.get().as_bytes());
            ValidOperation::Put(row.map_err(InvalidTransaction::new)?)
        }
        Asked::Delete(text) => ValidOperation::Delete(key(info, text)?),
        Asked::Append(change) => {
            let (number, column) = changed(info, change)?;
            if !column.kind.array {
                return Err(InvalidTransaction::new(format_args!(
                    "append adds to the end of an array, and column {} is {}",
                    column.name, column.kind
                )));
            }
            let text = change.value.get();
            let one;
            let text = match text.starts_with('[') {
                true => text,
                false => {
                    one = format!("[{text}]");
                    &one
                }
            };
            ValidOperation::Append(valid_change(info, change, number, column, text)?)
        }
        Asked::Add(change) => {
            let (number, column) = changed(info, change)?;
            if !column.kind.is_number() {
                return Err(InvalidTransaction::new(format_args!(
                    "add adds to a number, and column {} is {}",
                    column.name, column.kind
                )));
            }
            let text = change.value.get();
            ValidOperation::Add(valid_change(info, change, number, column, text)?)
        }
    })
}

fn changed<'a>(info: &'a ContainerInfo, change: &AskedChange<'_>) -> Checked<(u16, &'a Column)> {
    match column(info, &change.column)? {
        (0, _) => Err(InvalidTransaction::new("a row's key never changes")),
        found => Ok(found),
    }
}

fn valid_change(
    info: &ContainerInfo,
    change: &AskedChange<'_>,
    number: u16,
    column: &Column,
    text: &str,
) -> Checked<ValidChange> {
    let never_null = Column {
        nullable: false,
        ..column.clone()
    };
    let value = ValidValue::read(&never_null, text.as_bytes());
    Ok(ValidChange {
        key: key(info, change.key)?,
        column: number,
        value: value.map_err(InvalidTransaction::new)?,
    })
}
