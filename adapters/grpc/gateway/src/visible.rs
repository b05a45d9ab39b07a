//! The part of the contract's descriptors that clients may see: public rpcs, and the types they are made of.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};

use crate::contract::ContractError;

/// Packages of others, which are public as they are.
const OF_OTHERS: &str = "google.";

/// What is left when everything that is not public is taken away.
pub(crate) fn part(
    descriptors: &[u8],
    is_public: impl Fn(&str) -> bool,
) -> Result<Vec<u8>, ContractError> {
    let mut set = FileDescriptorSet::decode(descriptors)?;
    for file in &mut set.file {
        let package = file.package().to_owned();
        for service in &mut file.service {
            let name = service.name().to_owned();
            service.method.retain(|rpc| is_public(&format!("/{package}.{name}/{}", rpc.name())));
        }
        file.service.retain(|service| !service.method.is_empty());
    }
    let reached = reached(&set);
    for file in set.file.iter_mut().filter(|file| !of_others(file)) {
        let package = file.package().to_owned();
        let is_reached = |name: &str| reached.contains(&format!(".{package}.{name}"));
        file.message_type.retain(|message| is_reached(message.name()));
        file.enum_type.retain(|of| is_reached(of.name()));
        // Comments say what is there by its place, which is another now.
        file.source_code_info = None;
    }
    set.file.retain(|file| of_others(file) || !is_empty(file));
    let names: BTreeSet<_> = set.file.iter().map(|file| file.name().to_owned()).collect();
    for file in &mut set.file {
        file.dependency.retain(|name| names.contains(name));
    }
    Ok(set.encode_to_vec())
}

fn of_others(file: &FileDescriptorProto) -> bool {
    file.package().starts_with(OF_OTHERS)
}

const fn is_empty(file: &FileDescriptorProto) -> bool {
    file.service.is_empty()
        && file.message_type.is_empty()
        && file.enum_type.is_empty()
        && file.extension.is_empty()
}

/// The outermost types that the services need, by their full names, with the point that those begin with.
fn reached(set: &FileDescriptorSet) -> BTreeSet<String> {
    let types = outermost(set);
    let rpcs = set.file.iter().flat_map(|file| &file.service).flat_map(|service| &service.method);
    let mut waiting: Vec<String> =
        rpcs.flat_map(|rpc| [rpc.input_type().to_owned(), rpc.output_type().to_owned()]).collect();
    let extensions = set.file.iter().flat_map(|file| &file.extension);
    waiting.extend(extensions.map(|extension| extension.type_name().to_owned()));
    let mut reached = BTreeSet::new();
    while let Some(name) = waiting.pop() {
        let Some((outer, message)) = outermost_of(&types, &name) else { continue };
        if reached.insert(outer.to_owned()) {
            waiting.extend(message.into_iter().flat_map(needed));
        }
    }
    reached
}

type Types<'s> = BTreeMap<String, Option<&'s DescriptorProto>>;

/// Every type that stands in no other; of enums there is nothing to know.
fn outermost(set: &FileDescriptorSet) -> Types<'_> {
    let mut types = BTreeMap::new();
    for file in &set.file {
        let name = |name: &str| format!(".{}.{name}", file.package());
        let messages = file.message_type.iter();
        types.extend(messages.map(|message| (name(message.name()), Some(message))));
        types.extend(file.enum_type.iter().map(|of| (name(of.name()), None)));
    }
    types
}

/// The type itself, or the one that it stands in.
fn outermost_of<'t, 's>(
    types: &'t Types<'s>,
    name: &str,
) -> Option<(&'t str, Option<&'s DescriptorProto>)> {
    let mut name = name;
    loop {
        if let Some((outer, message)) = types.get_key_value(name) {
            return Some((outer, *message));
        }
        name = name.rsplit_once('.')?.0;
    }
}

/// The types of a message's fields, and of those of the messages within it.
fn needed(message: &DescriptorProto) -> Vec<String> {
    let fields = message.field.iter().filter(|field| field.type_name.is_some());
    let mut names: Vec<String> = fields.map(|field| field.type_name().to_owned()).collect();
    // Descriptors of ours nest a few levels; a compiler made them.
    names.extend(message.nested_type.iter().flat_map(needed));
    names
}

#[cfg(test)]
mod tests {
    use prost_reflect::DescriptorPool;

    use crate::PublicContract;

    #[test]
    fn what_is_internal_is_not_there_and_the_rest_is_whole() {
        let contract = PublicContract::read(proto::FILE_DESCRIPTOR_SET).expect("reads");
        // Reading it checks that every name and import that is left leads somewhere.
        let seen = DescriptorPool::decode(contract.descriptors()).expect("is whole");
        let all = DescriptorPool::decode(proto::FILE_DESCRIPTOR_SET).expect("reads");
        for internal in [
            "boxoffice.ticket.v1.HoldStockRequest",
            "boxoffice.payment.v1.ChargePaymentRequest",
            "boxoffice.booking.v1.BookingPlaced",
        ] {
            assert!(all.get_message_by_name(internal).is_some(), "{internal} is a message");
            assert!(seen.get_message_by_name(internal).is_none(), "{internal}");
        }
        assert!(seen.get_service_by_name("boxoffice.ticket.v1.StockService").is_none());
        for public in ["boxoffice.booking.v1.Booking", "boxoffice.mypage.v1.MyBooking"] {
            assert!(seen.get_message_by_name(public).is_some(), "{public}");
        }
        let payments = seen.get_service_by_name("boxoffice.payment.v1.PaymentService");
        let rpcs: Vec<_> =
            payments.expect("public").methods().map(|rpc| rpc.name().to_owned()).collect();
        assert_eq!(rpcs, ["GetPayment", "ListPayments"]);
    }
}
