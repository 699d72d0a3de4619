//! Ordering a transfer: a quote, an order, and what a wallet needs for the deposit.

use anyhow::{Context, Result};
use rand::RngCore;
use serde_json::{Value, json};
use spandrel_api::Denomination;
use spandrel_signer::SecretRef;

use super::api::{Api, ApiDoor, read};
use crate::output::print;
use crate::secret_arg::Reference;
use crate::units::exact;

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
    #[arg(long, required_unless_present = "dry_run", value_parser = Reference)]
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
    /// Asks for a quote, with which the parties are checked as the order's are, and places the order.
    pub async fn send(&self, json: bool) -> Result<()> {
        let api = self.door.open()?;
        let mut asked =
            json!({ "route": self.route, "amount": self.amount, "lane": self.lane, "recipient": self.recipient });
        if let Some(key) = &self.refund_key {
            asked["refund_key"] = key.as_str().into();
        }
        let quote = api.http.post(api.url(&["quotes"])?).json(&asked).send().await.with_context(|| api.name())?;
        let quote = read(quote).await?;
        let mut order = json!({ "quote": quote["id"], "recipient": self.recipient });
        if let Some(key) = &self.refund_key {
            order["refund_key"] = key.as_str().into();
        }
        let amounts = if json { Vec::new() } else { amounts(&api, &quote).await? };
        let Some(secret) = self.api_key.as_ref().filter(|_| !self.dry_run) else {
            let value = json!({ "dry_run": true, "quote": quote, "order": order });
            let amounts = lines(amounts);
            return print(json, &value, || format!("would order\n{order:#}\nunder the quote\n{quote:#}\n{amounts}"));
        };
        let key = self.idempotency_key.clone().unwrap_or_else(|| format!("cli-{:016x}", rand::rng().next_u64()));
        let placed = place(&api, &order, secret, &key).await;
        let mut placed = placed.with_context(|| format!("ordered under the idempotency key {key}"))?;
        let answer = placed.as_object_mut().context("transfer API: the order's answer: expected an object")?;
        answer.insert("idempotency_key".to_owned(), key.as_str().into());
        print(json, &placed, || told(&placed, amounts))
    }
}

/// What is deposited and what is paid for it, each side in units where the service tells them.
async fn amounts(api: &Api, quote: &Value) -> Result<Vec<(&'static str, String)>> {
    let get = async |what: &str| read(api.http.get(api.url(&[what])?).send().await.with_context(|| api.name())?).await;
    let one = |rows: &Value, id: &Value| rows.as_array()?.iter().find(|row| row["id"] == *id).cloned();
    let (routes, assets) = (get("routes").await?, get("assets").await?);
    let route = one(&routes, &quote["route"]).context("transfer API: expected the quote's route, found none")?;
    let unit =
        |told: &Value| Denomination::new(told["symbol"].as_str()?, told["decimals"].as_u64()?.try_into().ok()?).ok();
    let own = one(&assets, &route["asset"]).as_ref().and_then(unit);
    let amount = |field: &str, of: Option<&Denomination>| exact(quote[field].as_str().unwrap_or_default(), of);
    Ok(vec![("deposit", amount("amount", own.as_ref())), ("paid", amount("receive", unit(&route["paid_as"]).as_ref()))])
}

fn lines(rows: Vec<(&str, String)>) -> String {
    rows.into_iter().map(|(name, value)| format!("{name:<10} {value}")).collect::<Vec<_>>().join("\n")
}

async fn place(api: &Api, order: &Value, secret: &SecretRef, key: &str) -> Result<Value> {
    let request = api.http.post(api.url(&["transfers"])?).header("idempotency-key", key).json(order);
    let answer = request.bearer_auth(secret.read()?.expose()).send().await.with_context(|| api.name())?;
    read(answer).await
}

/// The order in words, with all that its deposit and the way back of it take.
fn told(placed: &Value, amounts: Vec<(&str, String)>) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (transfer, instructions) = (&placed["transfer"], &placed["instructions"]);
    let id = text(&transfer["id"]);
    let mut rows = vec![("transfer", id.clone())];
    rows.extend(amounts);
    if let Some(calls) = instructions["calls"].as_array() {
        for call in calls {
            rows.extend([("call", text(&call["to"])), ("  data", text(&call["data"]))]);
            rows.extend([("  value", text(&call["value"])), ("  request", text(&call["uri"]))]);
        }
    } else {
        let refund = &instructions["refund"];
        rows.push(("pay", text(&instructions["uri"])));
        let blocks = text(&refund["after_blocks"]);
        rows.push(("refund", format!("{blocks} blocks after the deposit, by the key {}", text(&refund["key"]))));
        rows.extend([("  script", text(&refund["script"])), ("  control", text(&refund["control_block"]))]);
    }
    rows.push(("until", text(&transfer["expires_at"])));
    rows.push(("ordered by", format!("--idempotency-key {}", text(&placed["idempotency_key"]))));
    format!("{}\nfollow it: spandrel transfer watch {id}", lines(rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_in_words_has_all_that_its_deposit_takes() {
        let amounts = || vec![("deposit", "1.25 USDX (1250000 base units)".to_owned())];
        let transfer = json!({ "id": "0x01", "expires_at": "2030-01-01T00:00:00Z" });
        let calls = ["approve", "lock"].map(|name| {
            json!({ "to": format!("to-{name}"), "data": format!("data-{name}"), "value": "7", "uri": format!("uri-{name}") })
        });
        let evm = json!({ "kind": "evm", "calls": calls });
        let words = told(&json!({ "transfer": transfer, "instructions": evm, "idempotency_key": "cli-1" }), amounts());
        for part in [
            "deposit    1.25 USDX (1250000",
            "to-approve",
            "data-approve",
            "to-lock",
            "data-lock",
            "uri-lock",
            "value    7",
            "key cli-1",
        ] {
            assert!(words.contains(part), "{part}: {words}");
        }
        assert!(words.find("to-approve") < words.find("to-lock"), "{words}");
        let refund = json!({ "key": "k", "after_blocks": 1008, "script": "5120", "control_block": "c0ff" });
        let bitcoin = json!({ "kind": "bitcoin", "uri": "bitcoin:bcrt1?amount=1", "refund": refund });
        let words =
            told(&json!({ "transfer": transfer, "instructions": bitcoin, "idempotency_key": "cli-2" }), amounts());
        for part in ["pay        bitcoin:bcrt1", "1008 blocks", "the key k", "5120", "c0ff", "2030", "key cli-2"] {
            assert!(words.contains(part), "{part}: {words}");
        }
    }
}
