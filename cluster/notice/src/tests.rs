use proptest::prelude::*;

use super::*;

fn notice() -> Notice {
    Notice {
        cluster: "test".to_owned(),
        master: "n1".to_owned(),
        client: "127.0.0.1:10001".to_owned(),
        peer: "127.0.0.1:10010".to_owned(),
        term: 3,
        revision: 17,
    }
}

#[test]
fn only_notices_of_the_cluster_count() {
    let key = Key::of("shared");
    let datagram = key.sign(&notice());
    assert_eq!(key.read(&datagram, "test"), Some(notice()));
    assert_eq!(key.read(&datagram, "other"), None);
    assert_eq!(Key::of("guessed").read(&datagram, "test"), None);
    assert_eq!(key.read(&datagram[..datagram.len() - 1], "test"), None);
}

/// Clients in other languages rely on every byte of it.
#[test]
fn the_form_of_a_datagram_stays() {
    let datagram = String::from_utf8(Key::of("shared").sign(&notice())).unwrap();
    let (mac, told) = datagram.split_once('\n').unwrap();
    assert_eq!(
        told,
        r#"{"cluster":"test","master":"n1","client":"127.0.0.1:10001","peer":"127.0.0.1:10010","term":3,"revision":17}"#
    );
    assert_eq!(
        mac,
        "d59cfa4093590fdf193de6b1a521413c23a4ae66fbf7bf5f8f42b3cba9c54967"
    );
}

proptest! {
    #[test]
    fn a_notice_that_was_changed_counts_for_nothing(place in 0_usize..170, bit in 0_u8..8) {
        let key = Key::of("shared");
        let mut datagram = key.sign(&notice());
        let place = place % datagram.len();
        datagram[place] ^= 1 << bit;
        // A hexadecimal digit means the same in either case.
        let same = datagram.eq_ignore_ascii_case(&key.sign(&notice())) && place < 64;
        prop_assert_eq!(key.read(&datagram, "test").is_some(), same);
    }

    #[test]
    fn whatever_comes_is_read(datagram in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(Key::of("").read(&datagram, "test"), None);
    }
}
