//! The network between nodes: every directed link has a delay of its own, may lose, double and
//! reorder what is sent, and may be cut, in one direction or both.

use crate::random::Random;

/// How the network of a run behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkPlan {
    /// The shortest delay of a link.
    pub delay_min_ns: u64,
    /// The longest delay of a link when nothing is wrong.
    pub delay_max_ns: u64,
    /// How many of a million messages are lost.
    pub loss_ppm: u32,
    /// How many of a million messages come twice.
    pub duplicate_ppm: u32,
    /// How many of a million messages take much longer.
    pub slow_ppm: u32,
    /// At most how much longer.
    pub slow_max_ns: u64,
    /// Whether a link keeps the order of what is sent over it, as one TCP connection does.
    pub in_order: bool,
}

/// One direction between two places.
#[derive(Clone, Copy, Debug, Default)]
struct Link {
    delay_ns: u64,
    /// How often it was cut; whole, if never.
    cuts: u32,
    /// So much longer everything takes for now.
    slower_ns: u64,
    /// When the last message arrives, for links that keep order.
    last_ns: u64,
}

/// Everything between the nodes. Places are numbered like nodes; the master of a world without
/// coordinators, if there is one, and the clients come after them.
#[derive(Clone, Debug)]
pub struct Network {
    plan: NetworkPlan,
    places: usize,
    /// The places whose links can be cut; the others, the clients, always reach everybody.
    cuttable: usize,
    links: Vec<Link>,
}

/// When what was sent arrives, if it does, and when it arrives a second time, if it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrivals {
    /// The first time.
    pub first_ns: Option<u64>,
    /// The second time.
    pub second_ns: Option<u64>,
}

impl Network {
    /// A whole network between `cuttable` places and those of clients, `places` in all.
    pub fn new(plan: NetworkPlan, cuttable: usize, places: usize, random: &mut Random) -> Self {
        let links = (0..places * places)
            .map(|_| Link {
                delay_ns: random.between(plan.delay_min_ns, plan.delay_max_ns),
                ..Link::default()
            })
            .collect();
        Network {
            plan,
            places,
            cuttable,
            links,
        }
    }

    fn link(&mut self, from: usize, to: usize) -> &mut Link {
        &mut self.links[from * self.places + to]
    }

    /// Sends something at `now_ns`.
    pub fn send(&mut self, from: usize, to: usize, now_ns: u64, random: &mut Random) -> Arrivals {
        let plan = self.plan;
        let link = self.link(from, to);
        if link.cuts > 0 || random.chance(plan.loss_ppm) {
            return Arrivals::default();
        }
        let mut arrival_ns = || {
            let jitter_ns = random.below(link.delay_ns / 2 + 1);
            let mut at_ns = now_ns + link.delay_ns / 2 + jitter_ns + link.slower_ns;
            if random.chance(plan.slow_ppm) {
                at_ns += random.below(plan.slow_max_ns + 1);
            }
            if plan.in_order {
                at_ns = at_ns.max(link.last_ns);
                link.last_ns = at_ns;
            }
            at_ns
        };
        let first_ns = Some(arrival_ns());
        let twice = plan.duplicate_ppm > 0 && random.chance(plan.duplicate_ppm);
        let mut second_ns = None;
        if twice {
            let jitter_ns = random.below(plan.slow_max_ns.max(plan.delay_max_ns) + 1);
            second_ns = first_ns.map(|at_ns| at_ns + jitter_ns);
        }
        Arrivals {
            first_ns,
            second_ns,
        }
    }

    /// Cuts one direction. One that is cut twice is to be [mended](Network::mend) twice.
    pub fn cut(&mut self, from: usize, to: usize) {
        self.link(from, to).cuts += 1;
    }

    /// Takes back one cut of a direction; nothing if all was [healed](Network::heal) meanwhile.
    pub fn mend(&mut self, from: usize, to: usize) {
        let link = self.link(from, to);
        link.cuts = link.cuts.saturating_sub(1);
    }

    /// From now on everything takes so much longer in one direction.
    pub fn slow_down(&mut self, from: usize, to: usize, delay_ns: u64) {
        self.link(from, to).slower_ns += delay_ns;
    }

