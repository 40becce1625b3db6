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
mod decide;
mod dependencies;
mod graph;
mod inferred;
mod internal;
pub mod list_append;
mod log;
mod models;
mod polygraph;
mod rows;
mod rules;
pub mod rw_register;
mod sat;
mod saturation;
mod schedule;
mod search;
mod updates;

pub use models::{ConsistencyModel, Level, Order};

use crate::anomaly::AnomalyName;
use crate::budget::Budget;
use crate::hash::FastMap;
use crate::history::NEVER;
use crate::report::{Anomaly, Dependency, OperationView, Report, Role, Unknown, Verdict, Witness};
use crate::value::Value;
use decide::{Decider, Holds, Proof};
use dependencies::Dependencies;
use graph::{Edge, Graph, Timeline};
use log::Log;
use std::collections::BTreeMap;

/// How transactions are judged.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the system promises. Anomalies that this model allows are reported, but do not make
    /// the history invalid.
    pub model: ConsistencyModel,
    /// For registers: what each holds in the beginning; a map says it for each, and those that it
    /// leaves out hold nothing.
    pub initial: Value,
    /// For registers: whether a read of nothing is one whose result is not known. Otherwise it saw
    /// that nothing had been written.
    pub nil_is_unknown: bool,
    /// For registers: whether each object on its own follows real time, so that what was written
    /// or seen earlier is an earlier version.
    pub linearizable_keys: bool,
    /// For registers: whether each object on its own follows the order of each process.
    pub sequential_keys: bool,
    /// For registers: whether within a transaction what is written comes after what was read there.
    /// From read committed up that is so in any case.
    pub writes_follow_reads: bool,
    /// For registers: the order of transactions as the system has it, by the index of the event
    /// that completed each. Their versions follow each other in that order.
    pub transaction_order: BTreeMap<u64, i64>,
    /// Limit of time.
    pub budget: Budget,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            model: ConsistencyModel::STRICT_SERIALIZABLE,
            initial: Value::Nil,
            nil_is_unknown: false,
            linearizable_keys: false,
            sequential_keys: false,
            writes_follow_reads: true,
            transaction_order: BTreeMap::new(),
            budget: Budget::default(),
        }
    }
}

/// How many anomalies of one name are reported.
const PER_NAME_MAX: usize = 4;

/// Of how many transactions all models are decided, though the one that was asked for holds.
const OVERVIEW_MAX: usize = 10_000;

/// Collects anomalies, a few of each name.
struct Findings<'a> {
    log: &'a Log<'a>,
    anomalies: Vec<Anomaly>,
    counts: BTreeMap<AnomalyName, usize>,
}

impl<'a> Findings<'a> {
    fn new(log: &'a Log<'a>) -> Self {
        Findings {
            log,
            anomalies: Vec::new(),
            counts: Default::default(),
        }
    }

    fn view(&self, transaction: u32) -> OperationView {
        let place = self.log.transactions[transaction as usize].place;
        OperationView::of(self.log.history, place, Role::Proof)
    }

    fn add(&mut self, name: AnomalyName, text: String, transactions: &[u32]) {
        let count = self.counts.entry(name).or_default();
        *count += 1;
        if *count <= PER_NAME_MAX {
            let views = transactions.iter().map(|one| self.view(*one)).collect();
            self.anomalies.push(Anomaly::new(name, text, views));
        }
    }

    /// Adds a circle of dependencies, with something to say beyond it.
    fn add_circle(&mut self, name: AnomalyName, edges: &[Edge], note: &str) {
        let members: Vec<u32> = edges.iter().map(|edge| edge.from).collect();
        let steps: Vec<Dependency> = edges
            .iter()
            .enumerate()
            .map(|(at, edge)| Dependency {
                from: at,
                to: (at + 1) % edges.len(),
                kind: edge.kind.as_str().to_owned(),
                why: graph::why(self.log, edge),
            })
            .collect();
        let told: Vec<String> = steps.iter().take(12).map(|step| step.why.clone()).collect();
        let text = format!(
            "{} transactions depend on each other in a circle ({}): {}; so none of them can have been the first.{note}",
            members.len(),
            name.meaning().trim_end_matches('.'),
            told.join("; "),
        );
        let before = self.anomalies.len();
        self.add(name, text, &members);
        if let Some(anomaly) = self.anomalies.get_mut(before)
            && anomaly.operations.len() == members.len()
        {
            anomaly.cycle = steps;
        }
    }

    /// Adds what shows that a model does not hold.
    fn add_proof(&mut self, proof: &Proof) {
        let log = self.log;
        match proof {
            Proof::Found => {}
            Proof::Circle { name, edges, note } => self.add_circle(*name, edges, note),
            Proof::Missed { name, forced } => {
                let text = format!(
                    "{} saw {} in its initial state, though it may not miss that {} had written it.",
                    log.name(forced.reader),
                    log.key_name(forced.key),
                    log.name(forced.from)
                );
                self.add(*name, text, &[forced.from, forced.reader]);
            }
        }
    }
}

