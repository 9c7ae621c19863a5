//! The lines between the supervisor and a worker, one JSON object each.
//!
//! Supervisor to worker (standard input): one [`Assignment`], later perhaps an [`Order`]; the end
//! of the input means stop as well. Worker to supervisor (standard output): [`Event`]s. A probe is
//! handed one [`Question`] and gives [`Answer`]s. These are wire types: unknown fields are passed
//! over, and what cannot be read is an error to be counted, never one to die of.

use serde::Deserialize;
use serde::Serialize;

use crate::job::names::PathText;

/// The version of this protocol; a worker refuses another one.
pub const VERSION: u32 = 1;

/// The longest line, in bytes, that either side reads; longer ones are skipped.
pub const LINE_MAX: usize = 64 * 1024;

/// What a worker is to paint, and with what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// [`VERSION`] of the sender.
    pub version: u32,
    /// The job's folder, absolute: pictures and profile are in it, and everything goes there.
    pub job_dir: PathText,
    /// The studio's root, absolute: networks and shared profiles are found from there.
    pub studio: PathText,
    /// `auto`, `cpu`, `cuda` or `cuda:0`; absent to leave it to the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Threads to compute with; absent to leave it to the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    /// The ONNX Runtime library to load; absent to search for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ort_lib: Option<PathText>,
    /// Seconds between two checkpoints, whatever they cost; absent for the usual pace: the first
    /// after 5 s, the interval doubling to 60 s, never more than 5 % of the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_s: Option<f64>,
}

/// What a supervisor tells a working worker: `{"stop": true}` or `{"edit": {…}}`.
///
/// A worker passes over orders that it does not know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// True to write a checkpoint and end, within one iteration and the writing.
    Stop(bool),
    /// Change an option from the next iteration on.
    Edit(Edit),
}

/// A change of one option of a running job.
///
/// Answered by [`Event::Edited`] or [`Event::EditRefused`]. An id that the job has a record of is
/// answered from the record and not carried out again, so an edit may be sent twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Edit {
    /// Names the edit within the job; never used for another one.
    pub id: u64,
    /// `content_weight`, `style_weight`, `tv_weight`, `num_iterations`, `learning_rate` or
    /// `save_iter`.
    pub option: String,
    /// Its new value.
    pub value: f64,
    /// The stage whose option it is, from 1; absent for the stage at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<u32>,
}

