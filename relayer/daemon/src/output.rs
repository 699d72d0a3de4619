//! What commands print: one JSON value for machines, or words for people.

use anyhow::Result;
use serde::Serialize;

/// Prints `value` as JSON where that is asked for, else `words`.
pub fn print<T: Serialize + ?Sized>(json: bool, value: &T, words: impl FnOnce() -> String) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(value)?);
    } else {
        let words = words();
        print!("{words}{}", if words.is_empty() || words.ends_with('\n') { "" } else { "\n" });
    }
    Ok(())
}

/// Prints `value` as one line of JSON where that is asked for, else `words`: for what comes one by one.
pub fn print_line<T: Serialize>(json: bool, value: &T, words: impl FnOnce() -> String) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string(value)?)
    } else {
        println!("{}", words())
    }
    Ok(())
}
