//! Secrets by reference: where a password is, and the password once read.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::SignerError;

/// A secret text. Erased from memory when dropped; `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

/// Where a secret is: `file:<path>` or `env:<NAME>`. A plain secret does not parse, and is not repeated in the error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SecretRef {
    /// A file: its first line, or all of it where a secret has several.
    File(PathBuf),
    /// An environment variable.
    Env(String),
}

impl Secret {
    /// Takes a text over. Empty secrets are refused.
    pub fn new(text: String) -> Result<Self, SignerError> {
        let text = Zeroizing::new(text);
        if text.is_empty() {
            return Err(SignerError::invalid("secret", "a non-empty text", "an empty text"));
        }
        Ok(Self(text))
    }

    /// The text itself. Keep it out of messages and of anything that outlives the call.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl SecretRef {
    /// Reads the secret: of a file its first line without the line end, of a variable its value.
    pub fn read(&self) -> Result<Secret, SignerError> {
        let text = self.read_text()?;
        let line = match self {
            Self::File(_) => text.0.lines().next().unwrap_or_default(),
            Self::Env(_) => &text.0,
        };
        Secret::new(line.to_owned()).map_err(|_| SignerError::invalid(self.to_string(), "a first line", "an empty one"))
    }

    /// Reads a secret of several lines, as keys in PEM are: all of a file, the value of a variable.
    pub fn read_text(&self) -> Result<Secret, SignerError> {
        match self {
            Self::File(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| SignerError::file(path, error))?;
                Secret::new(text).map_err(|_| SignerError::file(path, "the file is empty"))
            }
            Self::Env(name) => match std::env::var(name) {
                Ok(value) if !value.is_empty() => Secret::new(value),
                Ok(_) => Err(SignerError::invalid(format!("env:{name}"), "a non-empty value", "an empty one")),
                Err(std::env::VarError::NotPresent) => {
                    Err(SignerError::invalid(format!("env:{name}"), "a value", "none set"))
                }
                Err(std::env::VarError::NotUnicode(_)) => {
                    Err(SignerError::invalid(format!("env:{name}"), "UTF-8 text", "other bytes"))
                }
            },
        }
    }
}

impl FromStr for SecretRef {
    type Err = SignerError;

    fn from_str(text: &str) -> Result<Self, SignerError> {
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("env", name)) if is_variable_name(name) => Ok(Self::Env(name.to_owned())),
            _ => {
                Err(SignerError::invalid("secret reference", "file:<path> or env:<NAME>", "something else (not shown)"))
            }
        }
    }
}

fn is_variable_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl TryFrom<String> for SecretRef {
    type Error = SignerError;
    fn try_from(text: String) -> Result<Self, SignerError> {
        text.parse()
    }
}

impl From<SecretRef> for String {
    fn from(reference: SecretRef) -> String {
        reference.to_string()
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Env(name) => write!(f, "env:{name}"),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_parse_and_print_unchanged() {
        for text in ["file:/etc/spandrel/password", "env:SPANDREL_PASSWORD"] {
            assert_eq!(text.parse::<SecretRef>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_plain_password_is_refused_and_not_repeated() {
        for text in ["hunter2", "plain:hunter2", "file:", "env:", "env:hunter2;rm", ""] {
            let error = text.parse::<SecretRef>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_file_gives_its_first_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "correct horse\r\nsecond line\n").unwrap();
        assert_eq!(SecretRef::File(path.clone()).read().unwrap().expose(), "correct horse");
        let whole = SecretRef::File(path.clone()).read_text().unwrap();
        assert_eq!(whole.expose(), "correct horse\r\nsecond line\n", "all of it where it has several");
        std::fs::write(&path, "\n").unwrap();
        assert!(SecretRef::File(path).read().is_err());
    }

    #[test]
    fn an_unset_variable_is_refused_by_name() {
        let error = "env:SPANDREL_NO_SUCH_VARIABLE".parse::<SecretRef>().unwrap().read().unwrap_err();
        assert!(error.to_string().contains("SPANDREL_NO_SUCH_VARIABLE"));
    }

    #[test]
    fn debug_shows_nothing_of_a_secret() {
        let secret = Secret::new("hunter2".to_owned()).unwrap();
        assert!(!format!("{secret:?}").contains("hunter"));
    }
}
