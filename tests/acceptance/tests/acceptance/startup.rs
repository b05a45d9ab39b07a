//! Starting: the admin port first, one clear line for whatever is wrong.

use testkit::{Authority, Platform, Shape, TlsFolder};

const ONE_PROCESS: &str = "it is about the settings of one process";

#[tokio::test(flavor = "multi_thread")]
async fn p03_live_answers_as_documented() {
    let platform = Platform::start().await;
    let live = platform.admin_get("/live").await;
    assert_eq!(live.status, 200);
    assert_eq!(live.headers["content-type"], "text/plain; version=0.0.4");
    let expected =
        "# HELP service_live Service liveness signal\n# TYPE service_live gauge\nservice_live 1\n";
    assert_eq!(live.body, expected);
    assert_eq!(platform.admin_get("/ready").await.status, 200);
    assert_eq!(platform.admin_get("/metrics").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn p03_a_taken_port_ends_the_start_with_its_number() {
    if Shape::leaves_out(Shape::Embedded, ONE_PROCESS) {
        return;
    }
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    for variable in ["ADMIN_ADDR", "GRPC_ADDR", "REST_ADDR"] {
        let (code, stderr) = Platform::fails_to_start(&[(variable, &addr)]).await;
        assert_eq!(code, 1, "{stderr}");
        assert!(stderr.contains(&addr), "{variable}: {stderr}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p01_wrong_settings_are_refused_by_name() {
    if Shape::leaves_out(Shape::Embedded, ONE_PROCESS) {
        return;
    }
    let wrong = [
        ("PAYMENT_SUCCESS_RATE", "1.5"),
        ("PAYMENT_SUCCESS_RATE", "often"),
        ("PAYMENT_PROCESSING_MIN_MS", "-1"),
        ("PAYMENT_SEED", "dice"),
        ("REST_ADDR", "nowhere"),
        ("PAYMENT_PROVIDER", "piggybank"),
        ("DATA_DIR", "/proc/nobody/writes/here"),
        ("REST_ADDR", "0.0.0.0:0"),
    ];
    for (variable, value) in wrong {
        let (code, stderr) = Platform::fails_to_start(&[(variable, value)]).await;
        // A folder that cannot be written to is no wrong word.
        let expected = if variable == "DATA_DIR" { 1 } else { 2 };
        assert_eq!(code, expected, "{variable}={value}: {stderr}");
        assert!(stderr.contains(variable), "{variable}={value}: {stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
    }
    let stripe = ("PAYMENT_PROVIDER", "stripe");
    let key = ("STRIPE_API_KEY", "sk_test_12345");
    let wrong: [(&[_], _); 5] = [
        (
            &[("PAYMENT_PROCESSING_MIN_MS", "20"), ("PAYMENT_PROCESSING_MAX_MS", "10")],
            "PAYMENT_PROCESSING_M",
        ),
        (&[stripe], "STRIPE_API_KEY"),
        (&[stripe, ("STRIPE_API_KEY", "pk_test_12345")], "STRIPE_API_KEY"),
        (&[stripe, key, ("STRIPE_API_BASE", "http://api.stripe.com")], "STRIPE_API_BASE"),
        (&[stripe, key, ("STRIPE_WEBHOOK_SECRET", "12345")], "STRIPE_WEBHOOK_SECRET"),
    ];
    for (settings, variable) in wrong {
        let (code, stderr) = Platform::fails_to_start(settings).await;
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.contains(variable) && !stderr.contains("12345"), "{stderr}");
    }
}

/// Settings, what is said of them, and the exit code.
type Refused<'a> = (&'a [(&'a str, &'a str)], &'a str, i32);

#[tokio::test(flavor = "multi_thread")]
async fn r38_files_of_tls_that_cannot_be_used_are_refused_by_name() {
    if Shape::leaves_out(Shape::Embedded, ONE_PROCESS) {
        return;
    }
    let authority = Authority::fresh("at the start");
    let folder = TlsFolder::of(&authority.vouch(2040), &authority.pem());
    let others = TlsFolder::of(&authority.vouch(2040), &authority.pem());
    let (cert, key, ca) = (folder.file("cert.pem"), folder.file("key.pem"), folder.file("ca.pem"));
    let (cert, key) = (("TLS_CERT_FILE", &*cert), ("TLS_KEY_FILE", &*key));
    let (missing, other) = (folder.file("nowhere.pem"), others.file("key.pem"));
    let wrong: [Refused<'_>; 8] = [
        (&[cert], "TLS_KEY_FILE: is needed", 2),
        (&[key], "TLS_CERT_FILE: is needed", 2),
        (&[("TLS_CLIENT_CA_FILE", &ca)], "TLS_CLIENT_CA_FILE: needs", 2),
        (&[("TLS_CERT_FILE", &missing), key], &missing, 1),
        (&[cert, ("TLS_KEY_FILE", &missing)], "TLS_KEY_FILE: ", 1),
        (&[cert, ("TLS_KEY_FILE", &other)], "TLS_KEY_FILE: is not the key", 2),
        (&[cert, key, ("TLS_CLIENT_CA_FILE", key.1)], "TLS_CLIENT_CA_FILE: has no", 2),
        (&[("TLS_CA_FILE", &missing)], "TLS_CA_FILE: ", 1),
    ];
    for (settings, says, expected) in wrong {
        let (code, stderr) = Platform::fails_to_start(settings).await;
        assert_eq!(code, expected, "{stderr}");
        assert!(stderr.contains(says) && !stderr.contains("panicked"), "{says}: {stderr}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p01_wrong_words_end_with_2() {
    if Shape::leaves_out(Shape::Embedded, "it needs no platform") {
        return;
    }
    let wrong: [&[&str]; 6] = [
        &["--no-such-flag"],
        &["no-such-command"],
        &["rebuild-view", "--no-such-flag"],
        &["token", "--no-such-flag"],
        &["audit", "--no-such-flag"],
        &["audit", "--apply"],
    ];
    for words in wrong {
        let (code, said) = Platform::command_alone(words).await;
        assert_eq!(code, 2, "{words:?}: {said}");
        assert!(said.starts_with("boxoffice: "), "{words:?}: {said}");
    }
}
