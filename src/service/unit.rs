//! The unit that starts the watching process of one studio, as text.
//!
//! Pure. What systemd does at the start, at the end and after a death of the process is decided
//! here and nowhere else.

use std::path::PathBuf;

use crate::job::names::display_path;
use crate::job::names::safe_name;
use crate::service::ServiceError;
use crate::service::escape;

/// How every unit begins that this program wrote; another file is never replaced or removed.
pub(super) const HEAD: &str = "# Written by `pentimento service install`";
/// How the line that names the studio begins.
pub(super) const STUDIO: &str = "# studio: ";

/// Whose service manager runs the unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The user's own, which lives while the user is logged in, or for ever with linger.
    User,
    /// The machine's, which runs the process as this user.
    System {
        /// Name or number of the user.
        user: String,
    },
}

/// A unit to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// This program: an absolute path.
    pub program: PathBuf,
    /// The studio: an absolute path.
    pub studio: PathBuf,
    /// Whose manager runs it.
    pub scope: Scope,
}

impl Unit {
    /// Returns the unit's file name.
    pub fn name(&self) -> String {
        escape::unit_name(&self.studio)
    }

    /// Returns the unit's text.
    ///
    /// Ends of the process that another start would not change (wrong usage, a second process,
    /// bad settings) are not tried again; anything else is, five times in five minutes. One worker
    /// that is killed for its memory is no reason to end the others. At the end the process itself
    /// tells its workers to write their checkpoints; what is left after that is killed.
    pub fn text(&self) -> Result<String, ServiceError> {
        let program = escape::program(&self.program).ok_or_else(|| ServiceError::Program {
            program: self.program.clone(),
        })?;
        let studio = escape::argument(self.studio.as_os_str());
        let name = self.studio.file_name().unwrap_or_default();
        let description = escape::no_specifiers(&safe_name(name));
        let shown = display_path(&self.studio);
        let (user, wanted_by) = match &self.scope {
            Scope::User => (String::new(), "default.target"),
            Scope::System { user } if is_user(user) => {
                (format!("User={user}\n"), "multi-user.target")
            }
            Scope::System { user } => return Err(ServiceError::User { name: user.clone() }),
        };
        let mounts = self.mounts();
        Ok(format!(
            "{HEAD}; `pentimento service uninstall` removes it.\n\
             {STUDIO}{shown}\n\
             [Unit]\n\
             Description=Pentimento in {description}\n\
             Documentation=man:pentimento(1)\n\
             {mounts}\
             StartLimitIntervalSec=300\n\
             StartLimitBurst=5\n\
             \n\
             [Service]\n\
             Type=notify\n\
             NotifyAccess=main\n\
             {user}\
             ExecStart={program} --studio {studio} daemon\n\
             ExecReload=/bin/kill -HUP $MAINPID\n\
             Restart=on-failure\n\
             RestartSec=5\n\
             RestartPreventExitStatus=2 6 78\n\
             WatchdogSec=60\n\
             TimeoutStartSec=120\n\
             TimeoutStopSec=120\n\
             KillMode=mixed\n\
             OOMPolicy=continue\n\
             NoNewPrivileges=yes\n\
             LimitNOFILE=4096\n\
             \n\
             [Install]\n\
             WantedBy={wanted_by}\n"
        ))
    }

    /// Has the machine's manager wait for the studio's filesystem. A user's has none to wait for,
    /// and a path with quotes or backslashes cannot be written there.
    fn mounts(&self) -> String {
        let studio = self.studio.to_str().unwrap_or("\\");
        let is_plain = !studio.contains(|c: char| c.is_control() || "\"'\\".contains(c));
        match self.scope {
            Scope::System { .. } if is_plain => {
                let studio = escape::no_specifiers(studio);
                format!("RequiresMountsFor=\"{studio}\"\n")
            }
            Scope::System { .. } | Scope::User => String::new(),
        }
    }
}

/// Returns whether `name` may be the name or number of a user: nothing in it that a unit or a shell
/// reads as something else.
fn is_user(name: &str) -> bool {
    let mut letters = name.chars();
    letters
        .next()
        .is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
        && letters.all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
        && name.len() <= 64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(studio: &str, scope: Scope) -> Unit {
        Unit {
            program: PathBuf::from("/opt/pentimento"),
            studio: PathBuf::from(studio),
            scope,
        }
    }

    fn system(user: &str) -> Scope {
        Scope::System {
            user: user.to_owned(),
        }
    }

    #[test]
    fn a_user_unit_says_what_to_start() {
        let text = unit("/home/ann/my studio", Scope::User).text().unwrap();
        for line in [
            "# studio: /home/ann/my studio",
            "Description=Pentimento in my studio",
            "ExecStart=\"/opt/pentimento\" --studio \"/home/ann/my studio\" daemon",
            "RestartPreventExitStatus=2 6 78",
            "OOMPolicy=continue",
            "KillMode=mixed",
            "WantedBy=default.target",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
        assert!(text.starts_with(HEAD) && !text.contains("User="), "{text}");
    }

    #[test]
    fn a_system_unit_has_a_user_and_waits_for_the_disk() {
        let text = unit("/srv/art 5%", system("ann")).text().unwrap();
        for line in [
            "User=ann",
            "WantedBy=multi-user.target",
            "RequiresMountsFor=\"/srv/art 5%%\"",
            "Description=Pentimento in art 5%%",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
        let odd = unit("/srv/a\\b", system("1000")).text().unwrap();
        assert!(!odd.contains("RequiresMountsFor"), "{odd}");
    }

    #[test]
    fn nothing_gets_into_a_unit_by_a_name() {
        for user in ["", "-x", "a b", "ann\nExecStart=/bin/sh", "$(id)", "a%h"] {
            let refused = unit("/srv/art", system(user)).text();
            assert!(matches!(refused, Err(ServiceError::User { .. })), "{user}");
        }
        let text = unit("/srv/x\n[Service]\nExecStart=/bin/sh", Scope::User)
            .text()
            .unwrap();
        let n_starts = text.lines().filter(|l| l.starts_with("ExecStart=")).count();
        assert_eq!(n_starts, 1, "{text}");
        let sections = text.lines().filter(|l| l.starts_with('[')).count();
        assert_eq!(sections, 3, "{text}");
    }
}
