//! Recipe folders: a permanent style, and every picture dropped beside it is painted in it.
//!
//! A `recipe.toml` marks one; it may hold the profile of all pictures in it, as may a
//! `profile.toml` or a `recipe.png` beside it. `NAME.toml` is the profile of `NAME.jpg` alone and
//! `NAME.ready` its note that nothing more is coming. Styles and shared profile are never taken
//! away, only the picture and what bears its name.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;

use crate::ingest::listing::Entry;
use crate::ingest::listing::Kind;
use crate::ingest::pairing::Candidate;
use crate::ingest::pairing::Found;
use crate::ingest::pairing::Key;
use crate::ingest::pairing::Member;
use crate::ingest::pairing::Shape;
use crate::ingest::pairing::Spelling;
use crate::ingest::pairing::is_file;
use crate::ingest::pairing::shape::shape_of;
use crate::ingest::roles;
use crate::ingest::roles::Ignored;
use crate::ingest::roles::Part;
use crate::job::names::display_name;

const MARKER: &str = "recipe.toml";

/// Returns true if the entries of a folder make it a recipe folder.
pub(super) fn is_marked(entries: &[Entry]) -> bool {
    entries.iter().any(is_marker)
}

fn is_marker(entry: &Entry) -> bool {
    is_file(entry) && entry.name.eq_ignore_ascii_case(MARKER)
}

/// Adds the pictures in a recipe folder to `found`, a bundle each, and says what the rest is.
pub(super) fn find(folder: &Entry, entries: &[Entry], found: &mut Found) {
    let recipe = Recipe::read(folder, entries);
    for entry in entries {
        let name = below(folder, &entry.name);
        match roles::ignored(&entry.name) {
            Some(Ignored::Silently) => continue,
            Some(Ignored::ConflictCopy) => {
                let why = "a conflict copy of a synchronising program, ignored".to_owned();
                found.loose.push((name.into_os_string(), why));
                continue;
            }
            None => {}
        }
        if matches!(entry.kind, Kind::Folder(_) | Kind::Unreadable) {
            let why = "a folder in a recipe folder, which is not looked into".to_owned();
            found.loose.push((name.into_os_string(), why));
        } else if is_shared(entry) || recipe.companion_of(entry).is_some() {
        } else if is_picture(entry) {
            found.bundles.push(recipe.bundle(entry));
        } else if entry
            .name
            .to_ascii_lowercase()
            .to_string_lossy()
            .ends_with(".toml")
        {
            let why = "the profile of a picture that is not there".to_owned();
            found.loose.push((name.into_os_string(), why));
        }
    }
    let why = if recipe.styles.is_empty() {
        "a recipe folder without a style: put a style.* into it"
    } else {
        "a recipe folder: every picture that is put into it is painted in its style"
    };
    found.loose.push((folder.name.clone(), why.to_owned()));
}

/// What the pictures in a recipe folder share.
struct Recipe<'a> {
    folder: &'a Entry,
    entries: &'a [Entry],
    styles: Vec<&'a Entry>,
    profile: Option<&'a Entry>,
    notes: Vec<String>,
}

impl<'a> Recipe<'a> {
    fn read(folder: &'a Entry, entries: &'a [Entry]) -> Self {
        let of = |part| {
            entries.iter().filter(move |entry| {
                roles::ignored(&entry.name).is_none()
                    && roles::part_in_folder(&entry.name) == Some(part)
            })
        };
        let marker = entries
            .iter()
            .find(|entry| is_marker(entry) && entry.stamp.len > 0);
        let profiles: Vec<_> = of(Part::Profile)
            .chain(marker)
            .chain(of(Part::Painting))
            .collect();
        let notes = match profiles.as_slice() {
            [first, second, ..] => vec![format!(
                "{} goes before {}",
                display_name(&first.name),
                display_name(&second.name)
            )],
            _ => Vec::new(),
        };
        Self {
            folder,
            entries,
            styles: of(Part::Style).collect(),
            profile: profiles.first().copied(),
            notes,
        }
    }

