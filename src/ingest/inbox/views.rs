//! A watch folder as others see it: on the board, and in the notes beside bundles.

use std::path::Path;

use crate::ingest::Board;
use crate::ingest::BundleState;
use crate::ingest::BundleView;
use crate::ingest::FolderView;
use crate::ingest::LooseView;
use crate::ingest::inbox::place::Place;
use crate::ingest::notes::Notes;
use crate::ingest::pairing::Key;
use crate::ingest::pairing::Spelling;
use crate::job::names::display_name;
use crate::job::names::display_path;

impl Place {
    /// Adds this watch folder and what lies in it to a board.
    pub(super) fn show(&self, board: &mut Board) {
        board.folders.push(FolderView {
            path: self.watch.clone(),
            mode: self.watching.mode.clone(),
            n_polled: self.watching.n_polled,
            is_ledger: self.is_ledger,
            missing: self.missing.clone(),
            n_overflows: self.watching.n_overflows,
            n_remade: self.watching.n_remade,
        });
        for seen in &self.seen {
            let state = self.told.get(&seen.key).cloned();
            board.bundles.push(BundleView {
                watch: self.watch.clone(),
                name: seen.key.name.clone(),
                shown: display_name(&seen.key.name),
                spelling: seen.key.spelling,
                files: seen
                    .files
                    .iter()
                    .map(|path| self.watch.join(path))
                    .collect(),
                // A bundle that was just taken is gone by the next look.
                state: state.unwrap_or(BundleState::Settling("being taken".to_owned())),
                notes: seen.notes.clone(),
                again_in_ms: seen.again_in_ms,
            });
        }
        for (name, why) in &self.loose {
            board.loose.push(LooseView {
                path: self.watch.join(name),
                why: why.clone(),
            });
        }
    }

    /// Lets a bundle that is held through, if it lies here.
    pub(super) fn let_through(&mut self, bundle: &BundleView) {
        if bundle.watch == self.watch {
            self.allowed.insert(Key {
                name: bundle.name.clone(),
                spelling: bundle.spelling,
            });
        }
    }
}

/// Wants the note that a bundle in that state has beside it.
pub(super) fn want_note(notes: &mut Notes, key: &Key, state: &BundleState) {
    let shown = display_name(&key.name);
    match state {
        BundleState::Rejected { reason, hint } => notes.want(&key.name, &shown, reason, hint),
        BundleState::Duplicate { of } => {
            let name = Path::new(&key.name);
            let ready = match key.spelling {
                Spelling::Folder | Spelling::Returned => format!("{shown}/READY"),
                Spelling::Flat => format!("{shown}.ready"),
                Spelling::Recipe => display_path(&name.with_extension("ready")),
            };
            notes.want_held(&key.name, &shown, *of, &ready);
        }
        BundleState::Settling(_) | BundleState::Waiting(_) | BundleState::Taken { .. } => {}
    }
}
