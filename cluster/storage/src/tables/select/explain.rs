//! How a statement is carried out, told under GridDB's names for the columns of a plan.

use std::borrow::Cow;
use std::ops::Bound;

use kensho_query::select::{Explain, Select, What};
use kensho_query::types::{ColumnType, ScalarType};

use super::matching::Keys;
use super::{Refused, RowKey, Selected, Text};
use crate::tables::Container;

const COLUMNS: [(&str, ScalarType); 6] = [
    ("ID", ScalarType::Integer),
    ("DEPTH", ScalarType::Integer),
    ("TYPE", ScalarType::String),
    ("VALUE_TYPE", ScalarType::String),
    ("VALUE", ScalarType::String),
    ("STATEMENT", ScalarType::String),
];

/// A plan on its way.
#[derive(Default)]
struct Plan {
    rows: Vec<Text<'static>>,
}

impl Plan {
    fn add(&mut self, depth: u32, what: &str, value: Option<(&str, String)>) {
        let (kind, value) = value.unwrap_or_default();
        let row = (self.rows.len(), depth, what, kind, value, "");
        let text = serde_json::to_vec(&row).expect("numbers and texts are JSON");
        self.rows.push(Text(text.into()));
    }
}

impl Container {
    /// How a statement would be carried out; `Analyze` counts the rows.
    pub(super) fn explain<'a>(
        &'a self,
        explain: Explain,
        select: Select,
    ) -> Result<Selected<'a>, Refused> {
        let mut plan = Plan::default();
        let sorted_by_key = self.info.row_key
            && select.order.first().is_some_and(|first| first.column == 0)
            && select.what == What::Rows;
        let sorts = !select.order.is_empty() && !sorted_by_key;
        let matching = self.matching(select.condition);
        plan.add(0, "SELECTION", None);
        match (shown(&matching.keys), &matching.indexed) {
            (Some(range), _) => plan.add(1, "ROWKEY_RANGE", Some(("STRING", range))),
            (None, Some((column, _))) => {
                let column = self.info.columns[*column].name.clone();
                plan.add(1, "INDEX_TREE", Some(("STRING", column)));
            }
            (None, None) => plan.add(1, "FULL_SCAN", None),
        }
        if !matching.condition.is_always() {
            plan.add(1, "FILTER", None);
        }
        if sorts {
            plan.add(1, "SORT", None);
        }
        if explain == Explain::Analyze {
            let looked_at = matching.looked_at();
            let mut found = 0_u64;
            matching.each(|_, _| {
                found += 1;
                Ok(())
            })?;
            let rows = |number: String| Some(("LONG", number));
            plan.add(1, "ROWS_LOOKED_AT", rows(looked_at.to_string()));
            plan.add(1, "ROWS_FOUND", rows(found.to_string()));
        }
        let columns = COLUMNS.iter().map(|(name, scalar)| {
            let kind = ColumnType {
                scalar: *scalar,
                array: false,
            };
            (Cow::Borrowed(*name), kind)
        });
        Ok(Selected {
            columns: columns.collect(),
            total: Some(plan.rows.len() as u64),
            limit: plan.rows.len() as u64,
            offset: 0,
            rows: plan.rows,
        })
    }
}

/// A range of keys in words; `None` if it is all of them.
fn shown(keys: &Keys) -> Option<String> {
    let key = |key: &RowKey| format!("{key:?}");
    let from = match &keys.0 {
        Bound::Included(from) => format!("[{}", key(from)),
        Bound::Excluded(from) => format!("({}", key(from)),
        Bound::Unbounded => "(".to_owned(),
    };
    let to = match &keys.1 {
        Bound::Included(to) => format!("{}]", key(to)),
        Bound::Excluded(to) => format!("{})", key(to)),
        Bound::Unbounded => ")".to_owned(),
    };
    match keys {
        (Bound::Unbounded, Bound::Unbounded) => None,
        _ => Some(format!("{from}, {to}")),
    }
}