/// What a worker tells its supervisor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Pictures and networks are read; the first stage begins.
    Started {
        /// The device in use, in words.
        device: String,
        /// Width and height of the result in pixels.
        size: [u32; 2],
        /// How many stages there are.
        stages: u32,
    },
    /// An iteration is over.
    Progress {
        /// The stage, from 1.
        stage: u32,
        /// The iteration within the stage, from 1.
        iteration: u32,
        /// How many iterations the stage has.
        of: u32,
        /// The sum of the weighted loss terms.
        loss: f64,
        /// The weighted loss terms by their column names.
        #[serde(default)]
        terms: Vec<(String, f64)>,
        /// Iterations in a second, lately.
        its_per_s: f64,
        /// Seconds left for the whole job, as far as is known.
        #[serde(default)]
        eta_s: Option<f64>,
    },
    /// A stage of the work was written.
    Snapshot {
        /// Its path below the job's folder.
        path: PathText,
        /// The stage, from 1.
        stage: u32,
        /// The iteration within the stage.
        iteration: u32,
    },
    /// Something worth telling.
    Note {
        /// The words.
        text: String,
    },
    /// Everything up to this iteration is safe on disk: a later attempt goes on from here.
    Checkpoint {
        /// The stage, from 1.
        stage: u32,
        /// The last iteration within the stage that is in it.
        iteration: u32,
        /// Evaluations of the loss made for the job so far in all its attempts, those that were
        /// lost and made again included.
        evaluations: u64,
    },
    /// It goes on from a checkpoint, or begins anew (iteration 0 of stage 1) because none that was
    /// there could be used. Comes before [`Event::Started`].
    Resumed {
        /// The stage, from 1.
        stage: u32,
        /// The last iteration within the stage that need not be made again.
        iteration: u32,
        /// What was lost beyond the work since the last checkpoint, in words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lost: Option<String>,
    },
    /// It is still at work on something long, such as a large checkpoint.
    Heartbeat,
    /// An edit is on record and holds from this iteration on.
    Edited {
        /// The edit's id.
        id: u64,
        /// The stage in which it came, from 1.
        stage: u32,
        /// The first iteration that is made with it.
        iteration: u32,
        /// The option.
        option: String,
        /// Its value from now on.
        value: f64,
    },
    /// An edit was not carried out, and will not be.
    EditRefused {
        /// The edit's id.
        id: u64,
        /// Why not, in words.
        reason: String,
    },
    /// It stopped because it was told to: a last word. With the iteration that the next attempt
    /// goes on from; 0 if that is the beginning of the stage.
    Stopped {
        /// The stage, from 1.
        stage: u32,
        /// The last iteration within the stage that is in the checkpoint.
        iteration: u32,
    },
    /// The picture is finished and written.
    Finished {
        /// Its path below the job's folder.
        path: PathText,
        /// Lower-case hexadecimal SHA-256 of its bytes.
        sha256: String,
    },
    /// There will be no picture.
    Failed {
        /// What happened, in plain words.
        reason: String,
        /// What the user can do about it.
        hint: String,
        /// What kind of failure it is.
        class: FailureClass,
    },
    /// Something that this version does not know: to be passed over.
    #[serde(other)]
    Unknown,
}

/// Kinds of failure as they are spelled on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// A picture or the profile cannot be used.
    Input,
    /// The network is missing or cannot be used.
    Network,
    /// ONNX Runtime or the device is missing or failed.
    Device,
    /// It does not fit into memory.
    Memory,
    /// A file could not be written or read.
    Disk,
    /// Loss or gradient were no longer numbers.
    Numbers,
    /// A fault of the program, or a class that this version does not know.
    #[serde(other)]
    Internal,
}

/// The most bytes of a probe's answers that are read: a profile may have a megabyte.
pub const ANSWERS_MAX: usize = 8 << 20;

/// What a probe is asked; the end of its input means that nobody wants the answer any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "question", rename_all = "snake_case")]
pub enum Question {
    /// Whether a bundle can be used. Paths are absolute.
    Bundle {
        /// The bundle's name, fit to be shown.
        name: String,
        /// The content picture, if there is one.
        content: Option<PathText>,
        /// The style pictures in their order.
        styles: Vec<PathText>,
        /// The nearest profile that was dropped, if there is one.
        profile: Option<PathText>,
        /// The folder that relative paths in the profile start from.
        root: PathText,
    },
    /// Whether the picture at a path is whole.
    Picture {
        /// The path, absolute.
        path: PathText,
    },
}

/// What a probe answers: what it reads as it goes, and one thing that is the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// It begins to read a file.
    Reading {
        /// The file.
        path: PathText,
    },
    /// The bundle can be used.
    Usable {
        /// The profile with everything filled in, as TOML.
        profile_text: String,
        /// The same without a seed that nobody chose: equal for equal work.
        #[serde(default)]
        profile_key: String,
        /// Where the profile came from, in words.
        profile_source: String,
        /// Remarks worth telling.
        remarks: Vec<String>,
    },
    /// The bundle cannot be used.
    Unusable {
        /// What is wrong, naming the file.
        reason: String,
        /// What the user can do about it.
        hint: String,
        /// Where the trouble lies.
        cause: Trouble,
    },
    /// The picture is whole.
    Whole,
    /// The picture is not.
    Broken {
        /// What is wrong with it.
        reason: String,
    },
}

/// Where the trouble with a bundle lies, as it is spelled on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// In the bundle.
    Bundle,
    /// A picture ends too early.
    Incomplete,
    /// A picture is not there.
    Missing,
    /// Outside of the bundle.
    Outside,
}

