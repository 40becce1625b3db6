//! What passes to and from a node takes longer, and nothing is lost: heartbeats that come late, answers
//! that come after their leases, backups that lag behind.

use fastrand::Rng;

use super::now;
use crate::catalogue::{Does, Entry, Family};
use crate::fault::{Action, ClientAccess, Injection, Target};

pub(crate) static FAULTS: &[Entry] = &[Entry {
    name: "slow-link",
    family: Family::Packet,
    with: None,
    weight: 1,
    text: "what passes between one node and the others takes longer, up to two heartbeats each way",
    does: Does::Drawn(slow_link),
}];

fn slow_link(heartbeat_ms: u64, draw: &mut Rng) -> Vec<Injection> {
    // From what nobody notices to what makes every lease run out.
    let delay_ms = draw.u64(heartbeat_ms / 4..=2 * heartbeat_ms).max(1);
    let clients = if draw.bool() {
        ClientAccess::Kept
    } else {
        ClientAccess::Cut
    };
    vec![now(Action::Delay { delay_ms, clients }, Target::One)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::Capability;

    #[test]
    fn a_link_is_slow_for_up_to_two_heartbeats_and_needs_links_alone() {
        for seed in 0..100 {
            let fault = FAULTS[0].draw(100, &mut Rng::with_seed(seed));
            let [injection] = &fault.injections[..] else {
                panic!("one thing is done: {fault:?}")
            };
            let Action::Delay { delay_ms, .. } = injection.action else {
                panic!("links are slow: {fault:?}")
            };
            assert!((25..=200).contains(&delay_ms), "{delay_ms}");
        }
        assert_eq!(FAULTS[0].needs(), [Capability::Links].into());
    }
}
