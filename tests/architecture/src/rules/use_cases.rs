//! Names are equal across layers: an rpc, its use case's file and its function.

use super::{Breach, Broken, Rule, breach, snake_case};
use crate::contract::Rpc;
use crate::house::House;
use crate::source::{SourceFile, has_word};

/// rpcs whose use case has another name, because several share it.
const SHARED: &[(&str, &str)] = &[
    ("HoldStock", "execute_stock"),
    ("PinHold", "execute_stock"),
    ("UnpinHold", "execute_stock"),
    ("CommitHold", "execute_stock"),
    ("ReleaseHold", "execute_stock"),
    ("ReturnStock", "execute_stock"),
    ("ReduceHold", "execute_stock"),
    ("WatchAvailability", "get_availability"),
    ("ChargePayments", "charge_payment"),
    ("BatchChargePayments", "charge_payment"),
    ("BatchRefundPayments", "refund_payment"),
];

/// What reaches a use case that no rpc reaches.
#[derive(Clone, Copy)]
enum By {
    /// An event, through the context's consumer.
    Consumer,
    /// A loop of the context's server.
    Worker,
    /// A command of the context's app, given by an operator.
    Command,
    /// Other use cases: the part that they share.
    UseCases,
    /// What the provider tells of its own accord, through its adapter.
    Provider,
}

const WITHOUT_RPC: &[(&str, &str, By)] = &[
    ("ticket", "return_stock", By::Consumer),
    ("ticket", "expire_holds", By::Worker),
    ("ticket", "finish_retirements", By::Worker),
    ("ticket", "house_hold", By::UseCases),
    ("ticket", "ticket_change", By::UseCases),
    ("booking", "record_fact", By::Consumer),
    ("booking", "cancel_bookings_of_ticket", By::Consumer),
    ("booking", "sweep", By::Worker),
    ("booking", "retry_saga", By::Command),
    ("booking", "compensate_saga", By::Command),
    ("booking", "booking_change", By::UseCases),
    ("booking", "drive", By::UseCases),
    ("payment", "hear_of", By::Provider),
    ("payment", "refund_cancelled", By::Consumer),
    ("payment", "sweep", By::Worker),
    ("payment", "retry_refund", By::Command),
    ("payment", "settle_refund", By::Command),
    ("notification", "tell", By::Consumer),
    ("mypage", "fold_fact", By::Consumer),
    ("mypage", "rebuild_view", By::Command),
];

/// From the contract inwards.
pub(super) const EVERY_RPC_HAS_ITS_USE_CASE: Rule = Rule {
    says: "every rpc has a use case of its name, and its context's gRPC adapter calls it",
    check: |house| house.contract.rpcs.iter().filter_map(|rpc| missing(house, rpc)).collect(),
    broken: || {
        let file = "domain/ticket/src/use_cases/sell_ticket.rs";
        let service = "adapters/grpc/ticket/src/service.rs";
        let use_case = "//! x\nimpl Ticketing { pub async fn sell_ticket(&self) {} }";
        vec![
            Broken { house: example(), place: "ticket.SaleService/SellTicket" },
            Broken {
                house: example().with_file(file, use_case).with_file(service, "//! x\n"),
                place: "ticket.SaleService/SellTicket",
            },
            Broken {
                house: example()
                    .with_file(file, "//! x\nimpl Ticketing { pub async fn sell(&self) {} }")
                    .with_file(service, "//! x\nfn a() { self.ticketing.sell_ticket(); }"),
                place: "ticket.SaleService/SellTicket",
            },
        ]
    },
};

fn example() -> House {
    let proto = r#"
        syntax = "proto3";
        package boxoffice.ticket.v1;
        service SaleService { rpc SellTicket(Sale) returns (Sale); }
        message Sale {}
    "#;
    House::default()
        .with_crate("domain/ticket", &[])
        .with_contract(&[("boxoffice/sale.proto", proto)])
}

fn missing(house: &House, rpc: &Rpc) -> Option<Breach> {
    let name = use_case_of(rpc);
    let place = format!("{}.{}/{}", rpc.context, rpc.service, rpc.name);
    let path = format!("domain/{}/src/use_cases/{name}.rs", rpc.context);
    let Some(file) = house.files.iter().find(|file| file.path == path) else {
        return Some(breach(place, format!("has no use case {path}")));
    };
    if !declares(file, &name) {
        return Some(breach(place, format!("{path} has no public function {name}")));
    }
    let adapter = format!("adapters/grpc/{}/src/", rpc.context);
    let called = house.files_under(&adapter).any(|file| calls(file, &name));
    (!called).then(|| breach(place, format!("nothing under {adapter} calls {name}")))
}

/// From the domain outwards.
pub(super) const EVERY_USE_CASE_IS_REACHED: Rule = Rule {
    says: "every use case is reached by an rpc, a consumer, a worker, a command or the provider",
    check: unreached,
    broken: || {
        let forgotten = "//! x\nimpl Ticketing { pub async fn give_away(&self) {} }";
        let expiry = "//! x\nimpl Ticketing { pub async fn expire_holds(&self) {} }";
        vec![
            Broken {
                house: example().with_file("domain/ticket/src/use_cases/give_away.rs", forgotten),
                place: "domain/ticket/src/use_cases/give_away.rs",
            },
            Broken {
                house: example().with_file("domain/ticket/src/use_cases/expire_holds.rs", expiry),
                place: "domain/ticket/src/use_cases/expire_holds.rs",
            },
        ]
    },
};

fn unreached(house: &House) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for context in house.contexts() {
        let folder = format!("domain/{context}/src/use_cases/");
        for file in house.files_under(&folder).filter(|file| !file.test && file.stem() != "mod") {
            let name = file.stem();
            let rpcs = house.contract.rpcs.iter().filter(|rpc| rpc.context == context);
            if rpcs.into_iter().any(|rpc| use_case_of(rpc) == name) {
                continue;
            }
            let listed =
                WITHOUT_RPC.iter().find(|(owner, listed, _)| *owner == context && *listed == name);
            let Some((_, _, by)) = listed else {
                breaches.push(breach(
                    &file.path,
                    "no rpc has its name, and the rule's table does not list it",
                ));
                continue;
            };
            let (from, call) = match by {
                By::Consumer => {
                    (format!("adapters/grpc/{context}/src/consumer.rs"), format!(".{name}("))
                }
                By::Worker | By::Command => (format!("apps/{context}/src/"), format!(".{name}(")),
                By::UseCases => (folder.clone(), format!("super::{name}::")),
                By::Provider => ("adapters/provider/".to_owned(), format!(".{name}(")),
            };
            let reached =
                house.files_under(&from).any(|other| has_word(&other.product_code(), &call));
            if !reached {
                breaches.push(breach(&file.path, format!("nothing in {from} says {call}")));
            }
        }
    }
    breaches
}

fn use_case_of(rpc: &Rpc) -> String {
    let shared = SHARED.iter().find(|(name, _)| *name == rpc.name);
    shared.map_or_else(|| snake_case(&rpc.name), |(_, use_case)| (*use_case).to_owned())
}

fn declares(file: &SourceFile, name: &str) -> bool {
    let code = file.product_code();
    has_word(&code, &format!("pub async fn {name}")) || has_word(&code, &format!("pub fn {name}"))
}

fn calls(file: &SourceFile, name: &str) -> bool {
    has_word(&file.product_code(), &format!(".{name}("))
}
