//! The JSON Schema of a configuration, from the types that read it: `spandrel config schema`.
//!
//! What other rooms define is described here by its form in the file. That the two agree is tested both ways: the example
//! conforms, and what the reader refuses by form does not.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::Config;

/// The schema of the whole file.
pub fn schema() -> Schema {
    schemars::schema_for!(Config)
}

/// A text of a certain form.
macro_rules! text {
    ($name:ident, $pattern:literal, $says:literal) => {
        #[doc = $says]
        pub enum $name {}

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "description": $says })
            }
        }
    };
}

/// A table: the keys that must be there, and those that may.
macro_rules! table {
    ($name:ident, $says:literal, { $($key:literal: $kind:ty),* } may { $($maybe:literal: $maybe_kind:ty),* }) => {
        #[doc = $says]
        pub enum $name {}

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                let properties: serde_json::Map<String, serde_json::Value> = [
                    $(($key, generator.subschema_for::<$kind>()),)*
                    $(($maybe, generator.subschema_for::<$maybe_kind>()),)*
                ]
                .into_iter()
                .map(|(key, schema)| (key.to_owned(), schema.to_value()))
                .collect();
                let required: &[&str] = &[$($key),*];
                json_schema!({
                    "type": "object", "description": $says, "additionalProperties": false,
                    "properties": properties, "required": required,
                })
            }
        }
    };
}

text!(Chain, "^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$", "A chain (CAIP-2).");
text!(Asset, "^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}/[-a-z0-9]{3,8}:[-.%a-zA-Z0-9]{1,128}$", "An asset (CAIP-19).");
text!(Account, "^0x[0-9a-fA-F]{40}$", "An address of an EVM chain.");
text!(
    AddressRange,
    "^[0-9a-fA-F.:]+/[0-9]{1,3}$",
    "Addresses of a network: the first one, and the length of the prefix."
);
text!(Word, "^0x[0-9a-fA-F]{64}$", "32 bytes.");
text!(Hex, "^0x([0-9a-fA-F]{2})*$", "Bytes.");
text!(Quantity, "^0x[0-9a-fA-F]{1,64}$", "A number in hex digits.");
text!(Secret, "^(file:.+|env:[A-Za-z0-9_]+)$", "Where a secret is: file:PATH or env:NAME.");
text!(Amount, "^[0-9]+$", "Base units, or a value in the unit of notional limits.");
text!(Limit, "^([0-9]+|unlimited)$", "An upper bound. Zero is closed.");
text!(Symbol, "^[!-~]([ -~]{0,10}[!-~])?$", "A short name: 1 to 12 printable ASCII characters.");
text!(LaneName, "^(fast|light_client)$", "A lane.");
text!(ForkName, "^(altair|bellatrix|capella|deneb|electra|fulu|gloas)$", "A consensus fork.");
text!(PresetName, "^(minimal|mainnet)$", "Sizes of a beacon chain.");
text!(ForkVersion, "^0x[0-9a-fA-F]{8}$", "A fork's version.");

table!(Signers, "Who signs, and how many of them must.", {
    "epoch": u64, "threshold": usize, "members": Vec<Account>
} may {});
table!(Anchor, "A block that is trusted, and what the rules need of those before it.", {
    "height": u64, "header": Hex, "chain_work": Quantity, "period_start_time": u32, "period_start_bits": u32,
    "previous_times": Vec<u32>
} may {});
table!(Tier, "Confirmations up to an amount.", { "up_to": u64, "confirmations": u32 } may {});
table!(Confirmations, "Confirmations by amount, in satoshis.", { "tiers": Vec<Tier>, "above": u32 } may {});
table!(ForkEpoch, "A fork and when it begins.", { "name": ForkName, "version": ForkVersion, "epoch": u64 } may {});
table!(Network, "What tells a beacon chain from another.", {
    "chain": Chain, "genesis_validators_root": Word, "genesis_time": u64, "seconds_per_slot": u64, "preset": PresetName,
    "forks": Vec<ForkEpoch>
} may {});
table!(LimitRow, "Limits of one lane of one asset from one chain to another.", {
    "source": Chain, "destination": Chain, "asset": Asset, "lane": LaneName, "per_transfer": Limit, "exposure_cap": Limit,
    "window": Limit, "large_from": Limit, "large_delay": u64, "dust": Amount
} may {});
table!(Bucket, "What one party may have cleared.", { "capacity": Limit, "refill_seconds": u64 } may {});
table!(PriceRule, "How a price is read.", {
    "unit": Amount, "floor": Amount, "fresh_for": u64, "stale_after": u64, "widest": u32
} may {});
table!(ExposureRule, "How much of what stands locked may be paid before its proof, in hundredths of a percent.", {
    "share": u32
} may { "returned_as": Vec<Asset> });
table!(AssetRow, "What of one asset may be cleared, wherever it goes.", {
    "asset": Asset, "window": Limit, "sender": Bucket, "recipient": Bucket, "most_of_p99": Limit, "usual": Amount
} may { "notional": Limit, "exposure": ExposureRule, "price": PriceRule });
table!(DestinationRow, "Value that may be cleared towards a chain.", { "chain": Chain, "notional": Limit } may {});
table!(CorridorName, "One lane of one asset from one chain to another.", {
    "source": Chain, "destination": Chain, "asset": Asset, "lane": LaneName
} may {});
table!(CorridorRow, "Value that may be cleared on one lane of one asset.", {
    "source": Chain, "destination": Chain, "asset": Asset, "lane": LaneName, "notional": Limit
} may { "netted_with": CorridorName });
table!(DepthRow, "What the blocks of a chain cost whoever fakes them.", {
    "chain": Chain, "block_cost": Amount, "least": u64
} may {});
table!(Wide, "Limits that reach over corridors.", {} may {
    "asset": Vec<AssetRow>, "destination": Vec<DestinationRow>, "corridor": Vec<CorridorRow>, "depth": Vec<DepthRow>
});

