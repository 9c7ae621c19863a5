//! `pentimento completions` and `pentimento man`: made from the command line's own types, so that
//! they name what there is.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::roff::Roff;
use clap_mangen::roff::bold;
use clap_mangen::roff::roman;

use crate::cli::args::Cli;
use crate::cli::output;
use crate::job::names::display_path;

/// The settings, each with what is said of it.
const SETTINGS: &str = include_str!("../settings/template.toml");

/// Prints what a shell needs to complete command lines.
pub(super) fn run(shell: Shell) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "pentimento", &mut script);
    output::line(String::from_utf8_lossy(&script).trim_end())?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the manual pages into a folder.
pub(super) fn man(folder: &Path) -> anyhow::Result<ExitCode> {
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot create the folder {}", display_path(folder)))?;
    let written = || format!("cannot write the manual into {}", display_path(folder));
    clap_mangen::generate_to(Cli::command(), folder).with_context(written)?;
    fs::write(folder.join("pentimento.toml.5"), settings_page()).with_context(written)?;
    let first: PathBuf = folder.join("pentimento.1");
    output::line(&format!(
        "the manual is in {}; `man {}` shows its first page",
        display_path(folder),
        display_path(&first)
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the page about the settings: the file that `init` writes, with its comments as text.
fn settings_page() -> String {
    let mut page = Roff::new();
    page.control("TH", ["pentimento.toml", "5"]);
    page.control("SH", ["NAME"]);
    page.text([roman("pentimento.toml - the settings of a studio")]);
    page.control("SH", ["DESCRIPTION"]);
    for paragraph in SETTINGS.split("\n\n") {
        page.control("PP", []);
        let (keys, words): (Vec<&str>, Vec<&str>) =
            paragraph.lines().partition(|line| is_setting(line));
        let words: Vec<&str> = words
            .iter()
            .map(|line| line.trim_start_matches("# "))
            .collect();
        page.text([roman(words.join(" "))]);
        for key in keys {
            page.control("br", []);
            page.text([bold(key.trim_start_matches('#'))]);
        }
    }
    page.render()
}

/// A setting is commented out without a space behind the sign, a comment has one.
fn is_setting(line: &str) -> bool {
    line.starts_with('#') && !line.starts_with("# ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_about_settings_has_them_all() {
        let page = settings_page();
        let keys: Vec<&str> = SETTINGS
            .lines()
            .filter(|line| is_setting(line))
            .filter_map(|line| Some(line.trim_start_matches('#').split_once(" =")?.0))
            .collect();
        assert!(keys.len() > 15, "{keys:?}");
        for key in keys {
            let shown = key.replace('-', "\\-");
            assert!(page.contains(&format!("\\fB{shown} =")), "{key}:\n{page}");
        }
    }
}
