//! How nodes introduce themselves, and whom they take.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard};

use hyper::header::HeaderMap;
use kensho_protocol::ids::{Life, NodeId};
use kensho_protocol::table::{Member, Table};
use serde::{Deserialize, Serialize};

use crate::settings::Settings;

/// Changes when nodes of two versions could not understand each other.
pub(super) const FORMAT: u32 = 7;
/// Refusals that are remembered as logged.
const LOGGED_MAX: usize = 1_000;

/// What a node says of itself, in both directions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Introduction {
    format: u32,
    cluster: String,
    partitions: u16,
    replicas: u8,
    heartbeat_ms: u128,
    mode: String,
    outcomes: String,
    /// Which start of the node this is (rule R14): how many there were from its data folder, and what
    /// was drawn at this one.
    start: u64,
    nonce: String,
    #[serde(flatten)]
    pub(crate) member: Member,
}

impl Introduction {
    pub(crate) fn new(settings: &Settings, member: Member, life: Life) -> Self {
        Introduction {
            format: FORMAT,
            cluster: settings.identity.cluster.clone(),
            partitions: settings.identity.partitions,
            replicas: settings.identity.replicas,
            heartbeat_ms: settings.protocol.heartbeat.as_millis(),
            mode: settings.protocol.mode.name().to_owned(),
            outcomes: settings.identity.outcomes.to_string(),
            start: life.counter,
            nonce: format!("{:032x}", life.nonce),
            member,
        }
    }

    /// Which start of the node it is.
    pub(crate) fn life(&self) -> Life {
        Life {
            counter: self.start,
            nonce: u128::from_str_radix(&self.nonce, 16).unwrap_or_default(),
        }
    }

    /// Why `ours` takes no part in a cluster with this node, if so.
    fn difference(&self, ours: &Introduction) -> Option<String> {
        let pairs = [
            ("cluster", self.cluster.clone(), ours.cluster.clone()),
            (
                "partitions",
                self.partitions.to_string(),
                ours.partitions.to_string(),
            ),
            (
                "replicas",
                self.replicas.to_string(),
                ours.replicas.to_string(),
            ),
            (
                "heartbeat_ms",
                self.heartbeat_ms.to_string(),
                ours.heartbeat_ms.to_string(),
            ),
            ("mode", self.mode.clone(), ours.mode.clone()),
            (
                "limits of outcomes",
                self.outcomes.clone(),
                ours.outcomes.clone(),
            ),
        ];
        let (name, (me, id)) = (&self.member.name, (&ours.member.name, self.member.id));
        if let Some((what, theirs, ours)) = pairs.iter().find(|(_, theirs, ours)| theirs != ours) {
            return Some(format!(
                "node {name} has {what} {theirs}, but node {me} has {what} {ours}: \
                 give both the same, or let them not be members of each other"
            ));
        }
        if (id == ours.member.id) != (name == me) {
            return Some(format!(
                "node {name} has identity {id}, and node {me} has identity {}: names and data \
                 folders must not be shared or copied",
                ours.member.id
            ));
        }
        None
    }
}

/// What a node goes by when it meets another.
pub(crate) struct Hello {
    pub(crate) ours: Introduction,
    authorization: String,
    logged: Mutex<HashSet<String>>,
    known: Mutex<Known>,
}

/// What is known of the others.
#[derive(Default)]
struct Known {
    /// The members of the cluster, as the last committed table has them.
    members: BTreeMap<String, NodeId>,
    /// The processes that this node is connected to.
    connected: HashMap<NodeId, Life>,
    /// Why there is no connection to a node.
    troubles: BTreeMap<String, String>,
}

impl Hello {
    pub(crate) fn new(ours: Introduction, secret: &str) -> Self {
        Hello {
            ours,
            authorization: bearer(secret),
            logged: Mutex::default(),
            known: Mutex::default(),
        }
    }

    /// What to send along, to show that this node knows the secret.
    pub(crate) fn authorization(&self) -> &str {
        &self.authorization
    }

    /// Whether whoever sent these headers knows the secret.
    pub(crate) fn is_authorized(&self, headers: &HeaderMap) -> bool {
        headers
            .get(hyper::header::AUTHORIZATION)
            .is_some_and(|given| {
                equal_in_constant_time(given.as_bytes(), self.authorization.as_bytes())
            })
    }

    /// The other node, or why this one does not work with it.
    pub(crate) fn judge(&self, body: &[u8]) -> Result<Introduction, String> {
        self.judge_format(body)?;
        let theirs: Introduction = serde_json::from_slice(body).map_err(not_understood)?;
        let difference = theirs.difference(&self.ours);
        match difference.or_else(|| self.taken(&theirs.member)) {
            Some(refusal) => Err(refusal),
            None => Ok(theirs),
        }
    }

