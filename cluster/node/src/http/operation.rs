//! How the node and the cluster are.

use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderValue};
use kensho_protocol::coordinator::Standing;
use kensho_protocol::ids::NodeId;
use kensho_protocol::replica::RoleKind;
use kensho_protocol::settings::Mode;
use kensho_protocol::table::{Assignment, Table};
use serde::Serialize;

use super::answer::{self, Answer};
use super::error::Error;
use super::partition_status::PartitionStatus;
use super::service::Service;
use crate::control::notes::name_of;
use crate::data::DataPlane;
use kensho_kernel::View;
use kensho_protocol::request::Refusal;
use kensho_storage::disk::Disk as _;

/// Whether the node is connected to a cluster that serves: 503 if it is not part of a quorum. How long a client
/// would have waited says nothing here.
pub(super) fn check_connection(service: &Service, query: Option<&str>) -> Result<Answer, Error> {
    let parameters = query.unwrap_or_default().split('&');
    for parameter in parameters.filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some(("timeout", seconds)) if seconds.parse::<u32>().is_ok() => {}
            _ => {
                return Err(Error::malformed(format!(
                    "there is no parameter {parameter} here; there is timeout, a number of seconds"
                )));
            }
        }
    }
    let plane = service.data.plane.borrow();
    match no_quorum(&plane) {
        None => Ok(answer::empty(StatusCode::OK)),
        Some(reason) => Err(Error::not_ready(plane.absent().unwrap_or(reason))),
    }
}

#[derive(Serialize)]
struct TableShown<'a> {
    stamp: StampShown,
    master: Option<String>,
    partitions: Vec<PartitionShown<'a>>,
    nodes: Vec<NodeShown<'a>>,
}

#[derive(Serialize)]
struct StampShown {
    term: u64,
    revision: u64,
}

#[derive(Serialize)]
struct PartitionShown<'a> {
    id: usize,
    epoch: u64,
    owner: Option<&'a str>,
    in_sync: Vec<&'a str>,
    catch_up: Vec<&'a str>,
}

#[derive(Serialize)]
struct NodeShown<'a> {
    name: &'a str,
    client: &'a str,
}

/// The committed partition table, with its stamp as ETag.
pub(super) fn table(service: &Service, headers: &HeaderMap) -> Answer {
    let plane = service.data.plane.borrow();
    let view = plane.view();
    let Some(table) = view.table.as_ref().filter(|table| table.born) else {
        return Error::refused(Refusal::NotServing).response();
    };
    let etag = format!("\"{}-{}\"", table.stamp.term, table.stamp.revision);
    let known = headers.get(header::IF_NONE_MATCH);
    let mut answer = if known.is_some_and(|known| *known == etag) {
        answer::empty(StatusCode::NOT_MODIFIED)
    } else {
        let shown = show_table(table, master_name(&plane));
        let body = serde_json::to_vec(&shown).expect("a table is JSON");
        answer::json(StatusCode::OK, body)
    };
    let etag = HeaderValue::try_from(etag).expect("digits");
    answer.headers_mut().insert(header::ETAG, etag);
    answer
}

fn show_table(table: &Table, master: Option<String>) -> TableShown<'_> {
    let name = |node: &NodeId| table.members.get(node).map(|member| member.name.as_str());
    let partitions = table.partitions.iter().enumerate();
    let partitions = partitions.map(|(id, assignment)| PartitionShown {
        id,
        epoch: assignment.epoch.0,
        owner: name(&assignment.owner),
        in_sync: assignment.in_sync.keys().filter_map(name).collect(),
        catch_up: assignment.catch_ups.iter().filter_map(name).collect(),
    });
    let nodes = table.members.values().map(|member| NodeShown {
        name: &member.name,
        client: &member.client_address,
    });
    TableShown {
        stamp: StampShown {
            term: table.stamp.term.0,
            revision: table.stamp.revision.0,
        },
        master,
        partitions: partitions.collect(),
        nodes: nodes.collect(),
    }
}

