//! Registers that transactions read and write, each value once: reads name their writer, and the
//! order of versions follows from what is known: the initial state comes first, and what a
//! transaction wrote comes after what it had read there.

use super::graph::{Cause, Graph, Kind};
use super::parse::{Objects, Step, Tables, Transaction, parse};
use super::{Findings, Options, conclude, internal};
use crate::anomaly::AnomalyName;
use crate::hash::FastMap;
use crate::history::{History, NEVER};
use crate::judge::{Known, Model, Setting};
use crate::report::{Report, Verdict};

/// The model `rw-register`.
pub static MODEL: Model = Model {
    name: "rw-register",
    help: "Transactions on registers with unique values: [:w key value], [:r key value]",
    operations: &[Known::transactions()],
    settings: &[Setting::Consistency, Setting::LinearizableKeys],
    guess: Some(|evidence| {
        let known = evidence.only_steps(&["w", "write", "r", "read"]);
        known.then(|| "its transactions have the steps w and r".to_owned())
    }),
    judge: |history, settings| check(history, &settings.transactions()),
};

struct Write {
    transaction: u32,
    intermediate: bool,
}

type Writes = FastMap<(u32, u32), Write>;

/// Judges a history of transactions on registers.
///
/// If the promised model follows real time then each register must, too. So if nothing else is
/// found, the order of versions is completed by real time, and what then goes in a circle breaks
/// the promise, though no weaker one.
pub fn check(history: &History, options: &Options) -> Report {
    let report = judge(history, options);
    if options.linearizable_keys || !options.model.follows_real_time() || !report.is_valid() {
        return report;
    }
    let assuming = Options {
        linearizable_keys: true,
        ..*options
    };
    let mut refuted = judge(history, &assuming);
    let Verdict::Invalid(anomalies) = &mut refuted.verdict else {
        return report;
    };
    let promise = options.model.as_str();
    for anomaly in anomalies {
        anomaly.text.push_str(&format!(
            " (Versions of a register are taken in the order of real time, as {promise} promises.)"
        ));
    }
    let weaker = options.model.strongest_below();
    refuted
        .details
        .insert("strongest_models".to_owned(), super::words(&weaker).into());
    refuted
}

fn judge(history: &History, options: &Options) -> Report {
    const NAME: &str = "rw-register";
    let deadline = options.budget.deadline();
    let (transactions, tables) = match parse(history, Objects::Registers) {
        Ok(parsed) => parsed,
        Err(reason) => return Report::unknown(NAME, history, reason),
    };
    let mut findings = Findings::new(history, &transactions);
    internal::check_registers(&mut findings, &tables);
    let writes = match find_writes(&transactions, &tables) {
        Ok(writes) => writes,
        Err(reason) => return Report::unknown(NAME, history, reason),
    };
    check_reads(&mut findings, &tables, &writes);
    check_lost_updates(&mut findings, &tables);
    let mut versions = Versions::of(&transactions, &writes, tables.keys.len());
    if options.linearizable_keys {
        versions.add_realtime(history, &transactions, &writes);
    }
    versions.drop_cyclic(&mut findings, &tables, &writes);
    let mut graph = Graph::new(transactions.len(), &tables);
    add_dependencies(&mut graph, &transactions, &writes, &versions);
    graph.add_orders(history, &transactions);
    graph.seal();
    conclude(NAME, options, deadline, findings, &graph)
}

fn find_writes(transactions: &[Transaction], tables: &Tables) -> Result<Writes, String> {
    let mut writes: Writes = FastMap::default();
    for (at, transaction) in transactions.iter().enumerate() {
        let mut last: FastMap<u32, u32> = FastMap::default();
        for step in &transaction.steps {
            let Step::Write { key, element } = step else {
                continue;
            };
            if let Some(before) = last.insert(*key, *element)
                && before != *element
                && let Some(before) = writes.get_mut(&(*key, before))
            {
                before.intermediate = true;
            }
            let write = Write {
                transaction: at as u32,
                intermediate: false,
            };
            if let Some(other) = writes.insert((*key, *element), write)
                && other.transaction != at as u32
                && !transactions[other.transaction as usize].aborted
                && !transaction.aborted
            {
                return Err(format!(
                    "{} was written to {} twice; values must be unique on each register",
                    tables.elements[*element as usize], tables.keys[*key as usize]
                ));
            }
        }
    }
    Ok(writes)
}

