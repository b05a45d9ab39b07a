//! Requirement N04: only gateway to all, booking to ticket and booking to payment are synchronous.

use std::collections::BTreeSet;

use super::{Breach, Broken, Rule, at, breach, snake_case};
use crate::house::House;
use crate::source::{SourceFile, lines_with};

/// Whom a crate's code may call by generated clients.
const CALLERS: &[(&str, &[&str])] = &[("adapters/grpc/booking/", &["ticket", "payment"])];

/// By code.
pub(super) const WHO_CALLS_WHOM: Rule = Rule {
    says: "n04: booking calls ticket and payment by generated clients; nobody else calls anyone",
    check: |house| house.files.iter().flat_map(|file| calls(house, file)).collect(),
    broken: || {
        let proto = r#"
            syntax = "proto3";
            package boxoffice.booking.v1;
            service BookingService { rpc GetBooking(Booking) returns (Booking); }
            message Booking {}
        "#;
        let house = || House::default().with_contract(&[("boxoffice/booking.proto", proto)]);
        let to_booking = "//! x\nuse proto::boxoffice::booking::v1::booking_service_client::BookingServiceClient;";
        vec![
            Broken {
                house: house().with_file("adapters/grpc/mypage/src/service.rs", to_booking),
                place: "adapters/grpc/mypage/src/service.rs:2",
            },
            Broken {
                house: house().with_file("adapters/grpc/booking/src/own_client.rs", to_booking),
                place: "adapters/grpc/booking/src/own_client.rs:2",
            },
            Broken {
                house: house().with_file("adapters/grpc/payment/src/ticket_client.rs", "//! x\n"),
                place: "adapters/grpc/payment/src/ticket_client.rs:1",
            },
        ]
    },
};

fn calls(house: &House, file: &SourceFile) -> Vec<Breach> {
    let callees = CALLERS.iter().find(|(folder, _)| file.path.starts_with(folder));
    let callees = callees.map_or(&[][..], |(_, callees)| callees);
    let mut breaches = Vec::new();
    if file.path.starts_with("adapters/grpc/")
        && file.stem().ends_with("_client")
        && callees.is_empty()
    {
        breaches
            .push(breach(at(&file.path, 1), "an outbound client in a context that calls nobody"));
    }
    let code = file.product_code();
    for (context, client) in clients(house) {
        if callees.contains(&context) {
            continue;
        }
        let lines = lines_with(&code, &client).into_iter();
        breaches.extend(lines.map(|line| breach(at(&file.path, line), format!("calls {context}"))));
    }
    breaches
}

/// Each context with the name of a generated client module of it.
fn clients(house: &House) -> BTreeSet<(&str, String)> {
    let rpcs = house.contract.rpcs.iter();
    rpcs.map(|rpc| (rpc.context.as_str(), snake_case(&rpc.service) + "_client")).collect()
}

/// Whose address a server may be told.
const ADDRESSES: &[(&str, &[&str])] = &[
    ("apps/booking/", &["TICKET", "PAYMENT"]),
    ("apps/gateway/", &["TICKET", "BOOKING", "PAYMENT", "NOTIFICATION", "MYPAGE"]),
];

/// By configuration.
pub(super) const WHO_KNOWS_WHOSE_ADDRESS: Rule = Rule {
    says: "n04: only booking and the gateway are told another server's address",
    check: addresses,
    broken: || {
        let house =
            || House::default().with_crate("domain/payment", &[]).with_crate("domain/mypage", &[]);
        let told = "//! x\nconst A: &str = \"PAYMENT_ENDPOINT\";";
        let field = "//! x\nstruct Config { mypage_endpoint: String }";
        vec![
            Broken {
                house: house().with_file("apps/mypage/src/config.rs", told),
                place: "apps/mypage/src/config.rs:2",
            },
            Broken {
                house: house().with_file("apps/booking/src/config.rs", field),
                place: "apps/booking/src/config.rs:2",
            },
        ]
    },
};

fn addresses(house: &House) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in house.files_under("apps/").filter(|file| !file.test) {
        let known = ADDRESSES.iter().find(|(folder, _)| file.path.starts_with(folder));
        let known = known.map_or(&[][..], |(_, known)| known);
        for context in house.contexts() {
            if known.contains(&context.to_uppercase().as_str()) {
                continue;
            }
            let name = format!("{context}_endpoint");
            // Names of settings are texts, so the whole file counts.
            let mut lines = lines_with(&file.text, &name);
            lines.extend(lines_with(&file.text, &name.to_uppercase()));
            breaches.extend(
                lines.into_iter().map(|line| breach(at(&file.path, line), format!("knows {name}"))),
            );
        }
    }
    breaches
}
