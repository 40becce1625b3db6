//! What operations are made of: single and batched puts, and the core workloads of YCSB.
//!
//! Cooper et al., "Benchmarking Cloud Serving Systems with YCSB", SoCC 2010, section 4.1.

use fastrand::Rng;

use super::keys::Distribution;

/// YCSB's longest scan.
const SCAN_ROWS_MAX: u32 = 100;

/// A mix of operations, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Mix {
    /// Puts only
    Put,
    /// Reads only, of single rows (YCSB C)
    #[value(alias = "get")]
    C,
    /// Half reads, half updates (YCSB A)
    A,
    /// 95 % reads, 5 % updates (YCSB B)
    B,
    /// 95 % reads of young rows, 5 % inserts (YCSB D)
    D,
    /// 95 % scans of 1 to 100 rows, 5 % inserts (YCSB E)
    E,
    /// Half reads, half read-modify-writes (YCSB F)
    F,
}

/// One kind of operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Reads a row.
    Read,
    /// Reads rows in the order of their keys, at most so many.
    Scan(u32),
    /// Replaces a row.
    Update,
    /// Adds a row.
    Insert,
    /// Reads a row, then replaces it.
    ReadModifyWrite,
}

impl Mix {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Mix::Put => "put",
            Mix::A => "a",
            Mix::B => "b",
            Mix::C => "c",
            Mix::D => "d",
            Mix::E => "e",
            Mix::F => "f",
        }
    }

    /// How YCSB distributes its keys; puts alone are uniform.
    pub fn keys(self) -> Distribution {
        match self {
            Mix::Put => Distribution::Uniform,
            Mix::D => Distribution::Latest,
            Mix::A | Mix::B | Mix::C | Mix::E | Mix::F => Distribution::Zipfian,
        }
    }

    /// Whether it reads rows that have to be there first.
    pub fn reads(self) -> bool {
        self != Mix::Put
    }

    /// The kind of the next operation.
    pub fn draw(self, random: &mut Rng) -> Kind {
        let (reads, other) = match self {
            Mix::Put => return Kind::Update,
            Mix::C => return Kind::Read,
            Mix::A => (50, Kind::Update),
            Mix::B => (95, Kind::Update),
            Mix::D | Mix::E => (95, Kind::Insert),
            Mix::F => (50, Kind::ReadModifyWrite),
        };
        if random.u32(..100) >= reads {
            other
        } else if self == Mix::E {
            Kind::Scan(random.u32(1..=SCAN_ROWS_MAX))
        } else {
            Kind::Read
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_those_of_ycsb() {
        let mut random = Rng::with_seed(3);
        let mut reads = |mix: Mix| {
            let drawn = (0..20_000).filter(|_| mix.draw(&mut random) == Kind::Read);
            drawn.count() as f64 / 20_000.0
        };
        for (mix, expected) in [(Mix::A, 0.5), (Mix::B, 0.95), (Mix::D, 0.95), (Mix::F, 0.5)] {
            // Four standard deviations of 20,000 draws are at most 0.015.
            assert!((reads(mix) - expected).abs() < 0.015, "{mix:?}");
        }
        assert_eq!((reads(Mix::C), reads(Mix::Put)), (1.0, 0.0));
        let mut scanned: Vec<u32> = (0..20_000)
            .filter_map(|_| match Mix::E.draw(&mut random) {
                Kind::Scan(rows) => Some(rows),
                _ => None,
            })
            .collect();
        assert!((scanned.len() as f64 / 20_000.0 - 0.95).abs() < 0.015);
        scanned.sort_unstable();
        scanned.dedup();
        assert_eq!(scanned, (1..=100).collect::<Vec<u32>>());
    }
}
