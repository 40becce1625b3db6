//! Where nodes and partitions are, in the words of GridDB's `gs_config` and `gs_partition`.

use hyper::StatusCode;
use kensho_protocol::coordinator::Standing;
use kensho_protocol::ids::{NodeId, PartitionId};
use kensho_protocol::table::{Assignment, Member};
use serde::Serialize;
use serde_json::json;

use super::answer::{self, Answer};
use super::error::Error;
use super::service::Service;
use kensho_protocol::request::Refusal;

/// Where clients reach a node.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Place<'a> {
    name: &'a str,
    address: &'a str,
    port: u16,
    /// The last entry of its log, as far as this node knows it: of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    lsn: Option<u64>,
}

impl<'a> Place<'a> {
    fn of(member: &'a Member) -> Self {
        let (address, port) = member
            .client_address
            .rsplit_once(':')
            .unwrap_or((&member.client_address, ""));
        Place {
            name: &member.name,
            address: address.trim_matches(['[', ']']),
            port: port.parse().unwrap_or_default(),
            lsn: None,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Partition<'a> {
    /// A text, as in the original.
    p_id: String,
    /// Whether somebody owns it who does not count as failed.
    status: &'static str,
    epoch: u64,
    owner: Option<Place<'a>>,
    backup: Vec<Place<'a>>,
    catchup: Vec<Place<'a>>,
    /// The last entry of this node's log of it.
    max_lsn: u64,
}

/// Who is what for each partition.
pub(super) fn partitions(service: &Service) -> Answer {
    let plane = service.data.plane.borrow();
    let view = plane.view();
    let Some(table) = view.table.as_ref().filter(|table| table.born) else {
        return Error::refused(Refusal::NotServing).response();
    };
    let me = plane.me().id;
    let partitions = plane.replicas().map(|replica| {
        let partition: PartitionId = replica.partition();
        let assignment: &Assignment = table.assignment(partition);
        let lsn = replica.log().end().0;
        let place = |node: &NodeId| {
            let place = Place::of(table.members.get(node)?);
            let lsn = (*node == me).then_some(lsn);
            Some(Place { lsn, ..place })
        };
        // Only a master hears of all nodes.
        let failed = view.standing == Standing::Master && !view.alive.contains(&assignment.owner);
        let owner = place(&assignment.owner);
        let backups = assignment
            .in_sync
            .keys()
            .filter(|node| **node != assignment.owner);
        Partition {
            p_id: partition.0.to_string(),
            status: if owner.is_none() || failed {
                "OFF"
            } else {
                "ON"
            },
            epoch: assignment.epoch.0,
            owner,
            backup: backups.filter_map(place).collect(),
            catchup: assignment.catch_ups.iter().filter_map(place).collect(),
            max_lsn: lsn,
        }
    });
    let body = serde_json::to_vec(&partitions.collect::<Vec<_>>()).expect("names are JSON");
    answer::json(StatusCode::OK, body)
}

/// The nodes, and what this one was told. Nothing secret is among it.
pub(super) fn config(service: &Service) -> Answer {
    let plane = service.data.plane.borrow();
    let (view, settings, me) = (plane.view(), plane.settings(), plane.me());
    let table = view.table.as_ref().filter(|table| table.born);
    let master = match view.standing {
        Standing::Electing => None,
        Standing::Master => Some(me.id),
        Standing::Follower(master) => Some(master),
    };
    let members = || table.into_iter().flat_map(|table| table.members.values());
    let followers = members().filter(|member| Some(member.id) != master);
    let own = Place::of(me);
    let protocol = &settings.protocol;
    let body = json!({
        "master": members().find(|member| Some(member.id) == master).map(Place::of),
        "followers": followers.map(Place::of).collect::<Vec<_>>(),
        "self": {
            "name": own.name,
            "address": own.address,
            "port": own.port,
            "status": if view.service { "ACTIVE" } else { "INACTIVE" },
        },
        "settings": {
            "cluster": settings.identity.cluster,
            "partitions": settings.identity.partitions,
            "replicas": protocol.replicas,
            "mode": protocol.mode.name(),
            "durability": protocol.durability.name(),
            "min_in_sync": protocol.min_in_sync,
            "heartbeat_ms": protocol.heartbeat.as_millis(),
            "replace_after_ms": protocol.replace_after.as_millis(),
            "priority": settings.priority,
            "client_listen": settings.client_listen,
            "peer_listen": settings.peer_listen,
            "secret": !settings.secret.is_empty(),
            "users_file": settings.users_file,
            "anonymous": settings.anonymous.map_or("refused", |role| role.name()),
            "data_dir": settings.data_dir,
            "data_limit_bytes": settings.data_limit_bytes,
            "statement_deadline_ms": settings.statement_deadline.as_millis(),
            "request_timeout_ms": settings.limits.request_timeout.as_millis(),
            "body_limit_bytes": settings.limits.body_bytes,
            "key_limit_bytes": settings.limits.key_bytes,
            "statement_limit": settings.limits.statements,
            "client_connection_limit": settings.limits.client_connections,
            "client_connection_limit_by_address": settings.limits.client_connections_by_address,
            "client_buffer_limit_bytes": settings.limits.client_buffer_bytes,
            "stranger_limit": settings.limits.strangers,
            "stranger_limit_by_address": settings.limits.strangers_by_address,
            "peer_queue_limit_bytes": settings.limits.peer_queue_bytes,
            "log": settings.log,
        },
    });
    answer::json(StatusCode::OK, body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let place = |address: &str| {
            let member = Member {
                id: NodeId(1),
                name: "n1".to_owned(),
                client_address: address.to_owned(),
                peer_address: String::new(),
            };
            let place = Place::of(&member);
            (place.address.to_owned(), place.port)
        };
        assert_eq!(place("10.0.0.1:80"), ("10.0.0.1".to_owned(), 80));
        assert_eq!(place("[::1]:80"), ("::1".to_owned(), 80));
        assert_eq!(place("db.example:80"), ("db.example".to_owned(), 80));
    }
}
