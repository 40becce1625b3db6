//! What the arguments of the command set.

use super::{CheckArguments, NilReadArgument};
use crate::budget::Budget;
use crate::checks::bank;
use crate::formats::edn;
use crate::judge::Settings;
use crate::linearizable::table::Table;
use crate::number::Number;
use crate::register::NilRead;
use crate::value::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The order of transactions that a file gives.
fn transaction_order(file: &Path) -> Result<BTreeMap<u64, i64>, String> {
    let text = std::fs::read(file).map_err(|problem| format!("cannot be read: {problem}"))?;
    let value = match serde_json::from_slice::<serde_json::Value>(&text) {
        Ok(json) => Value::from(&json),
        Err(_) => edn::parse(&text).map_err(|problem| problem.to_string())?,
    };
    let Value::Map(entries) = value else {
        return Err("expected a map from the indices of events to numbers".to_owned());
    };
    let number = |value: &Value| match value.as_text() {
        Some(text) => text.parse().ok(),
        None => value.as_int(),
    };
    let entries = entries.iter().map(|(index, place)| {
        let index = number(index).and_then(|index| u64::try_from(index).ok());
        index.zip(place.as_int()).ok_or_else(|| {
            "expected a map from the indices of events to numbers, like {1 17, 3 18}".to_owned()
        })
    });
    entries.collect()
}

pub(super) fn settings(arguments: &CheckArguments) -> Result<Settings, String> {
    let initial = match &arguments.init {
        None => None,
        Some(text) if text.is_empty() => Some(Value::from("")),
        Some(text) => Some(
            edn::parse(text.as_bytes()).map_err(|problem| format!("--init {text}: {problem}"))?,
        ),
    };
    if !(arguments.time_limit > 0.0 && arguments.time_limit < 1e9) {
        return Err(format!(
            "--time-limit {}: must be above zero",
            arguments.time_limit
        ));
    }
    let total = match &arguments.total {
        None => None,
        Some(text) => {
            let value = edn::parse(text.as_bytes()).ok();
            let number = value.as_ref().and_then(Number::of);
            Some(number.ok_or_else(|| format!("--total {text}: expected a number"))?)
        }
    };
    let mut require = BTreeMap::new();
    for asked in &arguments.require {
        let (name, count) = asked.split_once('=').unwrap_or((asked, ""));
        let count: usize = count.trim().parse().map_err(|_| {
            format!("--require {asked}: expected a name and a number, like read=100")
        })?;
        require.insert(name.trim().to_owned(), count);
    }
    let table = match &arguments.model_file {
        Some(file) => Some(Arc::new(
            Table::read_file(file).map_err(|problem| format!("--model-file {problem}"))?,
        )),
        None => None,
    };
    Ok(Settings {
        initial,
        require,
        nil_read: arguments.nil_reads.map(|nil| match nil {
            NilReadArgument::Value => NilRead::Value,
            NilReadArgument::Unknown => NilRead::Unknown,
        }),
        format: None,
        budget: Budget {
            time: Duration::from_secs_f64(arguments.time_limit),
            bytes: arguments.memory_limit.saturating_mul(1 << 20),
        },
        threads: arguments.threads,
        consistency: arguments.consistency,
        linearizable_keys: arguments.linearizable_keys,
        sequential_keys: arguments.sequential_keys,
        no_writes_follow_reads: arguments.no_writes_follow_reads,
        transaction_order: match &arguments.transaction_order {
            None => BTreeMap::new(),
            Some(file) => transaction_order(file)
                .map_err(|problem| format!("--transaction-order {}: {problem}", file.display()))?,
        },
        linearizable_set: arguments.linearizable,
        bank: bank::Options {
            total,
            negative_balances: arguments.negative_balances,
        },
        permits: arguments.permits,
        table,
    })
}
