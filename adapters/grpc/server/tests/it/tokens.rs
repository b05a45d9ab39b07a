//! The table of tokens (reliability.md, matrix row 22).

use grpc_server::{InvalidToken, Verifier};
use jsonwebtoken::{EncodingKey, Header, encode, get_current_timestamp};
use kernel::{Locale, Role};
use serde_json::{Value, json};

use crate::issuer::{self, AUDIENCE, ISSUER, Key, by_hand, claims, claims_but, verifier};

#[test]
fn good_tokens_of_every_algorithm_are_taken() {
    for key in [Key::ed25519("k", 1), Key::p256("k"), Key::rsa("k")] {
        let caller = verifier(&[&key]).verify(&key.sign(&claims())).expect("good");
        assert_eq!(caller.subject.as_deref(), Some("alice"));
        assert_eq!((caller.roles.as_slice(), caller.locale), (&[Role::Buyer][..], Locale::Ko));
    }
}

#[test]
fn claims_tell_who_is_calling() {
    let key = Key::ed25519("k", 1);
    let verifier = verifier(&[&key]);
    let roles = json!(["organizer", "admin", "service", "cook"]);
    let mut organizer = claims_but("roles", roles);
    organizer["organizer_id"] = json!("acme");
    organizer["aud"] = json!(["other", AUDIENCE]);
    let caller = verifier.verify(&key.sign(&organizer)).expect("good");
    assert_eq!(caller.roles, [Role::Organizer, Role::Admin, Role::Service]);
    assert_eq!(caller.organizer().expect("an organizer").as_str(), "acme");
    assert!(verifier.verify(&key.sign(&claims_but("organizer_id", json!("a b")))).is_err());
    let nobody = verifier.verify(&key.sign(&claims_but("roles", Value::Null))).expect("good");
    assert!(nobody.buyer().is_err());
}

#[test]
fn claims_that_are_wrong_or_missing_are_refused() {
    let key = Key::ed25519("k", 1);
    let verifier = verifier(&[&key]);
    let now = get_current_timestamp();
    for (name, value) in [
        ("exp", json!(now - 61)),
        ("exp", json!(now - 10)),
        ("exp", json!((now + 60).to_string())),
        ("exp", json!("never")),
        ("exp", Value::Null),
        ("exp", json!([now + 60])),
        ("nbf", json!(now + 90)),
        ("nbf", json!("tomorrow")),
        ("aud", json!("somebody-else")),
        ("aud", json!([])),
        ("aud", Value::Null),
        ("iss", json!("https://id.evil")),
        ("iss", Value::Null),
        ("iss", json!([ISSUER])),
        ("iss", json!([ISSUER, "https://id.evil"])),
        ("sub", Value::Null),
        ("sub", json!("")),
        ("sub", json!("a\0")),
        ("sub", json!(7)),
        ("roles", json!("buyer")),
    ] {
        let token = key.sign(&claims_but(name, value.clone()));
        assert!(verifier.verify(&token).is_err(), "{name} {value}");
    }
    let late = key.sign(&claims_but("exp", json!(now - 61)));
    assert_eq!(verifier.verify(&late), Err(InvalidToken::Expired));
}

#[test]
fn headers_decide_nothing() {
    let (key, forger) = (Key::ed25519("k", 1), Key::ed25519("k", 2));
    let verifier = verifier(&[&key]);
    let sign = |header: Header| encode(&header, &claims(), &key.private).expect("signs");
    assert!(verifier.verify(&sign(key.header())).is_ok());
    for typ in ["at+jwt", "AT+JWT", "JWT", "application/at+jwt"] {
        let header = Header { typ: Some(typ.to_owned()), ..key.header() };
        assert!(verifier.verify(&sign(header)).is_ok(), "{typ}");
    }
    for header in [
        Header { typ: Some("refresh+jwt".to_owned()), ..key.header() },
        Header { typ: None, ..key.header() },
        Header { kid: Some("unknown".to_owned()), ..key.header() },
        Header { kid: None, ..key.header() },
        Header { crit: Some(vec!["exp".to_owned()]), ..key.header() },
    ] {
        assert_eq!(
            verifier.verify(&sign(header.clone())),
            Err(InvalidToken::NotValid),
            "{header:?}"
        );
    }
    for header in [
        forger.header(),
        Header { jwk: Some(forger.public.clone()), ..forger.header() },
        Header { jku: Some("https://id.evil/jwks".to_owned()), ..forger.header() },
    ] {
        let forged = encode(&header, &claims(), &forger.private).expect("signs");
        assert_eq!(verifier.verify(&forged), Err(InvalidToken::NotValid), "{header:?}");
    }
}

