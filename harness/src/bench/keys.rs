//! Which record an operation is about: the distributions of YCSB.
//!
//! Cooper et al., "Benchmarking Cloud Serving Systems with YCSB", SoCC 2010; the generator of Zipf
//! numbers is that of Gray et al., "Quickly Generating Billion-Record Synthetic Databases",
//! SIGMOD 1994, section 3.2.

use fastrand::Rng;

/// How skewed the zipfian distributions are: YCSB's constant.
const THETA: f64 = 0.99;
/// YCSB's scrambled distribution draws from so many numbers, however many records there are.
const SCRAMBLED_NUMBERS: f64 = 1e10;
/// The zeta constant of [`SCRAMBLED_NUMBERS`] and [`THETA`], as YCSB has it.
const SCRAMBLED_ZETA: f64 = 26.469_028_201_783_02;

/// Which records are used how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Distribution {
    /// Each as often as any other.
    Uniform,
    /// A few much more often than others; they lie anywhere (YCSB's scrambled zipfian, theta 0.99).
    Zipfian,
    /// The youngest most often.
    Latest,
}

impl Distribution {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Distribution::Uniform => "uniform",
            Distribution::Zipfian => "zipfian",
            Distribution::Latest => "latest",
        }
    }
}

/// Draws record numbers.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    distribution: Distribution,
    zipf: Zipf,
}

impl Keys {
    /// For so many records to begin with.
    pub(super) fn new(distribution: Distribution, records: u64) -> Keys {
        let zipf = match distribution {
            Distribution::Latest => Zipf::of_first(records.max(1)),
            _ => Zipf::new(SCRAMBLED_NUMBERS, SCRAMBLED_ZETA),
        };
        Keys { distribution, zipf }
    }

    /// The number of one of `records` records; there must be one.
    pub(super) fn draw(&mut self, records: u64, random: &mut Rng) -> u64 {
        match self.distribution {
            Distribution::Uniform => random.u64(..records),
            Distribution::Zipfian => fnv(self.zipf.draw(random)) % records,
            Distribution::Latest => {
                self.zipf.grow(records);
                records - 1 - self.zipf.draw(random).min(records - 1)
            }
        }
    }
}

/// Numbers from 0, of which number `i` is drawn in proportion to `1 / (i + 1)^theta`.
#[derive(Clone, Debug)]
struct Zipf {
    numbers: f64,
    zeta: f64,
    alpha: f64,
    eta: f64,
}

impl Zipf {
    fn new(numbers: f64, zeta: f64) -> Zipf {
        let zeta_two = 1.0 + 0.5_f64.powf(THETA);
        Zipf {
            numbers,
            zeta,
            alpha: 1.0 / (1.0 - THETA),
            eta: (1.0 - (2.0 / numbers).powf(1.0 - THETA)) / (1.0 - zeta_two / zeta),
        }
    }

    fn of_first(numbers: u64) -> Zipf {
        Zipf::new(numbers as f64, zeta_between(0, numbers))
    }

    /// The same for more numbers; only the additional terms of the sum are computed.
    fn grow(&mut self, numbers: u64) {
        let before = self.numbers as u64;
        if numbers > before {
            *self = Zipf::new(numbers as f64, self.zeta + zeta_between(before, numbers));
        }
    }

    fn draw(&self, random: &mut Rng) -> u64 {
        let u = random.f64();
        let scaled = u * self.zeta;
        if scaled < 1.0 {
            return 0;
        }
        if scaled < 1.0 + 0.5_f64.powf(THETA) {
            return 1;
        }
        (self.numbers * (self.eta * u - self.eta + 1.0).powf(self.alpha)) as u64
    }
}

fn zeta_between(after: u64, upto: u64) -> f64 {
    (after + 1..=upto).map(|i| (i as f64).powf(-THETA)).sum()
}

/// FNV-1a of a number's bytes, the least first (Fowler, Noll, Vo): what YCSB scrambles by.
fn fnv(number: u64) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211);
    number
        .to_le_bytes()
        .into_iter()
        .fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: u64 = 200_000;

    /// How often each of `records` records is drawn.
    fn counts(distribution: Distribution, records: u64) -> Vec<u64> {
        let mut random = Rng::with_seed(7);
        let mut keys = Keys::new(distribution, records);
        let mut counts = vec![0; usize::try_from(records).unwrap()];
        for _ in 0..DRAWS {
            counts[usize::try_from(keys.draw(records, &mut random)).unwrap()] += 1;
        }
        counts
    }

    /// Pearson's statistic for the deviation of counts from what was expected.
    fn chi_square(counts: &[u64], expected: &[f64]) -> f64 {
        let terms = counts.iter().zip(expected);
        terms
            .map(|(&count, &expected)| (count as f64 - expected).powi(2) / expected)
            .sum()
    }

    #[test]
    fn uniform_draws_are_uniform() {
        let expected = vec![DRAWS as f64 / 100.0; 100];
        // 99 degrees of freedom: 1 of 1,000 sound generators exceeds 148.2.
        let statistic = chi_square(&counts(Distribution::Uniform, 100), &expected);
        assert!(statistic < 148.2, "{statistic}");
    }

    #[test]
    fn the_youngest_is_drawn_by_zipfs_law() {
        let records = 1_000;
        let zeta = zeta_between(0, records);
        let counts = counts(Distribution::Latest, records);
        let share = |rank: usize| counts[999 - rank] as f64 / DRAWS as f64;
        // The two first ranks are exact in Gray's method, the others approximate.
        for rank in 0..2 {
            let expected = ((rank + 1) as f64).powf(-THETA) / zeta;
            let deviation = (expected * (1.0 - expected) / DRAWS as f64).sqrt();
            assert!(
                (share(rank) - expected).abs() < 4.0 * deviation,
                "rank {rank}"
            );
        }
        let first_ten: f64 = (0..10).map(share).sum();
        assert!(
            (first_ten - zeta_between(0, 10) / zeta).abs() < 0.03,
            "{first_ten}"
        );
        assert!(counts.iter().all(|&count| count > 0));
    }

    #[test]
    fn zipfian_draws_are_skewed_but_scattered() {
        let records = 1_000;
        let counts = counts(Distribution::Zipfian, records);
        let mut sorted = counts.clone();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        // The hottest of 10^10 numbers is drawn once in zeta draws.
        let hottest = sorted[0] as f64 / DRAWS as f64;
        assert!(
            (0.95..1.15).contains(&(hottest * SCRAMBLED_ZETA)),
            "{hottest}"
        );
        let hot: Vec<usize> = (0..1_000).filter(|&n| counts[n] >= sorted[9]).collect();
        let widest = hot.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        assert!(widest > 50 && hot[0] > 10, "{hot:?}");
    }

    #[test]
    fn growing_is_the_same_as_beginning_with_more() {
        let mut grown = Zipf::of_first(10);
        grown.grow(500);
        let fresh = Zipf::of_first(500);
        assert!((grown.zeta - fresh.zeta).abs() < 1e-9 && (grown.eta - fresh.eta).abs() < 1e-9);
        let mut random = Rng::with_seed(1);
        let mut keys = Keys::new(Distribution::Latest, 1);
        assert!((1..200).all(|records| keys.draw(records, &mut random) < records));
    }
}
