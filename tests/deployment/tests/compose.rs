//! The compose file and the Dockerfile, as far as they can be checked where no engine runs.
use std::path::PathBuf;

use deployment::yaml;
use serde_json::Value;

fn folder() -> PathBuf {
    testkit::repository().join("deploy/compose")
}

fn compose() -> Value {
    yaml::document(&folder().join("compose.yml"))
}

fn services(compose: &Value) -> impl Iterator<Item = (&String, &Value)> {
    compose["services"].as_object().into_iter().flatten()
}

fn texts<'a>(service: &'a Value, field: &str) -> Vec<&'a str> {
    service[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn what_it_mounts_and_waits_for_is_there() {
    let compose = compose();
    assert!(services(&compose).count() > 15, "it was read");
    for (name, service) in services(&compose) {
        for volume in texts(service, "volumes") {
            let source = volume.split(':').next().unwrap_or_default();
            let there = if source.starts_with('.') {
                folder().join(source).exists()
            } else {
                compose["volumes"].get(source).is_some()
            };
            assert!(there, "{name}: {source} is not there");
        }
        for (other, how) in service["depends_on"].as_object().into_iter().flatten() {
            let other_service = &compose["services"][other];
            assert!(other_service.is_object(), "{name} waits for {other}");
            let healthy = how["condition"] != "service_healthy";
            assert!(
                healthy || other_service["healthcheck"].is_object(),
                "{name}: {other} has no check"
            );
        }
    }
}

#[test]
fn only_loopback_can_reach_it_and_every_image_says_its_version() {
    for (name, service) in services(&compose()) {
        for port in texts(service, "ports") {
            assert!(port.starts_with("127.0.0.1:"), "{name}: {port}");
        }
        let image = service["image"].as_str().unwrap_or_default();
        let (image, tag) = image.split_once(':').unwrap_or_else(|| panic!("{name}: {image}"));
        assert!(
            !image.split('/').next().is_some_and(|first| first.contains('.')),
            "{name}: {image}"
        );
        assert!(tag != "latest" && !tag.is_empty(), "{name}: {tag}");
    }
}

#[test]
fn g03_no_password_is_in_it() {
    for (name, service) in services(&compose()) {
        for (variable, _) in service["environment"].as_object().into_iter().flatten() {
            let secret = variable.ends_with("PASSWORD") || variable.ends_with("DATABASE_URL");
            assert!(!secret, "{name}: {variable} belongs into deploy/compose/secrets");
        }
    }
}

#[test]
fn the_images_are_built_by_the_toolchain_of_the_repository() {
    let toolchain = yaml::text(&testkit::repository().join("rust-toolchain.toml"));
    let version = toolchain.split('"').nth(1).expect("names a channel");
    let dockerfile = yaml::text(&testkit::repository().join("deploy/Dockerfile"));
    assert!(dockerfile.contains(&format!("FROM rust:{version}-")), "{version}");
    assert!(dockerfile.contains(&format!("RUSTUP_TOOLCHAIN={version}")), "{version}");
}
