//! What the accounts that pay for gas have, as it is scraped.

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::U256;
use spandrel::config::Config;
use spandrel::metrics::{self, Metrics, Vitals};
use spandrel::wiring;
use tokio_util::sync::CancellationToken;

use crate::run::free_port;
use crate::ward::{Ward, evm, node};

#[tokio::test(flavor = "multi_thread")]
async fn a_paying_account_is_shown_with_what_it_has_and_without_while_no_node_tells() {
    let away: Vec<String> = (0..5).map(|_| format!("http://127.0.0.1:{}", free_port())).collect();
    for (target, expected) in [(node(evm(31_337), None).await, Some(" 5\n")), (away[4].clone(), None)] {
        let ward = Ward::new([&away[0], &away[1], &away[2], &away[3], &target]);
        let mut config = Config::read(&ward.path().join("spandrel.toml")).unwrap();
        config.keystore = ward.path().join("keys");
        let keystore = spandrel_signer::Keystore::open(&config.keystore, spandrel_signer::Hardness::Dev).unwrap();
        let account = keystore.list().unwrap().into_iter().find(|key| key.name == "relayer").unwrap().address;
        let (metrics, stop) = (Arc::new(Metrics::new().unwrap()), CancellationToken::new());
        // What was told before the node went away.
        let least = wiring::least_balance(&config.destination[0]);
        metrics.balances().show(&config.destination[0].chain, account, least, Some(U256::from(7)));
        let watching = tokio::spawn(wiring::watch_balances(&config, metrics.balances(), stop.clone()).unwrap());
        let listener = metrics::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let url = format!("http://{}/metrics", listener.local_addr().unwrap());
        let serving = tokio::spawn(metrics::serve(listener, metrics, None, Vitals::default(), stop.clone()));
        let labels = format!("{{account=\"{account}\",chain=\"eip155:31337\"}}");
        let told = async || {
            let scraped = reqwest::get(&url).await.unwrap().text().await.unwrap();
            assert!(scraped.contains(&format!("spandrel_submit_least_balance_units{labels} 3000000000000000000\n")));
            let line = scraped.split_once(&format!("spandrel_submit_balance_units{labels}"));
            line.map(|(_, rest)| rest.split_inclusive('\n').next().unwrap().to_owned())
        };
        // A look that fails on a busy machine is taken again half a minute later.
        let shown = tokio::time::timeout(Duration::from_secs(90), async {
            while told().await.as_deref() != expected {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        assert!(shown.await.is_ok(), "expected {expected:?}, found {:?}", told().await);
        stop.cancel();
        watching.await.unwrap().unwrap();
        serving.await.unwrap().unwrap();
    }
}
