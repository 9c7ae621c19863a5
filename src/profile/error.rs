//! Why a profile cannot be used, in words for the person who wrote it.

use std::{io, path::PathBuf};

use super::document::{DocumentError, Place, printable, printable_path};

/// Why a profile cannot be read, resolved or painted with.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The text, a key or a value is wrong where it stands.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The file cannot be read.
    #[error("cannot read the profile {}", printable_path(path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is far larger than any profile.
    #[error(
        "{} is no profile: it is larger than {limit} bytes",
        printable_path(path)
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The largest size read, in bytes.
        limit: u64,
    },
    /// A key that holds for the whole job stands in a stage.
    #[error(
        "{at}: `{key}` holds for the whole job and cannot differ between stages; \
         write it above the first [[stages]]{}",
        at.excerpt()
    )]
    JobWideInStage {
        /// Where.
        at: Place,
        /// The key.
        key: String,
    },
    /// The profile is of a version that this program does not know.
    #[error(
        "{at}: this is a profile of version {found} and this program reads versions up to \
         {supported}; update pentimento, or write the profile anew"
    )]
    NewerVersion {
        /// Where.
        at: Place,
        /// The version it states.
        found: i64,
        /// The newest version known.
        supported: i64,
    },
    /// `extends` names a profile that does not exist.
    #[error("{at}: there is no profile `{name}` to extend; {}{}", existing(known), at.excerpt())]
    NoSuchBase {
        /// Where.
        at: Place,
        /// The name.
        name: String,
        /// The profiles that exist.
        known: Vec<String>,
    },
    /// Profiles extend each other in a circle.
    #[error("{at}: the profiles extend each other in a circle: {}", chain.join(" → "))]
    Circle {
        /// Where the circle closes.
        at: Place,
        /// The names from the first profile to the repeated one.
        chain: Vec<String>,
    },
    /// More profiles extend each other than is sensible.
    #[error("{at}: more than {limit} profiles extend each other: {}", chain.join(" → "))]
    TooDeep {
        /// Where the limit is passed.
        at: Place,
        /// The names so far.
        chain: Vec<String>,
        /// The number allowed.
        limit: usize,
    },
    /// `--set` was given something else than `key=value`.
    #[error("`--set {text}` is not of the form key=value, such as style_weight=500")]
    NotAnAssignment {
        /// What was given.
        text: String,
    },
    /// `--set` names a stage that the profile does not have.
    #[error("`--set {text}`: the profile has {stages} stage(s), counted from 0")]
    NoSuchStage {
        /// What was given.
        text: String,
        /// The number of stages.
        stages: usize,
    },
    /// Nothing pulls the picture anywhere.
    #[error(
        "stage {}: there is nothing to paint towards; set content_weight or style_weight above 0 \
         and name a layer for it",
        stage + 1
    )]
    NoLoss {
        /// The stage, from 0.
        stage: usize,
    },
    /// The first stage is told to go on from the one before it.
    #[error("stages.0: {key} needs a stage before it and this is the first; leave it out")]
    NothingBefore {
        /// The key and value.
        key: &'static str,
    },
    /// The optimiser's memory is to be carried into a stage that it does not fit.
    #[error(
        "stages.{stage}: carry_optimizer = true needs the same image_size and optimizer as the \
         stage before and init = \"previous\", but {differs} differs"
    )]
    CannotCarry {
        /// The stage, from 0.
        stage: usize,
        /// The key that differs.
        differs: &'static str,
    },
    /// The blend weights are not as many as the styles.
    #[error(
        "stage {}: style_blend_weights holds {weights} weights, but the number of style pictures is \
         {styles}; give one for each, in the order of the file names",
        stage + 1
    )]
    BlendCount {
        /// The stage, from 0.
        stage: usize,
        /// How many weights there are.
        weights: usize,
        /// How many style pictures there are.
        styles: usize,
    },
    /// A path leads out of the folders that a dropped profile may name.
    #[error(
        "`{key}` = \"{path}\" leads outside the folders that a dropped profile may use ({}); \
         copy the file into one of them, or add its folder to profile_roots in pentimento.toml",
        list(allowed)
    )]
    OutsideRoots {
        /// The key.
        key: String,
        /// The path as the profile writes it.
        path: String,
        /// The folders.
        allowed: Vec<PathBuf>,
    },
    /// A path names nothing.
    #[error("`{key}` = \"{path}\": there is no such file in {}", list(searched))]
    NoSuchFile {
        /// The key.
        key: String,
        /// The path as the profile writes it.
        path: String,
        /// The folders in which it was looked for.
        searched: Vec<PathBuf>,
    },
    /// A path names a folder, pipe or device.
    #[error("`{key}` = \"{path}\" is not a file")]
    NotAFile {
        /// The key.
        key: String,
        /// The path as the profile writes it.
        path: String,
    },
    /// A path cannot be looked at.
    #[error("`{key}` = \"{path}\" cannot be looked at")]
    UnreadablePath {
        /// The key.
        key: String,
        /// The path as the profile writes it.
        path: String,
        /// Why.
        source: io::Error,
    },
}

fn existing(known: &[String]) -> String {
    if known.is_empty() {
        return "there are none yet (they are files in profiles/)".to_owned();
    }
    format!(
        "those that exist: {}",
        known
            .iter()
            .map(|name| printable(name))
            .collect::<Vec<_>>()
            .join(", ")
    )
}

fn list(folders: &[PathBuf]) -> String {
    let folders: Vec<_> = folders
        .iter()
        .map(|folder| printable_path(folder))
        .collect();
    folders.join(", ")
}
