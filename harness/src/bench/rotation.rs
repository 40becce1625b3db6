//! Who is under load when: each contestant once in a round, in another order each round.

/// The order of `count` contestants in round number `round`, counted from 0.
///
/// Rounds come in pairs: one begins one further than the pair before it, the next is the same
/// backwards. So each contestant stands in each place as often as any other, and has each other one
/// before it as often as behind it: what a window leaves behind (dirty pages, warm caches) is shared
/// out evenly.
pub(super) fn order(count: usize, round: usize) -> Vec<usize> {
    let begin = round / 2;
    let mut order: Vec<usize> = (0..count).map(|place| (begin + place) % count).collect();
    if round % 2 == 1 {
        order.reverse();
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_stands_in_each_place_equally_often() {
        for count in 1..6 {
            let mut places = vec![vec![0; count]; count];
            for round in 0..2 * count {
                for (place, contestant) in order(count, round).into_iter().enumerate() {
                    places[contestant][place] += 1;
                }
            }
            assert!(
                places.iter().flatten().all(|&times| times == 2),
                "{places:?}"
            );
        }
    }

    #[test]
    fn neighbours_change_sides() {
        assert_eq!(order(3, 0), [0, 1, 2]);
        assert_eq!(order(3, 1), [2, 1, 0]);
        assert_eq!(order(3, 2), [1, 2, 0]);
    }
}
