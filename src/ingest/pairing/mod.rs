//! Which names in `watch/` belong together: a pure function from a listing to bundles.
//!
//! A bundle is a folder, or loose files that share a name. Names are compared as Unicode composes
//! them (NFC); an exact match goes first, then one that differs in letter case only. Nothing is
//! guessed: what could mean two things is unusable and says which rename settles it.

mod recipe;
mod shape;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;

use crate::folder::JobFolder;
use crate::ingest::listing::Entry;
use crate::ingest::listing::Kind;
use crate::ingest::listing::Listing;
use crate::ingest::listing::Stamp;
use crate::ingest::pairing::shape::composed;
use crate::ingest::pairing::shape::shape_of;
use crate::ingest::roles;
use crate::ingest::roles::Ignored;
use crate::ingest::roles::Part;
use crate::ingest::settle::Fingerprint;
use crate::job::names::display_name;
use crate::job::names::natural_order;

pub(crate) use crate::ingest::pairing::shape::Parts;
pub(crate) use crate::ingest::pairing::shape::Shape;

/// The name of the profile in `watch/` that bundles without their own use.
pub(crate) const WATCH_PROFILE: &str = "profile.toml";

/// What one listing holds.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Bundles, complete or not, in natural order of their names.
    pub(crate) bundles: Vec<Candidate>,
    /// Names that are no part of a bundle, each with what could be done about it.
    pub(crate) loose: Vec<(OsString, String)>,
    /// True if `watch/profile.toml` is there and a file.
    pub(crate) has_profile: bool,
}

/// How a bundle is spelled, and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// The bundle's name: the folder's, or the part that the files' names share.
    pub(crate) name: OsString,
    /// How it is spelled.
    pub(crate) spelling: Spelling,
}

/// How a bundle is spelled.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Spelling {
    /// A folder with its members in it.
    Folder,
    /// A job folder that was dragged back: its members are in `inputs/`.
    Returned,
    /// Files in `watch/` that share a name.
    Flat,
    /// A picture in a recipe folder, whose styles and profile it shares with others; the name is
    /// its path below `watch/`.
    Recipe,
}

/// A bundle as far as it is there.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) key: Key,
    /// The files that make it up; paths are below `watch/`.
    pub(crate) fingerprint: Fingerprint,
    /// What is moved away when it is taken; the rest is left to others. Paths are below `watch/`.
    pub(crate) takes: Vec<PathBuf>,
    pub(crate) shape: Shape,
    /// The stamp of a `READY` note, which says that nothing more is coming.
    pub(crate) ready: Option<Stamp>,
    /// Remarks worth telling once.
    pub(crate) notes: Vec<String>,
}

/// Loose files that share a name, and that name, composed.
type Named = (Vec<u8>, Vec<Member>);

/// A file with a part to play; the path is below `watch/`.
#[derive(Debug)]
struct Member {
    path: PathBuf,
    part: Part,
    entry: Entry,
}

/// Sorts a listing into bundles and the rest.
pub(crate) fn find(listing: &Listing) -> Found {
    let mut found = Found::default();
    let mut flat: BTreeMap<OsString, Vec<Member>> = BTreeMap::new();
    for entry in &listing.entries {
        match roles::ignored(&entry.name) {
            Some(Ignored::Silently) => continue,
            Some(Ignored::ConflictCopy) => {
                let why = "a conflict copy of a synchronising program, ignored".to_owned();
                found.loose.push((entry.name.clone(), why));
                continue;
            }
            None => {}
        }
        if let Kind::Folder(entries) = &entry.kind {
            match folder_bundle(entry, entries) {
                Some(bundle) => found.bundles.push(bundle),
                None => recipe::find(entry, entries, &mut found),
            }
        } else if entry.kind == Kind::Unreadable {
            found.bundles.push(unreadable(entry));
        } else if entry.name == WATCH_PROFILE && is_file(entry) {
            found.has_profile = true;
        } else if let Some((stem, part)) = roles::part_of_flat(&entry.name) {
            let path = PathBuf::from(&entry.name);
            flat.entry(stem).or_default().push(Member {
                path,
                part,
                entry: entry.clone(),
            });
        } else if roles::may_be_picture(&entry.name) {
            found.loose.push((entry.name.clone(), unpaired(entry)));
        }
    }
    found.bundles.extend(flat_bundles(flat));
    found
        .bundles
        .sort_by(|a, b| natural_order(&a.key.name, &b.key.name));
    found
}

fn unpaired(entry: &Entry) -> String {
    let name = entry.name.as_os_str();
    match &entry.kind {
        Kind::Link => {
            return "a symbolic link, and links are not followed (allow_symlinks = true in \
                    pentimento.toml has links to files followed)"
                .to_owned();
        }
        Kind::Astray => return "a symbolic link that leads to no file".to_owned(),
        Kind::Special(what) => return format!("{what}, not a file"),
        Kind::File | Kind::Linked | Kind::Folder(_) | Kind::Unreadable => {}
    }
    let stem = Path::new(name).file_stem().unwrap_or(name);
    let extension = Path::new(name)
        .extension()
        .map(display_name)
        .unwrap_or_default();
    let stem = display_name(stem);
    format!(
        "unpaired: rename it to {stem}.content.{extension} and name its style {stem}.style.*, or \
         put both into a folder as content.* and style.*"
    )
}