/// Returns a message as the line to send, its end included.
pub fn to_line<T: Serialize>(message: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

/// Reads a message from a line, with or without its end.
pub fn from_line<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(line)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn path(text: &str) -> PathText {
        PathText(PathBuf::from(text))
    }

    #[test]
    fn events_are_one_line_each_and_come_back() {
        let events = [
            Event::Started {
                device: "CPU".to_owned(),
                size: [512, 384],
                stages: 2,
            },
            Event::Progress {
                stage: 1,
                iteration: 20,
                of: 500,
                loss: 12.5,
                terms: vec![("content:relu4_2".to_owned(), 2.5)],
                its_per_s: 3.5,
                eta_s: None,
            },
            Event::Snapshot {
                path: path("snapshots/a\nb.png"),
                stage: 1,
                iteration: 100,
            },
            Event::Note {
                text: "two\nlines".to_owned(),
            },
            Event::Checkpoint {
                stage: 1,
                iteration: 100,
                evaluations: 103,
            },
            Event::Resumed {
                stage: 1,
                iteration: 100,
                lost: None,
            },
            Event::Heartbeat,
            Event::Edited {
                id: 7,
                stage: 1,
                iteration: 101,
                option: "style_weight".to_owned(),
                value: 0.1 + 0.2,
            },
            Event::EditRefused {
                id: 8,
                reason: "no such option".to_owned(),
            },
            Event::Stopped {
                stage: 2,
                iteration: 0,
            },
            Event::Finished {
                path: path("result.png"),
                sha256: "00ff".to_owned(),
            },
            Event::Failed {
                reason: "no".to_owned(),
                hint: "yes".to_owned(),
                class: FailureClass::Memory,
            },
        ];
        for event in events {
            let line = to_line(&event).unwrap();
            assert_eq!(
                line.split(|byte| *byte == b'\n').count(),
                2,
                "one end, and nothing after it"
            );
            assert_eq!(from_line::<Event>(&line).unwrap(), event);
        }
    }

    #[test]
    fn newer_senders_are_understood_as_far_as_possible() {
        let line = br#"{"event":"failed","reason":"a","hint":"b","class":"quantum","more":[1]}"#;
        let event = from_line::<Event>(line).unwrap();
        assert!(matches!(
            event,
            Event::Failed {
                class: FailureClass::Internal,
                ..
            }
        ));
        let dance = from_line::<Event>(br#"{"event":"dance","steps":[1,{"to":2}]}"#).unwrap();
        assert_eq!(dance, Event::Unknown);
        for garbage in [&b"\xff\xfe"[..], b"", b"{}", b"[1,2]"] {
            assert!(from_line::<Event>(garbage).is_err());
        }
    }

    #[test]
    fn orders_are_spelled_as_ever_and_others_are_no_orders() {
        let stop = to_line(&Order::Stop(true)).unwrap();
        assert_eq!(stop, b"{\"stop\":true}\n");
        let edit = br#"{"edit":{"id":7,"option":"style_weight","value":250,"by":"anna"}}"#;
        let Order::Edit(edit) = from_line(edit).unwrap() else {
            panic!("an edit");
        };
        assert_eq!((edit.id, edit.value, edit.stage), (7, 250.0, None));
        for other in [&b"{\"dance\":true}"[..], b"{}", b"{\"edit\":{}}", b"7"] {
            assert!(from_line::<Order>(other).is_err());
        }
    }

    #[test]
    fn infinite_losses_do_not_break_a_line() {
        let event = Event::Progress {
            stage: 1,
            iteration: 1,
            of: 2,
            loss: f64::INFINITY,
            terms: Vec::new(),
            its_per_s: 1.0,
            eta_s: None,
        };
        // JSON has no infinity: the line is refused on arrival and the next one read.
        assert!(from_line::<Event>(&to_line(&event).unwrap()).is_err());
    }
}
