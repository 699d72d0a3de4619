//! Everything that is told of the command line, from the command line itself: completions, man pages, `docs/cli.md`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::exit::Exit;

/// The file that [`write_reference`] writes.
const REFERENCE: &str = "cli.md";

/// The completion script of a shell.
pub fn completions(shell: Shell) -> Result<String> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "spandrel", &mut script);
    Ok(String::from_utf8(script)?)
}

/// Writes a man page for each command into `folder`, and answers which.
pub fn write_pages(folder: &Path) -> Result<Vec<PathBuf>> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    clap_mangen::generate_to(Cli::command(), folder).with_context(|| folder.display().to_string())?;
    let mut pages = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "1") {
            pages.push(path);
        }
    }
    pages.sort();
    Ok(pages)
}

/// Writes the reference of all commands into `folder`, and answers where it is.
pub fn write_reference(folder: &Path) -> Result<PathBuf> {
    let path = folder.join(REFERENCE);
    std::fs::write(&path, reference()).with_context(|| path.display().to_string())?;
    Ok(path)
}

/// The reference of all commands as Markdown.
pub fn reference() -> String {
    let mut root = Cli::command();
    root.build();
    let mut page = String::from(
        "# The command line\n\nMade by `spandrel man --markdown docs`; a test fails when it is not what the program \
         says of itself. Every\ncommand takes `--json`: one JSON value on standard output (`transfer watch`: one a line), and failures as\n\
         `{\"error\": …, \"exit\": …}` on standard error.\n\n## Exit codes\n\n| code | meaning |\n|---|---|\n",
    );
    for exit in Exit::ALL {
        push(&mut page, format_args!("| {} | {} |\n", exit.code(), exit.meaning()));
    }
    describe(&mut page, &root, "spandrel");
    page
}

/// The commands below `command`, each that does something by itself with what it takes.
fn describe(page: &mut String, command: &Command, path: &str) {
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        let path = format!("{path} {}", below.get_name());
        if !below.is_subcommand_required_set() {
            describe_one(page, below, &path);
        }
        describe(page, below, &path);
    }
}

/// A command that does something by itself.
fn describe_one(page: &mut String, command: &Command, path: &str) {
    let arguments: Vec<&Arg> = command.get_arguments().filter(|argument| is_its_own(argument)).collect();
    let places = arguments.iter().filter(|argument| argument.is_positional());
    let shown: String = places.map(|argument| format!(" {}", name(argument))).collect();
    push(page, format_args!("\n## `{path}{shown}`\n\n{}\n", one_line(command.get_about())));
    if arguments.is_empty() {
        return;
    }
    page.push_str("\n| argument | | what |\n|---|---|---|\n");
    for argument in arguments {
        let what = one_line(argument.get_help());
        push(page, format_args!("| `{}` | {} | {what} |\n", name(argument), terms(argument)));
    }
}

/// Whether it is no argument that every command has.
fn is_its_own(argument: &Arg) -> bool {
    !argument.is_hide_set() && !matches!(argument.get_id().as_str(), "help" | "version" | "json")
}

/// As it is typed.
fn name(argument: &Arg) -> String {
    let takes_value = argument.get_num_args().is_none_or(|range| range.takes_values());
    let values = argument.get_value_names().unwrap_or_default();
    let values: Vec<String> = values.iter().map(|value| format!("<{value}>")).collect();
    match argument.get_long() {
        Some(long) if takes_value => format!("--{long} {}", values.join(" ")),
        Some(long) => format!("--{long}"),
        None => values.join(" "),
    }
}

/// Whether it must be there, and what it is when it is not.
fn terms(argument: &Arg) -> String {
    let default: Vec<String> =
        argument.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
    let takes_value = argument.get_num_args().is_none_or(|range| range.takes_values());
    let mut terms = match (argument.is_required_set(), default.is_empty() || !takes_value) {
        (true, _) => "required".to_owned(),
        (false, true) => "optional".to_owned(),
        (false, false) => format!("default {}", default.join(" ")),
    };
    let choices = argument.get_possible_values();
    let choices: Vec<&str> = choices.iter().filter(|_| takes_value).map(|choice| choice.get_name()).collect();
    if !choices.is_empty() {
        push(&mut terms, format_args!(": {}", choices.join(", ")));
    }
    terms
}

fn one_line(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(|text| text.to_string().replace('\n', " ").replace('|', "\\|")).unwrap_or_default()
}

/// Writing to a text cannot fail.
fn push(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_reference_is_what_the_program_says_of_itself() {
        let stored = include_str!("../../../docs/cli.md");
        let first = stored.lines().zip(reference().lines().map(str::to_owned)).find(|(stored, made)| stored != made);
        assert!(stored == reference(), "docs/cli.md is not up to date (spandrel man --markdown docs): {first:?}");
    }
}