    /// Looks at the format before anything else: what else is said, and how, depends on it.
    fn judge_format(&self, body: &[u8]) -> Result<(), String> {
        let theirs: Version = serde_json::from_slice(body).map_err(not_understood)?;
        if theirs.format == FORMAT {
            return Ok(());
        }
        let name = theirs
            .name
            .unwrap_or_else(|| "of an unknown name".to_owned());
        let (format, me) = (theirs.format, &self.ours.member.name);
        Err(format!(
            "node {name} has message format {format}, but node {me} has message format {FORMAT}: run the \
             same version of kensho-node on both"
        ))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("nobody panicked")
    }

    /// The members of the cluster, from now on.
    pub(crate) fn know_members(&self, table: &Table) {
        let members = table.members.values();
        self.known().members = members.map(|m| (m.name.clone(), m.id)).collect();
    }

    /// A name belongs to one node: why another one that goes by it is refused.
    fn taken(&self, theirs: &Member) -> Option<String> {
        let (name, id) = (&theirs.name, theirs.id);
        let known = self.known();
        let holder = known.members.get(name).filter(|holder| **holder != id)?;
        let Introduction {
            cluster, member, ..
        } = &self.ours;
        let mut text = format!(
            "the name {name} belongs to the member with identity {holder} of cluster {cluster}, and this \
             node has identity {id}: if {name} runs elsewhere, give this node another name; if the data \
             folder of {name} is lost, have the lost member removed by curl -X POST \
             http://{}/node/leave -d '{{\"name\": \"{name}\"}}' and, when /cluster/table no longer lists \
             it, start {name} with --join {}={} instead of --member",
            member.client_address, member.name, member.peer_address
        );
        if known.members.len() == 2 {
            text.push_str(
                "; of two members none can remove the other while it is lost: begin a new cluster, and copy \
                 the rows that the one left still holds",
            );
        }
        Some(text)
    }

    /// This node is connected to a process, or not any more.
    pub(crate) fn connected(&self, node: NodeId, name: &str, life: Option<Life>) {
        let mut known = self.known();
        match life {
            Some(life) => {
                known.troubles.remove(name);
                known.connected.insert(node, life)
            }
            None => known.connected.remove(&node),
        };
    }

    /// The process of `node` that this node is connected to.
    pub(crate) fn process_of(&self, node: NodeId) -> Option<Life> {
        self.known().connected.get(&node).copied()
    }

    /// There is no connection to the node `name`.
    pub(crate) fn no_connection(&self, name: &str, address: &str, why: &str) {
        let text = format!("{name} at {address}: {why}");
        self.known().troubles.insert(name.to_owned(), text);
    }

    /// Why there is no connection to the node `name`; nothing if there is one.
    pub(crate) fn trouble(&self, name: &str) -> Option<String> {
        self.known().troubles.get(name).cloned()
    }

    /// Whether this should be logged: not if it was before, since a refused node tries again.
    pub(crate) fn is_news(&self, refusal: &str) -> bool {
        let mut logged = self.logged.lock().expect("nobody panicked");
        if logged.len() >= LOGGED_MAX {
            logged.clear();
        }
        logged.insert(refusal.to_owned())
    }
}

