//! Who may call what, as the contract says it: `(boxoffice.options.v1.call)`. The same words stand in the OpenAPI
//! document. Whose ticket or booking it is, the use cases decide.

use std::collections::HashMap;
use std::sync::LazyLock;

use kernel::{AccessDenied, Caller, Role as Known};
use prost_reflect::{DescriptorPool, MethodDescriptor};
use proto::boxoffice::options::v1::{Call, Role};

const CALL: &str = "boxoffice.options.v1.call";

/// The roles of each rpc, by its path.
static ROLES: LazyLock<HashMap<String, Vec<Role>>> = LazyLock::new(|| {
    // A test rules out that they cannot be read.
    let pool = DescriptorPool::decode(proto::FILE_DESCRIPTOR_SET).unwrap_or_default();
    let rpcs: Vec<_> =
        pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()).collect();
    rpcs.iter().filter_map(|rpc| Some((path(rpc), roles(rpc)?))).collect()
});

/// Lets the caller in who has one of the roles. Of rpcs that are none of the contract nothing is said.
pub(crate) fn admit(path: &str, caller: &Caller) -> Result<(), AccessDenied> {
    let Some(roles) = ROLES.get(path) else { return Ok(()) };
    let mut verdict = Ok(());
    for role in roles {
        let has = has(caller, *role);
        if has.is_ok() {
            return has;
        }
        verdict = verdict.and(has);
    }
    verdict
}

fn has(caller: &Caller, role: Role) -> Result<(), AccessDenied> {
    match role {
        Role::Anyone => Ok(()),
        Role::Buyer => caller.buyer().map(drop),
        Role::Organizer => caller.organizer().map(drop),
        Role::Service => caller.service(),
        Role::Admin if caller.roles.contains(&Known::Admin) => Ok(()),
        Role::Admin | Role::Unspecified if caller.subject.is_none() => {
            Err(AccessDenied::Unauthenticated)
        }
        Role::Admin | Role::Unspecified => Err(AccessDenied::RoleLacking("admin")),
    }
}

fn path(rpc: &MethodDescriptor) -> String {
    format!("/{}/{}", rpc.parent_service().full_name(), rpc.name())
}

fn roles(rpc: &MethodDescriptor) -> Option<Vec<Role>> {
    let call = rpc.parent_pool().get_extension_by_name(CALL)?;
    let options = rpc.options();
    options.has_extension(&call).then_some(())?;
    let call: Call = options.get_extension(&call).as_message()?.transcode_to().ok()?;
    Some(call.roles().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(roles: &[Known]) -> Caller {
        let organizer_id = kernel::OrganizerId::new("acme").ok();
        let subject = Some("alice".to_owned());
        Caller { subject, roles: roles.to_vec(), organizer_id, ..Caller::default() }
    }

    const CREATE: &str = "/boxoffice.booking.v1.BookingService/CreateBooking";
    const SEARCH: &str = "/boxoffice.ticket.v1.TicketService/SearchTickets";
    const HOLD: &str = "/boxoffice.ticket.v1.StockService/HoldStock";
    const LIST: &str = "/boxoffice.notification.v1.NotificationService/ListNotifications";

    #[test]
    fn every_rpc_of_the_contract_says_who_may_call_it() {
        let pool = DescriptorPool::decode(proto::FILE_DESCRIPTOR_SET).expect("descriptors");
        for rpc in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
            let said = ROLES.get(&path(&rpc));
            assert!(said.is_some_and(|roles| !roles.is_empty()), "{}", path(&rpc));
            assert!(
                !said.is_some_and(|roles| roles.contains(&Role::Unspecified)),
                "{}",
                path(&rpc)
            );
        }
    }

    #[test]
    fn roles_decide_who_is_let_in() {
        let nobody = Caller::anonymous();
        let (buyer, organizer) = (caller(&[Known::Buyer]), caller(&[Known::Organizer]));
        let (service, admin) = (caller(&[Known::Service]), caller(&[Known::Admin]));
        for caller in [&nobody, &buyer, &organizer, &service, &admin] {
            assert_eq!(admit(SEARCH, caller), Ok(()));
            assert_eq!(admit("/grpc.health.v1.Health/Check", caller), Ok(()));
        }
        for path in [CREATE, HOLD, LIST] {
            assert_eq!(admit(path, &nobody), Err(AccessDenied::Unauthenticated), "{path}");
            assert_eq!(admit(path, &admin).map_err(|_| ()), Err(()), "{path}");
        }
        assert_eq!(admit(CREATE, &buyer), Ok(()));
        assert_eq!(admit(CREATE, &organizer), Err(AccessDenied::RoleLacking("buyer")));
        assert_eq!(admit(HOLD, &buyer), Err(AccessDenied::RoleLacking("service")));
        assert_eq!(admit(HOLD, &service), Ok(()));
        assert_eq!((admit(LIST, &buyer), admit(LIST, &organizer)), (Ok(()), Ok(())));
    }
}
