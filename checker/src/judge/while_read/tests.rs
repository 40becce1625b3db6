use super::*;
use crate::explain;
use crate::formats;
use crate::generate::{self, FailedCasTells, Random, Recipe, Values};
use crate::judge::{guess, judge};
use proptest::prelude::*;

/// How a history was judged.
struct Way {
    /// Whether it was judged while it was read.
    while_read: bool,
    /// How often it was read.
    readings: usize,
}

/// The report of a history that is judged while it is read, if that can be done.
fn while_read(
    text: &[u8],
    named: Option<&'static Model>,
    settings: &Settings,
    window: usize,
) -> (Report, History, Way) {
    let mut readings = 0;
    let mut read = |prepare: &mut Prepare<'_>| {
        readings += 1;
        formats::read_prepared(text, prepare)
    };
    let read = judge_while_read(named, settings, window, &mut read).unwrap();
    let (history, report, while_read) = match read {
        Read::Judged(history, report) => (history, *report, true),
        Read::Whole(history, format) => {
            let report = whole(&history, format, named, settings);
            (history, report, false)
        }
    };
    let way = Way {
        while_read,
        readings,
    };
    (report, history, way)
}

fn whole(
    history: &History,
    format: Format,
    named: Option<&'static Model>,
    settings: &Settings,
) -> Report {
    let settings = Settings {
        format: Some(format),
        ..settings.clone()
    };
    let (model, guessed) = match (named, guess(history)) {
        (Some(model), _) => (model, None),
        (None, Guess::Model(model, reason)) => (model, Some(reason)),
        (None, Guess::None(reason)) => return Report::unknown("none", history, reason),
    };
    Report {
        guessed,
        ..judge(history, model, &settings)
    }
}

/// Everything that is said of a history.
fn words(history: &History, report: &Report) -> String {
    format!(
        "{}\n{}\n{}",
        serde_json::to_string_pretty(report).unwrap(),
        explain::text(report),
        explain::html_fragment(history, report)
    )
}

/// The same without what depends on how a key was judged. Zones may judge a key in parts where the
/// whole has to be searched: if a value was written again when the first one was settled.
fn words_of_verdict(report: &Report) -> serde_json::Value {
    let mut json = serde_json::to_value(report).unwrap();
    for name in ["engines", "must_have_happened"] {
        json.as_object_mut().unwrap().remove(name);
    }
    json
}

/// Judges a history as a whole and while it is read.
fn compare(text: &[u8], named: Option<&'static Model>, window: usize) -> Way {
    let settings = Settings {
        threads: 1,
        ..Settings::default()
    };
    let (history, format) = formats::read_from(text, None).unwrap();
    let expected = whole(&history, format, named, &settings);
    let (report, left, way) = while_read(text, named, &settings, window);
    assert_eq!(words_of_verdict(&report), words_of_verdict(&expected));
    if expected.engines.search == report.engines.search {
        assert_eq!(words(&left, &report), words(&history, &expected));
    }
    way
}

fn written(recipe: &Recipe) -> Vec<u8> {
    let mut text = Vec::new();
    generate::write(recipe, &mut text).unwrap();
    text
}

fn recipes() -> impl Strategy<Value = Recipe> {
    (
        (1..400_usize, 1..12_usize, 1..4_usize, 0..200_usize),
        (0..150_u32, 0..3_usize, any::<bool>(), any::<u64>()),
    )
        .prop_map(
            |((operations, clients, keys, per_key), (unknown, stale_reads, tells, seed))| Recipe {
                operations,
                clients,
                keys,
                operations_per_key: if per_key < 100 { 0 } else { per_key },
                unknown_per_mille: unknown,
                values: Values::Unique,
                failed_cas: match tells {
                    true => FailedCasTells::WhatItSaw,
                    false => FailedCasTells::Nothing,
                },
                stale_reads,
                seed,
            },
        )
}

fn models() -> impl Strategy<Value = Option<&'static Model>> {
    prop_oneof![
        Just(None),
        Just(Some(&models::REGISTER)),
        Just(Some(&models::ETCD_REGISTER))
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_words_are_the_same(recipe in recipes(), model in models(), window in 1..60_usize) {
        let way = compare(&written(&recipe), model, window);
        let judges_all = recipe.failed_cas == FailedCasTells::WhatItSaw || model.is_none();
        // (What a few reads are of cannot be guessed.)
        let guessed = model.is_some() || recipe.operations >= 30;
        if recipe.stale_reads == 0 && judges_all && guessed {
            prop_assert_eq!(way.readings, 1);
        }
    }

    /// Lines that are changed, left out, doubled or moved: whatever comes of it.
    #[test]
    fn the_words_are_the_same_of_damaged_histories(
        recipe in recipes(),
        model in models(),
        window in 1..20_usize,
        changes in 1..4_usize,
        seed: u64,
    ) {
        // Where values repeat they are searched; that is to take no time.
        let recipe = Recipe {
            operations: recipe.operations.min(50),
            clients: recipe.clients.min(3),
            unknown_per_mille: recipe.unknown_per_mille.min(30),
            ..recipe
        };
        let text = String::from_utf8(written(&recipe)).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut random = Random::new(seed);
        for _ in 0..changes {
            damage(&mut lines, &mut random);
        }
        if !lines.is_empty() {
            compare(lines.join("\n").as_bytes(), model, window);
        }
    }
}

fn damage(lines: &mut Vec<String>, random: &mut Random) {
    if lines.is_empty() {
        return;
    }
    let at = random.below(lines.len());
    let other = random.below(lines.len());
    let number = random.below(40);
    let line = &mut lines[at];
    let with = |line: &str, name: &str, new: &str| {
        let name = format!("\"{name}\":");
        let Some(start) = line.find(&name).map(|start| start + name.len()) else {
            return line.to_owned();
        };
        let end = line[start..]
            .find([',', '}'])
            .map_or(line.len(), |end| start + end);
        format!("{}{new}{}", &line[..start], &line[end..])
    };
    match random.below(10) {
        0..4 if !line.contains('[') => *line = with(line, "value", &number.to_string()),
        4 if !line.contains('[') => *line = with(line, "value", &format!("\"{number}\"")),
        5 => *line = with(line, "type", "\"info\""),
        6 => *line = with(line, "f", "\"write\""),
        7 => {
            lines.remove(at);
        }
        8 => lines.swap(at, other),
        _ => *line = line.replace("\"type\":\"ok\"", "\"type\":\"fail\""),
    }
}

#[test]
fn what_is_settled_is_forgotten() {
    let recipe = Recipe {
        operations: 20_000,
        keys: 3,
        unknown_per_mille: 5,
        ..Recipe::default()
    };
    for stale_reads in [0, 1] {
        let recipe = Recipe {
            stale_reads,
            ..recipe
        };
        let way = compare(&written(&recipe), None, 100);
        assert!(way.while_read);
        assert_eq!(way.readings, 1 + stale_reads);
    }
    let (text, settings) = (written(&recipe), Settings::default());
    let mut judging = None;
    let read = formats::read_prepared(text.as_slice(), &mut |_, builder| {
        let new = WhileRead::new(None, &settings, &mut builder.history).unwrap();
        let new = Rc::new(RefCell::new(new));
        judging = Some(new.clone());
        builder.look_at_windows(100, new);
    });
    let (history, _) = read.unwrap();
    let kept = judging.unwrap().borrow().open_before.len();
    assert!((1..200).contains(&kept), "{kept} operations were kept");
    // Neither operations nor the pairs of those that compared and set.
    assert!(history.operations.len() < 500);
    assert!(history.value_count() < 1000);
}
