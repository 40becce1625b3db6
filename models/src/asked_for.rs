//! Which faults of the nemesis's catalogue a person may ask for in a run of a whole cluster.

use std::fmt;

use kensho_nemesis::capability::{Able, Capability};
use kensho_nemesis::catalogue::{Entry, Family, all, select};

use crate::random::Random;

/// Faults by name: families, single ones, or `none`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nemesis {
    names: Vec<String>,
    entries: Vec<&'static Entry>,
}

impl Nemesis {
    /// The faults of these names.
    ///
    /// # Errors
    /// When there is no such fault.
    pub fn of(names: &[String]) -> Result<Self, String> {
        let entries = select(names.iter().map(String::as_str), &able());
        Ok(Nemesis {
            names: names.to_vec(),
            entries: entries.map_err(|refused| refused.to_string())?,
        })
    }

    /// Some faults of the catalogue; often whole families, and sometimes a single one again and again.
    #[must_use]
    pub fn draw(random: &mut Random) -> Self {
        let names: Vec<String> = if random.chance(200_000) {
            let able = able();
            let available = |entry: &&Entry| entry.available(entry.name, &able).is_ok();
            let entries: Vec<&Entry> = all().filter(available).collect();
            vec![entries[random.index(entries.len())].name.to_owned()]
        } else {
            let families = Family::ALL;
            let drawn = random.between(1, (1 << families.len()) - 1);
            let chosen = |place: &usize| drawn >> place & 1 == 1;
            let places = (0..families.len()).filter(chosen);
            places.map(|at| families[at].name().to_owned()).collect()
        };
        Nemesis::of(&names).expect("names of the catalogue")
    }

    /// The names, as they were given.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The faults.
    #[must_use]
    pub fn entries(&self) -> &[&'static Entry] {
        &self.entries
    }
}

/// What simulated clusters can do; how many nodes they have is drawn later. Who a node is, is fixed there, so
/// that no other one takes the place of one whose folder is lost.
fn able() -> Able {
    let mut able = Able::to_everything();
    able.can.remove(&Capability::Replacements);
    able
}

impl fmt::Display for Nemesis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    #[test]
    fn names_are_known_or_refused() {
        let names =
            |names: &[&str]| -> Vec<String> { names.iter().map(ToString::to_string).collect() };
        assert!(Nemesis::of(&names(&["kill", "flood"])).is_err_and(|e| e.contains("flood")));
        let none = Nemesis::of(&names(&["none"])).expect("it is a name");
        assert!(none.entries().is_empty());
        assert_eq!(none.to_string(), "none");
    }

    #[test]
    fn every_family_is_drawn_and_left_out() {
        let mut random = Random::new(3, Stream::Workload);
        let drawn: Vec<Nemesis> = (0..200).map(|_| Nemesis::draw(&mut random)).collect();
        for family in ["kill", "pause", "partition", "disk"] {
            let with = drawn
                .iter()
                .filter(|n| n.names().contains(&family.to_owned()));
            assert!((50..180).contains(&with.count()), "{family}");
        }
        assert!(drawn.iter().all(|nemesis| !nemesis.entries().is_empty()));
    }
}
