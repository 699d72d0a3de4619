//! What a source defines that makes values of outside bytes or text.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use proc_macro2::{TokenStream, TokenTree};
use syn::{Attribute, FnArg, Item, ItemImpl, ReturnType, Signature, Visibility};

/// What makes a value of bytes or text: `Type::function`, `function`, or `Type: Trait`.
#[derive(Clone, Debug)]
pub struct Decoder {
    pub name: String,
    /// Its file.
    pub at: String,
}

/// Names of functions that decode, or parts of them.
const NAMES: [&str; 11] = [
    "decode",
    "parse",
    "from_bytes",
    "from_ssz",
    "from_json",
    "from_base58",
    "from_hex",
    "from_str",
    "from_slice",
    "from_text",
    "proof_ops",
];

/// Public functions and implementations of traits. Tests are none.
pub fn functions(at: &str, text: &str) -> Vec<Decoder> {
    let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{at}: {error}"));
    let names = file.items.iter().flat_map(of_item);
    names.map(|name| Decoder { name, at: at.to_owned() }).collect()
}

fn of_item(item: &Item) -> Vec<String> {
    match item {
        Item::Fn(function) if is_public(&function.vis) && decodes(&function.sig) => {
            vec![function.sig.ident.to_string()]
        }
        Item::Impl(block) => of_impl(block),
        Item::Trait(of) if is_public(&of.vis) => {
            let functions = of.items.iter().filter_map(|item| match item {
                syn::TraitItem::Fn(function) if decodes(&function.sig) => Some(&function.sig.ident),
                _ => None,
            });
            functions.map(|function| format!("{}::{function}", of.ident)).collect()
        }
        Item::Mod(inner) if !is_of_tests(&inner.attrs) => {
            inner.content.iter().flat_map(|(_, items)| items).flat_map(of_item).collect()
        }
        Item::Macro(of) => {
            let words = words(of.mac.tokens.clone());
            let name = of.ident.as_ref().map_or("macro".to_owned(), ToString::to_string);
            // What a macro makes has no name yet: `FromStr for $name`.
            let found = words.windows(3).filter(|three| three[0] == "FromStr" && three[1] == "for" && three[2] == "$");
            found.map(|_| format!("{name}!: FromStr")).collect()
        }
        _ => Vec::new(),
    }
}

fn of_impl(block: &ItemImpl) -> Vec<String> {
    let of = match &*block.self_ty {
        syn::Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
        _ => None,
    };
    let Some(of) = of else { return Vec::new() };
    let Some((_, path, _)) = &block.trait_ else {
        let functions = block.items.iter().filter_map(|item| match item {
            syn::ImplItem::Fn(function) if is_public(&function.vis) && decodes(&function.sig) => Some(&function.sig),
            _ => None,
        });
        return functions.map(|function| format!("{of}::{}", function.ident)).collect();
    };
    let Some(last) = path.segments.last() else { return Vec::new() };
    let is_outside = match last.ident.to_string().as_str() {
        "FromStr" | "Deserialize" => true,
        "TryFrom" => is_of_bytes(&words(quote_of(&last.arguments))),
        _ => false,
    };
    if is_outside { vec![format!("{of}: {}", last.ident)] } else { Vec::new() }
}

fn quote_of<T: quote::ToTokens>(tokens: &T) -> TokenStream {
    tokens.to_token_stream()
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_of_tests(attributes: &[Attribute]) -> bool {
    attributes
        .iter()
        .any(|attribute| attribute.path().is_ident("cfg") && words(quote_of(attribute)).contains(&"test".into()))
}

/// By its name, or, `read` and all others, by what it takes and gives.
fn decodes(function: &Signature) -> bool {
    if function.receiver().is_some() || function.inputs.is_empty() {
        return false;
    }
    let name = function.ident.to_string();
    let takes = |input: &FnArg| match input {
        FnArg::Typed(typed) => is_of_bytes(&words(quote_of(&typed.ty))),
        FnArg::Receiver(_) => false,
    };
    let gives = match &function.output {
        ReturnType::Type(_, gives) => words(quote_of(gives)),
        ReturnType::Default => return false,
    };
    let may_fail = gives.iter().any(|word| word == "Result" || word == "Option");
    let makes_self = may_fail && gives.contains(&"Self".to_owned());
    let first = function.inputs.first().is_some_and(takes);
    NAMES.iter().any(|part| name.contains(part)) || (first && (makes_self || name.starts_with("read")))
}

/// Bytes or text by reference or as a whole; no lists of numbers.
fn is_of_bytes(words: &[String]) -> bool {
    let is_slice =
        words.windows(3).any(|three| three[0] == "[" && three[1] == "u8" && ["]", ";"].contains(&&*three[2]));
    is_slice || words.iter().any(|word| ["str", "String", "Bytes"].contains(&word.as_str()))
}

/// Tokens as text, groups opened.
fn words(tokens: TokenStream) -> Vec<String> {
    let each = tokens.into_iter().flat_map(|token| match token {
        TokenTree::Group(group) => {
            let (open, close) = match group.delimiter() {
                proc_macro2::Delimiter::Bracket => ("[", "]"),
                _ => ("(", ")"),
            };
            [vec![open.to_owned()], words(group.stream()), vec![close.to_owned()]].concat()
        }
        other => vec![other.to_string()],
    });
    each.collect()
}

/// Public types that serde reads and that no other such type has in it: where outside text enters. What a private type has
/// in it is read by the function that reads this.
pub fn derived(sources: &[(PathBuf, String)]) -> Vec<Decoder> {
    let (mut public, mut held) = (BTreeMap::new(), BTreeSet::new());
    for (path, text) in sources {
        for item in syn::parse_file(text).unwrap_or_else(|error| panic!("{}: {error}", path.display())).items {
            let (attributes, visibility, ident, fields) = match &item {
                Item::Struct(of) => (&of.attrs, &of.vis, &of.ident, quote_of(&of.fields)),
                Item::Enum(of) => (&of.attrs, &of.vis, &of.ident, quote_of(&of.variants)),
                _ => continue,
            };
            let derives = attributes.iter().filter(|attribute| attribute.path().is_ident("derive"));
            if !derives.flat_map(|derive| words(quote_of(derive))).any(|word| word == "Deserialize") {
                continue;
            }
            let own = ident.to_string();
            held.extend(words(fields).into_iter().filter(|word| *word != own));
            if is_public(visibility) {
                public.insert(own, path.display().to_string());
            }
        }
    }
    let roots = public.into_iter().filter(|(name, _)| !held.contains(name));
    roots.map(|(name, at)| Decoder { name: format!("{name}: Deserialize"), at }).collect()
}