fn master_name(plane: &DataPlane) -> Option<String> {
    let view = plane.view();
    match view.standing {
        Standing::Electing => None,
        Standing::Master => Some(plane.me().name.clone()),
        Standing::Follower(master) => Some(name_of(master, view.table.as_deref(), plane.me())),
    }
}

/// 200 only if the node is part of a quorum, and serves every partition that it owns.
pub(super) fn ready(service: &Service) -> Answer {
    let plane = service.data.plane.borrow();
    match hindrance(&plane) {
        None => answer::empty(StatusCode::OK),
        Some(reason) => {
            let why = plane.absent();
            Error::not_ready(why.unwrap_or(reason)).response()
        }
    }
}

/// Why the node can serve nothing at all, if so.
fn no_quorum(plane: &DataPlane) -> Option<&'static str> {
    let View { table, service, .. } = plane.view();
    if !service {
        return Some("the node is not part of a quorum");
    }
    let born = table.as_ref().is_some_and(|table| table.born);
    (!born).then_some("the cluster has no partition table yet")
}

fn hindrance(plane: &DataPlane) -> Option<&'static str> {
    if let Some(reason) = no_quorum(plane) {
        return Some(reason);
    }
    let table = plane.view().table.as_ref()?;
    let me = plane.me().id;
    let owned = |partition| table.assignment(partition).owner == me;
    let all = plane
        .replicas()
        .all(|replica| !owned(replica.partition()) || replica.serves());
    if !all {
        return Some("a partition that the node owns is not served yet");
    }
    plane.full().map(
        |_| "the disk is full: the node takes no updates until there is room; /node/stat says more",
    )
}

