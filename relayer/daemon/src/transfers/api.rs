//! A client of the transfer API.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{Response, Url};
use serde_json::Value;

use crate::config::Config;
use crate::reach::{self, Trust};

/// How long a connection may take to be made.
const PATIENCE: Duration = Duration::from_secs(15);

/// Where the transfer API is.
#[derive(Debug, clap::Args)]
pub struct ApiDoor {
    /// The transfer API's address; the configuration's `api.listen` when it is not given.
    #[arg(long)]
    api: Option<Url>,
    /// The configuration.
    #[arg(long, default_value = "spandrel.toml")]
    config: PathBuf,
    #[command(flatten)]
    trust: Trust,
}

/// A connection to the transfer API.
pub struct Api {
    pub(super) http: reqwest::Client,
    base: Url,
}

impl ApiDoor {
    /// Finds out where it is; it is asked when it is needed.
    pub fn open(&self) -> Result<Api> {
        let base = match &self.api {
            Some(url) => url.clone(),
            None => {
                let api = Config::read(&self.config)?.api;
                let api = api.context("api: expected a table in the configuration, or --api, found neither")?;
                reach::address("api.listen", "--api", api.listen, api.tls.is_some())?
            }
        };
        let http = self.trust.client()?.connect_timeout(PATIENCE).read_timeout(3 * PATIENCE).build()?;
        Ok(Api { http, base })
    }
}

impl Api {
    /// The address of a path below `/v1/`.
    pub fn url(&self, parts: &[&str]) -> Result<Url> {
        let mut url = self.base.clone();
        let mut path = url.path_segments_mut().ok().context("api: expected an http address")?;
        path.pop_if_empty().push("v1").extend(parts);
        drop(path);
        Ok(url)
    }

    /// Where it is, in errors.
    pub fn name(&self) -> String {
        format!("transfer API at {}", self.base)
    }
}

/// The answer's JSON, or the problem that it tells of.
pub async fn read(answer: Response) -> Result<Value> {
    let status = answer.status();
    let body = reach::read_json(answer).await.context("transfer API")?;
    if !status.is_success() {
        let (code, detail) = (body["code"].as_str().unwrap_or("ERROR"), body["detail"].as_str().unwrap_or_default());
        match body["parameter"].as_str() {
            Some(parameter) => bail!("{code}: {parameter}: {detail}"),
            None => bail!("{code}: {detail}"),
        }
    }
    Ok(body)
}