table!(PaidAs, "How amounts of a token are written.", { "symbol": Symbol, "decimals": Decimals } may {});

/// How many digits of base units stand behind the point of a unit.
pub enum Decimals {}

impl JsonSchema for Decimals {
    fn schema_name() -> Cow<'static, str> {
        "Decimals".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 0, "maximum": 36 })
    }
}

/// What kind of contract publishes a price.
pub enum Publisher {}

impl JsonSchema for Publisher {
    fn schema_name() -> Cow<'static, str> {
        "Publisher".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (id, deviation) = (generator.subschema_for::<Word>(), generator.subschema_for::<u32>());
        json_schema!({
            "description": "What kind of contract publishes a price.",
            "oneOf": [
                {
                    "type": "object", "additionalProperties": false, "required": ["kind", "id"],
                    "properties": { "kind": { "const": "pyth" }, "id": id },
                },
                {
                    "type": "object", "additionalProperties": false, "required": ["kind", "deviation"],
                    "properties": { "kind": { "const": "chainlink" }, "deviation": deviation },
                },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::EXAMPLE;
    use super::*;

    fn validator() -> jsonschema::Validator {
        jsonschema::validator_for(schema().as_value()).unwrap()
    }

    fn json(text: &str) -> Value {
        serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap()
    }

    #[test]
    fn the_example_and_what_is_written_of_it_conform() {
        let validator = validator();
        let written = toml::to_string(&Config::parse(EXAMPLE).unwrap()).unwrap();
        for text in [EXAMPLE, &written] {
            let errors: Vec<_> = validator.iter_errors(&json(text)).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:?}");
        }
    }

    /// The parts that the example leaves out or comments out.
    const MORE: &str = r#"
[api.proxies]
networks = ["10.0.0.7/32", "fd00::/8"]
header = "x-forwarded-for"

[bus]
url = "tls://bus.example:4222"
name = "main"
credentials = "env:BUS"
ca = "ca.pem"
request_key = { name = "requests", password = "env:REQUESTS" }
requests_by = ["0xffffffffffffffffffffffffffffffffffffffff"]

[retired]
chains = ["eip155:10"]
assets = ["eip155:1/slip44:60"]

[[ethereum]]
outbox = "0xbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
start_block = 7
trusted_root = "0x1111111111111111111111111111111111111111111111111111111111111111"
weak_subjectivity_seconds = 1209600
quorum = 1
nodes = [{ execution = "http://127.0.0.1:8546", beacon = "http://127.0.0.1:5052" }]

[ethereum.network]
chain = "eip155:1"
genesis_validators_root = "0x2222222222222222222222222222222222222222222222222222222222222222"
genesis_time = 1606824023
seconds_per_slot = 12
preset = "mainnet"
forks = [{ name = "electra", version = "0x05000000", epoch = 0 }, { name = "fulu", version = "0x06000000", epoch = 9 }]

[ethereum.pauses]
rpc = "http://127.0.0.1:8546"
inbox = "0x1212121212121212121212121212121212121212"
pause_controller = "0x1313131313131313131313131313131313131313"
account = { name = "vault-pauses", password = "env:PAUSES" }
max_fee_per_gas = 200000000000
escalate_after_seconds = 30
confirmations = 64

[verifier.ethereum."eip155:1"]
execution = "http://127.0.0.1:8556"
beacon = "http://127.0.0.1:5062"

[[price_feed]]
asset = "bip122:0f9188f13cb7b2c71f2a335e3a4fc328/slip44:0"
chain = "eip155:1"
contract = "0x4305fb66699c3b2702d4d05cf36551390a4c69c6"
digits = 6
every_seconds = 10
quorum = 2
nodes = ["https://one.example", "https://two.example"]
publisher = { kind = "pyth", id = "0xe62df6c8b4a85fe1a67db44dc12de5db330f7ac66b72dc658afedf0f4a415b43" }

[[wide.asset]]
asset = "eip155:1/slip44:60"
window = "unlimited"
notional = "unlimited"
most_of_p99 = "20"
usual = "10"
sender = { capacity = "unlimited", refill_seconds = 1 }
recipient = { capacity = "unlimited", refill_seconds = 1 }
exposure = { share = 100, returned_as = ["eip155:31337/erc20:0x06"] }
price = { unit = "1", floor = "1", fresh_for = 60, stale_after = 600, widest = 100 }

[[price_feed]]
asset = "eip155:1/slip44:60"
chain = "eip155:1"
contract = "0x4305fb66699c3b2702d4d05cf36551390a4c69c6"
digits = 6
every_seconds = 10
quorum = 1
nodes = ["https://one.example"]
publisher = { kind = "chainlink", deviation = 50 }

[[wide.depth]]
chain = "bip122:0f9188f13cb7b2c71f2a335e3a4fc328"
block_cost = "20000000"
least = 6
"#;

    /// The example with every optional part.
    fn whole() -> String {
        let netted =
            "# netted_with = { source = \"...\", destination = \"...\", asset = \"...\", lane = \"light_client\" }";
        let other = "netted_with = { source = \"eip155:31337\", destination = \"bip122:0f9188f13cb7b2c71f2a335e3a4fc328\", \
                     asset = \"eip155:31337/erc20:0x06\", lane = \"light_client\" }";
        assert!(EXAMPLE.contains(netted) && EXAMPLE.contains("# confirmations = 12"));
        assert!(EXAMPLE.contains("# refused_webhook_networks = "));
        let text = EXAMPLE.replacen(netted, other, 1).replacen("# confirmations = 12", "confirmations = 12", 1);
        let text = text.replacen("# refused_webhook_networks", "refused_webhook_networks", 1) + MORE;
        ["api", "control"].iter().fold(text, |text, name| {
            let tls = format!("# [{name}.tls]\n# certificate = \"{name}.pem\"\n# key = \"file:{name}.key\"");
            assert!(text.contains(&tls), "{name}");
            text.replacen(&tls, &tls.replace("# ", ""), 1)
        })
    }

    #[test]
    fn what_the_example_leaves_out_conforms_too() {
        Config::parse(&whole()).unwrap();
        let errors: Vec<_> = validator().iter_errors(&json(&whole())).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }

    /// The paths of all tables in a configuration.
    fn tables(value: &Value, path: String, found: &mut Vec<String>) {
        match value {
            Value::Object(table) => {
                found.push(path.clone());
                table
                    .iter()
                    .for_each(|(key, value)| tables(value, format!("{path}/{}", key.replace('/', "~1")), found));
            }
            Value::Array(rows) => {
                rows.iter().enumerate().for_each(|(index, row)| tables(row, format!("{path}/{index}"), found));
            }
            _ => {}
        }
    }

    #[test]
    fn an_unknown_key_anywhere_is_refused_by_schema_and_reader_and_so_is_a_missing_one() {
        let (validator, whole) = (validator(), json(&whole()));
        let mut paths = Vec::new();
        tables(&whole, String::new(), &mut paths);
        assert!(paths.len() > 20, "{paths:?}");
        let reads = |value: &Value| serde_json::from_value::<Config>(value.clone()).is_ok();
        assert!(reads(&whole));
        for path in paths {
            // Its keys are names that the operator gives.
            let is_map = ["/late_after", "/guardians", "/bitcoin", "/verifier/0/ethereum", "/paid_as"]
                .iter()
                .any(|name| path.ends_with(name));
            if is_map {
                continue;
            }
            let mut more = whole.clone();
            more.pointer_mut(&path).unwrap()["speed"] = Value::from(9);
            assert!(!validator.is_valid(&more) && !reads(&more), "{path}");
            let keys: Vec<String> = whole.pointer(&path).unwrap().as_object().unwrap().keys().cloned().collect();
            for key in keys {
                let mut less = whole.clone();
                less.pointer_mut(&path).unwrap().as_object_mut().unwrap().remove(&key);
                assert_eq!(validator.is_valid(&less), reads(&less), "without {path}/{key}");
            }
        }
    }
}
