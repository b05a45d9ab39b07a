//! The whole job by a Python client generated from the protos.

use testkit::Platform;

use crate::python;

#[tokio::test(flavor = "multi_thread")]
async fn n10_a_python_client_generated_from_the_protos_tells_the_same_story() {
    let platform = Platform::start().await;
    let contexts = ["ticket", "booking", "payment", "notification", "mypage"];
    let addresses = contexts.map(|context| platform.grpc_addr(context)).join(",");
    let (buyer, organizer) = (platform.buyer("py"), platform.organizer("py"));
    let modules = python::generated().await;
    let said = python::run("story.py", &[&addresses, &buyer, &organizer], Some(&modules)).await;
    assert!(said.contains("story told"), "{said}");
    platform.audit_is_clean().await;
}
