//! Feeds the recorded inputs of one plane to the same code, and compares what it gives.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::panic::{AssertUnwindSafe, catch_unwind};

use kensho_protocol::coordinator::{self, Coordinator};
use kensho_protocol::ids::PartitionId;
use kensho_protocol::inputs::{
    Given, Head, Item, coordinator_gave, image_gave, replica_gave, replica_state,
};
use kensho_protocol::replica::{self, Replica};
use kensho_storage::tables::Tables;

/// A debugging text longer than this is cut.
const TEXT_LIMIT: usize = 600;

/// The state machines of one plane in one life of a node.
#[derive(Debug)]
pub(super) struct Machines {
    head: Head,
    pub(super) coordinator: Option<Coordinator>,
    pub(super) replicas: BTreeMap<PartitionId, Replica<Tables>>,
    /// What the last input gave.
    pub(super) outputs: Outputs,
    scratch: Vec<u8>,
    got: Vec<Given>,
}

/// What an input gave.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    pub(super) control: Vec<coordinator::Output>,
    pub(super) data: Vec<replica::Output>,
}

/// What came of an input is not what came of it at the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The input, as far as it matters.
    pub input: String,
    /// What is different.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  {}", self.input, self.what)
    }
}

fn text(value: &impl Debug) -> String {
    let mut text = format!("{value:?}");
    if text.len() > TEXT_LIMIT {
        let cut = (0..=TEXT_LIMIT).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(cut.unwrap_or(0));
        text.push_str(" ...");
    }
    text
}

fn replica_of(
    replicas: &mut BTreeMap<PartitionId, Replica<Tables>>,
    partition: PartitionId,
) -> Result<&mut Replica<Tables>, String> {
    let replica = replicas.get_mut(&partition);
    replica.ok_or_else(|| format!("there is no replica of partition {partition} yet"))
}

impl Machines {
    pub(super) fn new(head: Head) -> Self {
        Machines {
            head,
            coordinator: None,
            replicas: BTreeMap::new(),
            outputs: Outputs::default(),
            scratch: Vec::new(),
            got: Vec::new(),
        }
    }

    /// Does with the machines what was done at the time; [`Machines::outputs`] has what they gave.
    pub(super) fn replay(&mut self, item: &Item) -> Result<(), Difference> {
        self.outputs.control.clear();
        self.outputs.data.clear();
        self.got.clear();
        let done = catch_unwind(AssertUnwindSafe(|| self.hand_in(item)));
        let what = match done {
            Ok(Ok(())) if self.got == item.gave() => return Ok(()),
            Ok(Ok(())) => self.difference(item.gave()),
            Ok(Err(wrong)) => wrong,
            Err(_) => "the code panics at it, and did not at the time".to_owned(),
        };
        Err(Difference {
            input: text(item),
            what,
        })
    }

    fn hand_in(&mut self, item: &Item) -> Result<(), String> {
        let Machines {
            head,
            coordinator,
            replicas,
            outputs,
            scratch,
            got,
        } = self;
        match item {
            Item::Coordinator {
                now,
                priority,
                birth,
                saved,
                life,
                seed,
            } => {
                *coordinator = Some(Coordinator::new(
                    head.settings,
                    head.node.clone(),
                    *priority,
                    birth.clone(),
                    saved.clone(),
                    *life,
                    *seed,
                    *now,
                ));
            }
            Item::CoordinatorEvent { now, event, .. } => {
                let coordinator = coordinator.as_mut();
                let coordinator = coordinator.ok_or("there is no coordinator yet")?;
                coordinator.handle(*now, event.clone(), &mut outputs.control);
                got.extend(coordinator_gave(&outputs.control, coordinator, scratch));
            }
            Item::Replica {
                partition,
                now,
                recovered,
            } => {
                let (me, settings) = (head.node.id, head.settings);
                let recovered = recovered.clone();
                let replica = Replica::recover(me, *partition, settings, recovered, *now);
                replicas.insert(*partition, replica.map_err(|wrong| wrong.to_string())?);
            }
            Item::ReplicaEvent {
                partition,
                now,
                event,
                ..
            } => {
                replica_of(replicas, *partition)?.handle(*now, event.clone(), &mut outputs.data);
                got.extend(replica_gave(&outputs.data, scratch));
            }
            Item::Flush { partition, now, .. } => {
                let replica = replica_of(replicas, *partition)?;
                replica.flush(*now, &mut outputs.data);
                got.extend(replica_gave(&outputs.data, scratch));
                got.push(replica_state(replica, scratch));
            }
            Item::Image { partition, .. } => {
                got.push(image_gave(
                    &replica_of(replicas, *partition)?.image(),
                    scratch,
                ));
            }
            Item::Leaves { .. } => {}
        }
        Ok(())
    }

    /// The first output that differs: expected and got.
    fn difference(&self, expected: &[Given]) -> String {
        let same = self.got.iter().zip(expected);
        let place = same.take_while(|(got, expected)| got == expected).count();
        let tell = |given: Option<&Given>| match given {
            Some(given) => format!("{:?} (checksum {:08x})", given.kind, given.checksum),
            None => "nothing more".to_owned(),
        };
        let control = self.outputs.control.get(place).map(text);
        let output = control.or_else(|| self.outputs.data.get(place).map(text));
        format!(
            "output {} of {}: expected {}, got {}{}",
            place + 1,
            expected.len(),
            tell(expected.get(place)),
            tell(self.got.get(place)),
            output.map_or_else(String::new, |output| format!(": {output}")),
        )
    }
}
