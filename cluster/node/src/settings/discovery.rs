//! How a node makes itself known, and how it finds a cluster to join.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::str::FromStr;
use std::time::Duration;

use kensho_notice::Group;
use serde::Deserialize;

use super::{SettingsError, check};

/// How a node that is to join a cluster finds members of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum JoinBy {
    /// By the notice of the master.
    Notice,
    /// By what is at this URL.
    Provider(String),
}

impl FromStr for JoinBy {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "notice" => Ok(JoinBy::Notice),
            url if url.starts_with("http://") => Ok(JoinBy::Provider(url.to_owned())),
            _ => Err("it is notice, or a URL that begins with http://".to_owned()),
        }
    }
}

impl TryFrom<String> for JoinBy {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// See [`super::given::Given`] for the meaning of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// Where the master makes itself known, if it does.
    pub group: Option<Group>,
    /// How often.
    pub interval: Duration,
    /// How a node without data finds the cluster that it is to join.
    pub join_by: Option<JoinBy>,
}

impl Discovery {
    pub(super) fn complete(
        address: Option<SocketAddrV4>,
        interface: Option<Ipv4Addr>,
        interval_ms: Option<u64>,
        join_by: Option<JoinBy>,
    ) -> Result<Self, SettingsError> {
        if let Some(address) = address {
            check(
                "notice_group",
                &address,
                address.ip().is_multicast() && address.port() > 0,
                format!(
                    "a multicast address and a port are needed, as {}",
                    Group::DEFAULT
                ),
            )?;
        }
        let interval = interval_ms.map_or(kensho_notice::INTERVAL, Duration::from_millis);
        check(
            "notice_interval_ms",
            &interval.as_millis(),
            interval >= Duration::from_millis(10),
            "at least 10 ms are needed",
        )?;
        let group = address.map(|address| Group {
            address,
            interface: interface.unwrap_or(Ipv4Addr::UNSPECIFIED),
        });
        check(
            "join_by",
            &"notice",
            join_by != Some(JoinBy::Notice) || group.is_some(),
            "notice_group says where notices are heard",
        )?;
        Ok(Discovery {
            group,
            interval,
            join_by,
        })
    }
}
