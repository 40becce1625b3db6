use super::*;
use std::path::PathBuf;

/// A folder for one test, removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path =
            std::env::temp_dir().join(format!("kensho-sources-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A history in which this many operations succeeded.
fn edn(operations: usize) -> String {
    (0..operations)
        .map(|at| {
            format!(
                "{{:process 0, :type :invoke, :f :write, :value {at}}}\n{{:process 0, :type :ok, :f :write, :value {at}}}\n"
            )
        })
        .collect()
}

fn counts(path: &Path) -> Vec<(String, usize)> {
    sources(path)
        .unwrap()
        .iter()
        .map(|source| {
            let (history, _) = source.read(None).unwrap();
            let title = source.title().replace(&path.display().to_string(), "");
            (title, history.operations.len())
        })
        .collect()
}

#[test]
fn a_store_is_read_run_by_run_and_each_run_once() {
    let folder = Folder::new("store");
    let run = |name: &str, count: usize| {
        folder.file(&format!("store/{name}/history.edn"), edn(count));
        folder.file(
            &format!("store/{name}/history.txt"),
            "0\t:invoke\t:read\tnil\n",
        );
        folder.file(&format!("store/{name}/results.edn"), "{:valid? true}");
        // A part of the same history, which is not to be counted again.
        folder.file(&format!("store/{name}/independent/3/history.edn"), edn(1));
        folder.file(&format!("store/{name}/n1/db.log"), "started");
    };
    run("bank/20240501T101112.000Z", 3);
    run("bank/20240502T101112.000+0200", 4);
    run("set/20240501T101112.000Z", 5);
    std::fs::write(folder.0.join("store/ignored.txt"), "no run").unwrap();
    #[cfg(unix)]
    for (link, to) in [
        ("store/latest", "set/20240501T101112.000Z"),
        ("store/current", "set/20240501T101112.000Z"),
        ("store/bank/latest", "20240502T101112.000+0200"),
    ] {
        std::os::unix::fs::symlink(to, folder.0.join(link)).unwrap();
    }
    let all = [
        ("/bank/20240501T101112.000Z".to_owned(), 3),
        ("/bank/20240502T101112.000+0200".to_owned(), 4),
        ("/set/20240501T101112.000Z".to_owned(), 5),
    ];
    assert_eq!(counts(&folder.0.join("store")), all);
    let expected: Vec<(String, usize)> = all[..2]
        .iter()
        .map(|(name, count)| (name.replace("/bank", ""), *count))
        .collect();
    assert_eq!(counts(&folder.0.join("store/bank")), expected);
    #[cfg(unix)]
    {
        assert_eq!(counts(&folder.0.join("store/latest")), [(String::new(), 5)]);
        assert_eq!(
            counts(&folder.0.join("store/bank/latest")),
            [(String::new(), 4)]
        );
    }
}

#[test]
fn where_the_best_file_of_a_run_cannot_be_read_the_next_one_is() {
    let folder = Folder::new("next");
    folder.file(
        "run/test.jepsen",
        b"JEPSEN\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x12",
    );
    folder.file("run/history.edn", edn(2));
    let source = &sources(&folder.0).unwrap()[0];
    let (history, format) = source.read(None).unwrap();
    assert_eq!((format, history.operations.len()), (Format::Edn, 2));
    let told = &history.problems[0];
    assert!(!told.grave);
    assert!(
        told.text
            .starts_with("test.jepsen: offset 6: expected version 0 or 1"),
        "{told:?}"
    );
    assert!(
        told.text.ends_with("history.edn was read instead"),
        "{told:?}"
    );
    std::fs::remove_file(folder.0.join("run/history.edn")).unwrap();
    let error = sources(&folder.0).unwrap()[0].read(None).unwrap_err();
    assert!(
        error.to_string().starts_with("test.jepsen: offset 6"),
        "{error}"
    );
}

#[test]
fn a_whole_file_is_better_than_a_damaged_one() {
    let folder = Folder::new("whole");
    let damaged = edn(2) + "{:process";
    folder.file(
        "run/history.jsonl",
        br#"{"process":0,"type":"invoke","f":"read"}"#,
    );
    folder.file("run/history.edn", &damaged);
    let read = || sources(&folder.0).unwrap()[0].read(None).unwrap();
    let (history, format) = read();
    assert_eq!((format, history.operations.len()), (Format::Jsonl, 1));
    folder.file(
        "run/history.jsonl",
        b"{\"process\":0,\"type\":\"invoke\",\"f\":\"read\"}\n{",
    );
    folder.file("run/history.edn", edn(2));
    let (history, format) = read();
    assert_eq!((format, history.operations.len()), (Format::Edn, 2));
    let told = &history.problems[0];
    assert!(
        !told.grave && told.text.starts_with("history.jsonl: line 2"),
        "{told:?}"
    );
    assert!(
        told.text.ends_with("history.edn was read instead"),
        "{told:?}"
    );
    // Where all are damaged, the best one is taken.
    folder.file("run/history.edn", &damaged);
    let (history, format) = read();
    assert_eq!((format, history.operations.len()), (Format::Jsonl, 1));
    assert!(history.problems[0].grave && history.problems.len() == 1);
}

#[test]
fn a_folder_without_a_history_is_told_what_was_looked_for() {
    let folder = Folder::new("none");
    folder.file("a/results.edn", "{:valid? true}");
    let error = sources(&folder.0).unwrap_err();
    assert!(
        error.contains("no history was found") && error.contains("test.jepsen"),
        "{error}"
    );
}
