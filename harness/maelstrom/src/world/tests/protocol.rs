//! Nodes that use the protocol in unusual ways, and nodes that break it.

use super::*;

#[test]
fn a_node_may_need_others_before_it_answers_init() {
    let mut init: HashMap<usize, Message> = HashMap::new();
    let mut heard: HashMap<usize, Vec<String>> = HashMap::new();
    let mut node = move |node: usize, message: &Message| {
        let kind = crate::body::kind(&message.body);
        heard.entry(node).or_default().push(kind.to_owned());
        assert_eq!(heard[&node][0], "init", "it comes first");
        match kind {
            "init" => {
                init.insert(node, message.clone());
                let write = json!({"type": "write", "key": node, "value": 1, "msg_id": 1});
                vec![
                    ("lin-kv".to_owned(), write),
                    (format!("n{}", (node + 1) % 3 + 1), json!({"type": "hello"})),
                ]
            }
            "write_ok" => vec![reply(&init[&node], json!({"type": "init_ok"}))],
            "hello" => Vec::new(),
            _ => echo(node, message),
        }
    };
    let conditions = Conditions {
        latency_ms: 50,
        ..Conditions::PERFECT
    };
    let settings = Settings {
        conditions,
        ..settings(1)
    };
    let played = play(settings, Name::Echo, &mut node);
    assert!(played.outcomes("echo")[0] > 300);
}

fn trouble(name: Name, behaviour: &mut Behaviour) -> String {
    let played = play(settings(1), name, behaviour);
    played
        .remains
        .trouble
        .expect("the node breaks the protocol")
        .text
}

#[test]
fn whoever_breaks_the_protocol_ends_the_run_and_is_told_what_was_expected() {
    let silent = trouble(Name::Echo, &mut |_, _| Vec::new());
    assert!(
        silent.contains("did not answer \"init\" within 10 s"),
        "{silent}"
    );
    assert!(silent.contains("init_ok"), "{silent}");

    let refusing = trouble(Name::Echo, &mut |_, message| {
        vec![reply(
            message,
            json!({"type": "error", "code": 13, "text": "no"}),
        )]
    });
    assert!(refusing.contains("it is an error: crash: no"), "{refusing}");

    let stranger = trouble(
        Name::Echo,
        &mut initialised(|_, _| vec![("n9".to_owned(), json!({"type": "hello"}))]),
    );
    assert!(stranger.contains("\"dest\" is \"n9\""), "{stranger}");
    assert!(stranger.contains("n1, n2, n3"), "{stranger}");

    let malformed = trouble(
        Name::LinKv,
        &mut initialised(|_, message| vec![reply(message, json!({"type": "read_ok"}))]),
    );
    assert!(malformed.contains("the request:"), "{malformed}");
    assert!(malformed.contains("expected:"), "{malformed}");
}

#[test]
fn answers_to_nobody_are_ignored_and_told() {
    let played = play(
        settings(1),
        Name::Echo,
        &mut initialised(|node, message| {
            let mut answers = echo(node, message);
            answers.push((message.src.clone(), json!({"type": "hello"})));
            // Twice the same, and one to a request that was never sent.
            answers.extend(echo(node, message));
            answers.push((
                message.src.clone(),
                json!({"type": "echo_ok", "in_reply_to": 99_999}),
            ));
            answers
        }),
    );
    assert_eq!(played.outcomes("echo")[1..], [0, 0]);
    let (count, first) = &played.remains.strays;
    assert_eq!(*count, played.outcomes("echo")[0] as u64);
    assert!(first.as_ref().unwrap().contains("hello"));
}
