//! The manifests that ship inside the program, so that a studio anywhere knows these networks.
//!
//! They are the files of `models/` as they were when the program was built. A manifest of the same
//! name in a studio goes before them. To add a network: its manifest in `models/`, a line here.

use super::manifest::{Manifest, ManifestError};

/// Name of the network whose weights are inside the program too.
pub const BUILTIN: &str = "builtin";

const MANIFESTS: [(&str, &str); 8] = [
    (BUILTIN, include_str!("../../models/builtin.toml")),
    ("nin", include_str!("../../models/nin.toml")),
    (
        "squeezenet1_1",
        include_str!("../../models/squeezenet1_1.toml"),
    ),
    ("vgg16", include_str!("../../models/vgg16.toml")),
    ("vgg19", include_str!("../../models/vgg19.toml")),
    (
        "vgg19_torchvision",
        include_str!("../../models/vgg19_torchvision.toml"),
    ),
    ("vgg_face", include_str!("../../models/vgg_face.toml")),
    (
        "vgg_face_imagenet_mean",
        include_str!("../../models/vgg_face_imagenet_mean.toml"),
    ),
];

/// Returns the names of the shipped manifests, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    MANIFESTS.iter().map(|(name, _)| *name)
}

/// Returns the text of a shipped manifest.
pub fn text(name: &str) -> Option<&'static str> {
    let found = MANIFESTS.iter().find(|(known, _)| *known == name);
    found.map(|(_, text)| *text)
}

/// Returns a shipped manifest.
pub fn manifest(name: &str) -> Option<Result<Manifest, ManifestError>> {
    text(name).map(Manifest::parse)
}

/// Returns the one of `known` that is most like `name`, if one is like it at all.
pub fn nearest(name: &str, known: &[String]) -> Option<String> {
    let plain = |name: &str| name.to_lowercase().replace(['-', '.', ' '], "_");
    known
        .iter()
        .map(|known| (strsim::jaro_winkler(&plain(known), &plain(name)), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_manifest_reads_and_bears_its_name() {
        for name in names() {
            let manifest = manifest(name).unwrap().unwrap();
            assert_eq!(manifest.name, name);
            assert!(
                !manifest.title.is_empty() && !manifest.licence.is_empty(),
                "{name}"
            );
            assert_eq!(manifest.sources.is_empty(), name == BUILTIN, "{name}");
        }
    }

    #[test]
    fn names_are_recognised_as_others_write_them() {
        let known: Vec<String> = names().map(str::to_owned).collect();
        for (written, meant) in [
            ("VGG19", "vgg19"),
            ("vgg-face", "vgg_face"),
            ("squeezenet", "squeezenet1_1"),
        ] {
            assert_eq!(nearest(written, &known).as_deref(), Some(meant));
        }
        assert_eq!(nearest("resnet50", &known), None);
    }
}
