//! Each kind of server is started, killed, started again at the same place, and stopped.
#![expect(clippy::unwrap_used, reason = "what goes wrong in a test fails it, and says where")]

use std::net::TcpStream;

use servers::process::{descendants, wait_gone};
use servers::{Life, Onward, Scratch, Server};

#[test]
fn postgres_is_killed_with_all_its_processes_and_comes_back() {
    let scratch = Scratch::fresh("postgres").unwrap();
    comes_back(servers::postgres(&scratch.path().join("data"), Life::WithStarter).unwrap());
}

#[test]
fn mariadb_is_killed_and_comes_back() {
    let scratch = Scratch::fresh("mariadb").unwrap();
    comes_back(servers::mariadb(&scratch.path().join("data"), Life::WithStarter).unwrap());
}

#[test]
fn nats_is_killed_and_comes_back() {
    let scratch = Scratch::fresh("nats").unwrap();
    let (server, monitor) = servers::nats(&scratch.path().join("data"), Life::WithStarter).unwrap();
    assert!(accepts(monitor.rsplit('/').next().unwrap()), "its monitoring");
    comes_back(server);
}

#[test]
fn nginx_is_killed_and_comes_back() {
    for onward in [Onward::Plain, Onward::Kept] {
        let scratch = Scratch::fresh("nginx").unwrap();
        // Nobody is asked before it is.
        let behind = servers::free_address().unwrap();
        let data = scratch.path().join("data");
        comes_back(servers::nginx(&data, behind, onward, Life::WithStarter).unwrap());
    }
}

#[test]
fn the_openid_provider_is_killed_and_comes_back() {
    let scratch = Scratch::fresh("oidc").unwrap();
    comes_back(servers::oidc_provider(scratch.path(), 300, Life::WithStarter).unwrap());
}

fn comes_back(mut server: Server) {
    let url = server.url().to_owned();
    let address = url.rsplit(['@', '/']).next().unwrap();
    let pid = server.pid().unwrap();
    for again in [false, true] {
        assert!(accepts(address), "{url} started again: {again}");
        let family = descendants(server.pid().unwrap());
        server.kill9().unwrap();
        wait_gone(&family).unwrap();
        assert!(!accepts(address), "{url} is gone");
        server.restart().unwrap();
    }
    assert_ne!(server.pid(), Some(pid));
    server.stop().unwrap();
    assert!(!accepts(address) && server.pid().is_none(), "{url} is stopped");
}

fn accepts(address: &str) -> bool {
    TcpStream::connect(address).is_ok()
}
