//! `wrk` as the load generator: keep-alive connections that ask as fast as they are answered.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

/// Says what each request is, and in the end one line of what was answered. Times are in microseconds.
const SCRIPT: &str = r#"
local thread_list, threads = {}, THREADS
local paths, body, key = {}, nil, nil

function setup(thread)
  thread:set("place", #thread_list)
  table.insert(thread_list, thread)
end

function init(args)
  good, limited, busy, unexplained, other = 0, 0, 0, 0, 0
  key, body = args[1], args[2]
  for line in io.lines(args[3]) do table.insert(paths, line) end
  turn = place
end

function request()
  turn = (turn + threads) % #paths
  local path = paths[turn + 1]
  local headers = { ["Content-Type"] = "application/json" }
  if key ~= "" then headers["Authorization"] = "Bearer " .. key end
  if body == "" then return wrk.format("GET", path, headers) end
  return wrk.format("POST", path, headers, body)
end

function response(status, headers, body)
  if status >= 200 and status < 300 then
    good = good + 1
  elseif status == 429 or status == 503 then
    local told = headers["Retry-After"] or headers["retry-after"]
    if not told then
      unexplained = unexplained + 1
    elseif status == 429 then
      limited = limited + 1
    else
      busy = busy + 1
    end
  else
    other = other + 1
  end
end

function done(summary, latency, requests)
  local sums = { 0, 0, 0, 0, 0 }
  for _, thread in ipairs(thread_list) do
    for place, name in ipairs({ "good", "limited", "busy", "unexplained", "other" }) do
      sums[place] = sums[place] + thread:get(name)
    end
  end
  local errors = summary.errors
  print(string.format("answers %d %d %d %d %d %d %d %d %d %d", summary.duration, sums[1], sums[2], sums[3], sums[4], sums[5],
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency.max))
end
"#;

/// What is asked, again and again: `paths` in turn, each thread its share of them.
pub struct Request {
    /// Paths and queries.
    pub paths: Vec<String>,
    /// What is posted; a read without it.
    pub body: Option<String>,
    /// The API key that it is asked with.
    pub key: Option<String>,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Answers {
    /// Answers of success.
    pub good: u64,
    /// 429 with `Retry-After`.
    pub limited: u64,
    /// 503 with `Retry-After`.
    pub busy: u64,
    /// Neither: other statuses, refusals that do not say when to come again, and connections that failed or hung.
    pub bad: u64,
    /// For how long it was asked.
    pub duration: Duration,
    /// Half of all answers came within this.
    pub p50: Duration,
    /// 99 of 100 answers came within this.
    pub p99: Duration,
    /// The slowest answer.
    pub slowest: Duration,
}

impl Answers {
    /// Good answers a second.
    pub fn rate(&self) -> f64 {
        self.good as f64 / self.duration.as_secs_f64()
    }
}

/// How many threads `wrk` has.
const THREADS: &str = "2";

/// `wrk`.
pub struct Generator<'a> {
    /// Its program.
    pub program: &'a Path,
    /// Connections that are kept open.
    pub connections: usize,
    /// For how long.
    pub duration: Duration,
}

impl Generator<'_> {
    /// Asks the server at `base`.
    ///
    /// # Errors
    /// When `wrk` cannot be run or says something else.
    pub async fn run(&self, base: &str, request: &Request) -> Result<Answers> {
        let folder = tempfile::tempdir()?;
        let (script, paths) = (folder.path().join("ask.lua"), folder.path().join("paths"));
        std::fs::write(&script, SCRIPT.replace("THREADS", THREADS))?;
        std::fs::write(&paths, request.paths.join("\n"))?;
        let output = Command::new(self.program)
            .args(["--threads", THREADS, "--timeout", "5s", "--connections", &self.connections.to_string()])
            .args(["--duration", &format!("{}s", self.duration.as_secs()), "--script"])
            .args([script.as_os_str(), base.as_ref(), "--".as_ref()])
            .args([request.key.as_deref().unwrap_or(""), request.body.as_deref().unwrap_or("")])
            .arg(&paths)
            .stdin(Stdio::null())
            .output()
            .await
            .with_context(|| format!("running {}", self.program.display()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find_map(|line| line.strip_prefix("answers "));
        let line = line.with_context(|| format!("{text}{}", String::from_utf8_lossy(&output.stderr)))?;
        let numbers: Vec<u64> = line.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        let [duration, good, limited, busy, unexplained, other, failed, p50, p99, slowest] = numbers[..] else {
            anyhow::bail!("expected ten numbers, found {line}");
        };
        ensure!(duration > 0, "no time passed");
        let time = Duration::from_micros;
        Ok(Answers {
            good,
            limited,
            busy,
            bad: unexplained + other + failed,
            duration: time(duration),
            p50: time(p50),
            p99: time(p99),
            slowest: time(slowest),
        })
    }
}
