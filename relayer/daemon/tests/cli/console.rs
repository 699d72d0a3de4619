//! The console shows beside each statement the command that says the same: each one is given to the program, as it is printed.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use spandrel_core::Input;
use spandrel_core::ledger::{Commit, Halt, Ledger};
use spandrel_risk::control::{Act, Statement};
use spandrel_risk::{Lane, Reason, RiskEvent};
use spandrel_verifiers::DepositId;

use crate::control::{Served, as_guardian, guarded, taken};
use crate::pages::{attribute, query, unescaped};
use crate::policy::{other, started};
use crate::run::{hold, json, see, tell};

/// Reasons that a shell, a page or a command line could take for something else.
const REASONS: [&str; 6] = [
    "a drill",
    "--json",
    "-x",
    r#"it's $HOME; `id` "x" \n <b>&amp;</b> | !! #1"#,
    "~/*.toml -> größer",
    "NAME file:PATH",
];

/// Every act that pages draft.
const DRAFTED: [&str; 17] = [
    "pause",
    "freeze",
    "resume",
    "lower_limits",
    "raise_limits",
    "lower_wide_limit",
    "raise_wide_limit",
    "drop_held",
    "extend_hold",
    "release_held",
    "requeue_quarantined",
    "drop_quarantined",
    "acknowledge_halt",
    "reobserve",
    "accept_loss",
    "approve",
    "cancel",
];

/// Another set and another policy are proposed at the command line alone, and approved on pages too. A new act is decided here.
fn is_drafted(act: &Act) -> bool {
    match act {
        Act::ChangeSigners { .. } | Act::ChangePolicy { .. } => false,
        Act::Pause { .. }
        | Act::Freeze { .. }
        | Act::Resume { .. }
        | Act::LowerLimits { .. }
        | Act::RaiseLimits { .. }
        | Act::LowerWideLimit { .. }
        | Act::RaiseWideLimit { .. }
        | Act::DropHeld { .. }
        | Act::ExtendHold { .. }
        | Act::ReleaseHeld { .. }
        | Act::RequeueQuarantined { .. }
        | Act::DropQuarantined { .. }
        | Act::AcknowledgeHalt { .. }
        | Act::Reobserve { .. }
        | Act::AcceptLoss { .. }
        | Act::Approve { .. }
        | Act::Cancel { .. } => true,
    }
}

/// The guardians' pages of a relayer, and the folder in which a guardian types.
struct Desk<'a> {
    served: &'a Served,
    here: &'a Path,
    reviewed: Vec<String>,
}

impl Desk<'_> {
    async fn page(&self, path: &str) -> String {
        let port = self.served.config.control.as_ref().unwrap().listen.port();
        let answer = reqwest::get(format!("http://127.0.0.1:{port}{path}")).await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status}: {text}");
        text
    }

    /// `who` reviews `fields`, and types what the page says: it would sign what the page asks a wallet to sign.
    async fn review(&mut self, who: &str, fields: &[(&str, &str)]) {
        let policy = self.served.config.control_policy().unwrap();
        let guardian = policy.guardians.iter().find(|(_, person)| *person == who).unwrap().0.to_string();
        let reason = REASONS[self.reviewed.len() % REASONS.len()];
        let fields = [fields, &[("guardian", guardian.as_str()), ("reason", reason)]].concat();
        let text = self.page(&format!("/console/review?{}", query(&fields))).await;
        let asked: Statement = serde_json::from_str(&attribute(&text, "data-statement")).unwrap();
        assert!(is_drafted(&asked.act), "{asked:?}");
        assert_eq!(asked.reason, reason);
        let digest = asked.digest(policy.deployment);
        assert!(text.contains(&format!("Digest <code>{digest}</code>")), "{text}");
        let typed: Value = serde_json::from_str(&attribute(&text, "data-typed")).unwrap();
        assert_eq!(
            (&typed["message"]["reason"], &typed["domain"]["salt"]),
            (&reason.into(), &policy.deployment.to_string().into())
        );

        let (_, rest) = text.split_once("<pre tabindex=\"0\"><code>").unwrap_or_else(|| panic!("no command: {text}"));
        let printed = unescaped(rest.split("</code>").next().unwrap());
        let own = " --key NAME --password file:PATH --valid-for 10m";
        let said = printed.strip_suffix(own).unwrap_or_else(|| panic!("its key and password are left open: {printed}"));
        let mut shown = self.typed(&format!("{said} --key {who} --password file:password --valid-for 10m"));
        assert_eq!((&shown["dry_run"], &shown["nonce_known"]), (&true.into(), &true.into()), "{printed}: {shown}");
        let late = shown["statement"]["expiry"].as_u64().unwrap() - asked.expiry;
        assert!(late < 60, "as long as on the page: {late} s more: {printed}");
        shown["statement"]["expiry"] = asked.expiry.into();
        let would_sign: Statement = serde_json::from_value(shown["statement"].take()).unwrap();
        assert_eq!(would_sign, asked, "{printed}");
        assert_eq!(would_sign.digest(policy.deployment), digest, "{printed}");
        self.reviewed.push(serde_json::to_value(&asked.act).unwrap()["act"].as_str().unwrap().to_owned());
    }

    /// What a shell makes of `command`, which sends nothing.
    fn typed(&self, command: &str) -> Value {
        let folder = Path::new(env!("CARGO_BIN_EXE_spandrel")).parent().unwrap().display().to_string();
        let output = Command::new("sh")
            .current_dir(self.here)
            .env("PATH", format!("{folder}:{}", std::env::var("PATH").unwrap()))
            .args(["-c", &format!("{command} --dry-run --json")])
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        json(&output)
    }
}