fn words(models: &[ConsistencyModel]) -> Vec<&'static str> {
    models.iter().map(|model| model.as_str()).collect()
}

/// Two transactions that succeeded, read the same version of an object, and both replaced it.
fn lost_updates(findings: &mut Findings<'_>) {
    let log = findings.log;
    let mut based_on: FastMap<(u32, u32), u32> = FastMap::default();
    let what = match log.is_list() {
        true => "appended to",
        false => "overwrote",
    };
    for at in (0..log.len() as u32).filter(|at| log.committed(*at)) {
        rw_register::updates(log, at, |key, version, _| {
            let object = if version == NEVER { key } else { NEVER };
            let other = *based_on.entry((object, version)).or_insert(at);
            if other != at {
                let text = format!(
                    "{} and {} both read the same version of {} and then {what} it.",
                    log.name(other),
                    log.name(at),
                    log.key_name(key)
                );
                findings.add(AnomalyName::LostUpdate, text, &[other, at]);
            }
        });
    }
}

/// Searches for circles, decides the model, and reports everything found.
fn conclude(
    model_name: &str,
    options: &Options,
    mut findings: Findings<'_>,
    dependencies: &Dependencies<'_>,
) -> Report {
    let log = dependencies.log;
    if let Some(reason) = nothing_checked(log) {
        return Report::unknown(model_name, log.history, reason);
    }
    let deadline = options.budget.deadline();
    let timeline = Timeline::of(log, &dependencies.happened);
    let graph = Graph::of(dependencies, &timeline);
    for circle in cycles::find(&graph, deadline) {
        findings.add_circle(circle.name, &circle.edges, "");
    }
    let names = findings.counts.keys().copied().collect();
    let mut decider = Decider::new(dependencies, &timeline, &graph, names, deadline);
    let holds = decider.holds(options.model);
    let how_far = match std::mem::take(&mut decider.how_far) {
        nothing if nothing.is_empty() => nothing,
        how_far => format!(" ({how_far})"),
    };
    let further = log.len() <= OVERVIEW_MAX || !matches!(holds, Holds::Yes);
    let mut overview = decider.overview(further);
    overview.only_of(|order| match order {
        Order::RealTime => !log.history.sessions_only,
        Order::Session => !log.history.nameless,
        Order::None => true,
    });
    if let Holds::No(proof) = &holds {
        findings.add_proof(proof);
    }
    findings
        .anomalies
        .sort_by_key(|anomaly| models::severity(anomaly.name));
    let verdict = match holds {
        Holds::Yes => Verdict::Valid(Witness::default()),
        Holds::No(_) => Verdict::Invalid(findings.anomalies.clone()),
        Holds::Unknown => Verdict::Unknown(Unknown {
            reason: format!(
                "no violation was found, but the budget ran out before an order of versions was found that {} allows{how_far}; give more time, or a weaker model with --consistency",
                options.model.as_str()
            ),
            ..Unknown::default()
        }),
    };
    let mut report = Report::new(model_name, log.history, verdict);
    let details = &mut report.details;
    let strongest = words(&models::strongest(&overview.holding));
    details.insert("strongest_models".to_owned(), strongest.into());
    if !overview.undecided.is_empty() {
        let undecided = words(&overview.undecided);
        details.insert("undecided_models".to_owned(), undecided.into());
    }
    let counts = findings.counts.iter();
    let counts = counts.map(|(name, n)| (name.to_string(), *n)).collect();
    details.insert("anomaly_counts".to_owned(), counts);
    if !report.is_invalid() && !findings.anomalies.is_empty() {
        let told = serde_json::to_value(&findings.anomalies).unwrap_or_default();
        let details = &mut report.details;
        details.insert("tolerated_anomalies".to_owned(), told);
    }
    report
}

/// Why nothing can be said of these transactions, if so.
fn nothing_checked(log: &Log<'_>) -> Option<String> {
    let mut committed = (0..log.len() as u32).filter(|at| log.committed(*at));
    let reads = |at: u32| {
        let steps = log.steps(at).iter();
        steps
            .into_iter()
            .any(|step| matches!(step, log::Step::Read { .. } | log::Step::ReadList { .. }))
    };
    let reason = match committed.clone().next() {
        None => "nothing was checked: no transaction succeeded",
        Some(_) if !committed.any(reads) => {
            "nothing was checked: no transaction that succeeded says what it read"
        }
        Some(_) => return None,
    };
    Some(reason.to_owned())
}

#[cfg(test)]
mod tests;
