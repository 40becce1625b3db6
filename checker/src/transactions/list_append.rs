//! Lists to which transactions append: each read names all versions before it.

use super::graph::{Cause, Graph, Kind};
use super::parse::{Objects, Step, Tables, Transaction, parse};
use super::{Findings, Options, conclude, internal};
use crate::anomaly::AnomalyName;
use crate::hash::FastMap;
use crate::history::{History, NEVER};
use crate::judge::{Known, Model, Setting};
use crate::report::Report;

/// The model `list-append`.
pub static MODEL: Model = Model {
    name: "list-append",
    help: "Transactions on lists: [:append key element], [:r key list]",
    operations: &[Known::transactions()],
    settings: &[Setting::Consistency],
    guess: Some(|evidence| {
        let known = evidence.only_steps(&["append", "r", "read"]);
        let appends = evidence.steps.contains("append");
        (known && appends).then(|| "its transactions have the steps append and r".to_owned())
    }),
    judge: |history, settings| check(history, &settings.transactions()),
};

/// Who appended an element.
struct Append {
    transaction: u32,
    /// Whether the same transaction appended to the list again later.
    intermediate: bool,
}

/// Judges a history of list-append transactions.
pub fn check(history: &History, options: &Options) -> Report {
    const NAME: &str = "list-append";
    let deadline = options.budget.deadline();
    let (transactions, tables) = match parse(history, Objects::Lists) {
        Ok(parsed) => parsed,
        Err(reason) => return Report::unknown(NAME, history, reason),
    };
    let mut findings = Findings::new(history, &transactions);
    internal::check_lists(&mut findings, &tables);
    let appends = match find_appends(&transactions, &tables) {
        Ok(appends) => appends,
        Err(reason) => return Report::unknown(NAME, history, reason),
    };
    check_reads(&mut findings, &tables, &appends);
    check_lost_updates(&mut findings, &tables);
    let orders = version_orders(&mut findings, &tables);
    check_dirty_updates(&mut findings, &tables, &appends, &orders);
    let mut graph = Graph::new(transactions.len(), &tables);
    add_dependencies(&mut graph, &transactions, &appends, &orders);
    graph.add_orders(history, &transactions);
    graph.seal();
    conclude(NAME, options, deadline, findings, &graph)
}

type Appends = FastMap<(u32, u32), Append>;

fn find_appends(transactions: &[Transaction], tables: &Tables) -> Result<Appends, String> {
    let mut appends: Appends = FastMap::default();
    for (at, transaction) in transactions.iter().enumerate() {
        let mut last: FastMap<u32, u32> = FastMap::default();
        for step in &transaction.steps {
            let Step::Append { key, element } = step else {
                continue;
            };
            if let Some(before) = last.insert(*key, *element)
                && let Some(before) = appends.get_mut(&(*key, before))
            {
                before.intermediate = true;
            }
            let append = Append {
                transaction: at as u32,
                intermediate: false,
            };
            if let Some(other) = appends.insert((*key, *element), append)
                && !transactions[other.transaction as usize].aborted
                && !transaction.aborted
            {
                return Err(format!(
                    "{} was appended to {} twice; elements must be unique on each list",
                    tables.elements[*element as usize], tables.keys[*key as usize]
                ));
            }
        }
    }
    Ok(appends)
}

