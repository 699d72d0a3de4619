//! JSON of every light-client container: what parses conforms, and goes through JSON and SSZ unchanged.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use spandrel_verifiers::ethereum::containers::{LightClientData, from_json, to_json};
use crate::containers::{Choice, Kind, bootstrap, finality, optimistic, update};
use crate::patch::{Patch, patched};

fuzz_target!(|input: (Kind, Choice, Vec<Patch>)| {
    let (kind, choice, patches) = input;
    match kind {
        Kind::Bootstrap => check(bootstrap(choice.form()), choice, &patches),
        Kind::Update => check(update(choice.form()), choice, &patches),
        Kind::Finality => check(finality(choice.form()), choice, &patches),
        Kind::Optimistic => check(optimistic(choice.form()), choice, &patches),
    }
});

fn check<T>(honest: T, choice: Choice, patches: &[Patch])
where
    T: LightClientData + Serialize + DeserializeOwned + PartialEq + Debug,
{
    let (form, config) = (choice.form(), choice.config());
    let json = patched(to_json(&honest, &config).expect("a container prints"), patches);
    let Ok(container) = from_json::<T>(&json, &config) else { return };
    container.conform(form).expect("what parses conforms");
    let ssz = container.encode_ssz();
    assert_eq!(T::decode_ssz(&ssz, form).as_ref(), Ok(&container));
    let again = to_json(&container, &config).expect("a container prints");
    assert_eq!(from_json::<T>(&again, &config), Ok(container));
}
