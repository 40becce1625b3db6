use crate::formats::fressian::writer::Writer;
use crate::formats::{Format, read};
use crate::generate::Random;
use crate::history::History;
use crate::value::Value;
use std::collections::BTreeMap;

/// Writes a test.jepsen, from the description of the format.
struct File {
    bytes: Vec<u8>,
    offsets: BTreeMap<i32, u64>,
}

const BIG_VECTOR: i16 = 5;
const STREAM: i16 = 4;
const PARTIAL_MAP: i16 = 3;
const FRESSIAN: i16 = 2;
const INDEX: i16 = 1;

impl File {
    fn new(version: i32) -> File {
        let mut bytes = b"JEPSEN".to_vec();
        bytes.extend(version.to_be_bytes());
        bytes.extend([0; 8]);
        File {
            bytes,
            offsets: BTreeMap::new(),
        }
    }

    /// Appends a block, which replaces the former one of that number.
    fn block(&mut self, id: i32, kind: i16, data: &[u8]) {
        self.offsets.insert(id, self.bytes.len() as u64);
        let mut head = (data.len() as i64 + 28).to_be_bytes().to_vec();
        head.extend([0; 4]);
        head.extend(kind.to_be_bytes());
        head.extend([0; 14]);
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(data);
        checksum.update(&head);
        head[8..12].copy_from_slice(&checksum.finalize().to_be_bytes());
        self.bytes.extend(head);
        self.bytes.extend(data);
    }

    fn index(&mut self, id: i32, root: i32) {
        let at = self.bytes.len() as u64;
        self.offsets.insert(id, at);
        let mut data = root.to_be_bytes().to_vec();
        for (id, offset) in self.offsets.iter().rev() {
            data.extend(id.to_be_bytes());
            data.extend(offset.to_be_bytes());
        }
        self.block(id, INDEX, &data);
        self.bytes[10..18].copy_from_slice(&at.to_be_bytes());
    }

    fn test(&mut self, id: i32, history: Option<i32>) {
        let mut writer = Writer::default();
        writer.map(2).name("name").text("made").name("history");
        match history {
            Some(id) => {
                writer.tag("block-ref", 1).int(i64::from(id));
            }
            None => writer.bytes.push(0xf7),
        }
        self.block(id, FRESSIAN, &writer.bytes);
    }

    fn vector(&mut self, id: i32, count: i64, chunks: &[(i64, i32)]) {
        let mut data = count.to_be_bytes().to_vec();
        for (first, chunk) in chunks {
            data.extend(first.to_be_bytes());
            data.extend(chunk.to_be_bytes());
        }
        self.block(id, BIG_VECTOR, &data);
    }
}

/// Events of writes by three processes, from one position to another.
fn events(from: i64, to: i64) -> Vec<u8> {
    let mut writer = Writer::default();
    for at in from..to {
        let kind = if at % 2 == 0 { "invoke" } else { "ok" };
        writer.op(at, kind, at / 2 % 3, "write", &Value::Int(at / 2));
    }
    writer.bytes
}

/// A version 1 file with its history in chunks of these sizes.
fn whole(chunks: &[i64]) -> File {
    let mut file = File::new(1);
    // The first forms of blocks that are written anew later.
    file.block(1, FRESSIAN, &[0xf7]);
    file.test(2, Some(1));
    file.index(3, 2);
    let mut firsts = Vec::new();
    let mut first = 0;
    for (number, count) in chunks.iter().enumerate() {
        let id = 10 + number as i32;
        file.block(id, STREAM, &events(first, first + count));
        firsts.push((first, id));
        first += count;
        file.vector(1, first, &firsts);
        file.index(3, 2);
    }
    let mut results = 0_i32.to_be_bytes().to_vec();
    let mut writer = Writer::default();
    writer.map(1).name("valid?").value(&Value::Bool(true));
    results.extend(writer.bytes);
    file.block(4, PARTIAL_MAP, &results);
    file.index(3, 2);
    file
}

fn read_file(file: &File) -> Result<History, String> {
    assert_eq!(Format::detect(&file.bytes), Format::Jepsen);
    read(&file.bytes, Format::Jepsen).map_err(|problem| problem.to_string())
}

fn cut(history: &History) -> &str {
    let last = history.problems.last().expect("a problem");
    assert!(last.grave);
    &last.text
}

#[test]
fn a_history_in_several_chunks_is_read_once() {
    let history = read_file(&whole(&[16384, 16384, 1000])).unwrap();
    assert_eq!(history.operations.len(), (2 * 16384 + 1000) / 2);
    assert!(history.problems.is_empty(), "{:?}", history.problems);
    let last = history.operations.last().unwrap();
    assert_eq!(history.value(last.result), Value::Int(16883));
    assert_eq!((last.invoke_time, history.name(last.f)), (33_766_000, "write"));
}

#[test]
fn the_order_of_blocks_and_gaps_between_them_do_not_matter() {
    let made = whole(&[100, 50]);
    // As after a collection of garbage: the index comes first, gaps are left, the order is another.
    let mut file = File::new(1);
    file.bytes.extend([0xaa; 13]);
    file.block(10, STREAM, &events(0, 100));
    file.bytes.extend([0xbb; 29]);
    file.block(11, STREAM, &events(100, 150));
    file.vector(1, 150, &[(0, 10), (100, 11)]);
    file.test(2, Some(1));
    file.index(3, 2);
    let (one, other) = (read_file(&made).unwrap(), read_file(&file).unwrap());
    assert_eq!(one.operations.len(), other.operations.len());
    assert!(other.problems.is_empty(), "{:?}", other.problems);
}

