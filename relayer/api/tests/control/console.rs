//! The guardians' pages.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use spandrel_risk::control::{Act, SignedStatement, Statement};
use spandrel_risk::{AssetLimit, Corridor, Direction, Scope, WideLimit};
use spandrel_verifiers::ChainId;

use crate::pages::{attribute, query};
use crate::world::{World, key, pause, resume};

const HOSTILE: &str = r#""><img src=x onerror=alert(1)><script>alert(2)</script>'"#;

async fn page(world: &World, path: &str, expected: StatusCode) -> String {
    let base = world.base.trim_end_matches("/v1/control");
    let response = world.client.get(format!("{base}{path}")).send().await.unwrap();
    assert_eq!(response.status(), expected, "{path}");
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8", "{path}");
    let policy = response.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{path}");
    response.text().await.unwrap()
}

/// Reviews `fields` as key `n`, and signs what the page shows.
async fn review(world: &World, n: u8, fields: &[(&str, &str)]) -> (String, SignedStatement) {
    let guardian = key(n).address().to_string();
    let fields = [fields, &[("guardian", guardian.as_str()), ("reason", "a drill")]].concat();
    let text = page(world, &format!("/console/review?{}", query(&fields)), StatusCode::OK).await;
    let statement: Statement = serde_json::from_str(&attribute(&text, "data-statement")).unwrap();
    let deployment = world.get("signers").await["deployment"].as_str().unwrap().parse().unwrap();
    let signature = key(n).sign_digest(statement.digest(deployment)).unwrap();
    (text, SignedStatement::new(statement, &signature))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_name_does_not_reach_the_guardians_pages() {
    let world = World::new().await;
    let base = world.base.trim_end_matches("/v1/control").to_owned();
    for path in
        ["/", "/console", "/console/draft?act=pause", "/console/audit", "/console/live", "/console/assets/sign.js"]
    {
        let ask = |host: &str| world.client.get(format!("{base}{path}")).header("host", host).send();
        for host in ["evil.example", "127.0.0.1.evil.example:8090", "10.0.0.1"] {
            let response = ask(host).await.unwrap();
            assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST, "{path} by {host}");
            assert!(!response.text().await.unwrap().contains("guardian"), "{path} by {host}");
        }
        assert_eq!(ask("localhost:8090").await.unwrap().status(), StatusCode::OK, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reviewed_pause_is_signed_as_it_is_shown_and_stands() {
    let world = World::new().await;
    let controls = page(&world, "/console", StatusCode::OK).await;
    let scope = r#"{"scope":"global"}"#;
    assert!(controls.contains(&scope.replace('"', "&quot;")) && controls.contains("Nothing is paused."));
    let (text, signed) = review(&world, 0, &[("act", "pause"), ("scope", scope), ("for", "2h")]).await;
    assert!(text.contains("pause global for 7200 s") && text.contains("a drill") && text.contains("ada"));
    assert!(text.contains("spandrel pause --global --for 7200s --reason='a drill' --key NAME"));
    let typed: Value = serde_json::from_str(&attribute(&text, "data-typed")).unwrap();
    assert_eq!(typed["primaryType"], "Pause");
    assert_eq!(typed["message"]["scope"], "global");
    assert_eq!(typed["message"]["seconds"], "7200");
    assert_eq!(typed["message"]["nonce"], "0");
    let members: Vec<&str> =
        typed["types"]["Pause"].as_array().unwrap().iter().map(|member| member["name"].as_str().unwrap()).collect();
    assert_eq!(members, ["scope", "seconds", "reason", "guardian", "nonce", "expiry"]);
    let (status, taken) = world.post(&signed, None).await;
    assert_eq!((status, &taken["state"]), (StatusCode::OK, &json!("done")), "{taken}");
    let controls = page(&world, "/console", StatusCode::OK).await;
    assert!(controls.contains("Paused: global") && controls.contains("Propose to resume"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_direction_of_a_chain_is_offered_and_paused() {
    let world = World::new().await;
    let Corridor { source, destination, .. } = crate::world::corridor();
    let controls = page(&world, "/console", StatusCode::OK).await;
    let scopes = [(source, Direction::Deposits), (destination, Direction::Payouts)];
    for (nonce, (chain, direction)) in (0..).zip(scopes) {
        let said = format!("{direction}@{chain}");
        let scope = Scope::Direction { chain, direction };
        let field = serde_json::to_string(&scope).unwrap();
        assert!(controls.contains(&field.replace('"', "&quot;")), "{field}");
        let (text, signed) = review(&world, 0, &[("act", "pause"), ("scope", &field), ("for", "2h")]).await;
        assert!(text.contains(&format!("pause {scope} for 7200 s")), "{text}");
        assert!(text.contains(&format!("spandrel pause --direction {said} --for 7200s")), "{text}");
        assert_eq!(signed.statement.nonce, nonce);
        assert_eq!(world.post(&signed, None).await.1["state"], "done");
        let controls = page(&world, "/console", StatusCode::OK).await;
        assert!(controls.contains(&format!("Paused: {scope}")), "{scope}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_is_approved_by_name_and_limits_with_what_was_seen() {
    let world = World::new().await;
    world.say(0, pause(3_600)).await;
    let (_, proposed) = world.say(0, resume()).await;
    let id = proposed["statement"].as_str().unwrap();
    let controls = page(&world, "/console", StatusCode::OK).await;
    assert!(controls.contains("needs a second person") && controls.contains(id));
    let fields = [("act", "approve"), ("proposal", id)];
    assert!(
        page(&world, &format!("/console/draft?{}", query(&fields)), StatusCode::OK).await.contains("resume global")
    );
    let (_, own) = review(&world, 0, &fields).await;
    assert_eq!(world.post(&own, None).await.1["code"], "SELF_APPROVAL");
    let (_, second) = review(&world, 2, &fields).await;
    assert_eq!(world.post(&second, None).await.1["state"], "approved");
    let corridor = serde_json::to_string(&crate::world::corridor()).unwrap();
    let draft = [("act", "lower_limits"), ("corridor", corridor.as_str())];
    let form = page(&world, &format!("/console/draft?{}", query(&draft)), StatusCode::OK).await;
    let (_, rest) = form.split_once("name=\"version\" value=\"").unwrap();
    let seen = rest.split('"').next().unwrap();
    let lower = ["per_transfer", "exposure_cap", "window"].map(|name| (name, "7"));
    let others = [("large_from", "unlimited"), ("large_delay", "0"), ("dust", "0"), ("version", seen)];
    let (text, signed) = review(&world, 2, &[&draft[..], &lower, &others].concat()).await;
    assert!(text.contains("--set window=7"));
    let version = format!("\"v{}\"", attribute(&text, "data-version"));
    assert_eq!(world.post(&signed, Some(&version)).await.0, StatusCode::OK);
    assert_eq!(world.get("limits").await["limits"][0]["window"], json!("7"));
}

/// The chains take a freeze, and no approval.
#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_is_approved_by_signing_the_same_freeze() {
    let world = World::new().await;
    let scope = Scope::Route { source: ChainId::eip155(76), destination: ChainId::eip155(77) };
    let (_, proposed) = world.say(0, Act::Freeze { scope: scope.clone() }).await;
    let fields = [("act", "approve"), ("proposal", proposed["statement"].as_str().unwrap())];
    let form = page(&world, &format!("/console/draft?{}", query(&fields)), StatusCode::OK).await;
    assert!(form.contains("by the same freeze") && form.contains("freeze route"), "{form}");
    let (text, second) = review(&world, 2, &fields).await;
    assert!(text.contains("spandrel freeze --route"), "{text}");
    assert_eq!(second.statement.act, Act::Freeze { scope });
    assert_eq!(world.post(&second, None).await.1["state"], "done");
    assert!(world.get("pauses").await[0]["until"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_over_corridors_is_lowered_on_the_page_with_what_was_seen() {
    let world = World::new().await;
    let limit = WideLimit::Asset { asset: crate::world::corridor().asset, limit: AssetLimit::Window };
    let named = serde_json::to_string(&limit).unwrap();
    let controls = page(&world, "/console", StatusCode::OK).await;
    let link = format!("/console/draft?{}", query(&[("act", "lower_wide_limit"), ("limit", &named)]));
    assert!(controls.contains(&link.replace('&', "&amp;")), "{link}: {controls}");
    let form = page(&world, &link, StatusCode::OK).await;
    let (_, rest) = form.split_once("name=\"version\" value=\"").unwrap();
    let seen = rest.split('"').next().unwrap();
    let fields = [("act", "lower_wide_limit"), ("limit", &named), ("value", "7"), ("version", seen)];
    let (text, signed) = review(&world, 2, &fields).await;
    assert!(text.contains(&format!("lower {limit} to 7")), "{text}");
    assert!(text.contains("limits wide lower --asset eip155:1/slip44:60 --set window=7"), "{text}");
    let version = format!("\"v{}\"", attribute(&text, "data-version"));
    assert_eq!(world.post(&signed, Some(&version)).await.0, StatusCode::OK);
    assert_eq!(world.get("limits").await["wide"]["asset"][0]["window"], json!("7"));

    let guardian = key(0).address().to_string();
    let who = [("guardian", guardian.as_str()), ("reason", "a drill"), ("act", "raise_wide_limit")];
    let wrong = [&who[..], &[("limit", named.as_str()), ("value", "seven")]].concat();
    let again = page(&world, &format!("/console/review?{}", query(&wrong)), StatusCode::BAD_REQUEST).await;
    assert!(again.contains("a whole number or unlimited") && again.contains("value=\"seven\""), "{again}");
    let nowhere = [&who[..], &[("limit", HOSTILE), ("value", "7")]].concat();
    let refused = page(&world, &format!("/console/review?{}", query(&nowhere)), StatusCode::BAD_REQUEST).await;
    assert!(!refused.contains("<img"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_are_ordered_to_be_read_again_on_the_page_too() {
    let world = World::new().await;
    let source = crate::world::corridor().source;
    let form = page(&world, "/console/draft?act=reobserve", StatusCode::OK).await;
    assert!(form.contains(&format!("value=\"{source}\"")) && form.contains("name=\"from\""), "{form}");
    let fields = [("act", "reobserve"), ("chain", source.as_str()), ("from", "7"), ("to", "9")];
    let (text, signed) = review(&world, 0, &fields).await;
    assert!(text.contains(&format!("spandrel reobserve {source} --from 7 --to 9")), "{text}");
    assert_eq!(world.post(&signed, None).await.1["state"], "done");
    let guardian = key(0).address().to_string();
    let who = [("guardian", guardian.as_str()), ("reason", "a drill")];
    let wrong =
        [&[("act", "reobserve"), ("chain", source.as_str()), ("from", "seven"), ("to", "9")][..], &who].concat();
    let again = page(&world, &format!("/console/review?{}", query(&wrong)), StatusCode::BAD_REQUEST).await;
    assert!(again.contains("block height"), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_guardian_writes_reaches_no_page_as_markup() {
    let world = World::new().await;
    world.transfer(1, true).await;
    let mut signed = world.signed(0, pause(60)).await;
    signed.statement.reason = HOSTILE.to_owned();
    let deployment = world.get("signers").await["deployment"].as_str().unwrap().parse().unwrap();
    let signature = key(0).sign_digest(signed.statement.digest(deployment)).unwrap();
    assert_eq!(world.post(&SignedStatement::new(signed.statement, &signature), None).await.0, StatusCode::OK);
    let guardian = key(0).address().to_string();
    let fields = [("act", "freeze"), ("scope", r#"{"scope":"global"}"#), ("guardian", &guardian), ("reason", HOSTILE)];
    let paths = [
        ("/console".to_owned(), StatusCode::OK),
        ("/console/audit".to_owned(), StatusCode::OK),
        (format!("/console/review?{}", query(&fields)), StatusCode::OK),
        (format!("/console/draft?{}", query(&[("act", HOSTILE)])), StatusCode::BAD_REQUEST),
        (format!("/console/draft?{}", query(&[("act", "resume"), ("scope", HOSTILE)])), StatusCode::BAD_REQUEST),
    ];
    for (path, status) in paths {
        let text = page(&world, &path, status).await;
        assert!(!text.contains("<img src=x") && !text.contains("<script>alert"), "{path}");
        assert!(text.contains("&lt;img src=x onerror=alert(1)&gt;"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_page_shows_the_newest_entries_and_the_head() {
    let world = World::new().await;
    for n in 0..30 {
        world.say(if n % 2 == 0 { 0 } else { 2 }, pause(60)).await;
    }
    let text = page(&world, "/console/audit", StatusCode::OK).await;
    let rows = world.get("audit?limit=200").await;
    let rows = rows["rows"].as_array().unwrap();
    let head = rows.last().unwrap();
    assert!(
        text.contains(head["hash"].as_str().unwrap()) && text.contains(&format!("entry <strong>{}", rows.len() - 1))
    );
    assert!(!text.contains("do not fit each other"));
    assert!(rows.len() > 50 && text.contains(&format!("/console/audit?before={}", rows.len() - 50)));
    let older = page(&world, &format!("/console/audit?before={}", rows.len() - 50), StatusCode::OK).await;
    assert!(older.contains(rows[0]["hash"].as_str().unwrap()));
}

/// What another site's page can have a browser send.
#[tokio::test(flavor = "multi_thread")]
async fn another_sites_form_says_nothing_for_a_guardian() {
    let world = World::new().await;
    let signed = serde_json::to_string(&world.signed(0, pause(60)).await).unwrap();
    let url = format!("{}/statements", world.base);
    for kind in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"] {
        let request = world.client.post(&url).header("content-type", kind).body(signed.clone());
        assert_eq!(request.send().await.unwrap().status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
    let asked =
        world.client.request(Method::OPTIONS, &url).header("origin", "https://evil.example").send().await.unwrap();
    assert!(!asked.headers().keys().any(|name| name.as_str().starts_with("access-control-")), "no other site may ask");
    let base = world.base.trim_end_matches("/v1/control");
    for path in ["/console", "/console/draft", "/console/review", "/console/audit"] {
        let posted = world.client.post(format!("{base}{path}")).body("act=pause").send().await.unwrap();
        assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
    assert_eq!(world.book.control().await.0.version(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guardians_page_with_all_its_files_is_under_100_kb() {
    let world = World::new().await;
    for n in 0..50 {
        world.transfer(n, true).await;
        world.say(0, pause(60)).await;
    }
    let base = world.base.trim_end_matches("/v1/control");
    let mut files = 0;
    for name in ["console.css", "live.js", "sign.js", "icon.svg"] {
        let response = world.client.get(format!("{base}/console/assets/{name}")).send().await.unwrap();
        files += response.bytes().await.unwrap().len();
    }
    let (controls, audit) =
        (page(&world, "/console", StatusCode::OK).await, page(&world, "/console/audit", StatusCode::OK).await);
    println!("style and scripts {files} bytes, controls with 50 held {}, audit {}", controls.len(), audit.len());
    assert!(files + controls.len().max(audit.len()) < 100_000);
}
