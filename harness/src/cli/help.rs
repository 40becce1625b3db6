//! The first page of help: the commands by what they are for. The parser of arguments lists them one
//! below the other only.

use std::fmt::Write as _;

use clap::Command;

/// What commands are for, and their names, in the order in which a reader meets them.
const GROUPS: [(&str, &[&str]); 6] = [
    (
        "Test real systems",
        &["test", "trials", "maelstrom", "broken-rules"],
    ),
    ("Judge histories", &["check"]),
    ("Explore the protocol", &["model", "simulate", "replay"]),
    ("Measure our database", &["bench", "charts", "rules-table"]),
    (
        "Look",
        &[
            "serve",
            "report",
            "summary",
            "workloads",
            "faults",
            "systems",
        ],
    ),
    ("Begin", &["init", "cluster", "help"]),
];

/// `command` with help that shows its subcommands in groups.
pub(super) fn grouped(mut command: Command) -> Command {
    command.build();
    let styles = command.get_styles();
    let (heading, literal) = (*styles.get_header(), *styles.get_literal());
    let mut commands = String::new();
    for (group, names) in GROUPS {
        let _ = writeln!(commands, "{heading}{group}:{heading:#}");
        for name in names {
            let about = command.find_subcommand(name).and_then(Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(commands, "  {literal}{name:<13}{literal:#} {about}");
        }
        commands.push('\n');
    }
    let template = format!(
        "{{about}}\n\n{{usage-heading}} {{usage}}\n\n{commands}{heading}Options:{heading:#}\n{{options}}{{after-help}}"
    );
    command.help_template(template)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::super::Arguments;
    use super::*;

    #[test]
    fn each_command_stands_in_one_group() {
        let mut command = Arguments::command();
        command.build();
        let mut there: Vec<&str> = command
            .get_subcommands()
            .filter(|inner| !inner.is_hide_set())
            .map(Command::get_name)
            .collect();
        let mut listed: Vec<&str> = GROUPS.iter().flat_map(|group| group.1).copied().collect();
        there.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, there);
    }

    #[test]
    fn no_line_is_too_long_for_a_terminal() {
        let help = grouped(Arguments::command()).render_help().to_string();
        for line in help.lines() {
            assert!(line.chars().count() <= 110, "{line}");
        }
    }
}
