//! What an injection has done to a real system, as a value by which it is undone.
//!
//! Each effect takes back what it did itself and nothing else, so that two faults may overlap. That it
//! took effect is looked at, and that its end did: a fault that was only asked for has not happened.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use futures_util::future::join_all;
use kensho_nemesis::conduct::Conduct;
use kensho_nemesis::fault::{Action, Heal, Shape};
use kensho_nemesis::topology::{Pair, around, cuts};

use crate::runner::clock::Clock;
use crate::system::{Disks, Folders, Links, Processes, Status, System};

/// A process takes no longer than this to stand still, or to go on, once it was told to.
const SIGNAL_LIMIT: Duration = Duration::from_secs(2);

/// What was done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Effect {
    /// These nodes were killed.
    Killed(Vec<String>),
    /// These nodes were killed, to be started again at once.
    Restarted(Vec<String>),
    /// These nodes stand still.
    Paused(Vec<String>),
    /// These links do something else than pass everything.
    Disturbed {
        /// For which fault.
        by: usize,
        /// Which ones.
        pairs: BTreeSet<Pair>,
        /// What they do at least.
        conduct: Conduct,
        /// What becomes of the connections that were held.
        heal: Heal,
    },
    /// The disks of these nodes are full.
    Filled(Vec<String>),
    /// The data folders of these nodes were copied.
    Copied(Vec<String>),
    /// These nodes were killed, and work on copies of their data folders.
    Cloned(Vec<String>),
}

/// What came of an injection.
pub(super) struct Injected {
    /// What was done.
    pub(super) effect: Effect,
    /// Nodes to which it could not be done again, since they are like that already.
    pub(super) skipped: Vec<String>,
    /// What did not work.
    pub(super) troubles: Vec<String>,
}

/// Does `action` to `targets`, for the fault number `by`.
pub(super) fn inject<S: System>(
    system: &S,
    by: usize,
    action: Action,
    targets: &BTreeSet<String>,
    seed: u64,
) -> Injected {
    match action {
        Action::Kill => each(system, targets, Effect::Killed, |node| {
            processes(system)?.kill(node)
        }),
        Action::Restart => each(system, targets, Effect::Restarted, |node| {
            processes(system)?.kill(node)
        }),
        Action::Pause => each(system, targets, Effect::Paused, |node| {
            processes(system)?.pause(node)
        }),
        Action::FillDisk => {
            let is_full = |node: &&String| disks(system).is_ok_and(|disks| disks.is_full(node));
            let (full, free): (Vec<&String>, Vec<&String>) = targets.iter().partition(is_full);
            let free = free.into_iter().cloned().collect();
            let mut injected = each(system, &free, Effect::Filled, |node| {
                disks(system)?.fill(node)
            });
            injected.skipped.extend(full.into_iter().cloned());
            injected
        }
        Action::CopyFolder => each(system, targets, Effect::Copied, |node| {
            copy_folder(system, node)
        }),
        Action::RestoreFolder => each(system, targets, Effect::Restarted, |node| {
            processes(system)?.kill(node)?;
            folders(system)?.put_back(node)
        }),
        Action::LoseFolder => each(system, targets, Effect::Killed, |node| {
            processes(system)?.kill(node)?;
            folders(system)?.lose(node)
        }),
        Action::CloneFolder => each(system, targets, Effect::Cloned, |node| {
            processes(system)?.kill(node)?;
            folders(system)?.clone_folder(node)
        }),
        Action::Partition {
            shape,
            clients,
            heal,
        } => {
            let pairs = cuts(shape, clients, system.nodes(), targets, seed);
            let conduct = match shape {
                Shape::Unanswered => Conduct::UNANSWERED,
                Shape::Split
                | Shape::Deaf
                | Shape::Mute
                | Shape::MajorityRing
                | Shape::Bridge
                | Shape::Apart => Conduct::CUT,
            };
            disturb(system, by, pairs, conduct, heal)
        }
        Action::Delay { delay_ms, clients } => {
            let pairs = around(clients, system.nodes(), targets);
            let conduct = Conduct::delay(Duration::from_millis(delay_ms));
            disturb(system, by, pairs, conduct, Heal::Release)
        }
    }
}

/// Does something to each of `targets` that runs.
fn each<S: System>(
    system: &S,
    targets: &BTreeSet<String>,
    effect: fn(Vec<String>) -> Effect,
    act: impl Fn(&str) -> Result<()>,
) -> Injected {
    let (mut hit, mut skipped, mut troubles) = (Vec::new(), Vec::new(), Vec::new());
    for node in targets {
        match system.status(node) {
            Status::Running => match act(node) {
                Ok(()) => hit.push(node.clone()),
                Err(error) => troubles.push(format!("{error:#}")),
            },
            // Already hit by this very fault, as when an owner is the master as well, or by another.
            Status::Paused | Status::Stopped => skipped.push(node.clone()),
            Status::Exited(status) => {
                troubles.push(format!("{node} had ended by itself: {status}"));
            }
        }
    }
    Injected {
        effect: effect(hit),
        skipped,
        troubles,
    }
}

