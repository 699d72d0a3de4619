//! Guardians of a bridge under test, and the word of one by the control API.

use std::time::Duration;

use alloy::primitives::{Address, B256};
use anyhow::{Context, Result, ensure};
use spandrel::clock::unix_now;
use spandrel::config::{Config, ControlConfig, KeyRef};
use spandrel::wiring;
use spandrel_risk::control::{Act, SignedStatement, Statement};

/// Lets these two govern the process, and opens its control API on a free port.
pub fn guard(config: &mut Config, guardians: [(Address, &str); 2]) -> Result<()> {
    let listen = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let guardians = guardians.into_iter().map(|(address, name)| (address, name.to_owned())).collect();
    config.control = Some(ControlConfig { listen, tls: None, guardians, resume_delay: 900, timelock: 86_400 });
    config.check()
}

/// Tells a running process what one guardian orders first; the digest of what that signed.
pub async fn order(config: &Config, guardian: &KeyRef, act: Act, reason: &str) -> Result<B256> {
    let key = wiring::unlock(config, guardian)?;
    let (deadline, expiry) = (unix_now() + 30, unix_now() + 600);
    let statement = Statement { act, reason: reason.to_owned(), guardian: key.address(), nonce: 0, expiry };
    let digest = statement.digest(config.control_policy().context("guardians")?.deployment);
    let signed = SignedStatement::new(statement, &key.sign_digest(digest)?);
    let control = config.control.as_ref().context("control")?.listen;
    let url = format!("http://{control}/v1/control/statements");
    let request = reqwest::Client::new().post(url).json(&signed);
    let answer = loop {
        // Right after a start its port may be bound in a moment.
        match request.try_clone().context("a request without a stream")?.send().await {
            Err(error) if error.is_connect() && unix_now() < deadline => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            answer => break answer?,
        }
    };
    ensure!(answer.status().is_success(), "{}", answer.text().await?);
    Ok(digest)
}