/// What can be chosen in a form, as JSON.
fn options(form: &str) -> Vec<String> {
    form.split("<option value=\"").skip(1).map(|rest| unescaped(rest.split('"').next().unwrap())).collect()
}

/// A transfer of each kind that guardians deal with.
pub struct Waiting {
    pub held: String,
    pub broken: String,
    pub lost: String,
}

/// One transfer is held, one quarantined, one paid without its deposit; and the chain is halted.
pub async fn furnish(served: &Served) -> Waiting {
    let (book, config) = (&served.book, &served.config);
    let held = hold(book, config, 1, Reason::Unknown).await;
    let broken = see(book, config, 2).await;
    tell(book, broken, Input::Broken("odd".to_owned())).await;
    let lost = see(book, config, 3).await;
    let deposit = book.ledger().transfer(lost).await.unwrap().unwrap().deposit;
    let chain = deposit.source_chain.clone();
    let cleared = RiskEvent::cleared(lost, &deposit, Lane::Fast);
    for event in [cleared, RiskEvent::Shortfall { id: lost }] {
        book.record_risk(event).await.unwrap();
    }
    let halt = Some(Halt::told(chain, "a final block was replaced: it's \"odd\" <at> 7 & $8"));
    book.ledger().commit(Commit { now: spandrel::clock::unix_now(), halt, ..Commit::default() }).await.unwrap();
    let [held, broken, lost] = [held, broken, lost].map(|id: DepositId| id.to_string());
    Waiting { held, broken, lost }
}

