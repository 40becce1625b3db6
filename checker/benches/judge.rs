//! How long verdicts take, for those who change the engines: `cargo bench -p kensho-checker`.
//! The table that is published is made by the example `bench_checker`.

#![allow(missing_docs)] // what criterion's macros make has no docs

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kensho_checker::formats::{Format, read};
use kensho_checker::generate::{Recipe, Values, history};
use kensho_checker::register::{Options, check};

fn registers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("register");
    let options = Options {
        threads: 1,
        ..Options::default()
    };
    let base = Recipe {
        operations: 20_000,
        clients: 20,
        unknown_per_mille: 20,
        ..Recipe::default()
    };
    for (name, recipe) in [
        ("unique values, one key", base),
        ("unique values, 50 keys", Recipe { keys: 50, ..base }),
        (
            "unique values, one stale read",
            Recipe {
                stale_reads: 1,
                ..base
            },
        ),
        (
            "repeated values, 40 keys in turn",
            Recipe {
                keys: 4,
                operations_per_key: 500,
                clients: 8,
                values: Values::Repeated(5),
                ..base
            },
        ),
    ] {
        let history = history(&recipe);
        group.throughput(Throughput::Elements(history.operations.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(name), &history, |b, history| {
            b.iter(|| check(history, &options));
        });
    }
    group.finish();
}

fn readers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read");
    let (mut jsonl, mut edn) = (String::new(), String::new());
    for at in 0..10_000_u64 {
        let (process, kind) = (at / 2 % 20, if at % 2 == 0 { "invoke" } else { "ok" });
        jsonl.push_str(&format!(
            "{{\"index\":{at},\"time\":{at}000,\"process\":{process},\"type\":\"{kind}\",\"f\":\"write\",\"key\":\"r7\",\"value\":{}}}\n",
            at / 2
        ));
        edn.push_str(&format!(
            "{{:index {at}, :time {at}000, :process {process}, :type :{kind}, :f :write, :key \"r7\", :value {}}}\n",
            at / 2
        ));
    }
    for (text, format) in [(&jsonl, Format::Jsonl), (&edn, Format::Edn)] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_with_input(format!("{format:?}"), text, |b, text| {
            b.iter(|| read(text.as_bytes(), format).map(|history| history.operations.len()));
        });
    }
    group.finish();
}

criterion_group!(benches, registers, readers);
criterion_main!(benches);