/// What each single read shows: aborted, intermediate, unwritten, future and repeated elements.
fn check_reads(findings: &mut Findings<'_>, tables: &Tables, appends: &Appends) {
    let transactions: &[Transaction] = findings.transactions;
    for (at, transaction) in transactions.iter().enumerate() {
        let at = at as u32;
        let mut appended_so_far: Vec<(u32, u32)> = Vec::new();
        for step in &transaction.steps {
            let (key, seen) = match step {
                Step::Append { key, element } => {
                    appended_so_far.push((*key, *element));
                    continue;
                }
                Step::ReadList {
                    key,
                    seen: Some(seen),
                } => (*key, seen),
                _ => continue,
            };
            let key_name = &tables.keys[key as usize];
            let reader = findings.name(at);
            let mut sorted = seen.clone();
            sorted.sort_unstable();
            if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
                let element = &tables.elements[pair[0] as usize];
                let text = format!("{reader} read {key_name} with {element} more than once.");
                findings.add(AnomalyName::DuplicateElements, text, &[at]);
            }
            for (place, element) in seen.iter().enumerate() {
                let name = &tables.elements[*element as usize];
                let Some(append) = appends.get(&(key, *element)) else {
                    let text =
                        format!("{reader} read {name} in {key_name}, but nobody appended it.");
                    findings.add(AnomalyName::GarbageRead, text, &[at]);
                    continue;
                };
                let writer = append.transaction;
                if writer == at {
                    if !appended_so_far.contains(&(key, *element)) {
                        let text = format!(
                            "{reader} read {name} in {key_name} before it appended it itself."
                        );
                        findings.add(AnomalyName::FutureRead, text, &[at]);
                    }
                } else if transactions[writer as usize].aborted {
                    let text = format!(
                        "{reader} read {name} in {key_name}, which {} had appended, but that one failed and must have had no effect.",
                        findings.name(writer)
                    );
                    findings.add(AnomalyName::G1a, text, &[writer, at]);
                } else if append.intermediate && place + 1 == seen.len() {
                    let text = format!(
                        "{reader} read {key_name} just after {name}, in the middle of {}, which appended more to it.",
                        findings.name(writer)
                    );
                    findings.add(AnomalyName::G1b, text, &[writer, at]);
                }
            }
        }
    }
}

/// Two committed transactions that read the same version of a list and both appended to it.
fn check_lost_updates(findings: &mut Findings<'_>, tables: &Tables) {
    let transactions: &[Transaction] = findings.transactions;
    let mut based_on: FastMap<(u32, u32), u32> = FastMap::default();
    for (at, transaction) in transactions.iter().enumerate().filter(|(_, t)| t.committed) {
        let mut first_read: FastMap<u32, u32> = FastMap::default();
        let mut appended: Vec<u32> = Vec::new();
        for step in &transaction.steps {
            match step {
                Step::ReadList {
                    key,
                    seen: Some(seen),
                } if !appended.contains(key) => {
                    first_read
                        .entry(*key)
                        .or_insert(seen.last().copied().unwrap_or(NEVER));
                }
                Step::Append { key, .. } if !appended.contains(key) => {
                    appended.push(*key);
                    let Some(version) = first_read.get(key) else {
                        continue;
                    };
                    let other = *based_on.entry((*key, *version)).or_insert(at as u32);
                    if other != at as u32 {
                        let text = format!(
                            "{} and {} both read the same version of {} and then appended to it.",
                            findings.name(other),
                            findings.name(at as u32),
                            tables.keys[*key as usize]
                        );
                        findings.add(AnomalyName::LostUpdate, text, &[other, at as u32]);
                    }
                }
                _ => {}
            }
        }
    }
}

/// The longest read of each list, unless reads contradict each other.
fn version_orders(findings: &mut Findings<'_>, tables: &Tables) -> Vec<Option<Vec<u32>>> {
    let transactions: &[Transaction] = findings.transactions;
    let mut longest: Vec<Option<(u32, &Vec<u32>)>> = vec![None; tables.keys.len()];
    let mut reads: Vec<(u32, u32, &Vec<u32>)> = Vec::new();
    for (at, transaction) in transactions.iter().enumerate() {
        for step in &transaction.steps {
            if let Step::ReadList {
                key,
                seen: Some(seen),
            } = step
            {
                reads.push((*key, at as u32, seen));
                let entry = &mut longest[*key as usize];
                if entry.is_none_or(|(_, list)| list.len() < seen.len()) {
                    *entry = Some((at as u32, seen));
                }
            }
        }
    }
    let mut torn = vec![false; tables.keys.len()];
    for (key, at, seen) in reads {
        let Some((reader, whole)) = longest[key as usize] else {
            continue;
        };
        if !whole.starts_with(seen) {
            torn[key as usize] = true;
            let text = format!(
                "{} and {} read {} in states of which neither continues the other.",
                findings.name(at),
                findings.name(reader),
                tables.keys[key as usize]
            );
            findings.add(AnomalyName::IncompatibleOrder, text, &[at, reader]);
        }
    }
    longest
        .into_iter()
        .zip(torn)
        .map(|(whole, torn)| {
            whole.filter(|(_, list)| {
                let mut sorted = (*list).clone();
                sorted.sort_unstable();
                !torn && sorted.windows(2).all(|pair| pair[0] != pair[1])
            })
        })
        .map(|whole| whole.map(|(_, list)| list.clone()))
        .collect()
}

