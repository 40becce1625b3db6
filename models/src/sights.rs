//! What must happen *sometimes*, over many runs: a check that passes because nothing happened says
//! nothing. Each world has a list of its own; here is how it is made, and counted.

use std::fmt;
use std::marker::PhantomData;

/// One of a world's list of things that must happen sometimes.
pub trait Sighted: Copy + 'static {
    /// The whole list, in the order of [`Sighted::index`].
    const ALL: &'static [Self];

    /// Its place in the list.
    fn index(self) -> usize;

    /// Its name, as people read it.
    fn name(self) -> &'static str;
}

/// Makes the list of a world: the type `Sight`, and `Sometimes`, which counts it.
macro_rules! sights {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Something that must happen sometimes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Sight {
            $($(#[$doc])* $variant,)*
        }

        impl $crate::sights::Sighted for Sight {
            const ALL: &'static [Sight] = &[$(Sight::$variant),*];

            fn index(self) -> usize {
                self as usize
            }

            fn name(self) -> &'static str {
                match self {
                    $(Sight::$variant => $name,)*
                }
            }
        }

        /// How often each happened.
        pub type Sometimes = $crate::sights::Sometimes<Sight>;
    };
}
pub(crate) use sights;

/// How often each of a list has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sometimes<S> {
    counts: Vec<u64>,
    of: PhantomData<S>,
}

impl<S: Sighted> Default for Sometimes<S> {
    fn default() -> Self {
        Sometimes {
            counts: vec![0; S::ALL.len()],
            of: PhantomData,
        }
    }
}

impl<S: Sighted> Sometimes<S> {
    /// It happened.
    pub fn saw(&mut self, sight: S) {
        self.saw_often(sight, 1);
    }

    /// It happened `count` times.
    pub fn saw_often(&mut self, sight: S, count: u64) {
        self.counts[sight.index()] += count;
    }

    /// How often it happened.
    #[must_use]
    pub fn count(&self, sight: S) -> u64 {
        self.counts[sight.index()]
    }

    /// Adds another run's counts.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    /// All of them with their counts.
    pub fn counts(&self) -> impl Iterator<Item = (S, u64)> {
        S::ALL.iter().copied().zip(self.counts.iter().copied())
    }

    /// What never happened.
    pub fn never(&self) -> impl Iterator<Item = S> {
        let never = self.counts().filter(|(_, count)| *count == 0);
        never.map(|(sight, _)| sight)
    }
}

impl<S: Sighted> fmt::Display for Sometimes<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (sight, count) in self.counts() {
            writeln!(f, "{count:>12}  {}", sight.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::sights::Sight;

    #[test]
    fn what_never_happened_is_told() {
        let (mut total, mut run) = (Sometimes::default(), Sometimes::default());
        run.saw(Sight::TailCut);
        total.add(&run);
        total.saw_often(Sight::TailCut, 2);
        assert_eq!(total.count(Sight::TailCut), 3);
        assert_eq!(total.never().count(), Sight::ALL.len() - 1);
        assert!(total.never().all(|sight| sight != Sight::TailCut));
        let text = total.to_string();
        assert!(
            text.contains("           3  a divergent tail was cut\n"),
            "{text}"
        );
        assert_eq!(Sight::ALL[Sight::TailCut.index()], Sight::TailCut);
    }
}
