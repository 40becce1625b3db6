//! Files that are right, and what is said of those that are not.

use std::path::Path;

use super::*;

const RIGHT: &str = r#"name = "mine"
nodes = 3
[start]
command = ["sh", "-c", "serve {name} {client_port} '{}' {peers}"]
[client]
command = ["sh", "client.sh", "{clients}"]
"#;

fn parse(text: &str) -> Result<File, String> {
    let parsed = File::parse(Path::new("/tmp/mine.toml"), Path::new("/tmp"), text);
    parsed.map_err(|wrong| wrong.to_string())
}

/// What is said of the file when `from` is written in another way.
fn wrong(from: &str, to: &str) -> String {
    assert!(RIGHT.contains(from));
    parse(&RIGHT.replace(from, to)).expect_err("it is wrong")
}

#[test]
fn a_right_file_says_what_there_is_to_know() {
    let file = parse(RIGHT).unwrap();
    assert_eq!((file.nodes, file.folder.as_path()), (3, Path::new("/tmp")));
    let started = file.start.filled(&Placeholders::default());
    assert!(started.program.is_absolute());
    assert_eq!(file.ports, [CLIENT, PEER]);
    assert!(!file.shared_ports && file.links && file.chosen.is_empty());
}

#[test]
fn shared_ports_and_settings_can_be_asked_for_in_commands() {
    let text = r#"name = "mine"
nodes = 3
shared_ports = ["client", "quorum"]
[settings.reads]
text = "how it reads"
default = "safe"
values = ["safe", "fast"]
[start]
command = ["sh", "{quorum_port} {quorum_address_host} {quorum_addresses} {client} {reads}"]
[client]
command = ["sh", "{client_addresses}", "{reads}"]
[[answers]]
says = "refused"
means = "failed"
seen = "always"
"#;
    let mut file = parse(text).unwrap();
    assert_eq!(file.ports, ["client", "quorum"]);
    assert_eq!(file.chosen["reads"], "safe");
    file.choose(&["reads=fast".to_string()]).unwrap();
    assert_eq!(file.chosen["reads"], "fast");
    assert_eq!(file.answers.len(), 1);
    for (from, to, line, said) in [
        ("\"quorum\"", "\"name\"", 3, "a port's name"),
        ("\"client\", ", "", 3, "client"),
        ("\"safe\"\n", "\"slow\"\n", 4, "safe, fast"),
        ("{client} ", "{peer} ", 9, "no placeholder {peer}"),
        ("\"failed\"", "\"maybe\"", 14, "unknown variant"),
    ] {
        let told = parse(&text.replace(from, to)).expect_err(from);
        let place = format!("/tmp/mine.toml, line {line}: ");
        assert!(told.starts_with(&place) && told.contains(said), "{told}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    for (from, to, line, said) in [
        ("nodes = 3", "nodes = 300", 2, "from 1 to 50"),
        ("nodes = 3", "nodes = \"three\"", 2, "invalid type"),
        ("nodes = 3", "nods = 3", 2, "unknown field `nods`"),
        (
            "nodes = 3",
            "nodes = 3\nworkloads = [\"regster\"]",
            3,
            "regster",
        ),
        ("\"mine\"", "\"\"", 1, "empty"),
        ("{client_port}", "{port}", 4, "{client_port}"),
        ("{clients}", "{data}", 6, "{clients}"),
        (
            "\"sh\", \"client.sh\"",
            "\"./client.sh\"",
            6,
            "/tmp/./client.sh",
        ),
        ("\"sh\", \"client.sh\"", "\"no-such-program\"", 6, "PATH"),
        ("[client]\n", "[client\n", 5, ""),
    ] {
        let told = wrong(from, to);
        let place = format!("/tmp/mine.toml, line {line}: ");
        assert!(told.starts_with(&place) && told.contains(said), "{told}");
        assert!(!told.contains('\n'), "{told}");
    }
    let both = format!("{RIGHT}[ready]\npath = \"/up\"\ncommand = [\"true\"]\n");
    assert!(parse(&both).unwrap_err().contains("line 8: "), "{both}");
    let none = "name = \"mine\"\nnodes = 1\n";
    assert!(parse(none).unwrap_err().contains("`start`"));
    let needs = format!("{RIGHT}[needs]\nprograms = [\"no-such-program\"]\n");
    assert!(parse(&needs).unwrap_err().contains("not installed"));
    let made = RIGHT.replace("\"sh\", \"client.sh\"", "\"./made\"");
    assert!(parse(&made).unwrap_err().contains("/tmp/./made"));
    let made = format!("{made}[prepare]\ncommand = [\"true\"]\n");
    assert!(parse(&made).is_ok(), "it may be made by then");
    let missing = File::read(Path::new("/nowhere/at/all.toml")).unwrap_err();
    assert!(missing.to_string().contains("cannot be read"));
}
