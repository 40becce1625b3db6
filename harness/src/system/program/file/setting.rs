//! What a system can be asked for in another way: settings with defaults, of which a run chooses.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One setting, as a file has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// What it changes, in a sentence.
    pub text: String,
    /// Its value where nobody chooses.
    pub default: String,
    /// The values that it may have; any, if there are none.
    #[serde(default)]
    pub values: Vec<String>,
}

impl Setting {
    /// What is wrong with a value.
    pub(super) fn refuses(&self, value: &str) -> Option<String> {
        let there = self.values.is_empty() || self.values.iter().any(|one| one == value);
        (!there).then(|| format!("{value:?} is none of {}", self.values.join(", ")))
    }
}

/// The settings of a run: what was `chosen` as `name=value`, and the defaults of all others.
///
/// # Errors
/// A name or a value that there is not.
pub(super) fn choose(
    settings: &BTreeMap<String, Setting>,
    chosen: &[String],
) -> Result<BTreeMap<String, String>, String> {
    let defaults = settings.iter();
    let mut values: BTreeMap<String, String> = defaults
        .map(|(name, setting)| (name.clone(), setting.default.clone()))
        .collect();
    for choice in chosen {
        let (name, value) = choice.split_once('=').unwrap_or((choice, ""));
        let Some(setting) = settings.get(name) else {
            let names: Vec<&str> = settings.keys().map(String::as_str).collect();
            let there = match names.is_empty() {
                true => "it has none".to_string(),
                false => format!("there are: {}", names.join(", ")),
            };
            return Err(format!("there is no setting {name:?}; {there}"));
        };
        if !choice.contains('=') {
            return Err(format!("a setting is chosen as {name}=VALUE"));
        }
        if let Some(why) = setting.refuses(value) {
            return Err(format!("the setting {name} cannot be so: {why}"));
        }
        values.insert(name.to_owned(), value.to_owned());
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_chosen_is_as_usual_and_what_there_is_not_is_refused() {
        let reads = Setting {
            text: "how it reads".into(),
            default: "safe".into(),
            values: vec!["safe".into(), "fast".into()],
        };
        let settings = BTreeMap::from([("reads".to_string(), reads)]);
        let chosen = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            choose(&settings, &words)
        };
        assert_eq!(chosen(&[]).unwrap()["reads"], "safe");
        assert_eq!(chosen(&["reads=fast"]).unwrap()["reads"], "fast");
        for (wrong, said) in [
            ("reads=slow", "safe, fast"),
            ("reads", "reads=VALUE"),
            ("writes=fast", "there are: reads"),
        ] {
            let refused = chosen(&[wrong]).unwrap_err();
            assert!(refused.contains(said), "{refused}");
        }
        let none = choose(&BTreeMap::new(), &["a=b".to_string()]).unwrap_err();
        assert!(none.contains("it has none"), "{none}");
    }
}
