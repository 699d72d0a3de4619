//! Ordering a transfer: a quote, an order, and what a wallet needs for the deposit.

use anyhow::{Context, Result};
use rand::RngCore;
use serde_json::{Value, json};
use spandrel_signer::SecretRef;

use super::api::{Api, ApiDoor, read};
use crate::output::print;

/// What is ordered, and by whom.
#[derive(Debug, clap::Args)]
pub struct SendOptions {
    /// Id of a route, as the transfer API's `/v1/routes` lists them.
    #[arg(long)]
    route: String,
    /// Base units, decimal.
    #[arg(long)]
    amount: String,
    /// Who is paid: an address of the destination.
    #[arg(long)]
    recipient: String,
    /// `any`, `fast` or `light_client`.
    #[arg(long, default_value = "any", value_parser = ["any", "fast", "light_client"])]
    lane: String,
    /// x-only key (64 digits) that may take a Bitcoin deposit back; required for those.
    #[arg(long)]
    refund_key: Option<String>,
    /// Where the key of the transfer API is: `file:<path>` or `env:<NAME>`.
    #[arg(long, required_unless_present = "dry_run")]
    api_key: Option<SecretRef>,
    /// The same key and order again is answered with the same order; a random one when it is not given.
    #[arg(long)]
    idempotency_key: Option<String>,
    /// Show the quote and the order that would be placed; nothing is ordered.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    door: ApiDoor,
}

impl SendOptions {
    /// Asks for a quote and places the order.
    pub async fn send(&self, json: bool) -> Result<()> {
        let api = self.door.open()?;
        let asked = json!({ "route": self.route, "amount": self.amount, "lane": self.lane });
        let quote = api.http.post(api.url(&["quotes"])?).json(&asked).send().await.with_context(|| api.name())?;
        let quote = read(quote).await?;
        let mut order = json!({ "quote": quote["id"], "recipient": self.recipient });
        if let Some(key) = &self.refund_key {
            order["refund_key"] = key.as_str().into();
        }
        let Some(secret) = self.api_key.as_ref().filter(|_| !self.dry_run) else {
            let value = json!({ "dry_run": true, "quote": quote, "order": order });
            return print(json, &value, || format!("would order\n{order:#}\nunder the quote\n{quote:#}"));
        };
        let placed = self.place(&api, &order, secret).await?;
        print(json, &placed, || told(&placed))
    }

    async fn place(&self, api: &Api, order: &Value, secret: &SecretRef) -> Result<Value> {
        let key = self.idempotency_key.clone().unwrap_or_else(|| format!("cli-{:016x}", rand::rng().next_u64()));
        let request = api.http.post(api.url(&["transfers"])?).header("idempotency-key", key).json(order);
        let answer = request.bearer_auth(secret.read()?.expose()).send().await.with_context(|| api.name())?;
        read(answer).await
    }
}

fn told(placed: &Value) -> String {
    let transfer = &placed["transfer"];
    let id = transfer["id"].as_str().unwrap_or_default();
    let instructions = &placed["instructions"];
    let pay = instructions["uri"].as_str().unwrap_or_default();
    format!(
        "transfer   {id}\npay        {pay}\nuntil      {}\nfollow it: spandrel transfer watch {id}",
        transfer["expires_at"].as_str().unwrap_or_default()
    )
}
