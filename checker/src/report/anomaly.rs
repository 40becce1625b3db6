//! A violation, in words and by the operations that prove it.

use super::{OperationView, Role, seconds};
use crate::anomaly::AnomalyName;
use serde::Serialize;

/// A violation, by the name it has in the literature, with the operations that prove it.
#[derive(Clone, Debug, Serialize)]
pub struct Anomaly {
    /// Its name.
    pub name: AnomalyName,
    /// The object, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What happened, in words.
    pub text: String,
    /// A sub-history that is itself invalid, and minimal: forgetting how any operation that is
    /// [`Role::Proof`] ended makes it valid, and one that is [`Role::Source`] is there only
    /// because another saw its value.
    pub operations: Vec<OperationView>,
    /// Operations of the sub-history beyond those listed.
    #[serde(skip_serializing_if = "is_zero")]
    pub operations_omitted: usize,
    /// The smallest time by which reads would have to be moved back for the key to be valid, in
    /// nanoseconds: the key is linearizable but for reads that are stale by at most so much.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale_ns: Option<u64>,
    /// For an anomaly among transactions, the cycle of dependencies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cycle: Vec<Dependency>,
}

/// One edge of a cycle of transactions.
#[derive(Clone, Debug, Serialize)]
pub struct Dependency {
    /// Place of the earlier transaction in [`Anomaly::operations`].
    pub from: usize,
    /// Place of the later one.
    pub to: usize,
    /// `ww`, `wr`, `rw`, `process` or `realtime`.
    pub kind: String,
    /// Why the one depends on the other.
    pub why: String,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // the signature that serde asks for
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Anomaly {
    /// How many operations of a sub-history are listed.
    pub const OPERATIONS_MAX: usize = 60;

    /// How long words and values may be; what is longer is cut.
    pub const LETTERS_MAX: usize = 10_000;

    /// An anomaly told by these operations alone.
    pub fn new(name: AnomalyName, mut text: String, operations: Vec<OperationView>) -> Anomaly {
        // A sentence may begin with an operation.
        if let Some(first) = text.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let mut anomaly = Anomaly {
            name,
            key: None,
            text,
            operations,
            operations_omitted: 0,
            stale_ns: None,
            cycle: Vec::new(),
        };
        anomaly.bound();
        anomaly
    }

    /// Adds how stale reads are, as a figure and in words.
    pub(crate) fn set_stale(&mut self, ns: u64) {
        self.stale_ns = Some(ns);
        self.text.push_str(&format!(
            " The key is linearizable if reads may be stale by up to {} s.",
            seconds(ns)
        ));
    }

    /// Cuts words that are too long. Leaves out operations beyond [`Anomaly::OPERATIONS_MAX`],
    /// sources first, and counts them.
    pub(crate) fn bound(&mut self) {
        if let Some((end, _)) = self.text.char_indices().nth(Self::LETTERS_MAX) {
            self.text.truncate(end);
            self.text.push('…');
        }
        let total = self.operations.len();
        if total <= Self::OPERATIONS_MAX {
            return;
        }
        let mut proofs_left = Self::OPERATIONS_MAX;
        let proofs = self
            .operations
            .iter()
            .filter(|o| o.role == Role::Proof)
            .count();
        let mut sources_left = Self::OPERATIONS_MAX.saturating_sub(proofs);
        self.operations.retain(|operation| {
            let left = if operation.role == Role::Proof {
                &mut proofs_left
            } else {
                &mut sources_left
            };
            let keep = *left > 0;
            *left = left.saturating_sub(1);
            keep
        });
        self.operations_omitted += total - self.operations.len();
    }
}