fn disturb<S: System>(
    system: &S,
    by: usize,
    pairs: BTreeSet<Pair>,
    conduct: Conduct,
    heal: Heal,
) -> Injected {
    let troubles = match links(system) {
        Ok(links) => {
            let (count, all) = (links.disturb(by, &pairs, conduct), pairs.len());
            let some = count < all || all == 0;
            some.then(|| format!("{count} of {all} links are disturbed"))
        }
        Err(error) => Some(format!("{error:#}")),
    };
    Injected {
        effect: Effect::Disturbed {
            by,
            pairs,
            conduct,
            heal,
        },
        skipped: Vec::new(),
        troubles: troubles.into_iter().collect(),
    }
}

/// What cannot be seen of an effect although it should be there.
pub(super) async fn unseen<S: System>(system: &S, effect: &Effect) -> Vec<String> {
    let told = |text: &str, nodes: Vec<&String>| {
        let nodes: Vec<&str> = nodes.into_iter().map(String::as_str).collect();
        (!nodes.is_empty()).then(|| format!("{} {text}", nodes.join(", ")))
    };
    let unseen = match effect {
        Effect::Killed(nodes) => {
            let alive = nodes.iter().filter(|node| runs(system, node)).collect();
            told("was killed and runs", alive)
        }
        Effect::Copied(_) => None,
        Effect::Restarted(nodes) | Effect::Cloned(nodes) => {
            let down = nodes.iter().filter(|node| !runs(system, node)).collect();
            told("was started again and does not run", down)
        }
        Effect::Paused(nodes) => {
            let moving = still(system, nodes, true).await;
            told("was paused and does not stand still", moving)
        }
        Effect::Disturbed { pairs, conduct, .. } => {
            let open = pairs.iter().filter(|pair| {
                let now = system.links().and_then(|links| links.conduct(pair));
                // Another fault may do worse to it.
                now.is_none_or(|now| now.worse(*conduct) != now)
            });
            let open = open.count();
            (open > 0).then(|| format!("{open} links pass what they should not"))
        }
        Effect::Filled(nodes) => {
            let room = |node: &&String| !disks(system).is_ok_and(|disks| disks.is_full(node));
            told("has room on its disk", nodes.iter().filter(room).collect())
        }
    };
    unseen.into_iter().collect()
}

fn runs<S: System>(system: &S, node: &str) -> bool {
    match system.status(node) {
        Status::Running | Status::Paused => true,
        Status::Stopped | Status::Exited(_) => false,
    }
}

