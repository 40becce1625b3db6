//! How roles are levelled (rule M9): what the master is going to do, whether it does, and what a person wishes
//! besides. Requests are answered when the master has taken them; the table says when it is done.

use hyper::StatusCode;
use kensho_protocol::coordinator::plan::Step;
use kensho_protocol::ids::{NodeId, PartitionId};
use kensho_protocol::request::Refusal;
use kensho_protocol::settings::Levelling;
use kensho_protocol::table::Table;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::answer::{self, Answer};
use super::error::Error;
use super::headers;
use super::members::{self, Master};
use super::service::{Asked, Kind, Service};
use crate::control::Heard;

/// The body of `POST /cluster/levelling`; what is not named stays as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    on: Option<bool>,
    copies_at_once: Option<usize>,
    hand_overs_at_once: Option<usize>,
}

/// The body of `POST /cluster/move`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    partition: u16,
    /// The member's name.
    to: String,
}

#[derive(Serialize)]
struct PlanShown<'a> {
    levelling: Levelling,
    steps: Vec<StepShown<'a>>,
}

#[derive(Serialize)]
struct StepShown<'a> {
    step: &'static str,
    partition: u16,
    from: Option<&'a str>,
    to: Option<&'a str>,
}

/// Whoever is master answers; a node that is not passes it on. `None`: this one is.
async fn elsewhere(service: &Service, asked: &Asked, kind: Kind) -> Option<Result<Answer, Error>> {
    match members::master(service) {
        Ok(Master::Here) => None,
        Ok(Master::There(_)) if !headers::may_be_forwarded(&asked.headers) => {
            Some(Err(Refusal::NotServing.into()))
        }
        Ok(Master::There(address)) => Some(service.forward(&address, asked, kind).await),
        Err(error) => Some(Err(error)),
    }
}

/// All steps until roles are level, as it looks to the master now.
pub(super) async fn plan(service: &Service, asked: &Asked) -> Result<Answer, Error> {
    if let Some(answer) = elsewhere(service, asked, Kind::Read).await {
        return answer;
    }
    let (answer, answered) = oneshot::channel();
    members::report(service, Heard::Plan(answer)).await?;
    let steps = answered.await.map_err(|_| Refusal::NotServing)?;
    let plane = service.data.plane.borrow();
    let table = plane.view().table.as_ref().ok_or(Refusal::NotServing)?;
    let shown = PlanShown {
        levelling: table.levelling,
        steps: steps.iter().map(|step| show(*step, table)).collect(),
    };
    let body = serde_json::to_vec(&shown).expect("a plan is JSON");
    Ok(answer::json(StatusCode::OK, body))
}

fn show(step: Step, table: &Table) -> StepShown<'_> {
    let name = |node: NodeId| table.members.get(&node).map(|member| member.name.as_str());
    let partition = step.partition().0;
    let (step, from, to) = match step {
        Step::HandOver { from, to, .. } => ("hand-over", from, Some(to)),
        Step::Copy { from, to, .. } => ("copy", from, Some(to)),
        Step::Drop { from, .. } => ("drop", from, None),
    };
    StepShown {
        step,
        partition,
        from: name(from),
        to: to.and_then(name),
    }
}

/// Roles are levelled in another way from now on, or not any more.
pub(super) async fn set(service: &Service, asked: &Asked) -> Result<Answer, Error> {
    let example = r#"{"on": true, "copies_at_once": 2, "hand_overs_at_once": 2}"#;
    let set: Set = serde_json::from_slice(&asked.body).map_err(|error| {
        Error::malformed(format!(
            "write the body as {example}, or a part of it: {error}"
        ))
    })?;
    if let Some(answer) = elsewhere(service, asked, Kind::Update).await {
        return answer;
    }
    let before = {
        let plane = service.data.plane.borrow();
        let table = plane.view().table.as_ref().ok_or(Refusal::NotServing)?;
        table.levelling
    };
    let levelling = Levelling {
        on: set.on.unwrap_or(before.on),
        copies_at_once: set.copies_at_once.unwrap_or(before.copies_at_once),
        hand_overs_at_once: set.hand_overs_at_once.unwrap_or(before.hand_overs_at_once),
    };
    if levelling.copies_at_once == 0 || levelling.hand_overs_at_once == 0 {
        let message = "at least one at a time: to have none, set \"on\" to false";
        return Err(Error::malformed(message));
    }
    members::report(service, Heard::Level(levelling)).await?;
    Ok(answer::empty(StatusCode::ACCEPTED))
}

/// A member is to own a partition.
pub(super) async fn move_partition(service: &Service, asked: &Asked) -> Result<Answer, Error> {
    let Move { partition, to } = serde_json::from_slice(&asked.body).map_err(|error| {
        let example = r#"{"partition": 3, "to": "n4"}"#;
        Error::malformed(format!("write the body as {example}: {error}"))
    })?;
    if partition >= service.partitions() {
        let message = format!(
            "there is no partition {partition}: the last one is {}",
            service.partitions() - 1
        );
        return Err(Error::malformed(message));
    }
    if let Some(answer) = elsewhere(service, asked, Kind::Update).await {
        return answer;
    }
    let (member, _) = members::find(service, &to)?;
    let Some(node) = member else {
        return Err(Error::malformed(format!(
            "{to} is no member of the cluster"
        )));
    };
    let alive = service.data.plane.borrow().view().alive.contains(&node);
    if !alive {
        return Err(Error::malformed(format!("{to} does not answer the master")));
    }
    let partition = PartitionId(partition);
    members::report(
        service,
        Heard::Move {
            partition,
            to: node,
        },
    )
    .await?;
    Ok(answer::empty(StatusCode::ACCEPTED))
}
