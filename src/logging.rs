//! Where the program's own log goes: to standard error as lines or JSON, or to the journal.
//!
//! For people who look for a fault; what a user should know is printed by `cli` or lies in a file.
//! `PENTIMENTO_LOG` overrides the level with the usual filter syntax. Where standard error is the
//! journal, it knows the time and colours by itself: there an entry has its priority, and the fields
//! of an event are fields of the entry (`job_id` becomes `JOB_ID`, `bundle` `BUNDLE`).

use std::fmt;
use std::io;
use std::os::fd::AsFd;

use tracing::Event;
use tracing::Level;
use tracing::Subscriber;
use tracing::subscriber::set_global_default;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::FormatEvent;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

/// How entries are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For the journal where standard error is the journal, else as lines.
    #[default]
    Auto,
    /// As lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging. `verbosity` is the number of `-v` less the number of `-q`; 0 shows warnings.
pub fn start(verbosity: i16, format: Format) {
    let level = match verbosity {
        ..=-1 => "error",
        0 => "warn",
        1 => "pentimento=info,warn",
        2 => "pentimento=debug,info",
        3.. => "trace",
    };
    let filter =
        EnvFilter::try_from_env("PENTIMENTO_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let stream = std::env::var("JOURNAL_STREAM").ok();
    let is_journal = format == Format::Auto && is_stream(stream.as_deref(), io::stderr());
    let shape = match format {
        Format::Json => Shape::Json,
        Format::Auto if is_journal => match journal() {
            Ok(journal) => {
                let subscriber = tracing_subscriber::registry().with(filter).with(journal);
                // A second start, which only tests make, keeps the first subscriber.
                let _already_started = set_global_default(subscriber);
                return;
            }
            Err(_) => Shape::Prefixed,
        },
        Format::Auto | Format::Text => Shape::Lines {
            ansi: io::IsTerminal::is_terminal(&io::stderr()),
        },
    };
    let _already_started = set_global_default(subscriber(shape, filter, io::stderr));
}

/// What an entry looks like in a stream.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Lines { ansi: bool },
    Json,
    Prefixed,
}

fn subscriber<W>(shape: Shape, filter: EnvFilter, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_target(false);
    match shape {
        Shape::Lines { ansi } => Box::new(builder.with_ansi(ansi).finish()),
        Shape::Json => Box::new(builder.with_ansi(false).json().finish()),
        Shape::Prefixed => Box::new(builder.with_ansi(false).event_format(Prefixed).finish()),
    }
}

/// Opens the journal's own socket.
fn journal() -> io::Result<tracing_journald::Layer> {
    let journal = tracing_journald::layer()?.with_field_prefix(None);
    let priorities = tracing_journald::PriorityMappings {
        info: tracing_journald::Priority::Informational,
        debug: tracing_journald::Priority::Debug,
        ..tracing_journald::PriorityMappings::new()
    };
    Ok(journal.with_priority_mappings(priorities))
}

/// Returns whether the journal, which said `device:inode` in `JOURNAL_STREAM`, reads this stream:
/// the variable alone does not say so, since it outlives a redirection.
fn is_stream(variable: Option<&str>, stream: impl AsFd) -> bool {
    let Some((device, inode)) = variable.and_then(|text| text.split_once(':')) else {
        return false;
    };
    let (Ok(device), Ok(inode)) = (device.parse::<u64>(), inode.parse::<u64>()) else {
        return false;
    };
    rustix::fs::fstat(stream).is_ok_and(|stat| (stat.st_dev, stat.st_ino) == (device, inode))
}

/// Lines as the journal reads them from a stream: the priority in front, no time, no colour.
struct Prefixed;

impl<S, N> FormatEvent<S, N> for Prefixed
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = *event.metadata().level();
        let priority = match level {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            Level::DEBUG | Level::TRACE => 7,
        };
        write!(writer, "<{priority}>")?;
        context
            .field_format()
            .format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::io::Seek;

    use super::*;

    /// Returns what a log of this shape holds after three events, the last of them too fine.
    fn log(shape: Shape) -> String {
        let mut file = tempfile::tempfile().unwrap();
        let filter = EnvFilter::new("info");
        let subscriber = subscriber(shape, filter, file.try_clone().unwrap());
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(job_id = 42, bundle = "harbour", "no job log");
            tracing::info!("taken");
            tracing::debug!("unseen");
        });
        file.rewind().unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn the_journal_gets_priorities_and_neither_time_nor_colour() {
        assert_eq!(
            log(Shape::Prefixed),
            "<4>no job log job_id=42 bundle=\"harbour\"\n<6>taken\n"
        );
    }

    #[test]
    fn json_is_one_object_a_line() {
        let log = log(Shape::Json);
        let objects: Vec<serde_json::Value> = log
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(objects.len(), 2, "{log}");
        assert_eq!(objects[0]["level"], "WARN");
        assert_eq!(objects[0]["fields"]["message"], "no job log");
        assert_eq!(objects[0]["fields"]["job_id"], 42);
        assert!(objects[1]["timestamp"].is_string());
    }

    #[test]
    fn lines_have_the_time_and_no_colour_outside_a_terminal() {
        let log = log(Shape::Lines { ansi: false });
        let line = log.lines().next().unwrap();
        assert!(
            line.ends_with("WARN no job log job_id=42 bundle=\"harbour\""),
            "{line}"
        );
        assert!(line.starts_with("20") && !log.contains('\u{1b}'), "{log}");
    }

    #[test]
    fn the_journal_is_known_by_device_and_inode() {
        let file = tempfile::tempfile().unwrap();
        let stat = rustix::fs::fstat(&file).unwrap();
        let own = format!("{}:{}", stat.st_dev, stat.st_ino);
        assert!(is_stream(Some(&own), &file));
        let other = format!("{}:{}", stat.st_dev, stat.st_ino + 1);
        for variable in [
            None,
            Some(other.as_str()),
            Some("8"),
            Some("a:b"),
            Some(":"),
        ] {
            assert!(!is_stream(variable, &file), "{variable:?}");
        }
        let elsewhere = File::open("/dev/null").unwrap();
        assert!(!is_stream(Some(&own), &elsewhere));
    }
}