#[test]
fn the_algorithm_is_the_keys_own() {
    let (key, rsa) = (Key::ed25519("k", 1), Key::rsa("r"));
    let verifier = verifier(&[&key, &rsa]);
    for alg in ["none", "None", "NONE", "", "HS256"] {
        for kid in ["k", "r"] {
            let header = json!({ "typ": "JWT", "alg": alg, "kid": kid });
            assert!(verifier.verify(&by_hand(&header, &claims(), b"")).is_err(), "{alg}");
        }
    }
    for public in [&key.public, &rsa.public] {
        let secret = serde_json::to_vec(public).expect("encodes");
        let kid = public.common.key_id.clone();
        let header = Header { kid, ..Header::new(jsonwebtoken::Algorithm::HS256) };
        let forged = encode(&header, &claims(), &EncodingKey::from_secret(&secret)).expect("signs");
        assert_eq!(verifier.verify(&forged), Err(InvalidToken::NotValid));
    }
    let stronger = Header { alg: jsonwebtoken::Algorithm::RS512, ..rsa.header() };
    let other = encode(&stronger, &claims(), &rsa.private).expect("signs");
    assert_eq!(verifier.verify(&other), Err(InvalidToken::NotValid));
}

#[test]
fn broken_tokens_are_refused() {
    let key = Key::ed25519("k", 1);
    let verifier = verifier(&[&key]);
    let good = key.sign(&claims());
    let mut tampered = good.clone().into_bytes();
    let middle = tampered.len() / 2;
    tampered[middle] = if tampered[middle] == b'A' { b'B' } else { b'A' };
    let tampered = String::from_utf8(tampered).expect("ascii");
    let cut = good.rsplit_once('.').expect("three parts").0.to_owned();
    for bad in ["", ".", "..", "a.b.c", "Bearer", &tampered, &cut, &format!("{good}.x")] {
        assert_eq!(verifier.verify(bad), Err(InvalidToken::NotValid), "{bad}");
    }
}

#[test]
fn keys_rotate_while_servers_run() {
    let (old, new) = (Key::ed25519("old", 1), Key::ed25519("new", 2));
    let (verifier, rotation) = Verifier::fetching(ISSUER, AUDIENCE);
    rotation.replace(&issuer::jwks(&[&old])).expect("keys to use");
    let server = verifier.clone();
    assert!(verifier.verify(&old.sign(&claims())).is_ok());
    assert!(server.verify(&new.sign(&claims())).is_err());
    rotation.replace(&issuer::jwks(&[&new])).expect("keys to use");
    assert!(server.verify(&new.sign(&claims())).is_ok());
    assert!(server.verify(&old.sign(&claims())).is_err());
    assert!(rotation.replace("{\"keys\":[]}").is_err());
    assert!(server.verify(&new.sign(&claims())).is_ok(), "good keys stay when new ones are bad");
}

#[test]
fn each_issuers_key_counts_only_for_its_own_tokens() {
    let (theirs, ours) = (Key::ed25519("theirs", 1), Key::ed25519("ours", 2));
    let internal = Verifier::new("internal", AUDIENCE, &issuer::jwks(&[&ours])).expect("keys");
    let verifier = verifier(&[&theirs]).or(&internal);
    let inside = claims_but("iss", json!("internal"));
    assert!(verifier.verify(&theirs.sign(&claims())).is_ok());
    assert!(verifier.verify(&ours.sign(&inside)).is_ok());
    assert!(verifier.verify(&theirs.sign(&inside)).is_err());
    assert!(verifier.verify(&ours.sign(&claims())).is_err());
}

#[test]
fn keys_that_are_not_for_us_are_left_out() {
    for jwks in [
        "",
        "{}",
        r#"{"keys":[{"kty":"oct","kid":"k","k":"c2VjcmV0"}]}"#,
        r#"{"keys":[{"kty":"EC","crv":"P-384","kid":"k","x":"AA","y":"AA"}]}"#,
    ] {
        assert!(Verifier::new(ISSUER, AUDIENCE, jwks).is_err(), "{jwks}");
    }
    let mut for_encryption = Key::ed25519("k", 1);
    for_encryption.public.common.public_key_use = Some(jsonwebtoken::jwk::PublicKeyUse::Encryption);
    assert!(Verifier::new(ISSUER, AUDIENCE, &issuer::jwks(&[&for_encryption])).is_err());
}

/// What was verified once is not looked at again; whatever may have changed since is.
#[test]
fn a_token_that_was_good_is_refused_once_it_is_no_more() {
    let (old, new) = (Key::ed25519("k", 1), Key::ed25519("k", 2));
    let (first, rotation) = Verifier::fetching(ISSUER, AUDIENCE);
    rotation.replace(&issuer::jwks(&[&old])).expect("keys");
    let token = old.sign(&claims());
    let all = first.clone().or(&verifier(&[&new]));
    for _ in 0..2 {
        assert!(first.verify(&token).is_ok());
    }
    let (text, signature) = token.rsplit_once('.').expect("a token");
    assert!(first.verify(&format!("{text}.A{signature}")).is_err(), "another signature");
    let as_service = first.clone().only_for(Role::Service);
    assert!(as_service.verify(&token).expect("good").roles.is_empty(), "not what the first knows");
    assert!(all.verify(&token).is_ok());
    rotation.replace(&issuer::jwks(&[&new])).expect("keys");
    assert!(first.verify(&token).is_err(), "its key is not the issuer's any more");
    assert!(all.verify(&token).is_err(), "nor is it for those who share the keys");
}