/// What an introduction of any version says.
#[derive(Deserialize)]
struct Version {
    format: u32,
    name: Option<String>,
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err hands it over")]
fn not_understood(error: serde_json::Error) -> String {
    format!("the introduction is not understood: {error}")
}

/// A secret may be of any characters, or none; a header may not.
fn bearer(secret: &str) -> String {
    use std::fmt::Write;
    let mut header = String::from("Bearer hex-");
    for byte in secret.bytes() {
        write!(header, "{byte:02x}").expect("a string can always be written to");
    }
    header
}

/// Takes as long for a wrong secret as for the right one, so that it cannot be found bit by bit.
fn equal_in_constant_time(given: &[u8], right: &[u8]) -> bool {
    let mut difference = usize::from(given.len() != right.len());
    for (index, byte) in right.iter().enumerate() {
        let other = given.get(index).copied().unwrap_or_default();
        difference |= usize::from(std::hint::black_box(byte ^ other));
    }
    std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use kensho_protocol::ids::NodeId;
    use kensho_protocol::outcomes::OutcomeLimits;
    use kensho_protocol::table::{Identity, Stamp};

    fn introduction(id: u32, name: &str) -> Introduction {
        Introduction {
            format: FORMAT,
            cluster: "c".to_owned(),
            partitions: 8,
            replicas: 3,
            heartbeat_ms: 100,
            mode: "semi-sync".to_owned(),
            outcomes: OutcomeLimits::default().to_string(),
            start: 1,
            nonce: "0a".to_owned(),
            member: Member {
                id: NodeId(id),
                name: name.to_owned(),
                client_address: "a:1".to_owned(),
                peer_address: "a:2".to_owned(),
            },
        }
    }

    fn judge(theirs: &Introduction) -> Result<Introduction, String> {
        let hello = Hello::new(introduction(1, "n1"), "s3cret");
        hello.judge(&serde_json::to_vec(theirs).expect("JSON"))
    }

    #[test]
    fn a_difference_is_refused_with_both_values() {
        let right = introduction(2, "n2");
        assert_eq!(judge(&right), Ok(right.clone()));
        let refusal = judge(&Introduction {
            partitions: 16,
            ..right.clone()
        });
        let refusal = refusal.expect_err("it differs");
        assert!(
            refusal.contains("node n2 has partitions 16, but node n1 has partitions 8"),
            "{refusal}"
        );
        let other = Introduction {
            cluster: "d".to_owned(),
            ..right
        };
        assert!(judge(&other).is_err());
        assert!(
            judge(&introduction(1, "n2")).is_err(),
            "a copied data folder"
        );
        assert!(judge(&introduction(2, "n1")).is_err(), "a name given twice");
    }

    /// Also one whose introduction has other fields.
    #[test]
    fn another_version_is_refused_by_its_number() {
        let hello = Hello::new(introduction(1, "n1"), "s3cret");
        for (format, rest, name) in [
            (FORMAT + 1, r#","name":"n2","cluster":["c"]"#, "n2"),
            (FORMAT - 1, r#","name":"n2""#, "n2"),
            (FORMAT - 1, "", "of an unknown name"),
        ] {
            let body = format!(r#"{{"format":{format}{rest}}}"#);
            let refusal = hello.judge(body.as_bytes()).expect_err("another version");
            assert_eq!(
                refusal,
                format!(
                    "node {name} has message format {format}, but node n1 has message format {FORMAT}: run the \
                     same version of kensho-node on both"
                )
            );
        }
        let refusal = hello.judge(b"{}").expect_err("of no version");
        assert!(refusal.contains("missing field `format`"), "{refusal}");
    }

    /// The fields, their order and their names are the format.
    #[test]
    fn an_introduction_is_sent_as_its_format_says() {
        let text = serde_json::to_string(&introduction(70_000, "n1")).expect("JSON");
        assert_eq!(
            text,
            format!(
                r#"{{"format":{FORMAT},"cluster":"c","partitions":8,"replicas":3,"heartbeat_ms":100,"#
            ) + r#""mode":"semi-sync","outcomes":"32 per client, of 10000 clients, in 2097152 bytes","#
                + r#""start":1,"nonce":"0a","id":70000,"name":"n1","client_address":"a:1","peer_address":"a:2"}"#
        );
    }

    #[test]
    fn a_name_belongs_to_the_member_that_has_it() {
        let hello = Hello::new(introduction(1, "n1"), "s3cret");
        let judge = |id, name| hello.judge(&serde_json::to_vec(&introduction(id, name)).unwrap());
        assert!(judge(9, "n2").is_ok(), "nobody has it yet");
        let members = [(1, "n1"), (2, "n2"), (3, "n3")].map(|(id, name)| {
            let member = introduction(id, name).member;
            (member.id, member)
        });
        hello.know_members(&Table {
            stamp: Stamp::default(),
            born: true,
            identity: Identity {
                cluster: "c".to_owned(),
                partitions: 8,
                replicas: 3,
                outcomes: OutcomeLimits::default(),
            },
            members: members.into(),
            partitions: Vec::new(),
            levelling: kensho_protocol::settings::Levelling::default(),
        });
        assert!(judge(2, "n2").is_ok() && judge(9, "n4").is_ok());
        let refusal = judge(9, "n2").expect_err("n2 is another node");
        for part in [
            "the name n2",
            "identity 2",
            "http://a:1/node/leave",
            "--join n1=a:2",
        ] {
            assert!(refusal.contains(part), "{refusal}");
        }
    }

    #[test]
    fn only_the_right_secret_is_taken() {
        let hello = Hello::new(introduction(1, "n1"), "s3cret");
        let authorized = |value: &str| {
            let mut headers = HeaderMap::new();
            let value = value.parse().expect("a header");
            headers.insert(hyper::header::AUTHORIZATION, value);
            hello.is_authorized(&headers)
        };
        assert!(authorized(&bearer("s3cret")));
        for wrong in ["", "s3cre", "s3cret!", "s3creT", " s3cret"] {
            assert!(!authorized(&bearer(wrong)), "{wrong}");
        }
        assert!(!authorized("") && !authorized("Bearer s3cret"));
        assert!(!hello.is_authorized(&HeaderMap::new()));
    }

    #[test]
    fn a_secret_may_be_anything() {
        for secret in ["", " ", "a b", "\n", "検証"] {
            let hello = Hello::new(introduction(1, "n1"), secret);
            let mut headers = HeaderMap::new();
            // What a server makes of a header: space around it is dropped.
            let value = hello.authorization().trim().parse().expect("a header");
            headers.insert(hyper::header::AUTHORIZATION, value);
            assert!(hello.is_authorized(&headers), "{secret:?}");
        }
    }
}
