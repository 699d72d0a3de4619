//! The real binary as a child process that can be killed.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result};
use tokio::process::{Child, Command};

/// The `spandrel` binary that cargo built beside this program, or beside this test: `<target>/<profile>/spandrel`.
pub fn binary() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().context("a program in a folder")?;
    let profile = if folder.ends_with("deps") { folder.parent().context("<profile>/deps")? } else { folder };
    let binary = profile.join("spandrel");
    anyhow::ensure!(binary.exists(), "{} is not built: run `cargo test --workspace`", binary.display());
    Ok(binary)
}

/// Sends a signal, as in `INT`.
pub async fn signal(child: &Child, name: &str) -> Result<()> {
    let id = child.id().context("it ended before")?.to_string();
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status().await?;
    anyhow::ensure!(sent.success(), "kill -{name} {id}: {sent}");
    Ok(())
}

/// Starts `spandrel` with these arguments; it is killed when dropped.
pub fn start(arguments: &[&str]) -> Result<Child> {
    start_telling(arguments, Stdio::inherit())
}

/// The same with its log somewhere else.
pub fn start_telling(arguments: &[&str], log: impl Into<Stdio>) -> Result<Child> {
    Command::new(binary()?)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .context("starting spandrel")
}

/// What a terminal shows of a run with these arguments, by script(1), which must be there: `SPANDREL_ALLOW_SKIPS=1` goes on
/// without it.
pub async fn on_a_terminal(arguments: &[&str]) -> Result<Option<String>> {
    let command = format!("{} {}", binary()?.display(), arguments.join(" "));
    let mut script = Command::new("script");
    script.args(["-qefc", &command, "/dev/null"]).env("TERM", "xterm").stdin(Stdio::null()).kill_on_drop(true);
    match script.output().await {
        Ok(output) => Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned())),
        Err(error) if std::env::var_os("SPANDREL_ALLOW_SKIPS").is_some_and(|allowed| allowed == "1") => {
            println!("skipped: script(1): {error}");
            Ok(None)
        }
        Err(error) => Err(error).context("script(1): install bsdutils, or set SPANDREL_ALLOW_SKIPS=1"),
    }
}
