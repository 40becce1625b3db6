//! The node's figures as Prometheus reads them (text format 0.0.4). They are those of `/node/stat`, under
//! names that stay.

use std::fmt::Write as _;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::header::{self, HeaderValue};
use serde_json::Value;

use super::answer::Answer;
use super::operation;
use super::service::Service;

/// A figure: its name, kind and meaning, and where it stands in `/node/stat`.
struct Metric(&'static str, Kind, &'static str, &'static str);

#[derive(Clone, Copy)]
enum Kind {
    /// It goes up and down.
    Gauge,
    /// It counts since the node's start.
    Counter,
}

use Kind::{Counter, Gauge};

const METRICS: [Metric; 37] = [
    Metric(
        "kensho_reads_total",
        Counter,
        "Reads that this node answered",
        "/performance/totalReadOperation",
    ),
    Metric(
        "kensho_updates_total",
        Counter,
        "Updates that this node answered",
        "/performance/totalWriteOperation",
    ),
    Metric(
        "kensho_refused_busy_total",
        Counter,
        "Statements refused since too much was to be done",
        "/kensho/refused_busy",
    ),
    Metric(
        "kensho_rows",
        Gauge,
        "Rows that this node holds, as owner or not",
        "/performance/totalRowNum",
    ),
    Metric(
        "kensho_partitions_owned",
        Gauge,
        "Partitions that this node owns and serves",
        "/performance/ownerCount",
    ),
    Metric(
        "kensho_partitions_backed_up",
        Gauge,
        "Partitions of which this node is a backup",
        "/performance/backupCount",
    ),
    Metric(
        "kensho_partitions",
        Gauge,
        "Partitions of the cluster",
        "/cluster/partitionNum",
    ),
    Metric(
        "kensho_members",
        Gauge,
        "Members of the cluster",
        "/cluster/designatedCount",
    ),
    Metric(
        "kensho_members_connected",
        Gauge,
        "Members that this node is connected to, itself included",
        "/cluster/activeCount",
    ),
    Metric(
        "kensho_member",
        Gauge,
        "Whether this node is a member",
        "/kensho/member",
    ),
    Metric(
        "kensho_levelling",
        Gauge,
        "Whether roles are levelled",
        "/kensho/levelling/on",
    ),
    Metric(
        "kensho_partitions_moving",
        Gauge,
        "Partitions that are moving from one node to another",
        "/kensho/levelling/moving",
    ),
    Metric(
        "kensho_partitions_short",
        Gauge,
        "Partitions that are on fewer nodes than they should be",
        "/kensho/levelling/short",
    ),
    Metric(
        "kensho_term",
        Gauge,
        "The present term: it counts elections",
        "/kensho/term",
    ),
    Metric(
        "kensho_table_revision",
        Gauge,
        "Changes of the partition table within its term",
        "/kensho/table_revision",
    ),
    Metric(
        "kensho_lost_entries_total",
        Counter,
        "Updates that were acknowledged and are lost (mode async)",
        "/kensho/lost_entries",
    ),
    Metric(
        "kensho_possible_losses_total",
        Counter,
        "Partitions that got an owner although acknowledged updates may be lost",
        "/kensho/possible_losses",
    ),
    Metric(
        "kensho_unconfirmed_promotions_total",
        Counter,
        "Partitions that went on though nobody could tell whether something is lost",
        "/kensho/unconfirmed_promotions",
    ),
    Metric(
        "kensho_rolled_back_total",
        Counter,
        "Times that the data folder was found put back from an older copy",
        "/kensho/rolled_back",
    ),
    Metric(
        "kensho_second_masters_total",
        Counter,
        "Second masters of one term that were refused",
        "/kensho/second_masters",
    ),
    Metric(
        "kensho_starts_total",
        Counter,
        "Starts from the data folder",
        "/kensho/starts",
    ),
    Metric(
        "kensho_checkpoints_total",
        Counter,
        "Checkpoints of partitions",
        "/kensho/checkpoints",
    ),
    Metric(
        "kensho_log_memory_bytes",
        Gauge,
        "Update logs in memory",
        "/kensho/log_memory_bytes",
    ),
    Metric(
        "kensho_disk_room",
        Gauge,
        "Whether there is room for updates on the disk",
        "/kensho/disk/room",
    ),
    Metric(
        "kensho_disk_full_total",
        Counter,
        "Times that there was none any more",
        "/kensho/disk/full_count",
    ),
    Metric(
        "kensho_disk_used_bytes",
        Gauge,
        "Files of the data folder",
        "/kensho/disk/used_bytes",
    ),
    Metric(
        "kensho_disk_limit_bytes",
        Gauge,
        "What they may take (data_limit_bytes)",
        "/kensho/disk/limit_bytes",
    ),
    Metric(
        "kensho_disk_free_bytes",
        Gauge,
        "What is left of that, or of the disk",
        "/kensho/disk/free_bytes",
    ),
    Metric(
        "kensho_client_connections",
        Gauge,
        "Connections of clients",
        "/kensho/door/connections",
    ),
    Metric(
        "kensho_client_buffered_bytes",
        Gauge,
        "What requests and answers of clients hold in memory",
        "/kensho/door/buffered_bytes",
    ),
    Metric(
        "kensho_client_connections_refused_total",
        Counter,
        "Connections for which there was no place",
        "/kensho/door/refused",
    ),
    Metric(
        "kensho_client_connections_dismissed_total",
        Counter,
        "Connections closed since they were idle or slow, or for others",
        "/kensho/door/dismissed",
    ),
    Metric(
        "kensho_strangers",
        Gauge,
        "Connections at the listener for nodes without the secret",
        "/kensho/door/strangers",
    ),
    Metric(
        "kensho_strangers_dismissed_total",
        Counter,
        "Those closed for others",
        "/kensho/door/strangers_dismissed",
    ),
    Metric(
        "kensho_replicas",
        Gauge,
        "Nodes that are to hold each partition",
        "/cluster/replicationNum",
    ),
    Metric(
        "kensho_node_id",
        Gauge,
        "The identity of the node",
        "/kensho/node_id",
    ),
    Metric(
        "kensho_table_term",
        Gauge,
        "The term of the partition table",
        "/kensho/table_term",
    ),
];

/// All figures.
pub(super) fn show(service: &Service) -> Answer {
    let (stat, ready) = operation::figures(service);
    let mut answer = Response::new(Full::new(Bytes::from(text(&stat, ready))));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}

fn text(stat: &Value, ready: bool) -> String {
    let mut text = String::new();
    let head = |text: &mut String, name: &str, kind: &str, help: &str| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    };
    let is = |name: &str, value: &str| stat["cluster"][name] == value;
    let states = [
        (
            "kensho_ready",
            ready,
            "Whether the node serves every partition that it owns",
        ),
        (
            "kensho_in_quorum",
            is("nodeStatus", "ACTIVE"),
            "Whether the node is part of a quorum",
        ),
        (
            "kensho_master",
            is("clusterStatus", "MASTER"),
            "Whether the node is master",
        ),
    ];
    for (name, value, help) in states {
        head(&mut text, name, "gauge", help);
        let _ = writeln!(text, "{name} {}", u8::from(value));
    }
    for Metric(name, kind, help, place) in METRICS {
        let value = match stat.pointer(place) {
            Some(Value::Bool(value)) => u8::from(*value).to_string(),
            Some(Value::Number(value)) => value.to_string(),
            // It is not known at the moment.
            _ => continue,
        };
        let kind = match kind {
            Gauge => "gauge",
            Counter => "counter",
        };
        head(&mut text, name, kind, help);
        let _ = writeln!(text, "{name} {value}");
    }
    let entries = [
        (
            "kensho_partition_lsn",
            "lsn",
            "The last entry of the partition's log",
        ),
        (
            "kensho_partition_commit_lsn",
            "commitLsn",
            "The last entry known to be committed",
        ),
    ];
    let partitions = stat["partitions"].as_array().map_or(&[][..], Vec::as_slice);
    for (name, field, help) in entries {
        head(&mut text, name, "gauge", help);
        for partition in partitions {
            let (id, role) = (
                &partition["pId"],
                partition["role"].as_str().unwrap_or_default(),
            );
            let value = &partition[field];
            let _ = writeln!(text, "{name}{{partition=\"{id}\",role=\"{role}\"}} {value}");
        }
    }
    head(
        &mut text,
        "kensho_peer_connected",
        "gauge",
        "Whether the node is connected to this one",
    );
    let peers = stat["kensho"]["peers"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    for peer in peers {
        // Names of nodes are plain.
        let name = peer["name"].as_str().unwrap_or_default();
        let connected = u8::from(peer["connected"] == true);
        let _ = writeln!(text, "kensho_peer_connected{{peer=\"{name}\"}} {connected}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn figures_are_told_with_kind_and_meaning() {
        let stat = json!({
            "cluster": {"nodeStatus": "ACTIVE", "clusterStatus": "FOLLOWER", "partitionNum": 8},
            "performance": {"totalReadOperation": 7},
            "kensho": {"disk": {"room": true, "limit_bytes": null},
                "peers": [{"name": "n2", "connected": false}]},
            "partitions": [{"pId": 3, "role": "owner", "lsn": 9, "commitLsn": 8}],
        });
        let text = text(&stat, false);
        for line in [
            "# TYPE kensho_reads_total counter",
            "kensho_reads_total 7",
            "# TYPE kensho_partitions gauge",
            "kensho_partitions 8",
            "kensho_ready 0",
            "kensho_in_quorum 1",
            "kensho_master 0",
            "kensho_disk_room 1",
            "kensho_partition_lsn{partition=\"3\",role=\"owner\"} 9",
            "kensho_partition_commit_lsn{partition=\"3\",role=\"owner\"} 8",
            "kensho_peer_connected{peer=\"n2\"} 0",
        ] {
            assert!(text.lines().any(|told| told == line), "{line} in {text}");
        }
        assert!(!text.contains("kensho_disk_limit_bytes"), "nobody knows it");
    }

    #[test]
    fn names_are_those_of_their_kinds_and_stand_once() {
        let mut names: Vec<&str> = METRICS.iter().map(|metric| metric.0).collect();
        for Metric(name, kind, ..) in METRICS {
            assert!(name.starts_with("kensho_"), "{name}");
            assert_eq!(name.ends_with("_total"), matches!(kind, Counter), "{name}");
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), METRICS.len());
    }
}
