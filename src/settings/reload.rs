//! Settings read anew while the program runs.
//!
//! A file that is broken by then changes nothing: what held goes on to hold, and it is said why.
//! What decides where things lie cannot change under a running program and waits for its next
//! start.

use super::{Settings, SettingsError, Surroundings};
use crate::causes::with_causes;

/// What came of reading the settings anew.
#[derive(Debug)]
pub struct Reloaded {
    /// The settings that hold now.
    pub settings: Settings,
    /// Whether they are new: false where nothing changed or a file is broken.
    pub is_new: bool,
    /// Why the old ones were kept, if they had to be.
    pub broken: Option<SettingsError>,
    /// What there is to say, in plain words.
    pub words: String,
}

/// Reads the settings anew that were `current` so far.
pub fn reload(current: &Settings, around: &Surroundings) -> Reloaded {
    let root = current.studio.as_ref().map(|studio| studio.root.as_path());
    let mut settings = match Settings::load(root, around) {
        Ok(settings) => settings,
        Err(error) => {
            let words = format!(
                "the settings were not reloaded, the old ones are kept: {}",
                with_causes(&error)
            );
            return Reloaded {
                settings: current.clone(),
                is_new: false,
                broken: Some(error),
                words,
            };
        }
    };
    let mut waits = Vec::new();
    if let (Some(new), Some(old)) = (&settings.studio, &current.studio) {
        let pairs = [
            ("active", new.active != old.active),
            ("done", new.done != old.done),
            ("failed", new.failed != old.failed),
            ("state_dir", new.state != old.state),
            ("watch", new.watch != old.watch),
        ];
        waits.extend(
            pairs
                .iter()
                .filter(|(_, differs)| *differs)
                .map(|(key, _)| *key),
        );
    }
    if settings.data_dir != current.data_dir {
        waits.push("data_dir");
        settings.data_dir.clone_from(&current.data_dir);
    }
    if let (Some(new), Some(old)) = (&mut settings.studio, &current.studio) {
        // A profile belongs to its watch folder; with other folders it waits, too.
        let profiles = (new.watch == old.watch).then(|| new.watch_profiles.clone());
        let (models, named) = (new.models.clone(), new.profiles.clone());
        *new = old.clone();
        (new.models, new.profiles) = (models, named);
        if let Some(profiles) = profiles {
            new.watch_profiles = profiles;
        }
    }
    let is_new = settings != *current;
    let mut words = if is_new {
        "the settings were reloaded".to_owned()
    } else {
        "the settings were reloaded and nothing changed".to_owned()
    };
    if !waits.is_empty() {
        words = format!("{words}; {} change(s) at the next start", waits.join(", "));
    }
    Reloaded {
        settings,
        is_new,
        broken: None,
        words,
    }
}
