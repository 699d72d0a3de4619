//! What the command line makes of answers that are no relayer's.

use std::convert::Infallible;

use axum::Router;
use axum::extract::RawQuery;
use axum::routing::{any, get};

use crate::run::{configured, ends};

/// Serves `router`, and answers where.
async fn served(router: Router) -> String {
    let asked = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", asked.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(asked, router).await.unwrap() });
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_further_page_that_is_no_page_is_an_error_and_no_crash() {
    let folder = tempfile::tempdir().unwrap();
    configured(folder.path());
    for further in ["[]", "[{}]", "\"held\"", "7", "null", "{}", "{\"transfers\":1}"] {
        let page = async move |RawQuery(query): RawQuery| match query {
            Some(_) => further,
            None => "{\"transfers\":[],\"next_cursor\":5}",
        };
        let url = served(Router::new().route("/v1/control/held", get(page))).await;
        let list = ["hold", "list", "--control", &url];
        ends(folder.path(), &list, 1, &["control API: expected rows"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    configured(folder.path());
    let endless =
        async || axum::body::Body::from_stream(futures::stream::repeat(Ok::<_, Infallible>("[".repeat(1 << 16))));
    let url = served(Router::new().fallback(any(endless))).await;
    let send =
        ["transfer", "send", "--api", &url, "--route", "rt_1", "--amount", "5", "--recipient", "0x12", "--dry-run"];
    for (command, api) in [(&["pauses", "--control", &url][..], "control"), (&send, "transfer")] {
        let refused = format!("{api} API: answer: expected at most 4194304 bytes, found more");
        ends(folder.path(), command, 1, &[&refused]);
    }
}
