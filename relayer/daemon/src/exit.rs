//! Exit codes: one table for the program, its help and its manual.

use std::process::ExitCode;

use crate::control::Denied;

/// How a command ended. Codes are never given another meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// It could not be done.
    Failed = 1,
    /// The command line does not read.
    Usage = 2,
    /// Evidence or an audit log was refused.
    Refused = 3,
    /// A replay does not come to what is stored.
    Mismatch = 4,
    /// `doctor` found something wrong.
    Unwell = 5,
    /// The control API refused a statement.
    Denied = 6,
    /// The transfer that was followed is at its end and not paid.
    Unpaid = 7,
}

impl Exit {
    /// All of them, by number.
    pub const ALL: [Self; 8] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Refused,
        Self::Mismatch,
        Self::Unwell,
        Self::Denied,
        Self::Unpaid,
    ];

    /// Its number.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What it says, for the help and the manual.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "it could not be done; the last line says why",
            Self::Usage => "the command line does not read; nothing was done",
            Self::Refused => "evidence or an audit log was refused",
            Self::Mismatch => "a replay does not come to what is stored",
            Self::Unwell => "doctor found something wrong",
            Self::Denied => "the control API refused a statement; nothing was changed",
            Self::Unpaid => "the transfer that was followed ended unpaid",
        }
    }

    /// How a command ends that failed with `error`.
    pub fn of(error: &anyhow::Error) -> Self {
        if error.is::<Denied>() { Self::Denied } else { Self::Failed }
    }

    /// The table, one line a code.
    pub fn listed() -> String {
        let lines = Self::ALL.map(|exit| format!("  {}  {}", exit.code(), exit.meaning()));
        format!("Exit codes:\n{}", lines.join("\n"))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
