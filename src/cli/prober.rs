//! What the watching process asks a probe, in its own terms.
//!
//! From a bundle to the question on the wire, and from the answer, or the lack of one, to the words
//! that stand in `NAME.error.txt`.

use std::path::Path;
use std::path::PathBuf;

use crate::causes::with_causes;
use crate::ingest::Accepted;
use crate::ingest::BundleFiles;
use crate::ingest::Cause;
use crate::ingest::Rejection;
use crate::job::names::PathText;
use crate::protocol::Answer;
use crate::protocol::Question;
use crate::protocol::Trouble;
use crate::supervisor::Prober;
use crate::supervisor::Unanswered;

/// What is said to an answer that belongs to another question.
const BESIDE: &str = "the process that reads what was dropped gave no answer to what it was asked";
/// What helps where the process is the trouble and not the bundle.
const START_ANEW: &str = "check that the program file is still there and that the system has \
                          processes and memory to spare; if pentimento was replaced while it ran, \
                          start it again";

/// Decides whether a bundle can be used; `None` if `go_on` said no.
pub(super) fn check(
    prober: &Prober,
    bundle: &BundleFiles,
    go_on: &dyn Fn() -> bool,
) -> Option<Result<Accepted, Rejection>> {
    let on_wire = |path: &PathBuf| PathText(path.clone());
    let question = Question::Bundle {
        name: bundle.name.clone(),
        content: bundle.content.as_ref().map(on_wire),
        styles: bundle.styles.iter().map(on_wire).collect(),
        profile: bundle.profile.as_ref().map(on_wire),
        root: on_wire(&bundle.root),
    };
    Some(match prober.ask(&question, go_on) {
        Ok(Answer::Usable {
            profile_text,
            profile_key,
            profile_source,
            remarks,
        }) => Ok(Accepted {
            profile_text,
            profile_key,
            profile_source,
            remarks,
        }),
        Ok(Answer::Unusable {
            reason,
            hint,
            cause,
        }) => Err(Rejection {
            reason,
            hint,
            cause: match cause {
                Trouble::Bundle => Cause::Bundle,
                Trouble::Incomplete => Cause::Incomplete,
                Trouble::Missing => Cause::Missing,
                Trouble::Outside => Cause::Outside,
            },
        }),
        Ok(Answer::Reading { .. } | Answer::Whole | Answer::Broken { .. }) => Err(Rejection {
            reason: BESIDE.to_owned(),
            hint: START_ANEW.to_owned(),
            cause: Cause::Outside,
        }),
        Err(Unanswered::Stopped) => return None,
        Err(error) => Err(unread(&error)),
    })
}

/// Decides whether a finished picture is whole; `None` if `go_on` said no.
pub(super) fn verify(
    prober: &Prober,
    path: &Path,
    go_on: &dyn Fn() -> bool,
) -> Option<Result<(), String>> {
    let question = Question::Picture {
        path: PathText(path.to_owned()),
    };
    Some(match prober.ask(&question, go_on) {
        Ok(Answer::Whole) => Ok(()),
        Ok(Answer::Broken { reason }) => Err(reason),
        Ok(Answer::Reading { .. } | Answer::Usable { .. } | Answer::Unusable { .. }) => {
            Err(BESIDE.to_owned())
        }
        Err(Unanswered::Stopped) => return None,
        Err(error) => Err(with_causes(&error)),
    })
}

/// Returns what is said of a bundle that a probe could not read to its end.
fn unread(error: &Unanswered) -> Rejection {
    let (hint, cause) = match error {
        Unanswered::Stopped | Unanswered::Unusable { .. } | Unanswered::Died { .. } => {
            (START_ANEW, Cause::Outside)
        }
        Unanswered::TooSlow { .. } | Unanswered::Memory { .. } | Unanswered::Crashed { .. } => (
            "open it, save it anew and replace it by that; what it did to the reader harmed \
             nothing else",
            Cause::Bundle,
        ),
    };
    Rejection {
        reason: with_causes(error),
        hint: hint.to_owned(),
        cause,
    }
}
