//! The replica's data: state, outcomes, and how far the log has been executed.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::lineage::Lineage;
use crate::apply::{Apply, ImageError};
use crate::ids::{Lsn, Position};
use crate::log::{Entry, Log};
use crate::outcomes::Outcomes;
use crate::request::RequestId;
use crate::rule::Rule;
use crate::settings::Settings;

/// State and outcomes after all entries up to `applied`. What is above `commit` can be taken back
/// (rule R12): in semi-sync there is no such entry, in async the owner runs ahead.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Data<A: Apply> {
    pub(super) state: A,
    pub(super) outcomes: Outcomes,
    pub(super) applied: Lsn,
    pub(super) commit: Lsn,
    /// Whose entries are committed where.
    pub(super) lineage: Lineage,
    /// How to take the entries above `commit` back, in log order.
    undo: Vec<(Position, Option<RequestId>, A::Undo)>,
}

/// A data image (rule R12): rows, outcomes and the place in the log that they stand for. Behind it stands
/// the lineage.
#[derive(Deserialize)]
struct Image {
    at: Position,
    outcomes: Outcomes,
    state: Bytes,
}

/// The same as it is written: without a copy of the outcomes.
#[derive(Serialize)]
struct ImageOf<'a> {
    at: Position,
    outcomes: &'a Outcomes,
    state: Bytes,
}

impl<A: Apply> Data<A> {
    /// No data, before the first entry.
    pub(super) fn empty() -> Self {
        Data {
            state: A::default(),
            outcomes: Outcomes::default(),
            applied: Lsn(0),
            commit: Lsn(0),
            lineage: Lineage::default(),
            undo: Vec::new(),
        }
    }

    /// The data that an image stands for, and its place in the log.
    pub(super) fn restore(image: &Bytes) -> Result<(Position, Self), ImageError> {
        let wrong = |error: postcard::Error| ImageError(error.to_string());
        let (image, rest) = postcard::take_from_bytes(image).map_err(wrong)?;
        let Image {
            at,
            outcomes,
            state,
        } = image;
        let state = A::restore(&state)?;
        // An image that was made before there was a lineage ends here.
        let lineage = match rest {
            [] => Lineage::after(at),
            rest => postcard::from_bytes(rest).map_err(wrong)?,
        };
        let data = Data {
            state,
            outcomes,
            applied: at.lsn,
            commit: at.lsn,
            lineage,
            undo: Vec::new(),
        };
        Ok((at, data))
    }

    /// The committed data as an image. What runs ahead is taken back for the moment.
    pub(super) fn image(&mut self, log: &Log, settings: &Settings) -> (Position, Bytes) {
        let ahead = self.applied;
        self.take_back(self.commit);
        let at = log
            .position(self.commit)
            .expect("the log reaches down to the commit mark");
        let none = Outcomes::default();
        let lost = settings.rules.broken(Rule::DedupLostInImage);
        let image = ImageOf {
            at,
            outcomes: if lost { &none } else { &self.outcomes },
            state: self.state.image(),
        };
        let bytes = postcard::to_stdvec(&image)
            .and_then(|bytes| postcard::to_extend(&self.lineage, bytes))
            .expect("an image of plain data can be encoded");
        for entry in log
            .above(self.commit)
            .take_while(|entry| entry.at.lsn <= ahead)
        {
            self.apply(entry);
        }
        (at, bytes.into())
    }

    /// Executes one entry and keeps the means to take it back.
    pub(super) fn apply(&mut self, entry: &Entry) -> Bytes {
        assert_eq!(
            entry.at.lsn,
            self.applied.next(),
            "entries are executed in log order"
        );
        let (outcome, undo) = self.state.apply(entry.at, &entry.statement);
        if let Some(request) = entry.request {
            self.outcomes.insert(request, entry.at, &outcome);
        }
        let id = entry.request.map(|request| request.id);
        self.undo.push((entry.at, id, undo));
        self.applied = entry.at.lsn;
        outcome
    }

    /// Executes what of the log up to `lsn` was not executed yet, and commits all of that; `executed` is
    /// told what came of each entry, with the state just after it. One by one: what is executed ahead of the commit mark makes it more
    /// work to forget.
    pub(super) fn execute_and_commit(
        &mut self,
        log: &Log,
        lsn: Lsn,
        settings: &Settings,
        mut executed: impl FnMut(&A, &Entry, Bytes),
    ) {
        self.commit(lsn.min(self.applied), settings);
        while let Some(entry) = log.get(self.applied.next())
            && entry.at.lsn <= lsn
        {
            let outcome = self.apply(entry);
            executed(&self.state, entry, outcome);
            self.commit(entry.at.lsn, settings);
        }
    }

    /// What is applied up to `lsn` is committed: it will never be taken back.
    pub(super) fn commit(&mut self, lsn: Lsn, settings: &Settings) {
        assert!(
            self.commit <= lsn && lsn <= self.applied,
            "only what is applied can be committed"
        );
        let count = usize::try_from(lsn.0 - self.commit.0).expect("an undo list fits in memory");
        for (at, id, _) in self.undo.drain(..count) {
            self.lineage.committed(at);
            if let Some(id) = id {
                self.outcomes.commit(id, at, &settings.outcomes);
            }
        }
        self.commit = lsn;
    }

    /// Takes back what was applied above `keep`, which must not be below the commit mark.
    pub(super) fn take_back(&mut self, keep: Lsn) {
        assert!(
            keep >= self.commit,
            "what was committed is never taken back"
        );
        while self.applied > keep {
            let (_, id, undo) = self
                .undo
                .pop()
                .expect("what is not committed can be taken back");
            self.state.undo(undo);
            if let Some(id) = id {
                self.outcomes.remove(id);
            }
            self.applied = Lsn(self.applied.0 - 1);
        }
    }
}
