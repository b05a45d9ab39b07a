//! No message is published but by the relay: what is not in the outbox did not happen.

use super::{Broken, Rule, at, breach};
use crate::house::House;
use crate::source::lines_with;

const RELAY: &str = "adapters/sea-orm/database/src/relay";

/// Save, then publish, and the crash between: there is no such place.
pub(super) const ONLY_THE_RELAY_PUBLISHES: Rule = Rule {
    says: "messages are handed to the bus by the outbox relay alone",
    check: |house| {
        let others = house.files.iter().filter(|file| !file.path.starts_with(RELAY));
        others
            .flat_map(|file| {
                let lines = lines_with(&file.product_code(), ".publish(");
                lines
                    .into_iter()
                    .map(|line| breach(at(&file.path, line), "publishes past the outbox"))
            })
            .collect()
    },
    broken: || {
        let text = "//! x\nasync fn a(bus: &dyn Publisher) {\n bus.publish(&message).await;\n}";
        let path = "adapters/grpc/booking/src/service.rs";
        vec![Broken {
            house: House::default().with_file(path, text),
            place: "adapters/grpc/booking/src/service.rs:3",
        }]
    },
};
