//! `config show` and `config check`: what the configuration is, who set it, and whether the services would take it.

use crate::{
    cli::{ConfigCommand, ConfigShowArgs},
    config::{Outcome, Setting, Settings, Source},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    io::{self, Write as _},
    process::ExitCode,
};

pub(super) fn run(settings: &Settings, command: ConfigCommand) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::Show(args) => show(settings, &args),
        ConfigCommand::Check => Ok(check(settings)),
    }
}

/// As text, the output is TOML with the sources as comments.
fn show(settings: &Settings, args: &ConfigShowArgs) -> anyhow::Result<ExitCode> {
    let all = settings.all();
    if args.json {
        let all: Vec<Value> = all.into_iter().map(object).collect::<Result<_, _>>()?;
        return print(&(serde_json::to_string_pretty(&all)? + "\n"));
    }
    let lines: Vec<(String, String)> = all
        .into_iter()
        .map(|Setting { key, value, source }| (format!("{key} = {value}"), source.to_string()))
        .collect();
    // One long list does not push all sources to the right.
    let width = lines.iter().map(|(line, _)| line.chars().count()).filter(|width| *width <= 60).max().unwrap_or(0);
    print(&lines.iter().map(|(line, source)| format!("{line:<width$}  # {source}\n")).collect::<Vec<_>>().concat())
}

/// A reader that goes away early, such as `head`, has seen enough.
fn print(text: &str) -> anyhow::Result<ExitCode> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn object(Setting { key, value, source }: Setting) -> serde_json::Result<Value> {
    let (kind, name) = match source {
        Source::Default => ("default", None),
        Source::File(path) => ("file", Some(path.display().to_string())),
        Source::Variable(name) => ("variable", Some(name)),
    };
    Ok(json!({"key": key, "value": serde_json::to_value(value)?, "source": kind, "name": name}))
}

fn check(settings: &Settings) -> ExitCode {
    let mut refusals = BTreeSet::new();
    for (section, outcome) in settings.check() {
        match outcome {
            Outcome::Fine => println!("{section}: fine"),
            Outcome::NotSetUp(missing) => println!("{section}: not set up ({missing})"),
            Outcome::Refused(refusal) => {
                println!("{section}: refused");
                // A shared section is refused once for itself and once for each service that uses it.
                refusals.insert(refusal);
            }
        }
    }
    for refusal in &refusals {
        eprintln!("error: {refusal}");
    }
    if refusals.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