/// A committed element right after an aborted one.
fn check_dirty_updates(
    findings: &mut Findings<'_>,
    tables: &Tables,
    appends: &Appends,
    orders: &[Option<Vec<u32>>],
) {
    let transactions: &[Transaction] = findings.transactions;
    for (key, order) in orders.iter().enumerate() {
        let Some(order) = order else { continue };
        let mut aborted = None;
        for element in order {
            let Some(append) = appends.get(&(key as u32, *element)) else {
                continue;
            };
            let writer = append.transaction;
            if transactions[writer as usize].aborted {
                aborted = Some((writer, *element));
            } else if let (Some((dirty, before)), true) =
                (aborted.take(), transactions[writer as usize].committed)
            {
                let text = format!(
                    "{} appended {} to {} on top of {}, which {} had appended before it failed.",
                    findings.name(writer),
                    tables.elements[*element as usize],
                    tables.keys[key],
                    tables.elements[before as usize],
                    findings.name(dirty)
                );
                findings.add(AnomalyName::DirtyUpdate, text, &[dirty, writer]);
            }
        }
    }
}

fn add_dependencies(
    graph: &mut Graph<'_>,
    transactions: &[Transaction],
    appends: &Appends,
    orders: &[Option<Vec<u32>>],
) {
    let writer = |key: u32, element: u32| {
        let append = appends.get(&(key, element))?;
        (!transactions[append.transaction as usize].aborted).then_some(append.transaction)
    };
    // What nobody ever read, though it was committed, came after everything that was read.
    let mut unseen: Vec<Vec<u32>> = vec![Vec::new(); orders.len()];
    let mut places: Vec<FastMap<u32, u32>> = Vec::with_capacity(orders.len());
    for order in orders {
        let order = order.iter().flatten();
        places.push(
            order
                .enumerate()
                .map(|(at, element)| (*element, at as u32))
                .collect(),
        );
    }
    for transaction in transactions
        .iter()
        .filter(|transaction| transaction.committed)
    {
        for step in &transaction.steps {
            if let Step::Append { key, element } = step
                && orders[*key as usize].is_some()
                && !places[*key as usize].contains_key(element)
            {
                unseen[*key as usize].push(*element);
            }
        }
    }
    for (key, order) in orders.iter().enumerate() {
        let Some(order) = order else { continue };
        let key = key as u32;
        for pair in order.windows(2) {
            if let (Some(from), Some(to)) = (writer(key, pair[0]), writer(key, pair[1])) {
                let cause = Cause {
                    key,
                    before: pair[0],
                    after: pair[1],
                };
                graph.add(from, to, Kind::WriteWrite, cause);
            }
        }
        if let Some(last) = order.last() {
            for element in &unseen[key as usize] {
                if let (Some(from), Some(to)) = (writer(key, *last), writer(key, *element)) {
                    let cause = Cause {
                        key,
                        before: *last,
                        after: *element,
                    };
                    graph.add(from, to, Kind::WriteWrite, cause);
                }
            }
        }
    }
    for (at, transaction) in transactions.iter().enumerate() {
        let mut own: Vec<u32> = Vec::new();
        for step in &transaction.steps {
            let (key, seen) = match step {
                Step::Append { key, .. } => {
                    own.push(*key);
                    continue;
                }
                Step::ReadList {
                    key,
                    seen: Some(seen),
                } => (*key, seen),
                _ => continue,
            };
            let Some(order) = &orders[key as usize] else {
                continue;
            };
            // After its own append a read says nothing of others that the append does not.
            if own.contains(&key) {
                continue;
            }
            let before = seen.last().copied().unwrap_or(NEVER);
            if let Some(from) = writer(key, before) {
                let cause = Cause {
                    key,
                    before,
                    after: NEVER,
                };
                graph.add(from, at as u32, Kind::WriteRead, cause);
            }
            let following = match order.get(seen.len()) {
                Some(next) => std::slice::from_ref(next),
                None => &unseen[key as usize],
            };
            for after in following {
                if let Some(to) = writer(key, *after) {
                    let cause = Cause {
                        key,
                        before,
                        after: *after,
                    };
                    graph.add(at as u32, to, Kind::ReadWrite, cause);
                }
            }
        }
    }
}
