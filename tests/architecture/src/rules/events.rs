//! No event is forgotten, at neither end.

use super::{Breach, Broken, Rule, breach};
use crate::contract::Event;
use crate::house::House;
use crate::source::has_word;

/// Events for consumers outside this house, which nobody inside hears.
const PUBLIC: &[&str] = &[];

const PROTO: &str = r#"
    syntax = "proto3";
    package boxoffice.ticket.v1;
    message TicketTorn {}
"#;

fn example() -> House {
    House::default().with_contract(&[("boxoffice/ticket_events.proto", PROTO)])
}

/// Whoever owns an event turns it into a message.
pub(super) const EVERY_EVENT_IS_PUBLISHED: Rule = Rule {
    says: "every event of the contract is made in its context's facts.rs",
    check: |house| {
        let made = |event: &&Event| named_in(house, &event.context, "facts", &event.name);
        let silent = house.contract.events.iter().filter(|event| !made(event));
        silent
            .map(|event| {
                breach(&event.name, format!("adapters/grpc/{} never makes it", event.context))
            })
            .collect()
    },
    broken: || vec![Broken { house: example(), place: "TicketTorn" }],
};

/// Events nobody hears are a disease.
pub(super) const EVERY_EVENT_IS_HEARD: Rule = Rule {
    says: "every event is heard by a consumer of another context, or is listed as public",
    check: unheard,
    broken: || {
        vec![
            Broken { house: example(), place: "TicketTorn" },
            Broken {
                house: example().with_crate("domain/ticket", &[]).with_file(
                    "adapters/grpc/ticket/src/consumer.rs",
                    "//! x\nfn a() { on(\"TicketTorn\") }",
                ),
                place: "TicketTorn",
            },
        ]
    },
};

fn unheard(house: &House) -> Vec<Breach> {
    let unheard = house.contract.events.iter().filter(|event| {
        let mut others = house.contexts().filter(|context| *context != event.context);
        let heard = others.any(|other| {
            ["consumer", "facts"].into_iter().any(|stem| named_in(house, other, stem, &event.name))
        });
        !heard && !PUBLIC.contains(&event.name.as_str())
    });
    unheard.map(|event| breach(&event.name, "nobody hears it")).collect()
}

/// Whether a context's gRPC adapter names the event in the file, or the files of the folder, of this name.
fn named_in(house: &House, context: &str, stem: &str, event: &str) -> bool {
    let root = format!("adapters/grpc/{context}/src/{stem}");
    let mut files = house.files_under(&root).filter(|file| !file.test);
    // Events are named as texts too, so the whole file counts.
    files.any(|file| has_word(&file.text, event))
}
