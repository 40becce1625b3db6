//! Isolation of transactions, in the manner of Elle (K. Kingsbury and P. Alvaro, "Elle: Inferring
//! Isolation Anomalies from Experimental Observations", VLDB 2020).
//!
//! From what transactions read, the order of versions of each object is inferred, from that the
//! dependencies between transactions (ww, wr, rw), and to these the order of each process and of
//! real time is added. A cycle is an anomaly, named by the kinds of its edges; some anomalies show
//! without a cycle.
//!
//! Operations are lists of `[f key value]`: `append` and `r` for [`list_append`], `w` and `r` for
//! [`rw_register`].
//!
//! ```
//! use kensho_checker::formats::{self, Format};
//! use kensho_checker::transactions::{self, Options};
//! // Write skew: each read what the other was about to change.
//! let text = b"
//!   {:process 0 :type :invoke :value [[:r x nil] [:append y 1]]}
//!   {:process 1 :type :invoke :value [[:r y nil] [:append x 1]]}
//!   {:process 0 :type :ok :value [[:r x []] [:append y 1]]}
//!   {:process 1 :type :ok :value [[:r y []] [:append x 1]]}
//!   {:process 2 :type :invoke :value [[:r x nil] [:r y nil]]}
//!   {:process 2 :type :ok :value [[:r x [1]] [:r y [1]]]}";
//! let history = formats::read(text, Format::Edn).unwrap();
//! let report = transactions::list_append::check(&history, &Options::default());
//! assert_eq!(report.anomalies()[0].name.as_str(), "G2-item");
//! assert_eq!(report.details["strongest_models"][0], "strong-snapshot-isolation");
//! ```

mod cycles;
mod graph;
mod internal;
pub mod list_append;
mod models;
mod parse;
pub mod rw_register;

pub use models::ConsistencyModel;

use crate::anomaly::AnomalyName;
use crate::budget::{Budget, Deadline};
use crate::history::History;
use crate::report::{Anomaly, OperationView, Report, Role, Unknown, Verdict, Witness};
use graph::Graph;
use parse::Transaction;

/// How transactions are judged.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What the system promises. Anomalies that this model allows are reported, but do not make
    /// the history invalid.
    pub model: ConsistencyModel,
    /// For registers: whether each object on its own follows real time, so that what was written
    /// or seen earlier is an earlier version.
    pub linearizable_keys: bool,
    /// Limit of time.
    pub budget: Budget,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            model: ConsistencyModel::StrictSerializable,
            linearizable_keys: false,
            budget: Budget::default(),
        }
    }
}

/// How many anomalies of one name are reported.
const PER_NAME_MAX: usize = 4;

/// Collects anomalies, a few of each name.
struct Findings<'a> {
    history: &'a History,
    transactions: &'a [Transaction],
    anomalies: Vec<Anomaly>,
    counts: std::collections::BTreeMap<AnomalyName, usize>,
}

impl<'a> Findings<'a> {
    fn new(history: &'a History, transactions: &'a [Transaction]) -> Self {
        Findings {
            history,
            transactions,
            anomalies: Vec::new(),
            counts: Default::default(),
        }
    }

    fn view(&self, transaction: u32) -> OperationView {
        OperationView::of(
            self.history,
            self.transactions[transaction as usize].place,
            Role::Proof,
        )
    }

    /// A transaction in a few words: `T12` is the one whose invocation is event 12.
    fn name(&self, transaction: u32) -> String {
        let place = self.transactions[transaction as usize].place;
        let operation = &self.history.operations[place as usize];
        format!("T{}", self.history.index(operation.invoke))
    }

    fn add(&mut self, name: AnomalyName, text: String, transactions: &[u32]) {
        let count = self.counts.entry(name).or_default();
        *count += 1;
        if *count <= PER_NAME_MAX {
            let views = transactions.iter().map(|one| self.view(*one)).collect();
            self.anomalies.push(Anomaly::new(name, text, views));
        }
    }
}

fn words(models: &[ConsistencyModel]) -> Vec<&'static str> {
    models.iter().map(|model| model.as_str()).collect()
}

/// Searches the graph for cycles, and reports everything found.
fn conclude(
    model_name: &str,
    options: &Options,
    deadline: Deadline,
    mut findings: Findings<'_>,
    graph: &Graph<'_>,
) -> Report {
    let (cycles, complete) = cycles::find(graph, deadline);
    for cycle in cycles {
        let mut members: Vec<u32> = cycle.edges.iter().map(|edge| edge.from).collect();
        members.dedup();
        let steps: Vec<crate::report::Dependency> = cycle
            .edges
            .iter()
            .enumerate()
            .map(|(at, edge)| crate::report::Dependency {
                from: at,
                to: (at + 1) % cycle.edges.len(),
                kind: edge.kind.as_str().to_owned(),
                why: graph.why(edge, &|transaction| findings.name(transaction)),
            })
            .collect();
        let told: Vec<String> = steps.iter().take(12).map(|step| step.why.clone()).collect();
        let text = format!(
            "{} transactions depend on each other in a circle ({}): {}; so none of them can have been the first.",
            members.len(),
            cycle.name.meaning().trim_end_matches('.'),
            told.join("; "),
        );
        findings.add(cycle.name, text, &members);
        if let Some(anomaly) = findings.anomalies.last_mut()
            && anomaly.name == cycle.name
            && anomaly.operations.len() == members.len()
        {
            anomaly.cycle = steps;
        }
    }
    let names: Vec<AnomalyName> = findings.counts.keys().copied().collect();
    let strongest = models::strongest(&names);
    let forbidden = names.iter().any(|name| options.model.forbids(*name));
    findings
        .anomalies
        .sort_by_key(|anomaly| models::severity(anomaly.name));
    let verdict = if forbidden {
        Verdict::Invalid(findings.anomalies.clone())
    } else if !complete {
        Verdict::Unknown(Unknown {
            reason: "the budget of time ran out while looking for cycles; give more of it".into(),
            ..Unknown::default()
        })
    } else if findings
        .transactions
        .iter()
        .all(|transaction| !transaction.committed)
    {
        Verdict::Unknown(Unknown {
            reason: "no transaction succeeded, so nothing was checked".to_owned(),
            ..Unknown::default()
        })
    } else {
        Verdict::Valid(Witness::default())
    };
    let mut report = Report::new(model_name, findings.history, verdict);
    report
        .details
        .insert("strongest_models".to_owned(), words(&strongest).into());
    report.details.insert(
        "anomaly_counts".to_owned(),
        findings
            .counts
            .iter()
            .map(|(name, n)| (name.to_string(), *n))
            .collect(),
    );
    if !forbidden && !findings.anomalies.is_empty() {
        let told = serde_json::to_value(&findings.anomalies).unwrap_or_default();
        report
            .details
            .insert("tolerated_anomalies".to_owned(), told);
    }
    report
}

#[cfg(test)]
mod tests;
