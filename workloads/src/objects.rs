//! Many small objects instead of one that grows: which there are, which is used next, and which are
//! still to be read at the end.

use std::collections::BTreeSet;

use fastrand::Rng;

use crate::generator::{Context, Generate, Generator, Next, any, sequence};
use crate::operation::Operation;
use crate::workload::Settings;

/// Every `HOT_EVERY` operations, other objects become the hot ones.
const HOT_EVERY: u64 = 500;
/// So many objects are hot at a time.
const HOT: u64 = 4;

/// How objects and their containers are called: object `rN` of a workload whose letter is `r` is in
/// container number N modulo their count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    /// The letter that objects' names begin with.
    pub letter: char,
    /// What containers' names begin with.
    pub container: &'static str,
}

impl Names {
    /// The name of object `number`.
    pub fn object(&self, number: u64) -> String {
        format!("{}{number}", self.letter)
    }

    /// The container of an object, of so many `containers`; `None` if there is no such object.
    pub fn container_of(&self, object: &str, containers: u64) -> Option<String> {
        let number: u64 = object.strip_prefix(self.letter)?.parse().ok()?;
        Some(self.container(number.checked_rem(containers)?))
    }

    /// The key of a row that is a part of `object`, where one object has many rows.
    pub fn part(object: &str, part: u64) -> String {
        format!("{object}/{part:020}")
    }

    /// The range of keys of all [parts](Names::part) of `object`.
    pub fn parts(object: &str) -> (String, String) {
        // "0" follows "/".
        (format!("{object}/"), format!("{object}0"))
    }

    /// The name of container `number`.
    pub fn container(&self, number: u64) -> String {
        format!("{}-{number}", self.container)
    }

    /// The names of all containers.
    pub fn containers(&self, settings: &Settings) -> Vec<String> {
        (0..settings.containers)
            .map(|number| self.container(number))
            .collect()
    }
}

/// Says which object is used next: one live object in each container, so that every container, and
/// with them every partition, is in use all the time. Half of the operations go to a few hot objects,
/// where they are concurrent with each other; the other half is spread evenly, so that an outage of
/// any partition shows at once. When an object has had its operations, the next one of its container
/// takes its place.
#[derive(Clone, Debug)]
pub struct Rotation {
    settings: Settings,
    draw: Rng,
    count: u64,
    /// Per container: the live object's number, and the operations left to it.
    live: Vec<(u64, u64)>,
}

impl Rotation {
    /// All objects fresh.
    ///
    /// # Panics
    /// If there are no containers or no operations for an object.
    pub fn new(settings: Settings) -> Rotation {
        assert!(settings.containers > 0 && settings.operations_per_key > 0);
        let mut draw = Rng::with_seed(settings.seed);
        // The first generation lives for a drawn part of the usual time: they don't all end at once.
        let live = (0..settings.containers)
            .map(|number| (number, draw.u64(1..=settings.operations_per_key)))
            .collect();
        Rotation {
            settings,
            draw,
            count: 0,
            live,
        }
    }

    /// The number of the object for the next operation.
    pub fn turn(&mut self) -> u64 {
        let containers = self.settings.containers;
        let slot = if self.draw.bool() {
            (self.count / HOT_EVERY * HOT + self.draw.u64(..HOT)) % containers
        } else {
            self.draw.u64(..containers)
        };
        let (live, left) = &mut self.live[usize::try_from(slot).expect("a slot is an index")];
        let object = *live;
        *left -= 1;
        if *left == 0 {
            *live += containers;
            *left = self.settings.operations_per_key;
        }
        self.count += 1;
        object
    }

    /// How many turns there were.
    pub fn count(&self) -> u64 {
        self.count
    }
}

/// What to do to an object: drawn, given how many operations there were before.
pub type Draw = fn(&mut Rng, u64) -> Operation;

/// The operations of a [`Rotation`], without end.
#[derive(Clone, Debug)]
pub struct Operations {
    names: Names,
    rotation: Rotation,
    draw: Draw,
}

impl Operations {
    /// What `draw` says, on one object after another.
    pub fn without_end(names: Names, settings: Settings, draw: Draw) -> Generator {
        Generator::new(Operations {
            names,
            rotation: Rotation::new(settings),
            draw,
        })
    }
}

impl Generate for Operations {
    fn next(&self, context: &Context) -> (Next, Generator) {
        if context.free().is_empty() {
            return (Next::Pending { until: None }, Generator::new(self.clone()));
        }
        let mut after = self.clone();
        let object = self.names.object(after.rotation.turn());
        let count = after.rotation.count();
        let operation = (self.draw)(&mut after.rotation.draw, count).on(object);
        (context.schedule(operation), Generator::new(after))
    }
}

/// The objects that were used, and those of them that the final phase has read.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    used: BTreeSet<String>,
    read: BTreeSet<String>,
}

impl Usage {
    /// An operation on `object` begins.
    pub fn touch(&mut self, object: &str) {
        if !self.used.contains(object) {
            self.used.insert(object.to_owned());
        }
    }

    /// All of `object` was read.
    pub fn read(&mut self, object: &str) {
        self.read.insert(object.to_owned());
    }

    /// The operation `name` on every object that was used, until that is ok.
    pub fn final_phase(&mut self, name: &'static str) -> Generator {
        // In portions, since `any` looks at each of its generators for each operation.
        const PORTION: usize = 32;
        const RETRY_AFTER: u64 = 50_000_000;
        self.read.clear();
        let objects: Vec<&String> = self.used.iter().collect();
        let read = |object: &&String| {
            let read = Generator::once(Operation::new(name).on(object.as_str())).repeat();
            read.delay(RETRY_AFTER).concurrency_limit(1).until_ok()
        };
        sequence(
            objects
                .chunks(PORTION)
                .map(|portion| any(portion.iter().map(read))),
        )
        .on_clients()
    }

    /// Objects that were used, and that the final phase has not read.
    pub fn unread(&self) -> Vec<String> {
        self.used.difference(&self.read).cloned().collect()
    }
}
