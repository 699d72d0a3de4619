//! Messages of every gRPC method, in their frames.

use std::sync::LazyLock;

use prost::Message;
use spandrel_api::grpc::proto;
use spandrel_verifiers_fuzz::patch::{Patch, patched};

use crate::scene::{Door, Scene, on};

/// Every method, as `Service/Method`, from the definition.
static METHODS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let (mut service, mut methods) = ("", Vec::new());
    for line in include_str!("../../../api/proto/spandrel/transfer/v1/transfer.proto").lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("service ") {
            service = name.trim_end_matches([' ', '{']);
        }
        if let Some((name, _)) = line.strip_prefix("rpc ").and_then(|rest| rest.split_once('(')) {
            methods.push(format!("{service}/{name}"));
        }
    }
    assert!(methods.len() > 20, "the definition is read: {methods:?}");
    methods
});

/// A message that is right: where transfers are listed, all of them or the caller's own.
fn honest(scene: &Scene, method: &str, is_mine: bool) -> Vec<u8> {
    let id = scene.order.clone();
    let hash = "11".repeat(32);
    match method {
        "Transfers/GetLimits" => proto::GetLimitsRequest { route: scene.route.clone() }.encode_to_vec(),
        "Transfers/CreateQuote" => {
            let (route, amount) = (scene.route.clone(), "20000".to_owned());
            proto::CreateQuoteRequest { route, amount, lane: None, recipient: None, refund_key: None }.encode_to_vec()
        }
        "Transfers/CreateKey" => proto::CreateKeyRequest { name: Some("shop".to_owned()) }.encode_to_vec(),
        "Transfers/CreateTransfer" => proto::CreateTransferRequest {
            idempotency_key: "one".to_owned(),
            quote: scene.quote.clone(),
            recipient: "0x00000000000000000000000000000000000000aa".to_owned(),
            refund_key: Some("c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5".to_owned()),
        }
        .encode_to_vec(),
        "Transfers/NameSourceTransaction" => {
            proto::NameSourceTransactionRequest { id, source_tx: hash }.encode_to_vec()
        }
        "Transfers/ListTransfers" => proto::ListTransfersRequest {
            source_tx: (!is_mine).then_some(hash),
            sender: None,
            status: (!is_mine).then(|| "observed".to_owned()),
            cursor: Some(if is_mine { "o3" } else { "3" }.to_owned()),
            limit: Some(5),
            mine: Some(is_mine),
        }
        .encode_to_vec(),
        "Transfers/WatchTransfer" => proto::WatchTransferRequest { id, from_sequence: 1, of_deposit: None }.encode_to_vec(),
        "Webhooks/RegisterWebhook" => proto::RegisterWebhookRequest {
            url: "https://192.0.2.1/hook".to_owned(),
            idempotency_key: "a-key-of-mine".to_owned(),
        }
        .encode_to_vec(),
        "Webhooks/RotateWebhook" | "Webhooks/TestWebhook" => {
            proto::RotateWebhookRequest { id: "wh_0".to_owned(), idempotency_key: "a-key-of-mine".to_owned() }
                .encode_to_vec()
        }
        "Webhooks/Redeliver" => {
            proto::RedeliverRequest { id: "wh_0".to_owned(), delivery: "evt_0".to_owned() }.encode_to_vec()
        }
        // Those with an id alone, and those with nothing.
        _ => proto::GetTransferRequest { id }.encode_to_vec(),
    }
}

fuzz_target!(|input: (u8, bool, Vec<Patch>, Vec<Patch>)| {
    let (which, is_mine, message, frame) = input;
    on(|scene| {
        let method = METHODS[usize::from(which) % METHODS.len()].as_str();
        let message = patched(honest(scene, method, is_mine), &message);
        let mut framed = vec![0];
        framed.extend(u32::try_from(message.len()).expect("a short message").to_be_bytes());
        framed.extend(message);
        let framed = patched(framed, &frame);
        let headers = [
            ("content-type", &b"application/grpc"[..]),
            ("te", b"trailers"),
            ("authorization", scene.bearer.as_bytes()),
        ];
        let path = format!("/spandrel.transfer.v1.{method}");
        let answer = scene.ask(Door::Users, "POST", &path, &headers, &framed).expect("a request");
        assert!(answer.status.is_success(), "{method}: {}", answer.status);
    });
});
