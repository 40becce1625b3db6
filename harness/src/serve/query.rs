//! Which runs of the list are shown, and in what order.

use std::cmp::Ordering;
use std::sync::Arc;

use kensho_results::listing::{self, Entry, State};

use super::router::encode;

/// What can be sorted by: the name in queries, the column's words.
pub(super) const SORTS: [(Sort, &str, &str); 9] = [
    (Sort::Verdict, "verdict", "verdict"),
    (Sort::Workload, "workload", "run"),
    (Sort::Began, "began", "began"),
    (Sort::Mode, "mode", "mode"),
    (Sort::Faults, "faults", "faults"),
    (Sort::Rate, "rate", "answers/s"),
    (Sort::Latency, "latency", "p50 / p99"),
    (Sort::Outage, "outage", "longest outage"),
    (Sort::Length, "length", "length"),
];

/// What runs are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Verdict,
    Workload,
    Began,
    Mode,
    Faults,
    Rate,
    Latency,
    Outage,
    Length,
}

/// Words of [`State::word`], those first that need a look.
pub(super) const WORDS: [&str; 6] = [
    "running",
    "invalid",
    "unknown",
    "damaged",
    "unfinished",
    "valid",
];

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    /// Words that all must occur.
    pub(super) text: String,
    /// The verdict, or other state.
    pub(super) verdict: Option<&'static str>,
    pub(super) sort: Sort,
    pub(super) descending: bool,
    /// Whether a long list is shown to its end.
    pub(super) all: bool,
}

impl Query {
    /// What the pairs of a query ask for.
    ///
    /// # Errors
    /// Which name does not exist, and those that do.
    pub(super) fn of(pairs: &[(String, String)]) -> Result<Query, String> {
        let mut query = Query {
            text: String::new(),
            verdict: None,
            sort: Sort::Began,
            descending: true,
            all: false,
        };
        let mut order = None;
        for (name, value) in pairs {
            match (name.as_str(), value.as_str()) {
                ("q", text) => query.text = text.trim().to_string(),
                ("verdict", "") => {}
                ("verdict", word) => {
                    let known = WORDS.into_iter().find(|known| *known == word);
                    query.verdict = Some(known.ok_or_else(|| {
                        format!(
                            "there is no verdict {word:?}; there are {}",
                            WORDS.join(", ")
                        )
                    })?);
                }
                ("sort", name) => {
                    let known = SORTS.into_iter().find(|(_, known, _)| *known == name);
                    query.sort = known.map(|(sort, ..)| sort).ok_or_else(|| {
                        let names = SORTS.map(|(_, name, _)| name).join(", ");
                        format!("runs cannot be sorted by {name:?}; there are {names}")
                    })?;
                }
                ("order", "up") => order = Some(false),
                ("order", "down") => order = Some(true),
                ("order", other) => {
                    return Err(format!("there is no order {other:?}; there are up, down"));
                }
                ("all", _) => query.all = true,
                // The page's own: runs that are ticked to be compared.
                ("run", _) => {}
                (other, _) => {
                    return Err(format!(
                        "there is nothing to ask by {other:?}; there are q, verdict, sort, order, all"
                    ));
                }
            }
        }
        query.descending = order.unwrap_or(query.sort.descends_first());
        Ok(query)
    }

    /// The link that asks for the same in another order.
    pub(super) fn link(&self, sort: Sort) -> String {
        let descending = if self.sort == sort {
            !self.descending
        } else {
            sort.descends_first()
        };
        let order = if descending { "down" } else { "up" };
        let name = SORTS.into_iter().find(|(known, ..)| *known == sort);
        let name = name.map_or("began", |(_, name, _)| name);
        let mut link = format!("/?sort={name}&order={order}");
        if let Some(verdict) = self.verdict {
            link.push_str("&verdict=");
            link.push_str(verdict);
        }
        if !self.text.is_empty() {
            link.push_str("&q=");
            link.push_str(&encode(&self.text));
        }
        link
    }

    /// Those of `runs` that are asked for, in order.
    pub(super) fn select(&self, runs: Vec<Arc<Entry>>) -> Vec<Arc<Entry>> {
        let words: Vec<String> = self
            .text
            .to_lowercase()
            .split_whitespace()
            .map(str::to_string)
            .collect();
        let mut runs: Vec<Arc<Entry>> = runs
            .into_iter()
            .filter(|run| self.verdict.is_none_or(|word| run.state.word() == word))
            .filter(|run| {
                let text = searched(run);
                words.iter().all(|word| text.contains(word))
            })
            .collect();
        runs.sort_by(|one, other| {
            match (self.sort.key(one), self.sort.key(other)) {
                // What has no such figure comes last in either order.
                (Key::Missing, Key::Missing) => Ordering::Equal,
                (Key::Missing, _) => Ordering::Greater,
                (_, Key::Missing) => Ordering::Less,
                (one, other) if self.descending => other.compare(&one),
                (one, other) => one.compare(&other),
            }
        });
        runs
    }
}