/// Those of `nodes` that do not come to stand still, or to go on, in time.
async fn still<'a, S: System>(system: &S, nodes: &'a [String], wanted: bool) -> Vec<&'a String> {
    let begin = Instant::now();
    loop {
        let as_wanted = |node: &String| {
            let still = processes(system).and_then(|processes| processes.stands_still(node));
            still.is_ok_and(|still| still == wanted)
        };
        let others: Vec<&String> = nodes.iter().filter(|node| !as_wanted(node)).collect();
        if others.is_empty() || begin.elapsed() > SIGNAL_LIMIT {
            return others;
        }
        // The kernel tells only the parent, and only of one kind of change.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What came of undoing something.
pub struct Undone {
    /// When links were as before, paused nodes continued and killed ones told to start.
    pub at_ms: u64,
    /// What did not work.
    pub troubles: Vec<String>,
}

/// Undoes `effects`, where those of `others` go on, and starts nodes that have ended by themselves.
pub(super) async fn undo<S: System>(
    system: &S,
    effects: &[Effect],
    others: &[Effect],
    clock: Clock,
) -> Undone {
    let mut troubles = Vec::new();
    let mut down: BTreeSet<String> = BTreeSet::new();
    for effect in effects {
        match effect {
            Effect::Killed(nodes) | Effect::Restarted(nodes) => {
                down.extend(nodes.iter().cloned());
            }
            Effect::Paused(nodes) => {
                for node in nodes {
                    if system.status(node) == Status::Paused {
                        note(&mut troubles, processes(system), |p| p.resume(node));
                    }
                }
            }
            Effect::Disturbed { by, heal, .. } => {
                note(&mut troubles, links(system), |links| {
                    links.lift(*by, *heal);
                    Ok(())
                });
            }
            Effect::Filled(nodes) => {
                for node in nodes {
                    note(&mut troubles, disks(system), |d| d.make_room(node));
                }
            }
            Effect::Copied(_) => {}
            Effect::Cloned(nodes) => {
                // Its own folder is older by now. Where others lack theirs, it goes on from the clone.
                if system.settled().await.is_ok() {
                    for node in nodes {
                        note(&mut troubles, processes(system), |p| p.kill(node));
                        note(&mut troubles, folders(system), |f| f.end_clone(node));
                    }
                }
                down.extend(nodes.iter().cloned());
            }
        }
    }
    let ended = |node: &&String| matches!(system.status(node), Status::Exited(_));
    down.extend(system.nodes().iter().filter(ended).cloned());
    down.retain(|node| !runs(system, node));
    let at_ms = clock.now_ms();
    let down: Vec<String> = down.into_iter().collect();
    troubles.extend(start_all(system, &down).await);
    for effect in effects {
        troubles.extend(not_undone(system, effect, others).await);
    }
    Undone { at_ms, troubles }
}

/// What the effects of other faults make of a link.
fn by_others(others: &[Effect], link: &Pair) -> Conduct {
    let mut conduct = Conduct::OPEN;
    for effect in others {
        if let Effect::Disturbed {
            pairs,
            conduct: own,
            ..
        } = effect
            && pairs.contains(link)
        {
            conduct = conduct.worse(*own);
        }
    }
    conduct
}

/// What can still be seen of an effect that was undone, where `others` go on.
async fn not_undone<S: System>(system: &S, effect: &Effect, others: &[Effect]) -> Option<String> {
    match effect {
        // Whether they are up is what starting them waits for.
        Effect::Killed(_) | Effect::Restarted(_) | Effect::Copied(_) | Effect::Cloned(_) => None,
        Effect::Paused(nodes) => {
            let running: Vec<String> = nodes
                .iter()
                .filter(|node| runs(system, node))
                .cloned()
                .collect();
            let stuck = still(system, &running, false).await;
            stuck
                .first()
                .map(|node| format!("{node} was continued and stands still"))
        }
        Effect::Disturbed { pairs, .. } => {
            let links = system.links()?;
            let wrong = pairs.iter().filter(|pair| {
                let wanted = by_others(others, pair);
                links.conduct(pair) != Some(wanted)
            });
            let wrong = wrong.count();
            (wrong > 0).then(|| format!("{wrong} links are still disturbed"))
        }
        Effect::Filled(nodes) => {
            let disks = system.disks()?;
            let full = nodes.iter().find(|node| disks.is_full(node));
            full.map(|node| format!("the disk of {node} is still full"))
        }
    }
}

/// Starts nodes, all at the same time; gives what did not work.
pub(super) async fn start_all<S: System>(system: &S, nodes: &[String]) -> Vec<String> {
    let started = join_all(nodes.iter().map(|node| system.start(node))).await;
    let failed = started.into_iter().filter_map(Result::err);
    failed.map(|error| format!("{error:#}")).collect()
}

fn note<T>(troubles: &mut Vec<String>, means: Result<T>, act: impl FnOnce(T) -> Result<()>) {
    if let Err(error) = means.and_then(act) {
        troubles.push(format!("{error:#}"));
    }
}

fn processes<S: System>(system: &S) -> Result<&dyn Processes> {
    let means = system.processes();
    means.context("the nodes of this system cannot be killed or paused")
}

fn links<S: System>(system: &S) -> Result<&dyn Links> {
    let means = system.links();
    means.context("the links of this system cannot be disturbed")
}

fn folders<S: System>(system: &S) -> Result<&dyn Folders> {
    let means = system.folders();
    means.context("the data folders of this system cannot be copied and put back")
}

/// Copies the folder of a node that stands still meanwhile, so that the copy is of one moment.
fn copy_folder<S: System>(system: &S, node: &str) -> Result<()> {
    let processes = processes(system)?;
    processes.pause(node)?;
    let begin = Instant::now();
    let still = loop {
        match processes.stands_still(node) {
            Ok(false) if begin.elapsed() < SIGNAL_LIMIT => std::thread::yield_now(),
            still => break still,
        }
    };
    let copied = match still {
        Ok(true) => folders(system).and_then(|folders| folders.copy(node)),
        Ok(false) => Err(anyhow!("{node} was paused and does not stand still")),
        Err(error) => Err(error),
    };
    processes.resume(node)?;
    copied
}

fn disks<S: System>(system: &S) -> Result<&dyn Disks> {
    let means = system.disks();
    means.context("the disks of this system cannot be filled")
}