fn unreadable(entry: &Entry) -> Candidate {
    let shape = Shape::Unusable {
        reason: "the folder cannot be listed: no permission".to_owned(),
        hint: "let the user that runs pentimento read and write the folder".to_owned(),
    };
    let key = Key {
        name: entry.name.clone(),
        spelling: Spelling::Folder,
    };
    let fingerprint = vec![(PathBuf::from(&entry.name), entry.stamp)];
    Candidate {
        takes: vec![PathBuf::from(&key.name)],
        key,
        fingerprint,
        shape,
        ready: None,
        notes: Vec::new(),
    }
}

/// Returns the bundle in a folder, or `None` for a recipe folder.
fn folder_bundle(folder: &Entry, entries: &[Entry]) -> Option<Candidate> {
    let root = Path::new(&folder.name);
    let inputs = entries.iter().find_map(|entry| match &entry.kind {
        Kind::Folder(inner) if entry.name == JobFolder::INPUTS => Some(inner),
        Kind::Folder(_)
        | Kind::File
        | Kind::Unreadable
        | Kind::Link
        | Kind::Linked
        | Kind::Astray
        | Kind::Special(_) => None,
    });
    let returned =
        inputs.filter(|_| roles::is_returned(entries.iter().map(|e| e.name.as_os_str())));
    if returned.is_none() && recipe::is_marked(entries) {
        return None;
    }
    let mut fingerprint = vec![(root.to_owned(), folder.stamp)];
    fingerprint.extend(stamps(root, entries));
    let mut notes = Vec::new();
    let mut members = members_of(root, entries, &mut notes);
    if let Some(inner) = returned {
        let root = root.join(JobFolder::INPUTS);
        fingerprint.extend(stamps(&root, inner));
        members.retain(|member| matches!(member.part, Part::Profile | Part::Ready));
        // The profile beside the record is the resolved one, which is what was painted.
        members.extend(
            members_of(&root, inner, &mut notes)
                .into_iter()
                .filter(|m| m.part != Part::Profile),
        );
    }
    let spelling = if returned.is_some() {
        Spelling::Returned
    } else {
        Spelling::Folder
    };
    let n_unnamed = entries
        .iter()
        .filter(|entry| is_unnamed_picture(entry))
        .count();
    let shape = match shape_of(&members, "content.*", "style.*") {
        Shape::Missing(..) if n_unnamed > 2 => Shape::Unusable {
            reason: format!("ambiguous: {n_unnamed} pictures, and none says what it is for"),
            hint: "name one content.* and one style.*".to_owned(),
        },
        Shape::Missing(what, parts) if n_unnamed > 0 => {
            let what = format!("{what} (rename the pictures in the folder)");
            Shape::Missing(what, parts)
        }
        shape @ (Shape::Missing(..) | Shape::Complete(_) | Shape::Unusable { .. }) => shape,
    };
    let ready = ready_of(&members);
    notes.extend(hard_links(&members));
    let key = Key {
        name: folder.name.clone(),
        spelling,
    };
    Some(Candidate {
        takes: vec![root.to_owned()],
        key,
        fingerprint,
        shape,
        ready,
        notes,
    })
}

fn stamps<'a>(root: &'a Path, entries: &'a [Entry]) -> impl Iterator<Item = (PathBuf, Stamp)> {
    entries
        .iter()
        .filter(|entry| roles::ignored(&entry.name).is_none())
        .map(|entry| (root.join(&entry.name), entry.stamp))
}

fn members_of(root: &Path, entries: &[Entry], notes: &mut Vec<String>) -> Vec<Member> {
    let mut members = Vec::new();
    for entry in entries {
        match roles::ignored(&entry.name) {
            Some(Ignored::Silently) => continue,
            Some(Ignored::ConflictCopy) => {
                notes.push(format!(
                    "{}: a conflict copy, ignored",
                    display_name(&entry.name)
                ));
                continue;
            }
            None => {}
        }
        let from_flat = || roles::part_of_flat(&entry.name).map(|(_, part)| part);
        let is_inputs = root.file_name() == Some(OsStr::new(JobFolder::INPUTS));
        let part = roles::part_in_folder(&entry.name);
        // A job that was dropped as loose files keeps their names in its `inputs/`.
        let part = if is_inputs {
            part.or_else(from_flat)
        } else {
            part
        };
        match part {
            Some(part) => {
                members.push(Member {
                    path: root.join(&entry.name),
                    part,
                    entry: entry.clone(),
                });
            }
            None if matches!(entry.kind, Kind::Folder(_)) && entry.name != JobFolder::INPUTS => {
                notes.push(format!(
                    "{}: nested folders are not used",
                    display_name(&entry.name)
                ));
            }
            None => {}
        }
    }
    members
}

