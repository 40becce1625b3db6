//! Which register, and what to do to it.

use fastrand::Rng;

use super::Settings;
use crate::generator::{Context, Generate, Generator, Next};
use crate::operation::Operation;

/// The name of register `number`.
pub fn key(number: u64) -> String {
    format!("r{number}")
}

/// The container that holds `key`, of so many `containers`: register `rN` is in number N modulo
/// their count. `None` if the key is not a register's.
pub fn container(key: &str, containers: u64) -> Option<String> {
    let number: u64 = key.strip_prefix('r')?.parse().ok()?;
    Some(container_name(number % containers))
}

/// The name of container `number`.
pub fn container_name(number: u64) -> String {
    format!("register-{number}")
}

/// Every `HOT_EVERY` operations, other registers become the hot ones.
const HOT_EVERY: u64 = 500;
/// So many registers are hot at a time.
const HOT: u64 = 4;

/// The source of operations: one live register in each container, so that every container, and
/// with them every partition, is in use all the time. Half of the operations go to a few hot
/// registers, where they are concurrent with each other; the other half is spread evenly, so that
/// an outage of any partition shows at once. When a register has had its operations, the next
/// one of its container takes its place.
#[derive(Clone, Debug)]
pub struct Keys {
    settings: Settings,
    draw: Rng,
    /// Operations so far; also the next value to write.
    count: u64,
    /// Per container: the live register's number, and the operations left to it.
    live: Vec<(u64, u64)>,
}

impl Keys {
    /// All registers fresh.
    ///
    /// # Panics
    /// If there are no containers or no operations for a register.
    pub fn new(settings: Settings) -> Keys {
        assert!(settings.containers > 0 && settings.operations_per_key > 0);
        let mut draw = Rng::with_seed(settings.seed);
        // The first generation lives for a drawn part of the usual time: they don't all end at once.
        let live = (0..settings.containers)
            .map(|number| (number, draw.u64(1..=settings.operations_per_key)))
            .collect();
        Keys {
            settings,
            draw,
            count: 0,
            live,
        }
    }

    fn draw_operation(&mut self) -> Operation {
        let containers = self.settings.containers;
        let slot = if self.draw.bool() {
            (self.count / HOT_EVERY * HOT + self.draw.u64(..HOT)) % containers
        } else {
            self.draw.u64(..containers)
        };
        let (number, left) = &mut self.live[usize::try_from(slot).expect("a slot is an index")];
        let key = key(*number);
        *left -= 1;
        if *left == 0 {
            *number += containers;
            *left = self.settings.operations_per_key;
        }
        self.count += 1;
        match self.draw.u8(..20) {
            0..9 => Operation::new("read").on(key),
            9..15 => Operation::new("write").on(key).with(self.count),
            _ => Operation::new("cas").on(key).with(self.count),
        }
    }
}

impl Generate for Keys {
    fn next(&self, context: &Context) -> (Next, Generator) {
        if context.free().is_empty() {
            return (Next::Pending { until: None }, Generator::new(self.clone()));
        }
        let mut after = self.clone();
        let operation = after.draw_operation();
        (context.schedule(operation), Generator::new(after))
    }
}
