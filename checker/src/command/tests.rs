use super::*;
use clap::Parser;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    check: CheckArguments,
}

const STALE: &str = "{:process 0 :type :invoke :f :write :value 1}
{:process 0 :type :ok :f :write :value 1}
{:process 0 :type :invoke :f :write :value 2}
{:process 0 :type :ok :f :write :value 2}
{:process 1 :type :invoke :f :read :value nil}
{:process 1 :type :ok :f :read :value 1}";

fn check(files: &[&Path], options: &[&str]) -> (Exit, String) {
    let files = files.iter().map(|file| file.to_str().unwrap());
    let line = Line::parse_from(
        ["check"]
            .into_iter()
            .chain(options.iter().copied())
            .chain(files),
    );
    let mut output = Vec::new();
    let exit = run(&line.check, &mut output).unwrap();
    (exit, String::from_utf8(output).unwrap())
}

/// A folder for one test, removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("kensho-check-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn one_file_is_explained_several_are_listed() {
    let folder = Folder::new("files");
    let stale = folder.file("stale.edn", STALE);
    let fresh = folder.file(
        "fresh.edn",
        &STALE.replace(":read :value 1}", ":read :value 2}"),
    );
    let (exit, text) = check(&[&stale], &[]);
    assert_eq!(exit, Exit::Invalid);
    assert!(text.contains("invalid"), "{text}");
    assert!(text.contains("stale read"), "{text}");
    let (exit, text) = check(&[&stale, &fresh], &["--model", "register"]);
    assert_eq!(exit, Exit::Invalid);
    assert_eq!(text.lines().count(), 2, "{text}");
    assert_eq!(check(&[&fresh], &[]).0, Exit::Valid);
}

#[test]
fn json_has_the_verdict_and_html_the_picture() {
    let folder = Folder::new("json");
    let stale = folder.file("stale.edn", STALE);
    let page = folder.0.join("page.html");
    let (_, text) = check(&[&stale], &["--json", "--html", page.to_str().unwrap()]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["valid"], false);
    assert_eq!(json["anomalies"][0]["name"], "stale read");
    assert_eq!(
        json["anomalies"][0]["operations"].as_array().unwrap().len(),
        3
    );
    let html = std::fs::read_to_string(page).unwrap();
    assert!(html.contains("<svg") && html.contains("stale read"));
    assert!(
        !html.contains("http://")
            || html.matches("http").count() == html.matches("http://www.w3.org").count()
    );
}

#[test]
fn a_run_folder_is_judged_by_its_own_model() {
    let folder = Folder::new("run");
    folder.file("run.json", r#"{"workload":"register"}"#);
    folder.file(
        "history.jsonl",
        "{\"index\":0,\"time\":0,\"process\":0,\"type\":\"invoke\",\"f\":\"write\",\"key\":\"k\",\"value\":1}\n{\"index\":1,\"time\":1,\"process\":0,\"type\":\"ok\",\"f\":\"write\",\"key\":\"k\",\"value\":1}\n{\"index\":2,\"time\":2,\"process\":0,\"type\":\"invoke\",\"f\":\"read\",\"key\":\"k\",\"value\":null}\n{\"index\":3,\"time\":3,\"process\":0,\"type\":\"ok\",\"f\":\"read\",\"key\":\"k\",\"value\":1}\n",
    );
    let (exit, text) = check(&[&folder.0], &[]);
    assert_eq!(exit, Exit::Valid, "{text}");
    assert!(text.contains("register"), "{text}");
}

#[test]
fn a_broken_file_is_told_with_its_place_and_the_others_are_judged() {
    let folder = Folder::new("broken");
    let broken = folder.file("broken.edn", "{:type :ok\n :f");
    let stale = folder.file("stale.edn", STALE);
    let (exit, text) = check(&[&broken, &stale], &[]);
    assert_eq!(exit, Exit::Failed);
    assert!(text.contains("broken.edn: error: line 1, column 1: what opens here is never closed"));
    assert!(text.contains("stale.edn: invalid"));
    let (exit, text) = check(&[&broken, &stale], &["--json"]);
    assert_eq!(exit, Exit::Failed);
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(lines[0]["error"].as_str().unwrap().contains("never closed"));
    assert_eq!(lines[1]["valid"], false);
    let empty = folder.file("empty.edn", "; nothing");
    let (exit, text) = check(&[&empty], &[]);
    assert_eq!(exit, Exit::Unknown);
    assert!(
        text.contains("nothing was checked: the history has no operations"),
        "{text}"
    );
    assert_eq!(check(&[Path::new("/no/such/file")], &[]).0, Exit::Failed);
    assert_eq!(check(&[&stale], &["--init", "["]).0, Exit::WrongArguments);
}

#[test]
fn tuples_of_independent_registers_are_hinted_at_and_split_when_asked() {
    let folder = Folder::new("tuples");
    let text = "{:process 0 :type :invoke :f :write :value [:x 1]}
{:process 0 :type :ok :f :write :value [:x 1]}
{:process 0 :type :invoke :f :write :value [:y 2]}
{:process 0 :type :ok :f :write :value [:y 2]}
{:process 1 :type :invoke :f :read :value [:x nil]}
{:process 1 :type :ok :f :read :value [:x 1]}";
    let file = folder.file("tuples.edn", text);
    let (_, told) = check(&[&file], &[]);
    assert!(told.contains("say --tuples"), "{told}");
    let (exit, told) = check(&[&file], &["--tuples"]);
    assert_eq!(exit, Exit::Valid, "{told}");
    assert!(told.contains("on 2 keys"), "{told}");
}

#[test]
fn options_say_what_is_required_ignored_and_of_no_use() {
    let folder = Folder::new("options");
    let fresh = STALE.replace(":read :value 1}", ":read :value 2}");
    let fresh = folder.file("fresh.edn", &fresh);
    let (exit, text) = check(&[&fresh], &["--total", "5", "--model", "register"]);
    assert_eq!(exit, Exit::WrongArguments);
    assert!(
        text.contains("--total is of no use to register; it is for bank"),
        "{text}"
    );
    assert_eq!(
        check(&[&fresh], &["--require", "read=1,write=2"]).0,
        Exit::Valid
    );
    let (exit, text) = check(&[&fresh], &["--require", "read=1,write=3"]);
    assert_eq!(exit, Exit::Unknown);
    assert!(
        text.contains("only 2 of the 3 required write operations succeeded"),
        "{text}"
    );
    assert_eq!(
        check(&[&fresh], &["--require", "read"]).0,
        Exit::WrongArguments
    );
    let (exit, text) = check(&[&fresh], &["--model", "register", "--ignore", "read"]);
    assert_eq!(exit, Exit::Unknown);
    assert!(text.contains("--ignore asks: 1 of \"read\""), "{text}");
    assert!(text.contains("nothing was checked"), "{text}");
}

#[test]
fn the_guess_is_told_and_every_name_is_counted() {
    let folder = Folder::new("guess");
    let stale = folder.file("stale.edn", STALE);
    let (_, text) = check(&[&stale], &[]);
    assert!(
        text.contains(
            "The model is guessed to be cas-register, since its operations are read and write"
        ),
        "{text}"
    );
    assert!(
        text.contains("write              2          0          0"),
        "{text}"
    );
    let (_, json) = check(&[&stale], &["--json"]);
    assert_eq!(json.lines().count(), 1);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["stats"]["read"]["ok"], 1);
    assert!(json["guessed"].is_string());
}