    /// Takes back a [`Network::slow_down`].
    pub fn speed_up(&mut self, from: usize, to: usize, delay_ns: u64) {
        let link = self.link(from, to);
        link.slower_ns = link.slower_ns.saturating_sub(delay_ns);
    }

    /// Cuts `place` off from all others, in the directions asked for.
    pub fn isolate(&mut self, place: usize, outwards: bool, inwards: bool) {
        for other in 0..self.cuttable {
            if other != place {
                if outwards {
                    self.cut(place, other);
                }
                if inwards {
                    self.cut(other, place);
                }
            }
        }
    }

    /// Cuts all links between the places of which `side` says yes and the others.
    pub fn halve(&mut self, side: impl Fn(usize) -> bool) {
        for from in 0..self.cuttable {
            for to in 0..self.cuttable {
                if side(from) != side(to) {
                    self.cut(from, to);
                }
            }
        }
    }

    /// Whether what is sent from one place to the other is lost.
    #[must_use]
    pub fn is_cut(&self, from: usize, to: usize) -> bool {
        self.links[from * self.places + to].cuts > 0
    }

    /// Mends all that is cut, and speeds up all that is slow.
    pub fn heal(&mut self) {
        for link in &mut self.links {
            link.cuts = 0;
            link.slower_ns = 0;
        }
    }

    /// From now on it behaves as `plan` says.
    pub fn behave(&mut self, plan: NetworkPlan) {
        self.plan = plan;
    }

    /// From now on nothing is lost, doubled or slow.
    pub fn calm(&mut self) {
        self.heal();
        self.plan.loss_ppm = 0;
        self.plan.duplicate_ppm = 0;
        self.plan.slow_ppm = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    const CALM: NetworkPlan = NetworkPlan {
        delay_min_ns: 10,
        delay_max_ns: 100,
        loss_ppm: 0,
        duplicate_ppm: 0,
        slow_ppm: 0,
        slow_max_ns: 0,
        in_order: false,
    };

    #[test]
    fn a_cut_goes_one_way_until_it_is_healed() {
        let mut random = Random::new(1, Stream::Network);
        let mut network = Network::new(CALM, 3, 3, &mut random);
        network.isolate(1, true, false);
        assert_eq!(network.send(1, 0, 5, &mut random), Arrivals::default());
        let inwards = network.send(0, 1, 5, &mut random).first_ns;
        assert!(inwards.is_some_and(|at_ns| (10..=105).contains(&at_ns)));
        network.heal();
        assert!(network.send(1, 0, 5, &mut random).first_ns.is_some());
    }

    #[test]
    fn what_two_faults_did_is_taken_back_one_by_one() {
        let mut random = Random::new(1, Stream::Network);
        let mut network = Network::new(CALM, 3, 3, &mut random);
        network.cut(0, 1);
        network.cut(0, 1);
        network.mend(0, 1);
        assert!(network.is_cut(0, 1), "the other fault goes on");
        network.mend(0, 1);
        network.mend(0, 1);
        assert!(!network.is_cut(0, 1));
        network.slow_down(0, 1, 5_000);
        let slow = network.send(0, 1, 5, &mut random).first_ns;
        assert!(slow.is_some_and(|at_ns| (5_010..=5_105).contains(&at_ns)));
        network.speed_up(0, 1, 5_000);
        let usual = network.send(0, 1, 5, &mut random).first_ns;
        assert!(usual.is_some_and(|at_ns| (10..=105).contains(&at_ns)));
    }

    #[test]
    fn a_link_that_keeps_order_never_overtakes() {
        let mut random = Random::new(2, Stream::Network);
        let plan = NetworkPlan {
            slow_ppm: 500_000,
            slow_max_ns: 10_000,
            in_order: true,
            ..CALM
        };
        let mut network = Network::new(plan, 2, 2, &mut random);
        let mut last_ns = 0;
        for now_ns in 0..100 {
            let at_ns = network.send(0, 1, now_ns, &mut random).first_ns;
            let at_ns = at_ns.expect("nothing is lost");
            assert!(at_ns >= last_ns);
            last_ns = at_ns;
        }
    }
}
