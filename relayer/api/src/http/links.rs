//! The links of the document: what an answer names, and the requests that follow from it. All of them are told here.

use serde_json::{Map, Value, json};
use utoipa::openapi::{OpenApi, RefOr};

use super::headers::operations;

/// Where what is named goes.
#[derive(Clone, Copy)]
enum Place {
    Parameter(&'static str),
    Body(&'static str),
}

/// What the answers of an operation name for others.
struct Follows {
    /// Whose answers, by its id.
    of: &'static str,
    statuses: &'static [&'static str],
    /// Where it stands in the answer.
    named: &'static str,
    place: Place,
    /// The operations that take it.
    by: &'static [&'static str],
    description: &'static str,
}

const MADE: &[&str] = &["200", "201"];
const READ: &[&str] = &["200"];

static FOLLOWS: [Follows; 6] = [
    Follows {
        of: "routes",
        statuses: READ,
        named: "$response.body#/0/id",
        place: Place::Parameter("route"),
        by: &["limits"],
        description: "What the lanes of the first route take; the others likewise",
    },
    Follows {
        of: "routes",
        statuses: READ,
        named: "$response.body#/0/id",
        place: Place::Body("route"),
        by: &["quote"],
        description: "A quote on the first route; on the others likewise",
    },
    Follows {
        of: "quote",
        statuses: &["201"],
        named: "$response.body#/id",
        place: Place::Body("quote"),
        by: &["create"],
        description: "Orders what was quoted",
    },
    Follows {
        of: "create",
        statuses: MADE,
        named: "$response.body#/transfer/id",
        place: Place::Parameter("id"),
        by: &["show", "events", "instructions", "proof", "name_source_tx", "cancel"],
        description: "The same transfer",
    },
    Follows {
        of: "list",
        statuses: READ,
        named: "$response.body#/next_cursor",
        place: Place::Parameter("cursor"),
        by: &["list"],
        description: "The next page, where there is one; the other parameters stay as they were",
    },
    Follows {
        of: "register",
        statuses: MADE,
        named: "$response.body#/webhook/id",
        place: Place::Parameter("id"),
        by: &["deliveries", "test", "rotate", "remove"],
        description: "The same webhook",
    },
];

impl Follows {
    /// As the document writes it; the one that utoipa has is written with other names.
    fn link(&self, to: &str) -> Value {
        let (place, name) = match self.place {
            Place::Parameter(name) => ("parameters", name),
            Place::Body(field) => ("requestBody", field),
        };
        json!({ "operationId": to, "description": self.description, (place): { (name): self.named } })
    }
}

/// Tells of every answer what follows from it. After the headers, which are told in the same way.
pub fn tell(document: &mut OpenApi) {
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        let own = FOLLOWS.iter().filter(|follows| operation.operation_id.as_deref() == Some(follows.of));
        let own: Vec<_> = own.collect();
        for (status, answer) in &mut operation.responses.responses {
            let RefOr::T(answer) = answer else { continue };
            let follow = own.iter().filter(|follows| follows.statuses.contains(&status.as_str()));
            let links = follow.flat_map(|follows| follows.by.iter().map(|to| ((*to).to_owned(), follows.link(to))));
            let links: Map<_, _> = links.collect();
            if !links.is_empty() {
                let told = std::iter::once(("links", Value::Object(links))).collect();
                answer.extensions.get_or_insert_default().merge(told);
            }
        }
    }
}
