//! `boxoffice demo` tells the story to its end, against a temporary platform and against a running one.

use testkit::Platform;

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_tells_the_whole_story() {
    let platform = Platform::start().await;
    let (code, told) = platform.command(&["demo"]).await;
    assert!(code == 0 && told.contains("That is the whole story"), "{told}");
    assert!(told.contains("Against the platform at"), "{told}");
    platform.audit_is_clean().await;

    let (code, told) = Platform::command_alone(&["demo"]).await;
    assert!(code == 0 && told.contains("That is the whole story"), "{told}");
    assert!(told.contains("a temporary one"), "{told}");
}
