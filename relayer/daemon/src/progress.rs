//! A bar on the terminal while something takes long. Nothing is drawn where standard error is no terminal, nor beside
//! JSON.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const SHAPE: &str = "{msg} [{bar:40}] {pos}/{len} {eta}";

/// A bar of `length` steps.
pub fn bar(what: &'static str, length: u64, json: bool) -> ProgressBar {
    let target = if json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template(SHAPE).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(length), target).with_style(style.progress_chars("=> ")).with_message(what)
}
