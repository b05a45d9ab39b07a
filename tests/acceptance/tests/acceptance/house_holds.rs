//! An organizer keeps stock for the house, from outside (trap R46).

use boxoffice::http::HttpAnswer;
use serde_json::{Value, json};
use testkit::Platform;

use crate::world::{book, register, until};

const REPLAYED: &str = "idempotency-replayed";

async fn keep(platform: &Platform, who: &str, ticket: &str, units: u32, key: &str) -> HttpAnswer {
    let (path, token) = (format!("/v1/tickets/{ticket}/houseHolds"), platform.organizer(who));
    let wish = json!({"quantity": units, "note": "press"});
    platform.http.post(path).token(&token).key(key).json(wish).send().await.unwrap()
}

async fn listed(platform: &Platform, ticket: &str) -> Vec<Value> {
    let (path, token) = (format!("/v1/tickets/{ticket}/houseHolds"), platform.organizer("acme"));
    let answer = platform.http.get(path).token(&token).send().await.unwrap();
    answer.json["holds"].as_array().unwrap_or_else(|| panic!("{}", answer.json)).clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn r46_what_the_house_keeps_is_not_sold_and_comes_back() {
    let platform = Platform::start().await;
    let acme = platform.organizer("acme");
    let ticket = register(&platform, "Premiere", 5).await;
    let kept = keep(&platform, "acme", &ticket, 4, "a").await;
    assert_eq!((kept.status.as_u16(), kept.text("note")), (201, "press"), "{}", kept.json);
    assert!([REPLAYED, "location"].iter().all(|name| kept.headers.get(*name).is_none()));
    // Of version 7, as every identifier is, whether a key came along or not (RFC 9562, 5.7).
    assert_eq!(kept.text("holdId").chars().nth(14), Some('7'), "{}", kept.json);
    let again = keep(&platform, "acme", &ticket, 4, "a").await;
    assert_eq!(
        (&again.json, again.status),
        (&kept.json, kept.status),
        "the same key, the same hold"
    );
    assert_eq!(again.headers[REPLAYED], "true");
    let other = keep(&platform, "acme", &ticket, 3, "a").await;
    assert_eq!(other.status, 422, "another request: {}", other.json);
    assert_eq!(listed(&platform, &ticket).await, vec![kept.json.clone()]);
    assert_eq!(keep(&platform, "rival", &ticket, 1, "b").await.status, 403);
    let refused = keep(&platform, "acme", &ticket, 2, "c").await;
    assert!(refused.json.to_string().contains("SOLD_OUT"), "{}", refused.json);
    let refused = book(&platform, "alice", &ticket, 2, "ok").await;
    assert!(refused.json.to_string().contains("SOLD_OUT"), "{}", refused.json);
    platform.audit_is_clean().await;

    let hold = kept.text("holdId");
    let release = format!("/v1/tickets/{ticket}/houseHolds/{hold}:release");
    for _ in 0..2 {
        let given_up = platform.http.post(&release).token(&acme).json(json!({})).send().await;
        assert_eq!(given_up.unwrap().json, kept.json);
    }
    assert!(listed(&platform, &ticket).await.is_empty());
    let kept = keep(&platform, "acme", &ticket, 1, "d").await;
    assert_eq!(kept.status, 201, "{}", kept.json);
    let path = format!("/v1/tickets/{ticket}");
    let deleted = platform.http.delete(&path).token(&acme).send().await.unwrap();
    assert_eq!(deleted.status, 200, "{}", deleted.json);
    until(&platform.http, &path, &acme, |row| row["status"] == "TICKET_STATUS_RETIRED").await;
    assert!(listed(&platform, &ticket).await.is_empty());
    platform.audit_is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_giving_up_has_one_answer_for_a_key() {
    let platform = Platform::start().await;
    let acme = platform.organizer("acme");
    let ticket = register(&platform, "Premiere", 5).await;
    let kept = [
        keep(&platform, "acme", &ticket, 1, "a").await,
        keep(&platform, "acme", &ticket, 1, "b").await,
    ];
    let release = async |hold: &HttpAnswer| {
        let path = format!("/v1/tickets/{ticket}/houseHolds/{}:release", hold.text("holdId"));
        platform.http.post(path).token(&acme).key("r").json(json!({})).send().await.unwrap()
    };
    let first = release(&kept[0]).await;
    assert_eq!((first.status.as_u16(), &first.json), (200, &kept[0].json));
    assert!(first.headers.get(REPLAYED).is_none());
    let again = release(&kept[0]).await;
    assert_eq!((again.status, &again.json), (first.status, &first.json));
    assert_eq!(again.headers[REPLAYED], "true");
    let other = release(&kept[1]).await;
    assert_eq!(other.status, 422, "{}", other.json);
    assert!(other.json.to_string().contains("IDEMPOTENCY_KEY_REUSED"), "{}", other.json);
    assert_eq!(listed(&platform, &ticket).await, vec![kept[1].json.clone()], "not given up");
    platform.audit_is_clean().await;
}
