//! What the members of a bundle amount to: complete, something missing, or unusable and why.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use unicode_normalization::UnicodeNormalization;

use crate::ingest::listing::Kind;
use crate::ingest::pairing::Member;
use crate::ingest::roles::Part;
use crate::job::names::display_name;
use crate::job::names::natural_order;

/// The members of a bundle by what they are for; paths are below `watch/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) content: Option<PathBuf>,
    pub(crate) styles: Vec<PathBuf>,
    /// A profile, or a painting that carries one.
    pub(crate) profile: Option<PathBuf>,
}

impl Parts {
    /// Returns the pictures, content first.
    pub(crate) fn pictures(&self) -> impl Iterator<Item = &PathBuf> {
        self.content.iter().chain(&self.styles)
    }
}

/// What a bundle amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A content and a style picture are there.
    Complete(Parts),
    /// What is still to come, in words, unless the profile can do without it; and what is there.
    Missing(String, Parts),
    /// It cannot be used as it is.
    Unusable { reason: String, hint: String },
}

/// Decides what `members` amount to. `content_name` and `style_name` are how a missing picture would
/// have to be called.
pub(super) fn shape_of(members: &[Member], content_name: &str, style_name: &str) -> Shape {
    if let Some(shape) = members.iter().find_map(refused) {
        return shape;
    }
    let paths = |part| {
        members
            .iter()
            .filter(move |m| m.part == part)
            .map(|m| m.path.clone())
    };
    let contents: Vec<_> = paths(Part::Content).collect();
    let mut styles: Vec<_> = paths(Part::Style).collect();
    let profiles: Vec<_> = paths(Part::Profile).collect();
    let embedded: Vec<_> = paths(Part::Painting).collect();
    if let Some(shape) = clash(&contents, "content", "pictures are called")
        .or_else(|| clash(&profiles, "profile", "profiles are called"))
        .or_else(|| clash(&embedded, "recipe", "paintings are called"))
        .or_else(|| composed_clash(&styles))
    {
        return shape;
    }
    styles.sort_by(|a, b| {
        let stem = |path: &PathBuf| path.file_stem().unwrap_or_default().to_owned();
        natural_order(&stem(a), &stem(b)).then_with(|| a.cmp(b))
    });
    let parts = Parts {
        content: contents.into_iter().next(),
        styles,
        // A profile that was written goes before one that a painting carries.
        profile: profiles.into_iter().chain(embedded).next(),
    };
    let missing = match (&parts.content, parts.styles.is_empty()) {
        (Some(_), false) => return Shape::Complete(parts),
        (Some(_), true) => format!("a style picture: {style_name}"),
        (None, false) => format!("a content picture: {content_name}"),
        (None, true) => format!("a content and a style picture: {content_name}, {style_name}"),
    };
    Shape::Missing(missing, parts)
}

/// Returns why a member must not be opened, if that is so.
fn refused(member: &Member) -> Option<Shape> {
    let name = display_name(&member.entry.name);
    let (reason, hint) = match &member.entry.kind {
        Kind::File | Kind::Linked => return None,
        Kind::Link => (
            format!("{name} is a symbolic link, and links are not followed"),
            "put the file itself there (cp -L copies what a link points to), or set \
             allow_symlinks = true in pentimento.toml"
                .to_owned(),
        ),
        Kind::Astray => (
            format!("{name} is a symbolic link that leads to no file"),
            "let it lead to a file, or put the file itself there".to_owned(),
        ),
        Kind::Special(what) => (
            format!("{name} is {what}, not a file"),
            "put a picture file there".to_owned(),
        ),
        Kind::Folder(_) | Kind::Unreadable => (
            format!("{name} is a folder, not a file"),
            "put a picture file there, or rename the folder".to_owned(),
        ),
    };
    Some(Shape::Unusable { reason, hint })
}

fn clash(paths: &[PathBuf], what: &str, are_called: &str) -> Option<Shape> {
    (paths.len() > 1).then(|| Shape::Unusable {
        reason: format!(
            "ambiguous: {} {are_called} {what}: {}",
            paths.len(),
            listed(paths)
        ),
        hint: format!("keep one {what} and rename or remove the others"),
    })
}

/// Several styles blend, but two spellings of one name are one picture twice.
fn composed_clash(styles: &[PathBuf]) -> Option<Shape> {
    let mut names: BTreeMap<Vec<u8>, Vec<PathBuf>> = BTreeMap::new();
    for style in styles {
        names
            .entry(composed(style.as_os_str()))
            .or_default()
            .push(style.clone());
    }
    let twice = names.into_values().find(|paths| paths.len() > 1)?;
    clash(
        &twice,
        "style",
        "pictures, spelled differently in Unicode, are called",
    )
}

fn listed(paths: &[PathBuf]) -> String {
    let names = paths
        .iter()
        .map(|path| display_name(path.file_name().unwrap_or_default()));
    names.collect::<Vec<_>>().join(", ")
}

/// Returns a name with its letters composed (NFC) where it is UTF-8, else its bytes.
pub(super) fn composed(name: &OsStr) -> Vec<u8> {
    match name.to_str() {
        Some(text) => text.nfc().collect::<String>().into_bytes(),
        None => name.as_bytes().to_vec(),
    }
}