/// Of all partitions, as far as this node can tell: only a master hears of all nodes.
fn partition_status(plane: &DataPlane) -> PartitionStatus {
    let view = plane.view();
    match &view.table {
        Some(table) if table.born && view.standing == Standing::Master => {
            match hindrance(plane) {
                // One of this node's own partitions is not served.
                Some(_) => PartitionStatus::OwnerLoss,
                None => PartitionStatus::of(table, &view.alive),
            }
        }
        _ => PartitionStatus::Initial,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stat<'a> {
    cluster: ClusterStat<'a>,
    performance: Performance,
    #[serde(rename = "kensho")]
    ours: Ours,
    partitions: Vec<PartitionStat>,
}

/// Field names as in GridDB's `gs_stat`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClusterStat<'a> {
    cluster_name: &'a str,
    cluster_status: &'static str,
    node_status: &'static str,
    node_name: &'a str,
    designated_count: usize,
    active_count: usize,
    partition_num: usize,
    replication_num: usize,
    replication_mode: u8,
    master: Option<String>,
    partition_status: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Performance {
    total_read_operation: u64,
    total_write_operation: u64,
    total_row_num: usize,
    owner_count: usize,
    backup_count: usize,
}

/// What GridDB has no names for.
#[derive(Serialize)]
struct Ours {
    node_id: u32,
    term: u64,
    table_term: u64,
    table_revision: u64,
    refused_busy: u64,
    lost_entries: u64,
    /// See [`View::possible_losses`].
    possible_losses: u64,
    /// Which life of its data this is; another one begins after a crash with durability delayed.
    incarnation: u64,
    checkpoints: u64,
    /// What of the logs is in memory, in bytes.
    log_memory_bytes: u64,
    disk: DiskStat,
    /// How often the node was started from its data folder.
    starts: u64,
    /// How often it was found out that the data folder had been put back from an older copy.
    rolled_back: u64,
    /// Partitions that go on although nobody could tell whether something is lost, since all that were
    /// left had started anew: as this node decided as master, or found itself alone.
    unconfirmed_promotions: u64,
    /// Masters that were refused since their term has another one.
    second_masters: u64,
    /// Whether the node is a member of the cluster, as far as it knows.
    member: bool,
    levelling: LevellingStat,
    door: DoorStat,
    peers: Vec<PeerStat>,
}

/// How roles are levelled (rule M9), by the table that this node knows.
#[derive(Serialize)]
struct LevellingStat {
    /// Whether they are.
    on: bool,
    /// Partitions that are being copied to another node, or have one copy more than they should, since another
    /// one is to be given up.
    moving: usize,
    /// Partitions that are on fewer nodes than they should be.
    short: usize,
}

impl LevellingStat {
    fn of(table: Option<&Table>) -> Self {
        let partitions = table.map_or(&[][..], |table| &table.partitions);
        let wanted = table.map_or(0, |table| {
            usize::from(table.identity.replicas).min(table.members.len())
        });
        let copies = |a: &Assignment| a.in_sync.len() + a.catch_ups.len();
        LevellingStat {
            on: table.is_some_and(|table| table.levelling.on),
            moving: partitions.iter().filter(|a| copies(a) > wanted).count(),
            short: partitions
                .iter()
                .filter(|a| a.in_sync.len() < wanted)
                .count(),
        }
    }
}

/// Who is at the node's listeners. Counted since the node's start.
#[derive(Serialize)]
struct DoorStat {
    /// Connections of clients.
    connections: usize,
    /// What their requests and answers hold in memory, in bytes.
    buffered_bytes: usize,
    /// Connections for which there was no place.
    refused: u64,
    /// Connections that were closed since they were idle or too slow, or to make room for others.
    dismissed: u64,
    /// Connections at the listener for nodes that have not shown the secret.
    strangers: usize,
    /// Those that were closed to make room for others.
    strangers_dismissed: u64,
}

/// The data folder, and the disk that it is on.
#[derive(Serialize)]
struct DiskStat {
    /// Whether there is room for updates.
    room: bool,
    /// Why not.
    full: Option<String>,
    /// How often there was none any more.
    full_count: u64,
    /// What the files of the data folder take, by their lengths.
    used_bytes: Option<u64>,
    /// What they may take (`data_limit_bytes`).
    limit_bytes: Option<u64>,
    /// What is left of that, or of the disk if that is less.
    free_bytes: Option<u64>,
}

#[derive(Serialize)]
struct PeerStat {
    name: String,
    connected: bool,
    dropped: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PartitionStat {
    p_id: u16,
    role: &'static str,
    promised_epoch: u64,
    log_epoch: u64,
    /// The log reaches back to what follows this one; who lacks more needs a data image.
    log_base_lsn: u64,
    lsn: u64,
    commit_lsn: u64,
    durable_lsn: u64,
}

/// The figures of this node; the field names are GridDB's where it has one.
pub(super) fn stat(service: &Service) -> Answer {
    let body = show_stat(service, |stat| serde_json::to_vec(stat));
    answer::json(StatusCode::OK, body.expect("figures are JSON"))
}

/// The same figures for those who want them otherwise, and whether the node is ready.
pub(super) fn figures(service: &Service) -> (serde_json::Value, bool) {
    let figures = show_stat(service, |stat| serde_json::to_value(stat));
    let ready = hindrance(&service.data.plane.borrow()).is_none();
    (figures.expect("figures are JSON"), ready)
}

fn show_stat<T>(service: &Service, show: impl FnOnce(&Stat<'_>) -> T) -> T {
    let plane = service.data.plane.borrow();
    let (settings, view, figures) = (plane.settings(), plane.view(), plane.figures());
    let me = plane.me().id;
    let table = view.table.as_deref().filter(|table| table.born);
    let count = |role: &str| {
        let role_of = |replica| role_of(replica, table, me);
        plane
            .replicas()
            .filter(|replica| role_of(replica) == role)
            .count()
    };
    let peers: Vec<PeerStat> = plane
        .peer_figures()
        .into_iter()
        .map(|(name, connected, dropped)| PeerStat {
            name,
            connected,
            dropped,
        })
        .collect();
    let stat = Stat {
        cluster: ClusterStat {
            cluster_name: &settings.identity.cluster,
            cluster_status: match view.standing {
                Standing::Master => "MASTER",
                Standing::Follower(_) => "FOLLOWER",
                Standing::Electing => "SUB_MASTER",
            },
            node_status: if view.service { "ACTIVE" } else { "INACTIVE" },
            node_name: &settings.name,
            designated_count: table.map_or(settings.members.len().max(1), |t| t.members.len()),
            active_count: 1 + peers.iter().filter(|peer| peer.connected).count(),
            partition_num: plane.replicas().count(),
            replication_num: settings.protocol.replicas,
            replication_mode: match settings.protocol.mode {
                Mode::Async => 0,
                Mode::SemiSync => 1,
            },
            master: master_name(&plane),
            partition_status: partition_status(&plane).name(),
        },
        performance: Performance {
            total_read_operation: figures.reads,
            total_write_operation: figures.updates,
            total_row_num: plane.replicas().map(|replica| replica.state().rows()).sum(),
            owner_count: count("owner"),
            backup_count: count("backup"),
        },
        ours: Ours {
            node_id: me.0,
            term: view.term.0,
            table_term: table.map_or(0, |table| table.stamp.term.0),
            table_revision: table.map_or(0, |table| table.stamp.revision.0),
            refused_busy: figures.refused_busy,
            lost_entries: figures.lost_entries,
            possible_losses: view.possible_losses,
            incarnation: plane
                .replicas()
                .next()
                .map_or(0, |replica| u64::from(replica.incarnation().0)),
            checkpoints: figures.checkpoints,
            log_memory_bytes: plane.log_memory_bytes(),
            disk: DiskStat {
                room: plane.full().is_none(),
                full: plane.full().map(ToString::to_string),
                full_count: figures.full_disk,
                used_bytes: plane.disk().used_bytes().ok(),
                limit_bytes: settings.data_limit_bytes,
                free_bytes: plane.disk().clone().free_bytes().ok(),
            },
            starts: plane.hello().ours.life().counter,
            rolled_back: figures.rolled_back,
            unconfirmed_promotions: figures.unwitnessed + view.unconfirmed_promotions,
            second_masters: view.second_masters,
            levelling: LevellingStat::of(table),
            member: table.is_some_and(|table| table.members.contains_key(&me)),
            door: {
                let guests = service.guests.figures();
                let (strangers, strangers_dismissed) = service.entrance.strangers.figures();
                DoorStat {
                    connections: guests.connections,
                    buffered_bytes: guests.buffered_bytes,
                    refused: guests.refused,
                    dismissed: guests.dismissed,
                    strangers,
                    strangers_dismissed,
                }
            },
            peers,
        },
        partitions: plane
            .replicas()
            .map(|replica| PartitionStat {
                p_id: replica.partition().0,
                role: role_of(replica, table, me),
                promised_epoch: replica.promised().0,
                log_epoch: replica.log_epoch().0,
                log_base_lsn: replica.log().base().lsn.0,
                lsn: replica.log().end().0,
                commit_lsn: replica.commit().0,
                durable_lsn: replica.durable().0,
            })
            .collect(),
    };
    show(&stat)
}

fn role_of(
    replica: &kensho_protocol::replica::Replica<kensho_storage::tables::Tables>,
    table: Option<&Table>,
    me: NodeId,
) -> &'static str {
    match replica.role() {
        RoleKind::Serving => return "owner",
        RoleKind::Comparing => return "owner, comparing",
        RoleKind::Syncing | RoleKind::Entering | RoleKind::Renewing => return "owner, not serving",
        RoleKind::Follower => {}
    }
    let Some(assignment) = table.map(|table| table.assignment(replica.partition())) else {
        return "none";
    };
    if assignment.in_sync.contains_key(&me) {
        "backup"
    } else if assignment.catch_ups.contains(&me) {
        "catch-up"
    } else {
        "none"
    }
}
