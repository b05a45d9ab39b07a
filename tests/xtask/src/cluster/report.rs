//! What a person needs to try the cluster.

use std::path::Path;

use servers::plain_get;

use super::State;

/// Prints every address and how to try it; whether all of it runs.
pub(super) fn print(state: &State, folder: &Path) -> bool {
    let mut all = true;
    for member in &state.members {
        let ready = plain_get::is_ok(member.admin, "/ready").is_ok();
        let condition = match (member.is_running(), ready) {
            (true, true) => "ready",
            (true, false) => "NOT READY",
            (false, _) => "HAS ENDED",
        };
        all &= ready;
        let (name, pid, serves, admin) = (&member.name, member.pid, &member.serves, member.admin);
        println!("{name:<15} {condition:<10} process {pid:<8} {serves:<24} admin http://{admin}");
    }
    println!("servers under it: {}\nlogs and data: {}", state.servers.join("  "), folder.display());
    let serves = |name: &str| {
        let first = state.members.iter().find(|member| member.name == name);
        first.map_or("-", |member| member.serves.as_str())
    };
    let boxoffice = state.programs.join("boxoffice");
    println!(
        "\nTry it, in this folder:\n  the README's tour, against {gateway}\n  \
         {boxoffice} token --role buyer --sub alice\n  curl {gateway}/v1/tickets\n  \
         grpcurl -plaintext {booking} list\n  \
         grpcurl -plaintext -d '{{\"service\": \"boxoffice.booking.v1.BookingService\"}}' {booking} \
         grpc.health.v1.Health/Check\nLook at the books, with\n{databases}  {boxoffice} audit\n\
         End it: cargo xtask cluster down",
        gateway = serves("gateway-1"),
        booking = serves("booking-1"),
        boxoffice = boxoffice.display(),
        databases = exported(&state.databases),
    );
    all
}

fn exported(settings: &[(String, String)]) -> String {
    settings.iter().map(|(name, value)| format!("  export {name}={value}\n")).collect()
}
