//! How many streams last at once in the whole process, and how many of them one caller holds.

use std::net::IpAddr;

use in_process_rates::{OwnPlace, Places};
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};

use crate::auth::caller_of;
use crate::limit::{Place, Room};
use crate::status::refuse;

/// Headers by which whoever stands between says so: then the address is not the caller's. Anybody may send them, so the
/// bound of an address holds where it is known who calls, at the gateway; the servers' own ports are for nobody else.
const BETWEEN: [&str; 3] = ["via", "forwarded", "x-forwarded-for"];

/// Room for streams that wait for news. They hold no place of a call meanwhile. Clones share it.
#[derive(Debug, Clone)]
pub struct Watchers {
    room: Room,
    of_each: Places<Who>,
}

/// One stream's place, until it is dropped.
#[derive(Debug)]
pub struct WatcherPlace {
    _place: Place,
    _own: Option<OwnPlace<Who>>,
}

/// Whose streams are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    /// Who showed a token.
    Subject(String),
    /// Who showed none and called from here.
    Address(IpAddr),
}

impl Watchers {
    /// Room for so many, and for so many of one caller.
    #[must_use]
    pub fn new(max: usize, each_max: usize) -> Self {
        Self { room: Room::new(max), of_each: Places::new(each_max) }
    }

    /// A place for the stream that this request asks for; nobody waits for one. Callers without a token count by
    /// their address, unless somebody stands between, such as the gateway, which counts by itself: then by the room of
    /// all alone.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED, with the advice when to come again.
    pub fn enter<T>(&self, request: &Request<T>) -> Result<WatcherPlace, Status> {
        let own = who(request).map(|who| self.of_each.enter(who)).transpose();
        let own = own.map_err(|too_many| refuse(&too_many))?;
        Ok(WatcherPlace { _place: self.room.enter(1)?, _own: own })
    }

    /// How many there are.
    #[must_use]
    pub fn held(&self) -> usize {
        self.room.taken()
    }
}

fn who<T>(request: &Request<T>) -> Option<Who> {
    let caller = caller_of(request);
    let address = request.remote_addr().filter(|_| is_direct(request.metadata()));
    let subject = caller.subject.map(Who::Subject);
    subject.or_else(|| address.map(|address| Who::Address(address.ip())))
}

fn is_direct(headers: &MetadataMap) -> bool {
    !BETWEEN.iter().any(|name| headers.contains_key(*name))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use kernel::Caller;
    use tonic::Code;
    use tonic::transport::server::TcpConnectInfo;
    use tonic_types::StatusExt;

    use super::*;

    fn by(subject: Option<&str>, address: &str, via: bool) -> Request<()> {
        let mut request = Request::new(());
        let caller = Caller { subject: subject.map(str::to_owned), ..Caller::anonymous() };
        request.extensions_mut().insert(caller);
        let remote_addr: SocketAddr = address.parse().unwrap();
        let info = TcpConnectInfo { local_addr: None, remote_addr: Some(remote_addr) };
        request.extensions_mut().insert(info);
        if via {
            request.metadata_mut().insert("via", "2 gateway".parse().unwrap());
        }
        request
    }

    #[test]
    fn each_has_so_many_and_all_together_so_many() {
        let watchers = Watchers::new(7, 2);
        let alice = || by(Some("alice"), "127.0.0.1:1", false);
        let mut places: Vec<_> = (0..2).map(|_| watchers.enter(&alice()).unwrap()).collect();
        let refused = watchers.enter(&alice()).unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert!(refused.get_details_retry_info().is_some());
        assert_eq!(refused.get_details_error_info().unwrap().reason, "RATE_LIMITED");
        assert_eq!(watchers.held(), 2, "who is refused holds nothing");
        places.pop();
        places.push(watchers.enter(&alice()).unwrap());
        let nobody = |port| by(None, &format!("127.0.0.9:{port}"), false);
        places.extend([1, 2].map(|port| watchers.enter(&nobody(port)).unwrap()));
        assert!(watchers.enter(&nobody(3)).is_err(), "of one address");
        let through = by(None, "127.0.0.9:4", true);
        places.extend((0..3).map(|_| watchers.enter(&through).unwrap()));
        assert!(watchers.enter(&by(Some("bob"), "127.0.0.3:1", false)).is_err(), "no room at all");
        drop(places);
        assert_eq!(watchers.held(), 0);
    }
}
