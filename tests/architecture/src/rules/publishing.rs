//! No message is published but by the relay: what is not in the outbox did not happen.

use super::{Broken, Rule, at, breach};
use crate::house::House;
use crate::source::lines_with;

const RELAY: &str = "adapters/sea-orm/database/src/relay";
/// Below the port the word is the library's, and acknowledgements are published too.
const BELOW_THE_PORT: &str = "adapters/nats/";

/// Save, then publish, and the crash between: there is no such place.
pub(super) const ONLY_THE_RELAY_PUBLISHES: Rule = Rule {
    says: "messages are handed to the bus by the outbox relay alone",
    check: |house| {
        let others = house.files.iter().filter(|file| {
            ![RELAY, BELOW_THE_PORT].iter().any(|folder| file.path.starts_with(folder))
        });
        others
            .flat_map(|file| {
                let code = file.product_code();
                let lines = [".publish(", ".publish_again("].map(|call| lines_with(&code, call));
                let lines = lines.concat();
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