    /// Returns what a file that bears a picture's name is for.
    fn companion_of(&self, entry: &Entry) -> Option<Part> {
        let extension = Path::new(&entry.name).extension()?.to_ascii_lowercase();
        let part = match extension.to_str()? {
            "toml" => Part::Profile,
            "ready" => Part::Ready,
            _ => return None,
        };
        let bears = |other: &Entry| {
            is_picture(other) && !is_shared(other) && stem(&other.name) == stem(&entry.name)
        };
        self.entries.iter().any(bears).then_some(part)
    }

    fn bundle(&self, picture: &Entry) -> Candidate {
        let member = |entry: &Entry, part| Member {
            path: below(self.folder, &entry.name),
            part,
            entry: entry.clone(),
        };
        let companions: Vec<Member> = self
            .entries
            .iter()
            .filter(|entry| stem(&entry.name) == stem(&picture.name) && !is_shared(entry))
            .filter_map(|entry| Some(member(entry, self.companion_of(entry)?)))
            .collect();
        let own = companions.iter().any(|m| m.part == Part::Profile);
        let ready = companions.iter().find(|m| m.part == Part::Ready);
        let ready = ready.map(|m| m.entry.stamp);
        let content = member(picture, Part::Content);
        let takes = std::iter::once(&content)
            .chain(&companions)
            .map(|member| member.path.clone())
            .collect();
        let key = Key {
            name: content.path.clone().into_os_string(),
            spelling: Spelling::Recipe,
        };
        let styles = self.styles.iter().map(|style| member(style, Part::Style));
        let shared = self.profile.iter().filter(|_| !own);
        let shared = shared.map(|profile| member(profile, Part::Profile));
        let members: Vec<Member> = std::iter::once(content)
            .chain(companions)
            .chain(styles)
            .chain(shared)
            .collect();
        let folder = display_name(&self.folder.name);
        let style_name = format!("{folder}/style.* (the recipe has no style)");
        let mut shape = shape_of(&members, "", &style_name);
        if let Some(twin) = self.twin(picture).filter(|_| own) {
            shape = Shape::Unusable {
                reason: format!(
                    "ambiguous: {} and {} share one profile of that name",
                    display_name(&picture.name),
                    display_name(twin)
                ),
                hint: "name the pictures differently".to_owned(),
            };
        }
        Candidate {
            key,
            fingerprint: members
                .into_iter()
                .map(|m| (m.path, m.entry.stamp))
                .collect(),
            takes,
            shape,
            ready,
            notes: self.notes.clone(),
        }
    }

    /// Returns another picture whose name differs in the ending only.
    fn twin(&self, picture: &Entry) -> Option<&OsStr> {
        let mut others = self.entries.iter().filter(|other| {
            is_picture(other)
                && !is_shared(other)
                && other.name != picture.name
                && stem(&other.name) == stem(&picture.name)
        });
        others.next().map(|other| other.name.as_os_str())
    }
}

/// Returns whether an entry is what a picture would be: links and pipes are refused later, by name.
fn is_picture(entry: &Entry) -> bool {
    let has_other_use = Path::new(&entry.name)
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("ready"));
    roles::ignored(&entry.name).is_none() && roles::may_be_picture(&entry.name) && !has_other_use
}

fn stem(name: &OsStr) -> OsString {
    Path::new(name).file_stem().unwrap_or(name).to_owned()
}

fn below(folder: &Entry, name: &OsStr) -> PathBuf {
    Path::new(&folder.name).join(name)
}

/// Returns whether an entry belongs to the folder rather than to one picture.
fn is_shared(entry: &Entry) -> bool {
    let part = roles::part_in_folder(&entry.name);
    entry.name.eq_ignore_ascii_case(MARKER)
        || matches!(
            part,
            Some(Part::Style | Part::Profile | Part::Painting | Part::Ready)
        )
}