/// One proposal of each kind, made by `ada`.
fn propose(here: &Path, corridor: &[&str], waiting: &Waiting) -> Vec<String> {
    taken(&as_guardian(here, "ada", &["pause", "--global", "--for", "1h"]));
    let member = "0x4444444444444444444444444444444444444444";
    let second = "0x5555555555555555555555555555555555555555";
    let set = ["--role", "verifiers", "--epoch", "2", "--threshold", "2", "--member", member, "--member", second];
    let asset = corridor[5];
    let commands: [Vec<&str>; 7] = [
        vec!["resume", "--global"],
        vec!["hold", "release", &waiting.held],
        vec!["loss", "accept", &waiting.lost],
        [&["limits", "raise"][..], corridor, &["--set", "window=unlimited"]].concat(),
        vec!["limits", "wide", "raise", "--asset", asset, "--set", "window=unlimited"],
        [&["signers", "change"][..], &set].concat(),
        vec!["policy", "propose", "wider.toml"],
    ];
    commands
        .iter()
        .map(|command| taken(&as_guardian(here, "ada", command))["statement"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_command_that_the_console_prints_says_what_its_page_asks_a_wallet_to_sign() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let config = guarded(here);
    let served = Served::new(config.clone(), started(&config).await).await;
    let waiting = furnish(&served).await;
    other(here, "wider.toml", "window = \"50000000\"", "window = \"60000000\"");
    let mut desk = Desk { served: &served, here, reviewed: Vec::new() };
    let said = async || served.book.ledger().control_events(0).await.unwrap().len();

    let scopes = options(&desk.page("/console/draft?act=freeze").await);
    let scopes: Vec<&String> = scopes.iter().filter(|scope| scope.starts_with('{')).collect();
    for kind in ["global", "chain", "asset", "route", "lane"] {
        assert!(scopes.iter().any(|scope| scope.contains(&format!("\"scope\":\"{kind}\""))), "{kind}: {scopes:?}");
    }
    for scope in scopes {
        for act in ["pause", "freeze", "resume"] {
            desk.review("ada", &[("act", act), ("scope", scope), ("for", "6h")]).await;
        }
    }
    for act in ["drop_held", "release_held", "extend_hold"] {
        desk.review("bo", &[("act", act), ("transfer", &waiting.held), ("for", "1d")]).await;
    }
    for act in ["requeue_quarantined", "drop_quarantined"] {
        desk.review("bo", &[("act", act), ("transfer", &waiting.broken)]).await;
    }
    desk.review("ada", &[("act", "accept_loss"), ("transfer", &waiting.lost)]).await;
    let controls = desk.page("/console").await;
    let links: Vec<String> = controls
        .split("href=\"/console/draft?")
        .skip(1)
        .map(|rest| unescaped(rest.split('"').next().unwrap()))
        .collect();
    let of = |act: &str| links.iter().find(|link| link.starts_with(&format!("act={act}&"))).unwrap();
    let fields =
        |link: &str| -> Vec<(String, String)> { url::form_urlencoded::parse(link.as_bytes()).into_owned().collect() };
    let halted = fields(of("acknowledge_halt"));
    desk.review("bo", &halted.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>()).await;
    let chain = config.bitcoin[0].chain.to_string();
    desk.review("ada", &[("act", "reobserve"), ("chain", &chain), ("from", "7"), ("to", "10006")]).await;

    for (link, window) in ["lower_limits", "raise_limits"].iter().flat_map(|act| {
        let of_act = links.iter().filter(move |link| link.starts_with(&format!("act={act}&")));
        of_act.map(move |link| (link, if *act == "lower_limits" { "7" } else { "unlimited" }))
    }) {
        let form = desk.page(&format!("/console/draft?{link}")).await;
        let mut filled = fields(link);
        for name in ["per_transfer", "exposure_cap", "large_from", "large_delay", "dust", "version"] {
            let (_, rest) = form.split_once(&format!(" name=\"{name}\"")).unwrap();
            filled.push((name.to_owned(), attribute(rest, "value")));
        }
        filled.push(("window".to_owned(), window.to_owned()));
        desk.review("ada", &filled.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>())
            .await;
    }

    let of_wide =
        |link: &&String| link.starts_with("act=lower_wide_limit&") || link.starts_with("act=raise_wide_limit&");
    let wide: Vec<&String> = links.iter().filter(of_wide).collect();
    assert_eq!(wide.len(), 18, "six of the asset, one of the destination, two of corridors: {wide:?}");
    for link in wide {
        let form = desk.page(&format!("/console/draft?{link}")).await;
        let mut filled = fields(link);
        let (_, rest) = form.split_once(" name=\"version\"").unwrap();
        filled.extend([("version".to_owned(), attribute(rest, "value")), ("value".to_owned(), "7".to_owned())]);
        desk.review("bo", &filled.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>())
            .await;
    }

    assert_eq!(said().await, 1, "what was shown was not said");
    let asset = format!("{chain}/slip44:0");
    let corridor = ["--source", &chain, "--destination", "eip155:31337", "--asset", &asset, "--lane", "fast"];
    let proposals = propose(here, &corridor, &waiting);
    let proposed = said().await;
    for proposal in proposals {
        for act in ["approve", "cancel"] {
            desk.review("bo", &[("act", act), ("proposal", &proposal)]).await;
        }
    }
    let reviewed: BTreeSet<&str> = desk.reviewed.iter().map(String::as_str).collect();
    assert_eq!(reviewed, BTreeSet::from(DRAFTED));
    assert_eq!(said().await, proposed, "what was shown was not said");
    served.end().await;
}