#[test]
fn chunks_may_be_lists_and_vectors_and_the_whole_history_one_list() {
    let mut list = Writer::default();
    list.list(10);
    for at in 0..10 {
        list.op(at, if at % 2 == 0 { "invoke" } else { "ok" }, 0, "write", &Value::Int(at / 2));
    }
    let mut file = File::new(1);
    file.block(10, FRESSIAN, &list.bytes);
    file.block(11, STREAM, &events(10, 20));
    file.vector(12, 10, &[(0, 11)]);
    file.vector(1, 20, &[(0, 10), (10, 12)]);
    file.test(2, Some(1));
    file.index(3, 2);
    assert_eq!(read_file(&file).unwrap().operations.len(), 10);
    let mut old = File::new(0);
    let mut maps = Writer::default();
    maps.list(2);
    for kind in ["invoke", "ok"] {
        maps.map(4).name("process").int(4).name("type").name(kind).name("f").name("read").name("value").int(7);
    }
    old.block(1, FRESSIAN, &maps.bytes);
    old.test(2, Some(1));
    old.index(3, 2);
    let history = read_file(&old).unwrap();
    assert_eq!(history.operations.len(), 1);
    assert_eq!(history.value(history.operations[0].result), Value::Int(7));
}

#[test]
fn a_run_that_died_keeps_its_open_chunk() {
    let open = events(100, 140);
    for end in 0..open.len() {
        let mut file = whole(&[100]);
        file.bytes.extend([0; 28]);
        file.bytes.extend(&open[..end]);
        let history = read_file(&file).unwrap();
        if end == 0 {
            assert!(history.problems.is_empty());
            continue;
        }
        let events = history.events;
        assert!((100..=140).contains(&events));
        let expected = format!(
            "the run died while it wrote: behind 100 event(s) that were sealed, {} of the chunk",
            events - 100
        );
        assert!(cut(&history).starts_with(&expected), "{}", cut(&history));
    }
    // Nothing was sealed before the run died, and even nothing written.
    let mut file = File::new(1);
    file.block(1, FRESSIAN, &[0xf7]);
    file.test(2, Some(1));
    file.index(3, 2);
    assert!(read_file(&file).unwrap_err().contains("before its first operations"));
    file.bytes.extend([0; 28]);
    file.bytes.extend(events(0, 7));
    assert_eq!(read_file(&file).unwrap().events, 7);
}

#[test]
fn damage_is_told_by_block_and_what_stands_before_it_is_kept() {
    let made = whole(&[100, 100]);
    let second = made.offsets[&11] as usize;
    let mut file = whole(&[100, 100]);
    file.bytes[second + 500] ^= 4;
    let history = read_file(&file).unwrap();
    assert_eq!(history.events, 100);
    assert!(cut(&history).contains("block 11: its checksum is"), "{}", cut(&history));
    assert!(cut(&history).contains(&format!("offset {second}: ")));
    let first = made.offsets[&10] as usize;
    file.bytes[first + 500] ^= 4;
    assert!(read_file(&file).unwrap_err().contains("block 10: its checksum is"));
    // A file that was cut: its index is at the end.
    file.bytes.truncate(second);
    assert!(read_file(&file).unwrap_err().contains("the index: "));
}

#[test]
fn what_is_not_understood_is_refused_with_a_sentence() {
    let mut newer = whole(&[10]);
    newer.bytes[9] = 2;
    assert!(read_file(&newer).unwrap_err().contains("offset 6: expected version 0 or 1"));
    let mut nothing = File::new(1);
    nothing.bytes.extend([0; 40]);
    assert!(read_file(&nothing).unwrap_err().contains("nothing was written yet"));
    for (count, chunks, expected) in [
        (20, vec![(0, 10), (12, 11)], "block 11 begins with operation 12, but 10"),
        (20, vec![(0, 10), (10, 10)], "block 10 stands twice"),
        (20, vec![(0, 10), (10, 77)], "the index has no block 77"),
        (20, vec![(0, 10), (10, 2)], "expected a list of operations"),
        (30, vec![(0, 10), (10, 11)], "expected 30 operation event(s), but the chunks hold 20"),
    ] {
        let mut file = whole(&[10, 10]);
        file.vector(1, count, &chunks);
        file.index(3, 2);
        let history = read_file(&file).unwrap();
        assert!(cut(&history).contains(expected), "{}", cut(&history));
    }
    // A vector that holds itself.
    let mut file = whole(&[10]);
    file.vector(1, 20, &[(0, 1)]);
    file.index(3, 2);
    assert!(read_file(&file).unwrap_err().contains("block 1 stands twice"));
}

#[test]
fn mutated_blocks_with_right_checksums_never_panic() {
    let mut random = Random::new(5);
    let (ops, mut accepted) = (events(0, 12), 0);
    for round in 0..3000 {
        let mut file = File::new(round % 2);
        let mut mutated = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            for _ in 0..random.below(3) {
                let at = random.below(bytes.len());
                match random.below(3) {
                    0 => bytes[at] = random.bits() as u8,
                    1 => bytes[at] ^= 1 << random.below(8),
                    _ => bytes.truncate(at + 1),
                }
            }
            bytes
        };
        file.block(10, STREAM, &mutated(&ops));
        let vector = [&12_i64.to_be_bytes()[..], &[0; 8], &10_i32.to_be_bytes()].concat();
        file.block(1, BIG_VECTOR, &mutated(&vector));
        let mut writer = Writer::default();
        writer.map(1).name("history").tag("block-ref", 1).int(1);
        file.block(2, FRESSIAN, &mutated(&writer.bytes));
        file.index(3, 2);
        let mut open = vec![0; 28];
        open.extend(mutated(&ops));
        file.bytes.extend(open);
        accepted += usize::from(read_file(&file).is_ok());
    }
    assert!(accepted > 300, "{accepted}");
}
