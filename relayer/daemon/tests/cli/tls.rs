//! Ports that speak TLS, as operators configure them and guardians reach them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use spandrel::clock::unix_now;
use spandrel::config::Config;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::certificates::{Authority, Certified};
use crate::control::{Served, as_guardian, guarded, taken};
use crate::run::{TestBook, ends, silent_book, spandrel, told};

/// Puts a certificate and its key where the configuration's `name` table says.
fn put(folder: &Path, name: &str, certified: &Certified) {
    std::fs::write(folder.join(format!("{name}.pem")), &certified.chain).unwrap();
    std::fs::write(folder.join(format!("{name}.key")), &certified.key).unwrap();
}

/// Guardians and both ports with TLS; the control port listens on every address.
fn secured(folder: &Path, authority: &Authority) -> Config {
    guarded(folder);
    let path = folder.join("spandrel.toml");
    let mut text = std::fs::read_to_string(&path).unwrap();
    for name in ["api", "control"] {
        put(folder, name, &authority.certify(&["localhost", "127.0.0.1"]));
        let commented = format!("# [{name}.tls]\n# certificate = \"{name}.pem\"\n# key = \"file:{name}.key\"");
        let here = folder.display();
        let table = format!("[{name}.tls]\ncertificate = \"{here}/{name}.pem\"\nkey = \"file:{here}/{name}.key\"");
        assert!(text.contains(&commented));
        text = text.replace(&commented, &table);
    }
    let port = Config::parse(&text).unwrap().control.unwrap().listen.port();
    text = text.replace(&format!("127.0.0.1:{port}"), &format!("0.0.0.0:{port}"));
    std::fs::write(&path, &text).unwrap();
    std::fs::write(folder.join("ca.pem"), &authority.pem).unwrap();
    Config::parse(&text).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pause_arrives_over_https_from_a_guardian_who_trusts_the_issuer() {
    let folder = tempfile::tempdir().unwrap();
    let config = secured(folder.path(), &Authority::new());
    std::fs::write(folder.path().join("other.pem"), Authority::new().pem).unwrap();
    let served = Served::new(config.clone(), silent_book(&config).await).await;
    let (here, port) = (folder.path().to_owned(), config.control.unwrap().listen.port());
    tokio::task::spawn_blocking(move || {
        let base = format!("https://localhost:{port}");
        let pause = ["pause", "--global", "--for", "1h"];
        let at = |url: &str, ca: &[&str]| as_guardian(&here, "ada", &[&pause[..], &["--control", url], ca].concat());
        for (url, ca, part) in [
            (&*base, &["--ca", "other.pem"][..], "control API at https://localhost"),
            (&base, &[], "control API at https://localhost"),
            (&base, &["--ca", "none.pem"], "ca: expected a file at none.pem"),
            (&base, &["--ca", "password"], "ca: expected certificates in PEM in password, found none"),
            (&format!("http://localhost:{port}"), &[], "control API at http://localhost"),
            // A stranger on the way could say what stands.
            ("http://guardians.example", &[], "--control: expected https, or http on this machine"),
            ("http://127.0.0.1.example", &[], "--control: expected https, or http on this machine"),
        ] {
            let refused = at(url, ca);
            assert!(!refused.status.success() && told(&refused).contains(part), "{url}: {}", told(&refused));
        }
        let nowhere = as_guardian(&here, "ada", &pause);
        assert!(told(&nowhere).contains("control.listen: expected one address to connect to, found 0.0.0.0"));
        assert_eq!(taken(&at(&base, &["--ca", "ca.pem"]))["state"], "done");
        assert_eq!(taken(&at(&format!("{base}/"), &["--ca", "ca.pem"]))["state"], "done");
        ends(&here, &["pauses", "--control", &base, "--ca", "ca.pem"], 0, &["a drill"]);
    })
    .await
    .unwrap();
    assert_eq!(served.book.read_risk(|risk| risk.pauses_at(unix_now()).count()).await, 1);
    served.end().await;
}

/// The transfer API, and what ends it.
async fn serve_api(config: &Config, book: &Arc<TestBook>) -> (JoinHandle<anyhow::Result<()>>, CancellationToken) {
    let (mut api, stop) = (config.api.clone().unwrap(), CancellationToken::new());
    api.webhook_key = None;
    let address = api.listen;
    let requests = spandrel::metrics::Metrics::new().unwrap().requests();
    let (config, book, live) = (config.clone(), book.clone(), spandrel_api::Live::default());
    let serving = spandrel::wiring::serve_api(config, api, book, live, requests, stop.clone()).await.unwrap();
    let serving = tokio::spawn(serving);
    while tokio::net::TcpStream::connect(address).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (serving, stop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_transfer_api_is_reached_over_https_where_the_configuration_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let config = secured(folder.path(), &Authority::new());
    let book = silent_book(&config).await;
    let (serving, stop) = serve_api(&config, &book).await;
    let here = folder.path().to_owned();
    let nobody = format!("0x{}", "11".repeat(32));
    tokio::task::spawn_blocking(move || {
        // It answers that it knows of no such transfer; to who does not trust it, nothing is said.
        ends(&here, &["transfer", "watch", &nobody, "--ca", "ca.pem"], 1, &["UNKNOWN_TRANSFER"]);
        ends(&here, &["transfer", "watch", &nobody], 1, &["transfer API at https://127.0.0.1"]);
    })
    .await
    .unwrap();
    stop.cancel();
    serving.await.unwrap().unwrap();
    book.ledger().close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_clients_would_refuse_are_told_before_the_start_and_at_it() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let config = secured(folder.path(), &authority);
    ends(folder.path(), &["config", "check"], 0, &["ok"]);
    ends(folder.path(), &["doctor"], 5, &["api.tls", "control.tls", "valid until 2500-01-01T00:00:00Z"]);
    let mut other = authority.certify(&["localhost"]);
    other.chain = authority.certify(&["localhost"]).chain;
    let ended = authority.certify_between(&["localhost"], 2_000, 2_020);
    let cases = [
        (other, "control.tls.key: expected the key of the certificate, found another"),
        (ended, "control.tls.certificate: expected one that is valid now, found one that ended 2020-01-01T00:00:00Z"),
        (Certified { chain: String::new(), key: String::new() }, "control.tls.key"),
    ];
    for (certified, expected) in &cases {
        put(folder.path(), "control", certified);
        ends(folder.path(), &["config", "check"], 1, &[expected]);
        // The table of `doctor` breaks lines.
        let report = crate::run::json(&spandrel(folder.path(), &["doctor", "--json"]));
        let row = report["rows"].as_array().unwrap().iter().find(|row| row["what"] == "control.tls").unwrap().clone();
        assert_eq!(row["state"], "wrong", "{row}");
        assert!(row["found"].as_str().unwrap().contains(expected) && row["mend"].is_string(), "{row}");
        let book = silent_book(&config).await;
        let (control, stop) = (config.control.clone().unwrap(), CancellationToken::new());
        let started = spandrel::wiring::serve_control(config.clone(), control, book.clone(), stop);
        let error = format!("{:#}", started.await.err().unwrap());
        assert!(error.contains(expected), "{error}");
        book.ledger().close().await;
    }
    let ending = std::time::SystemTime::now() + Duration::from_secs(6 * 86_400);
    put(folder.path(), "control", &authority.certify_as(&["localhost"], |params| params.not_after = ending.into()));
    ends(folder.path(), &["config", "check"], 0, &["ok"]);
    let report = crate::run::json(&spandrel(folder.path(), &["doctor", "--json"]));
    let row = report["rows"].as_array().unwrap().iter().find(|row| row["what"] == "control.tls").unwrap().clone();
    assert!(row["state"] == "wrong" && row["found"].as_str().unwrap().contains("valid for a week more"), "{row}");
    std::fs::remove_file(folder.path().join("control.pem")).unwrap();
    ends(folder.path(), &["config", "check"], 1, &["control.tls.certificate: expected a file at"]);
}

/// Certificates of one authority, then of another: who trusts the other alone connects from then on.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_renewed_certificate_is_served_without_a_restart_and_one_that_does_not_fit_is_not() {
    let (folder, before, after) = (tempfile::tempdir().unwrap(), Authority::new(), Authority::new());
    let config = secured(folder.path(), &before);
    let served = Served::new(config.clone(), silent_book(&config).await).await;
    let (serving, stop) = serve_api(&config, &served.book).await;
    let control = format!("https://localhost:{}/v1/control/pauses", config.control.as_ref().unwrap().listen.port());
    let api = format!("https://127.0.0.1:{}/v1/chains", config.api.as_ref().unwrap().listen.port());
    let (control, api) = (control.as_str(), api.as_str());
    let takes = async |authority: &Authority, url: &str| {
        let trusted = reqwest::Certificate::from_pem(authority.pem.as_bytes()).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([trusted]).build().unwrap();
        client.get(url).send().await.is_ok_and(|answer| answer.status().is_success())
    };
    for url in [control, api] {
        assert!(takes(&before, url).await && !takes(&after, url).await, "{url}");
    }
    let certify = || after.certify(&["localhost", "127.0.0.1"]);
    for name in ["api", "control"] {
        put(folder.path(), name, &Certified { chain: certify().chain, key: certify().key });
    }
    tokio::time::sleep(Duration::from_secs(7)).await;
    for url in [control, api] {
        assert!(takes(&before, url).await, "{url}: the key is another's");
    }
    for name in ["api", "control"] {
        put(folder.path(), name, &certify());
    }
    for url in [control, api] {
        let renewed = async {
            while !takes(&after, url).await {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), renewed).await.expect(url);
        assert!(!takes(&before, url).await, "{url}");
    }
    stop.cancel();
    serving.await.unwrap().unwrap();
    served.end().await;
}