fn check_reads(findings: &mut Findings<'_>, tables: &Tables, writes: &Writes) {
    let transactions: &[Transaction] = findings.transactions;
    for (at, transaction) in transactions.iter().enumerate() {
        let at = at as u32;
        let mut written: Vec<(u32, u32)> = Vec::new();
        for step in &transaction.steps {
            let (key, element) = match step {
                Step::Write { key, element } => {
                    written.push((*key, *element));
                    continue;
                }
                Step::ReadRegister {
                    key,
                    seen: Some(Some(element)),
                } => (*key, *element),
                _ => continue,
            };
            let (key_name, name) = (
                &tables.keys[key as usize],
                &tables.elements[element as usize],
            );
            let reader = findings.name(at);
            let Some(write) = writes.get(&(key, element)) else {
                let text = format!("{reader} read {name} in {key_name}, but nobody wrote it.");
                findings.add(AnomalyName::GarbageRead, text, &[at]);
                continue;
            };
            let writer = write.transaction;
            if writer == at {
                if !written.contains(&(key, element)) {
                    let text =
                        format!("{reader} read {name} in {key_name} before it wrote it itself.");
                    findings.add(AnomalyName::FutureRead, text, &[at]);
                }
            } else if transactions[writer as usize].aborted {
                let text = format!(
                    "{reader} read {name} in {key_name}, which {} had written, but that one failed and must have had no effect.",
                    findings.name(writer)
                );
                findings.add(AnomalyName::G1a, text, &[writer, at]);
            } else if write.intermediate {
                let text = format!(
                    "{reader} read {name} in {key_name}, which {} wrote and then overwrote itself.",
                    findings.name(writer)
                );
                findings.add(AnomalyName::G1b, text, &[writer, at]);
            }
        }
    }
}

/// The version that a transaction read of a register before it wrote it, with what it wrote last.
fn updates(transaction: &Transaction) -> Vec<(u32, u32, u32)> {
    let mut read: FastMap<u32, u32> = FastMap::default();
    let mut written: Vec<(u32, u32, u32)> = Vec::new();
    for step in &transaction.steps {
        match step {
            Step::ReadRegister {
                key,
                seen: Some(seen),
            } if !written.iter().any(|(other, ..)| other == key) => {
                read.insert(*key, seen.unwrap_or(NEVER));
            }
            Step::Write { key, element } => {
                if let Some(update) = written.iter_mut().find(|(other, ..)| other == key) {
                    update.2 = *element;
                } else if let Some(version) = read.get(key) {
                    written.push((*key, *version, *element));
                }
            }
            _ => {}
        }
    }
    written
}

fn check_lost_updates(findings: &mut Findings<'_>, tables: &Tables) {
    let transactions: &[Transaction] = findings.transactions;
    let mut based_on: FastMap<(u32, u32), u32> = FastMap::default();
    for (at, transaction) in transactions.iter().enumerate().filter(|(_, t)| t.committed) {
        for (key, version, _) in updates(transaction) {
            let other = *based_on.entry((key, version)).or_insert(at as u32);
            if other != at as u32 {
                let text = format!(
                    "{} and {} both read the same version of {} and then overwrote it.",
                    findings.name(other),
                    findings.name(at as u32),
                    tables.keys[key as usize]
                );
                findings.add(AnomalyName::LostUpdate, text, &[other, at as u32]);
            }
        }
    }
}

/// Which version of a register surely came before which other one.
struct Versions {
    /// Per key: earlier and later element.
    pairs: Vec<Vec<(u32, u32)>>,
    /// Per key all elements that were surely written.
    elements: Vec<Vec<u32>>,
}

impl Versions {
    fn of(transactions: &[Transaction], writes: &Writes, keys: usize) -> Versions {
        let mut versions = Versions {
            pairs: vec![Vec::new(); keys],
            elements: vec![Vec::new(); keys],
        };
        for (at, transaction) in transactions.iter().enumerate() {
            if !transaction.committed {
                continue;
            }
            for (key, before, after) in updates(transaction) {
                if before != NEVER {
                    versions.pairs[key as usize].push((before, after));
                }
            }
            for step in &transaction.steps {
                match step {
                    Step::Write { key, element }
                        if writes.get(&(*key, *element)).is_some_and(|write| {
                            write.transaction == at as u32 && !write.intermediate
                        }) =>
                    {
                        versions.elements[*key as usize].push(*element);
                    }
                    // What was read was written, whatever its transaction was told.
                    Step::ReadRegister {
                        key,
                        seen: Some(Some(element)),
                    } if writes
                        .get(&(*key, *element))
                        .is_some_and(|write| !transactions[write.transaction as usize].aborted) =>
                    {
                        versions.elements[*key as usize].push(*element);
                    }
                    _ => {}
                }
            }
        }
        for elements in &mut versions.elements {
            elements.sort_unstable();
            elements.dedup();
        }
        versions
    }

    /// Each register follows real time: what was written or seen before something else was made or
    /// seen is the earlier version.
    fn add_realtime(&mut self, history: &History, transactions: &[Transaction], writes: &Writes) {
        let sightings = self.sightings(history, transactions, writes);
        for (pairs, mut sightings) in self.pairs.iter_mut().zip(sightings) {
            sightings.sort_unstable();
            let mut known: FastMap<(u32, u32), ()> = FastMap::default();
            let mut old: FastMap<u32, ()> = FastMap::default();
            let mut returned: FastMap<u32, ()> = FastMap::default();
            // What was seen and is not known to be followed by something else that was: enough,
            // since the order is transitive.
            let mut frontier: Vec<u32> = Vec::new();
            for (_, returns, element) in sightings {
                if returns {
                    if returned.insert(element, ()).is_none() {
                        frontier.retain(|before| !known.contains_key(&(*before, element)));
                        frontier.push(element);
                    }
                } else if !old.contains_key(&element) {
                    // (A version that is known to be old is a stale read, not a new version.)
                    for before in frontier.iter().filter(|before| **before != element) {
                        if known.insert((*before, element), ()).is_none() {
                            pairs.push((*before, element));
                            old.insert(*before, ());
                        }
                    }
                }
            }
        }
    }

