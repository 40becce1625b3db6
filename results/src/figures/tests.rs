//! Figures of small runs that can be worked out by hand.

use std::time::UNIX_EPOCH;

use kensho_checker::history::Kind;

use super::{FaultSpan, Figures, Input, Phase, write_latency_log};
use crate::sample::Sample;

const MS: u64 = 1_000_000;

/// An operation that began when it was meant to.
fn sample(f: &'static str, partition: u32, from_ms: u64, to_ms: u64, kind: Kind) -> Sample {
    Sample {
        f,
        partition,
        intended_ns: from_ms * MS,
        invoke_ns: from_ms * MS,
        complete_ns: to_ms * MS,
        kind,
        served: kind == Kind::Ok,
    }
}

fn figures(samples: &[Sample], faults: &[(u64, u64)]) -> Figures {
    let faults: Vec<FaultSpan> = faults
        .iter()
        .map(|&(start, end)| FaultSpan {
            start_ns: start * MS,
            end_ns: end * MS,
        })
        .collect();
    Figures::of(Input {
        samples,
        faults: &faults,
        operations: &["read", "write"],
        partitions: 2,
        length_ns: 10_000 * MS,
        rate: None,
    })
}

#[test]
fn faults_divide_a_run() {
    let spans = [(100, 200), (400, 500)].map(|(start, end)| FaultSpan {
        start_ns: start,
        end_ns: end,
    });
    let phase = |time| Phase::at(&spans, time);
    assert_eq!([0, 99].map(phase), [Phase::Before; 2]);
    assert_eq!([100, 200, 450].map(phase), [Phase::During; 3]);
    assert_eq!([201, 399].map(phase), [Phase::Between; 2]);
    assert_eq!(phase(501), Phase::After);
    assert_eq!(Phase::at(&[], 7), Phase::Before);
}

#[test]
fn operations_are_counted_by_name_outcome_and_phase() {
    let samples = [
        sample("write", 0, 0, 10, Kind::Ok),
        sample("write", 0, 1_500, 1_510, Kind::Info),
        sample("read", 0, 5_000, 5_010, Kind::Ok),
        sample("read", 0, 5_020, 5_030, Kind::Fail),
    ];
    let figures = figures(&samples, &[(1_000, 2_000), (3_000, 4_000)]);
    assert_eq!(figures.operation_count(), 4);
    let reads = figures.operations["read"];
    assert_eq!((reads.ok, reads.fail, reads.info), (1, 1, 0));
    assert_eq!(figures.succeeded[&Phase::Before]["write"], 1);
    assert_eq!(
        figures.succeeded[&Phase::During]["write"],
        0,
        "told, although nothing happened"
    );
    assert_eq!(figures.succeeded[&Phase::After]["read"], 1);
    assert_eq!(figures.throughput[&Phase::Before], 1.0);
    assert_eq!(figures.throughput[&Phase::During], 0.0);
    assert_eq!(figures.throughput[&Phase::After], 0.2);
}

#[test]
fn latency_counts_from_the_intended_beginning() {
    let mut late = sample("read", 0, 100, 110, Kind::Ok);
    late.intended_ns = 10 * MS;
    let figures = figures(&[late], &[]);
    assert!((figures.latency_ms.all.max - 100.0).abs() < 0.1);
}

#[test]
fn clients_that_do_not_keep_up_are_told_with_times_of_their_own() {
    let mut late = sample("read", 0, 100, 110, Kind::Ok);
    late.intended_ns = 10 * MS;
    let samples = [late];
    let short = Figures::of(Input {
        samples: &samples,
        faults: &[],
        operations: &["read"],
        partitions: 1,
        length_ns: 1_000 * MS,
        rate: Some(2.0),
    });
    let pace = short.pace.expect("a rate was wanted");
    assert_eq!((pace.wanted, pace.reached), (2.0, 1.0));
    assert!(pace.falls_short());
    assert!((short.latency_ms.service.max - 10.0).abs() < 0.1);
    assert!((short.latency_ms.all.max - 100.0).abs() < 0.1);
    assert_eq!(figures(&[late], &[]).pace, None);
}

#[test]
fn an_outage_is_counted_while_somebody_asks() {
    let samples = [
        sample("read", 0, 0, 10, Kind::Ok),
        sample("read", 1, 0, 10, Kind::Ok),
        // Partition 0: asked at 1000, answered at 4000. Partition 1: nobody asks until 5000.
        sample("read", 0, 1_000, 2_000, Kind::Fail),
        sample("read", 0, 2_000, 4_000, Kind::Ok),
        sample("read", 1, 5_000, 5_020, Kind::Ok),
    ];
    let availability = figures(&samples, &[]).availability;
    assert_eq!(
        (
            availability.partitions[0].from_ms,
            availability.partitions[0].ms
        ),
        (1_000.0, 3_000.0)
    );
    assert_eq!(availability.partitions[1].ms, 20.0);
    assert_eq!(availability.overall.ms, 3_000.0);
    assert_eq!(
        availability
            .noticeable
            .iter()
            .map(Vec::len)
            .collect::<Vec<_>>(),
        [1, 0]
    );
}