/// A run's value of what is sorted by.
enum Key {
    Number(f64),
    Text(String),
    Missing,
}

impl Key {
    fn compare(&self, other: &Key) -> Ordering {
        match (self, other) {
            (Key::Number(one), Key::Number(other)) => one.total_cmp(other),
            (Key::Text(one), Key::Text(other)) => one.cmp(other),
            _ => Ordering::Equal,
        }
    }
}

impl Sort {
    fn descends_first(self) -> bool {
        !matches!(self, Sort::Verdict | Sort::Workload | Sort::Mode)
    }

    fn key(self, run: &Entry) -> Key {
        let text = |text: Option<String>| text.map_or(Key::Missing, Key::Text);
        let brief = run.state.brief();
        let number = |number: Option<f64>| number.map_or(Key::Missing, Key::Number);
        match self {
            Sort::Verdict => {
                let place = WORDS.iter().position(|word| *word == run.state.word());
                number(place.map(|place| place as f64))
            }
            Sort::Workload => text(Some(run.path.clone())),
            Sort::Began => match run.began.as_str() {
                "" => Key::Missing,
                began => Key::Text(began.to_string()),
            },
            Sort::Mode => text(run.option("mode")),
            Sort::Faults => number(brief.map(|brief| brief.faults_applied as f64)),
            Sort::Rate => number(brief.map(|brief| brief.answers_per_second)),
            Sort::Latency => number(brief.map(|brief| brief.p99_ms)),
            Sort::Outage => number(brief.map(|brief| brief.unavailable_ms_max)),
            Sort::Length => number(brief.map(|brief| brief.length_ms as f64)),
        }
    }
}

/// Everything about a run that is searched, in small letters.
fn searched(run: &Entry) -> String {
    let mut text = vec![
        run.path.clone(),
        run.began.clone(),
        run.state.word().to_string(),
    ];
    if let Some(record) = &run.record {
        text.push(record.workload.clone());
        text.push(record.system.clone());
        text.extend(
            record
                .options
                .iter()
                .map(|(name, value)| format!("{name}={}", listing::text(value))),
        );
    }
    match &run.state {
        State::Judged(brief) => {
            text.extend(brief.anomalies.iter().cloned());
        }
        State::Unfinished { why } | State::Damaged { why } => text.push(why.clone()),
        State::Running { .. } => {}
    }
    text.join("\n").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &[(&str, &str)]) -> Result<Query, String> {
        let pairs: Vec<(String, String)> = text
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        Query::of(&pairs)
    }

    #[test]
    fn names_that_do_not_exist_are_refused_with_those_that_do() {
        for (pair, told) in [
            (("verdict", "good"), "invalid, unknown"),
            (("sort", "colour"), "began, mode"),
            (("order", "random"), "up, down"),
            (("page", "3"), "q, verdict, sort"),
        ] {
            let why = asked(&[pair]).unwrap_err();
            assert!(why.contains(told), "{why}");
        }
        assert!(asked(&[("verdict", ""), ("run", "x")]).is_ok());
    }

    #[test]
    fn runs_are_found_by_all_words_and_sorted_with_the_missing_last() {
        let run = |path: &str, began: &str, why: &str| {
            Arc::new(Entry {
                path: path.to_string(),
                began: began.to_string(),
                record: None,
                state: State::Unfinished {
                    why: why.to_string(),
                },
            })
        };
        let runs = || {
            vec![
                run("a/1", "2026-03-01", "No Disk"),
                run("a/2", "", "no disk"),
                run("b/3", "2026-03-02", "no network"),
            ]
        };
        let paths = |query: Query| -> Vec<String> {
            let selected = query.select(runs());
            selected.iter().map(|run| run.path.clone()).collect()
        };
        assert_eq!(paths(asked(&[]).unwrap()), ["b/3", "a/1", "a/2"]);
        assert_eq!(
            paths(asked(&[("order", "up")]).unwrap()),
            ["a/1", "b/3", "a/2"]
        );
        assert_eq!(paths(asked(&[("q", "DISK a/")]).unwrap()), ["a/1", "a/2"]);
        assert!(paths(asked(&[("verdict", "valid")]).unwrap()).is_empty());
    }

    #[test]
    fn a_column_asked_for_again_turns_its_order_around() {
        let query = asked(&[("q", "a b"), ("verdict", "valid")]).unwrap();
        assert_eq!(
            query.link(Sort::Began),
            "/?sort=began&order=up&verdict=valid&q=a%20b"
        );
        assert_eq!(
            query.link(Sort::Mode),
            "/?sort=mode&order=up&verdict=valid&q=a%20b"
        );
    }
}
