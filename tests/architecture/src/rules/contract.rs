//! The contract is complete: everything is explained, and every public rpc has a route.

use super::{Breach, Broken, Rule, breach};
use crate::contract::Rpc;
use crate::house::House;

/// Reflection and OpenAPI show these comments to people who have nothing else.
pub(super) const EVERYTHING_IS_SAID: Rule = Rule {
    says: "every service, rpc, message, field, enum and value has a comment",
    check: |house| {
        house.contract.silent.iter().map(|name| breach(name, "has no comment")).collect()
    },
    broken: || {
        let proto = r#"
            syntax = "proto3";
            package boxoffice.ticket.v1;
            // A sale.
            service SaleService {
              // Sells.
              rpc SellTicket(Sale) returns (Sale);
              rpc GiveAway(Sale) returns (Sale);
            }
            // A sale.
            message Sale {
              // Its name.
              string name = 1;
              string price = 2;
              // How it went.
              enum Outcome {
                // Never sent.
                OUTCOME_UNSPECIFIED = 0;
                OUTCOME_WELL = 1;
              }
            }
            message Silent {}
        "#;
        let silent = [
            "boxoffice.ticket.v1.SaleService.GiveAway",
            "boxoffice.ticket.v1.Sale.price",
            "boxoffice.ticket.v1.Sale.OUTCOME_WELL",
            "boxoffice.ticket.v1.Silent",
        ];
        silent.map(|place| Broken { house: example(proto), place }).into()
    },
};

fn example(proto: &str) -> House {
    House::default().with_contract(&[("boxoffice/sale.proto", proto)])
}

/// rpcs that only other servers call.
const INTERNAL: &[&str] = &[
    "HoldStock",
    "PinHold",
    "UnpinHold",
    "CommitHold",
    "ReleaseHold",
    "ReturnStock",
    "ReduceHold",
    "GetHold",
    "ExecuteStock",
    "ChargePayment",
    "RefundPayment",
    "ReducePayment",
    "ChargePayments",
    "BatchChargePayments",
    "BatchRefundPayments",
];

/// What is public is so over gRPC and REST alike; what is internal has no route.
pub(super) const PUBLIC_RPCS_HAVE_ROUTES: Rule = Rule {
    says: "every public rpc has a google.api.http option and no internal one has",
    check: |house| house.contract.rpcs.iter().filter_map(wrong_door).collect(),
    broken: || {
        let unrouted = r#"
            syntax = "proto3";
            package boxoffice.ticket.v1;
            service SaleService { rpc SellTicket(Sale) returns (Sale); }
            message Sale {}
        "#;
        let exposed = r#"
            syntax = "proto3";
            package boxoffice.ticket.v1;
            import "google/api/annotations.proto";
            service StockService {
              rpc CommitHold(Hold) returns (Hold) { option (google.api.http) = {get: "/v1/holds"}; }
            }
            message Hold {}
        "#;
        vec![
            Broken { house: example(unrouted), place: "SaleService/SellTicket" },
            Broken { house: example(exposed), place: "StockService/CommitHold" },
        ]
    },
};

fn wrong_door(rpc: &Rpc) -> Option<Breach> {
    let place = format!("{}/{}", rpc.service, rpc.name);
    match (INTERNAL.contains(&rpc.name.as_str()), rpc.has_route) {
        (true, true) => Some(breach(place, "is internal and has a route")),
        (false, false) => Some(breach(place, "is public and has no google.api.http option")),
        (true, false) | (false, true) => None,
    }
}