#[test]
fn an_outage_that_never_ends_is_open() {
    let samples = [
        sample("read", 0, 0, 10, Kind::Ok),
        sample("write", 0, 2_000, 7_000, Kind::Info),
    ];
    let outage = figures(&samples, &[]).availability.partitions[0];
    assert_eq!(
        (outage.from_ms, outage.ms, outage.open),
        (2_000.0, 8_000.0, true)
    );
}

#[test]
fn recovery_is_that_of_the_slowest_partition() {
    let samples = [
        sample("read", 0, 900, 2_300, Kind::Ok),
        sample("read", 1, 1_000, 3_100, Kind::Ok),
        sample("read", 0, 3_200, 3_210, Kind::Ok),
    ];
    let availability = figures(&samples, &[(1_000, 2_000)]).availability;
    let recovery = availability.recoveries[0];
    assert_eq!((recovery.ms, recovery.partition), (Some(2_100.0), Some(1)));
    assert_eq!((recovery.began_ms, recovery.healed_ms), (1_000.0, 2_000.0));
    assert_eq!(availability.recovery_ms_max, Some(2_100.0));
}

#[test]
fn recovery_counts_from_the_beginning_of_the_fault_that_brought_the_outage() {
    let samples = [
        // The owner is killed at 1000; others serve from 1300 on, long before it is started again.
        sample("read", 0, 990, 1_005, Kind::Ok),
        sample("read", 0, 1_006, 1_300, Kind::Ok),
        sample("read", 1, 1_010, 1_020, Kind::Ok),
        sample("read", 0, 4_000, 4_010, Kind::Ok),
        // What happens long after it is the next one's.
        sample("read", 1, 7_000, 7_900, Kind::Ok),
    ];
    let availability = figures(&samples, &[(1_000, 4_000), (6_990, 7_500)]).availability;
    let felt: Vec<_> = availability
        .recoveries
        .iter()
        .map(|r| (r.ms, r.partition))
        .collect();
    assert_eq!(felt, [(Some(300.0), Some(0)), (Some(910.0), Some(1))]);
}

#[test]
fn a_partition_that_never_answers_again_has_not_recovered() {
    let samples = [
        sample("read", 0, 0, 10, Kind::Ok),
        sample("read", 1, 2_500, 9_000, Kind::Info),
    ];
    let availability = figures(&samples, &[(1_000, 2_000)]).availability;
    assert_eq!(availability.recoveries[0].ms, None);
    assert_eq!(availability.recoveries[0].partition, Some(1));
    assert_eq!(availability.recovery_ms_max, None);
}

#[test]
fn the_series_covers_the_run_in_rows_of_equal_length() {
    let samples = [
        sample("read", 0, 0, 10, Kind::Ok),
        sample("read", 0, 600, 700, Kind::Ok),
        sample("write", 0, 600, 710, Kind::Info),
        sample("write", 0, 9_900, 12_000, Kind::Ok),
    ];
    let series = figures(&samples, &[]).series;
    assert_eq!((series.interval_ms, series.rows.len()), (100, 100));
    assert_eq!((series.rows[7].served, series.rows[7].unknown), (1, 1));
    assert!((series.rows[7].p50_ms - 100.0).abs() < 0.2);
    assert_eq!(
        series.rows[99].served, 1,
        "what completes late is not dropped"
    );
}

#[test]
fn the_latency_log_can_be_read_by_others() {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD as BASE64;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
    let samples = [
        sample("read", 0, 0, 10, Kind::Ok),
        sample("read", 0, 0, 30, Kind::Ok),
        sample("write", 0, 1_000, 1_050, Kind::Ok),
    ];
    let mut log = Vec::new();
    write_latency_log(&mut log, &samples, UNIX_EPOCH).unwrap();
    let mut found = Vec::new();
    for entry in IntervalLogIterator::new(&log) {
        if let LogEntry::Interval(interval) = entry.unwrap() {
            let bytes = BASE64.decode(interval.encoded_histogram()).unwrap();
            let histogram: hdrhistogram::Histogram<u64> = Deserializer::new()
                .deserialize(&mut bytes.as_slice())
                .unwrap();
            let tag = interval.tag().unwrap().as_str().to_string();
            found.push((interval.start_timestamp().as_secs(), tag, histogram.len()));
        }
    }
    assert_eq!(
        found,
        [(0, "read".to_string(), 2), (1, "write".to_string(), 1)]
    );
}
