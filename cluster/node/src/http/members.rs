//! Who belongs to the cluster: a node joins it, or is to leave it (requirement A12); and going on without
//! nodes that are missing (rule R14).
//!
//! Both are requests only: they are answered when somebody has taken them, and `/cluster/table` says
//! when it is done. A new master does not know of them; whoever wants it asks again.

use hyper::StatusCode;
use kensho_protocol::coordinator::Standing;
use kensho_protocol::ids::NodeId;
use kensho_protocol::request::Refusal;
use serde::Deserialize;
use tokio::sync::oneshot;

use super::answer::{self, Answer};
use super::error::Error;
use super::headers;
use super::service::{Asked, Kind, Service};
use crate::control::Heard;
use crate::settings::MemberSetting;

/// The body of `POST /node/join`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Join {
    /// Members of the cluster that the node is to join.
    through: Vec<MemberSetting>,
}

/// The body of `POST /node/leave`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Leave {
    /// The member that is to leave.
    name: String,
}

/// Who has to take a request about members.
pub(super) enum Master {
    /// This node.
    Here,
    /// The node that clients reach at this address.
    There(String),
}

/// This node is to join the cluster of the members that the body names.
pub(super) async fn join(service: &Service, asked: &Asked) -> Result<Answer, Error> {
    let Join { through } = serde_json::from_slice(&asked.body).map_err(|error| {
        Error::malformed(format!(
            "write the body as {{\"through\": [{{\"name\": \"n1\", \"peer\": \"host:port\"}}]}}: {error}"
        ))
    })?;
    report(service, Heard::Join(through)).await?;
    Ok(answer::empty(StatusCode::ACCEPTED))
}

/// The member that the body names is to leave the cluster. 204 if it is none (any more).
pub(super) async fn leave(service: &Service, asked: &Asked) -> Result<Answer, Error> {
    let Leave { name } = serde_json::from_slice(&asked.body).map_err(|error| {
        Error::malformed(format!("write the body as {{\"name\": \"n1\"}}: {error}"))
    })?;
    let (member, master) = find(service, &name)?;
    let node = match (member, master) {
        (_, Master::There(_)) if !headers::may_be_forwarded(&asked.headers) => {
            return Err(Refusal::NotServing.into());
        }
        (_, Master::There(address)) => return service.forward(&address, asked, Kind::Update).await,
        (None, Master::Here) => return Ok(answer::empty(StatusCode::NO_CONTENT)),
        (Some(node), Master::Here) => node,
    };
    let (answer, answered) = oneshot::channel();
    report(service, Heard::Remove { node, answer }).await?;
    match answered.await {
        Ok(None) => Ok(answer::empty(StatusCode::ACCEPTED)),
        Ok(Some(why)) => Err(Error::member_kept(&name, why)),
        Err(_) => Err(Refusal::NotServing.into()),
    }
}

/// Partitions that wait for nodes which may have more are to go on without them (rule R14). Whether that
/// loses something, nobody can tell; the log and `/node/stat` of the master say for which it was done.
pub(super) async fn fail_over(service: &Service, asked: &Asked) -> Result<Answer, Error> {
    if !asked.body.is_empty() {
        let message = "leave the body empty: it is for all partitions that wait";
        return Err(Error::malformed(message));
    }
    match master(service)? {
        Master::There(_) if !headers::may_be_forwarded(&asked.headers) => {
            Err(Refusal::NotServing.into())
        }
        Master::There(address) => service.forward(&address, asked, Kind::Update).await,
        Master::Here => {
            report(service, Heard::Force).await?;
            Ok(answer::empty(StatusCode::ACCEPTED))
        }
    }
}

/// The member of this name, if there is one, and the master.
pub(super) fn find(service: &Service, name: &str) -> Result<(Option<NodeId>, Master), Error> {
    let master = master(service)?;
    let plane = service.data.plane.borrow();
    let table = plane.view().table.as_ref();
    let mut members = table.into_iter().flat_map(|table| table.members.values());
    let found = members.find(|member| member.name == name);
    Ok((found.map(|member| member.id), master))
}

/// The master, if this node knows it.
pub(super) fn master(service: &Service) -> Result<Master, Error> {
    let plane = service.data.plane.borrow();
    let view = plane.view();
    let Some(table) = view.table.as_ref().filter(|table| table.born) else {
        return Err(Refusal::NotServing.into());
    };
    let master = match view.standing {
        Standing::Electing => None,
        Standing::Master => Some(Master::Here),
        Standing::Follower(master) => {
            let member = table.members.get(&master);
            member.map(|member| Master::There(member.client_address.clone()))
        }
    };
    master.ok_or_else(|| Refusal::NotServing.into())
}

/// Tells the coordinator.
pub(super) async fn report(service: &Service, heard: Heard) -> Result<(), Error> {
    let reports = service.data.plane.borrow().reports();
    let told = reports.send(heard).await;
    told.map_err(|_| Refusal::NotServing.into())
}