    /// Per key, when the operations that made or saw a version began, and when they ended:
    /// position, whether it ended, the version.
    fn sightings(
        &self,
        history: &History,
        transactions: &[Transaction],
        writes: &Writes,
    ) -> Vec<Vec<(u32, bool, u32)>> {
        let mut sightings = vec![Vec::new(); self.elements.len()];
        let mut see = |key: u32, element: u32, at: u32| {
            let transaction = &transactions[at as usize];
            let operation = &history.operations[transaction.place as usize];
            let sightings = &mut sightings[key as usize];
            sightings.push((operation.invoke, false, element));
            if transaction.committed {
                sightings.push((operation.complete, true, element));
            }
        };
        for (key, elements) in self.elements.iter().enumerate() {
            for element in elements {
                let key = key as u32;
                see(key, *element, writes[&(key, *element)].transaction);
            }
        }
        for (at, transaction) in transactions.iter().enumerate().filter(|(_, t)| t.committed) {
            let mut own: Vec<u32> = Vec::new();
            for step in &transaction.steps {
                match step {
                    Step::Write { key, .. } => own.push(*key),
                    Step::ReadRegister {
                        key,
                        seen: Some(Some(element)),
                    } if !own.contains(key)
                        && self.elements[*key as usize].binary_search(element).is_ok() =>
                    {
                        see(*key, *element, at as u32);
                    }
                    _ => {}
                }
            }
        }
        sightings
    }

    /// Reports registers whose versions go in a circle, and forgets their order.
    fn drop_cyclic(&mut self, findings: &mut Findings<'_>, tables: &Tables, writes: &Writes) {
        for (key, pairs) in self.pairs.iter_mut().enumerate() {
            // Repeatedly leave out versions that nothing comes before; what remains is circular.
            let mut rest: Vec<(u32, u32)> = pairs.clone();
            loop {
                let later: std::collections::HashSet<u32> =
                    rest.iter().map(|(_, after)| *after).collect();
                let count = rest.len();
                rest.retain(|(before, _)| later.contains(before));
                if rest.len() == count {
                    break;
                }
            }
            if rest.is_empty() {
                continue;
            }
            let mut involved: Vec<u32> = rest
                .iter()
                .filter_map(|(_, after)| Some(writes.get(&(key as u32, *after))?.transaction))
                .collect();
            involved.sort_unstable();
            involved.dedup();
            involved.truncate(10);
            let text = format!(
                "The versions of {} follow each other in a circle: each of these transactions overwrote what another of them made.",
                tables.keys[key]
            );
            findings.add(AnomalyName::CyclicVersions, text, &involved);
            pairs.clear();
        }
    }
}

fn add_dependencies(
    graph: &mut Graph<'_>,
    transactions: &[Transaction],
    writes: &Writes,
    versions: &Versions,
) {
    let writer = |key: u32, element: u32| {
        let write = writes.get(&(key, element))?;
        (!transactions[write.transaction as usize].aborted).then_some(write.transaction)
    };
    // Who read which version, before writing the register themselves.
    let mut readers: FastMap<(u32, u32), Vec<u32>> = FastMap::default();
    for (at, transaction) in transactions.iter().enumerate() {
        let mut own: Vec<u32> = Vec::new();
        for step in &transaction.steps {
            match step {
                Step::Write { key, .. } => own.push(*key),
                Step::ReadRegister {
                    key,
                    seen: Some(seen),
                } if !own.contains(key) => {
                    let element = seen.unwrap_or(NEVER);
                    readers.entry((*key, element)).or_default().push(at as u32);
                    if let Some(from) = writer(*key, element) {
                        let cause = Cause {
                            key: *key,
                            before: element,
                            after: NEVER,
                        };
                        graph.add(from, at as u32, Kind::WriteRead, cause);
                    }
                }
                _ => {}
            }
        }
    }
    for (key, pairs) in versions.pairs.iter().enumerate() {
        let key = key as u32;
        let later: std::collections::HashSet<u32> = pairs.iter().map(|(_, after)| *after).collect();
        let firsts = versions.elements[key as usize]
            .iter()
            .filter(|one| !later.contains(one));
        let initial = firsts.map(|first| (NEVER, *first));
        for (before, after) in initial.chain(pairs.iter().copied()) {
            let Some(to) = writer(key, after) else {
                continue;
            };
            let cause = Cause { key, before, after };
            if let Some(from) = writer(key, before) {
                graph.add(from, to, Kind::WriteWrite, cause);
            }
            for reader in readers.get(&(key, before)).into_iter().flatten() {
                graph.add(*reader, to, Kind::ReadWrite, cause);
            }
        }
    }
}
