//! Which rpcs there are in the whole house. What operators see is named by these and never by what a client asks for.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use prost::Message;
use prost_types::{FileDescriptorSet, MethodDescriptorProto};

/// `boxoffice.booking.v1.BookingService/CreateBooking` and all others, health and reflection included; and whether the
/// answer is a stream.
static RPCS: LazyLock<BTreeMap<String, bool>> = LazyLock::new(|| {
    let described = [
        proto::FILE_DESCRIPTOR_SET,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ];
    described.into_iter().flat_map(of).collect()
});

/// The rpc under this path, without the slash that paths begin with.
pub(crate) fn known(path: &str) -> Option<&'static str> {
    RPCS.get_key_value(path.strip_prefix('/')?).map(|(rpc, _)| rpc.as_str())
}

/// Whether the rpc under this path answers with a stream.
pub(crate) fn streams(path: &str) -> bool {
    path.strip_prefix('/').and_then(|rpc| RPCS.get(rpc)).is_some_and(|streams| *streams)
}

fn of(descriptors: &[u8]) -> Vec<(String, bool)> {
    // A test rules out that they cannot be read.
    let files = FileDescriptorSet::decode(descriptors).unwrap_or_default().file;
    let mut rpcs = Vec::new();
    for file in files {
        for service in &file.service {
            let rpc = |name: &str| format!("{}.{}/{name}", file.package(), service.name());
            let rpc = |method: &MethodDescriptorProto| {
                (rpc(method.name()), method.server_streaming.unwrap_or_default())
            };
            rpcs.extend(service.method.iter().map(rpc));
        }
    }
    rpcs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_and_those_of_health_and_reflection_are_known() {
        for rpc in [
            "boxoffice.booking.v1.BookingService/CreateBooking",
            "boxoffice.mypage.v1.MyPageService/WatchMyBookings",
            "grpc.health.v1.Health/Check",
            "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        ] {
            assert_eq!(known(&format!("/{rpc}")), Some(rpc));
            assert_eq!(known(&format!("//{rpc}")), None);
            assert_eq!(known(&format!("/{rpc}2")), None);
        }
        for (rpc, is_stream) in [("CreateBooking", false), ("WatchMyBookings", true), ("", false)] {
            let service = if is_stream { "mypage.v1.MyPage" } else { "booking.v1.Booking" };
            assert_eq!(streams(&format!("/boxoffice.{service}Service/{rpc}")), is_stream, "{rpc}");
        }
    }
}
