//! Names of layers as a graph and a profile can use them: present, unlike each other, and without
//! characters that separate names in a list.

use std::collections::BTreeSet;

use crate::network::layer_list::INPUT;

/// Ends of the names of tensors, which a layer's own name must not have.
const TENSORS: &[&str] = &["weight", "bias", "running_mean", "running_var"];

/// Most bytes of a name: what a layer list takes, less a number behind it.
const LONGEST: usize = 180;

/// Returns a name for each layer, its own wherever that can be; a note for each that changed.
pub(super) fn unique<'a>(
    layers: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    notes: &mut Vec<String>,
) -> Vec<String> {
    // A name that is fine stays with the first that has it, whoever stands before it.
    let own: BTreeSet<String> = layers
        .clone()
        .map(|(name, kind)| fitting(name, kind))
        .collect();
    let mut taken = BTreeSet::new();
    layers
        .map(|(name, kind)| {
            let fitting = fitting(name, kind);
            let mut new = fitting.clone();
            let mut count = 1_usize;
            while taken.contains(&new) || (count > 1 && own.contains(&new)) {
                count += 1;
                new = format!("{fitting}_{count}");
            }
            taken.insert(new.clone());
            if new != name {
                notes.push(format!("layer `{}` is called `{new}`", name.escape_debug()));
            }
            new
        })
        .collect()
}

/// Returns the name without what no name may have; the type's where there is none.
fn fitting(name: &str, kind: &str) -> String {
    let mut fitting: String = name
        .chars()
        .map(|c| match c {
            ',' | ':' | ';' | '=' => '_',
            c if c.is_whitespace() || c.is_control() => '_',
            c => c,
        })
        .collect();
    fitting.truncate(fitting.floor_char_boundary(LONGEST));
    if fitting.is_empty() {
        fitting = kind.to_lowercase();
    }
    if let Some((before, end)) = fitting.rsplit_once('.')
        && TENSORS.contains(&end)
    {
        fitting = format!("{before}_{end}");
    }
    if fitting == INPUT {
        fitting.push_str("_layer");
    }
    fitting
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(layers: &[(&str, &str)]) -> (Vec<String>, usize) {
        let mut notes = Vec::new();
        let names = unique(layers.iter().copied(), &mut notes);
        (names, notes.len())
    }

    #[test]
    fn names_that_serve_are_kept() {
        let layers = [
            ("conv1_1", "Convolution"),
            ("fire2/expand1x1", "Convolution"),
        ];
        let expected = vec!["conv1_1".to_owned(), "fire2/expand1x1".to_owned()];
        assert_eq!(names(&layers), (expected, 0));
    }

    #[test]
    fn names_that_do_not_serve_are_changed_and_noted() {
        let layers = [
            ("a", "ReLU"),
            ("a", "ReLU"),
            ("a_2", "ReLU"),
            ("", "ReLU"),
            ("input", "ReLU"),
            ("x, y", "ReLU"),
            ("x.weight", "ReLU"),
        ];
        let (names, notes) = names(&layers);
        assert_eq!(
            names,
            ["a", "a_3", "a_2", "relu", "input_layer", "x__y", "x_weight"]
        );
        assert_eq!(notes, 5);
    }
}