fn is_file(entry: &Entry) -> bool {
    matches!(entry.kind, Kind::File | Kind::Linked)
}

fn is_unnamed_picture(entry: &Entry) -> bool {
    is_file(entry)
        && roles::ignored(&entry.name).is_none()
        && roles::part_in_folder(&entry.name).is_none()
        && roles::may_be_picture(&entry.name)
}

/// Returns the bundles that the loose files make up.
fn flat_bundles(by_stem: BTreeMap<OsString, Vec<Member>>) -> Vec<Candidate> {
    let mut by_composed: BTreeMap<Vec<u8>, Vec<Member>> = BTreeMap::new();
    for (stem, members) in by_stem {
        by_composed
            .entry(composed(&stem))
            .or_default()
            .extend(members);
    }
    let mut bundles = Vec::new();
    let mut by_letters: BTreeMap<Vec<u8>, Vec<Named>> = BTreeMap::new();
    for (stem, members) in by_composed {
        let is_whole = matches!(flat_shape(&stem, &members), Shape::Complete(_));
        if is_whole {
            bundles.push(flat_bundle(&stem, members, Vec::new()));
        } else {
            by_letters
                .entry(letters(&stem))
                .or_default()
                .push((stem, members));
        }
    }
    for mut group in by_letters.into_values() {
        if group.len() > 1 && unites(&group) {
            let stem = content_stem(&group);
            let members = group.into_iter().flat_map(|(_, members)| members).collect();
            let note = "names that differ in letter case only were taken as one".to_owned();
            bundles.push(flat_bundle(&stem, members, vec![note]));
        } else {
            let is_clash = group.len() > 1;
            for (stem, members) in group.drain(..) {
                let mut bundle = flat_bundle(&stem, members, Vec::new());
                if is_clash {
                    bundle.shape = letter_clash();
                }
                bundles.push(bundle);
            }
        }
    }
    bundles
}

fn letter_clash() -> Shape {
    Shape::Unusable {
        reason: "ambiguous: several files differ in letter case only, and more than one of them \
                 could belong here"
            .to_owned(),
        hint: "spell the names of the files that belong together exactly alike".to_owned(),
    }
}

/// Returns true if names that differ in letter case only can mean just one bundle.
fn unites(group: &[Named]) -> bool {
    let n_names_with = |part| {
        group
            .iter()
            .filter(|(_, members)| members.iter().any(|m| m.part == part))
            .count()
    };
    [Part::Content, Part::Style, Part::Profile]
        .into_iter()
        .all(|part| n_names_with(part) <= 1)
}

fn content_stem(group: &[Named]) -> Vec<u8> {
    let has_content = |members: &[Member]| members.iter().any(|m| m.part == Part::Content);
    let with_content = group.iter().find(|(_, members)| has_content(members));
    with_content
        .or(group.first())
        .map(|(stem, _)| stem.clone())
        .unwrap_or_default()
}

fn flat_bundle(stem: &[u8], members: Vec<Member>, mut notes: Vec<String>) -> Candidate {
    notes.extend(hard_links(&members));
    let shape = flat_shape(stem, &members);
    let ready = ready_of(&members);
    let key = Key {
        name: OsStr::from_bytes(stem).to_owned(),
        spelling: Spelling::Flat,
    };
    let fingerprint: Fingerprint = members
        .into_iter()
        .map(|m| (m.path, m.entry.stamp))
        .collect();
    Candidate {
        takes: fingerprint.iter().map(|(path, _)| path.clone()).collect(),
        key,
        fingerprint,
        shape,
        ready,
        notes,
    }
}

/// Returns a remark for each member that has other names.
fn hard_links(members: &[Member]) -> Vec<String> {
    let linked = members.iter().filter(|member| member.entry.n_names > 1);
    linked
        .filter(|member| is_file(&member.entry))
        .map(|member| {
            format!(
                "{} has {} names (hard links); what is written under the others changes it, too",
                display_name(&member.entry.name),
                member.entry.n_names
            )
        })
        .collect()
}

fn ready_of(members: &[Member]) -> Option<Stamp> {
    let note = members.iter().find(|member| member.part == Part::Ready);
    note.map(|member| member.entry.stamp)
}

fn flat_shape(stem: &[u8], members: &[Member]) -> Shape {
    let stem = display_name(OsStr::from_bytes(stem));
    shape_of(
        members,
        &format!("{stem}.content.*"),
        &format!("{stem}.style.*"),
    )
}

/// Returns a name without regard to letter case.
fn letters(name: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(name) {
        Ok(text) => text.to_lowercase().into_bytes(),
        Err(_) => name.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests;
