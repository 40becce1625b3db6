use super::*;

fn read(key: i64) -> Value {
    json!({"type": "read", "key": key})
}

fn write(key: i64, value: i64) -> Value {
    json!({"type": "write", "key": key, "value": value})
}

fn cas(key: i64, from: i64, to: i64) -> Value {
    json!({"type": "cas", "key": key, "from": from, "to": to})
}

const NODE: Address = Address::Node(0);

fn code(answer: &Value) -> i64 {
    answer["code"].as_i64().unwrap_or_default()
}

#[test]
fn lin_kv_holds_one_value() {
    let mut services = Services::new(0);
    let mut ask = |request: Value| services.answer(Service::LinKv, NODE, &request);
    assert_eq!(code(&ask(read(1))), 20);
    assert_eq!(code(&ask(cas(1, 0, 1))), 20);
    assert_eq!(ask(write(1, 5)), json!({"type": "write_ok"}));
    assert_eq!(code(&ask(cas(1, 4, 6))), 22);
    assert_eq!(ask(cas(1, 5, 6)), json!({"type": "cas_ok"}));
    assert_eq!(ask(read(1)), json!({"type": "read_ok", "value": 6}));
    let mut create = cas(2, 0, 1);
    create["create_if_not_exists"] = true.into();
    assert_eq!(ask(create), json!({"type": "cas_ok"}));
    assert_eq!(ask(read(2))["value"], 1);
}

#[test]
fn what_a_service_does_not_know_is_told() {
    let mut services = Services::new(0);
    let mut ask = |service, request: Value| code(&services.answer(service, NODE, &request));
    assert_eq!(ask(Service::LinKv, json!({"type": "ts"})), 10);
    assert_eq!(ask(Service::LinTso, read(1)), 10);
    assert_eq!(ask(Service::SeqKv, json!({"type": "write", "key": 1})), 12);
    assert_eq!(ask(Service::LwwKv, json!({"type": "read"})), 12);
}

#[test]
fn timestamps_grow_from_zero() {
    let mut services = Services::new(0);
    let mut ask = || services.answer(Service::LinTso, NODE, &json!({"type": "ts"}));
    for expected in 0..5 {
        assert_eq!(ask(), json!({"type": "ts_ok", "ts": expected}));
    }
}

/// Nodes write growing numbers to one key, and read them.
fn numbers_read(service: Service, seed: u64) -> Vec<(usize, u64, u64)> {
    let mut services = Services::new(seed);
    let mut draw = Rng::with_seed(seed);
    let mut written = 0;
    let mut reads = Vec::new();
    for _ in 0..500 {
        let node = draw.usize(..3);
        let from = Address::Node(node);
        if draw.bool() {
            written += 1;
            services.answer(service, from, &write(1, written as i64));
        } else if let Some(value) = services.answer(service, from, &read(1))["value"].as_u64() {
            reads.push((node, value, written));
        }
    }
    reads
}

#[test]
fn seq_kv_answers_from_the_past_but_never_goes_back() {
    for seed in 0..20 {
        let reads = numbers_read(Service::SeqKv, seed);
        assert!(reads.iter().any(|(_, value, newest)| value < newest));
        for node in 0..3 {
            let own = reads.iter().filter(|read| read.0 == node);
            assert!(own.map(|read| read.1).is_sorted(), "seed {seed}");
        }
        let age = reads.iter().map(|(_, value, newest)| newest - value);
        assert!(age.max() < Some(32));
    }
}

#[test]
fn seq_kv_changes_the_present_only() {
    let mut services = Services::new(1);
    for number in 0..200 {
        let from = Address::Node(number as usize % 3);
        let request = if number == 0 {
            write(1, 0)
        } else {
            cas(1, number - 1, number)
        };
        loop {
            // It may fail in the past, but never succeed there.
            let answer = services.answer(Service::SeqKv, from, &request);
            if body::kind(&answer).ends_with("_ok") {
                break;
            }
        }
        let again = services.answer(Service::SeqKv, from, &cas(1, number - 1, -1));
        assert_eq!(body::kind(&again), "error");
    }
}

#[test]
fn lww_kv_loses_what_was_acknowledged() {
    let mut lost = 0;
    for seed in 0..20 {
        let reads = numbers_read(Service::LwwKv, seed);
        lost += reads.windows(2).filter(|two| two[0].1 > two[1].1).count();
    }
    assert!(lost > 0);
}