#[test]
fn the_list_of_models_names_each_with_its_operations_and_options() {
    let (exit, text) = check(&[], &["--list-models"]);
    assert_eq!(exit, Exit::Valid);
    for model in models::ALL {
        assert!(text.contains(&format!("\n{}\n", model.name)) || text.starts_with(model.name));
    }
    assert!(
        text.contains("operations: enqueue, dequeue and drain"),
        "{text}"
    );
    assert!(
        text.contains("options: --init, --total, --negative-balances"),
        "{text}"
    );
}

/// An output that nobody reads.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn nobody_reading_on_is_no_error() {
    let folder = Folder::new("closed");
    let stale = folder.file("stale.edn", STALE);
    let line = Line::parse_from(["check", stale.to_str().unwrap()]);
    assert_eq!(run(&line.check, &mut Closed).unwrap(), Exit::Invalid);
}

#[test]
fn a_model_of_ones_own_is_a_table() {
    let folder = Folder::new("table");
    let table = folder.file(
        "light.toml",
        r#"
states = ["red", "green"]
[[transition]]
from = "red"
operation = "switch"
to = "green"
[[transition]]
from = "red"
operation = "look"
result = "stop"
"#,
    );
    let history = |look: &str| {
        format!(
            "{{:process 0 :type :invoke :f :look :value nil}}
{{:process 0 :type :ok :f :look :value {look}}}
{{:process 0 :type :invoke :f :switch :value nil}}
{{:process 0 :type :ok :f :switch :value nil}}"
        )
    };
    let right = folder.file("right.edn", &history(":stop"));
    let wrong = folder.file("wrong.edn", &history(":go"));
    let unknown = folder.file("unknown.edn", &history(":stop").replace("switch", "paint"));
    let table_text = table.to_str().unwrap();
    let judge = |file: &Path| check(&[file], &["--model-file", table_text]);
    let (exit, text) = judge(&right);
    assert_eq!(exit, Exit::Valid, "{text}");
    assert!(text.contains("valid (light, 2 operations"), "{text}");
    assert_eq!(judge(&wrong).0, Exit::Invalid);
    let (exit, text) = judge(&unknown);
    assert_eq!(exit, Exit::Unknown, "{text}");
    assert!(text.contains("no transition for paint"), "{text}");
    let broken = folder.file("broken.toml", "states = [\"red\"]\nstate = 1\n");
    let (exit, text) = check(&[&right], &["--model-file", broken.to_str().unwrap()]);
    assert_eq!(exit, Exit::WrongArguments, "{text}");
    assert!(text.contains("broken.toml:2:1: unknown field"), "{text}");
}

/// A long history is judged while it is read, and a violation read once more: also from a pipe,
/// which gives everything only once.
#[test]
#[cfg(target_os = "linux")]
fn a_pipe_is_judged_as_a_file() {
    use crate::generate::{Recipe, write};
    use std::os::fd::AsRawFd;
    let recipe = Recipe {
        operations: 100_000,
        keys: 4,
        stale_reads: 1,
        ..Recipe::SMALL
    };
    let mut text = Vec::new();
    write(&recipe, &mut text).unwrap();
    let folder = Folder::new("pipe");
    let file = folder.file("history.jsonl", std::str::from_utf8(&text).unwrap());
    let (reader, mut writer) = std::io::pipe().unwrap();
    let writing = std::thread::spawn(move || writer.write_all(&text));
    let pipe = PathBuf::from(format!("/proc/self/fd/{}", reader.as_raw_fd()));
    let judged = check(&[&pipe], &["--json"]);
    writing.join().unwrap().unwrap();
    let expected = check(&[&file], &["--json"]);
    assert_eq!(judged.0, Exit::Invalid);
    let name = |path: &Path| format!("{:?}", path.to_str().unwrap());
    assert_eq!(judged.1.replace(&name(&pipe), &name(&file)), expected.1);
}
