//! The platform over an OpenID provider that is certified as one: whose tokens it takes (reliability.md, matrix row 22),
//! what they say, and how its own servers get theirs.

use std::collections::BTreeMap;
use std::time::Instant;

use boxoffice::http::HttpClient;
use futures::future::join_all;
use proto::boxoffice::booking::v1::ListBookingsRequest;
use proto::boxoffice::booking::v1::booking_service_client::BookingServiceClient;
use serde_json::{Value, json};
use servers::{Life, OIDC_CLIENT_SECRET, Scratch, Server, oidc_provider};
use testkit::{Plan, Platform, Shape, eventually};
use tonic::Code;
use tonic::transport::Channel;

/// A process fetches keys once in so many seconds at most, whatever callers send.
const DISTANCE_SECS: u64 = 5;
const STORM: usize = 600;

struct Issuer {
    server: Server,
    door: HttpClient,
    secret: String,
    _scratch: Scratch,
}

impl Issuer {
    fn start(token_seconds: u32) -> Self {
        let scratch = Scratch::fresh("oidc").unwrap();
        let server = oidc_provider(scratch.path(), token_seconds, Life::WithStarter).unwrap();
        let secret = scratch.path().join("client-secret");
        std::fs::write(&secret, format!("{OIDC_CLIENT_SECRET}\n")).unwrap();
        let secret = secret.to_str().unwrap().to_owned();
        Self { door: HttpClient::new(server.url()), server, secret, _scratch: scratch }
    }

    /// A platform that trusts it, and reads its tokens as it writes them.
    fn plan(&self) -> Plan {
        [
            ("OIDC_ISSUER", self.server.url()),
            ("OIDC_JWKS_TTL_MS", "3600000"),
            ("OIDC_ROLES_CLAIM", "realm.roles"),
            ("OIDC_ORGANIZER_CLAIM", "/firm/id"),
            ("OIDC_ROLES_MAP", "kunde=buyer,veranstalter=organizer,dienst=service"),
            ("OIDC_CLIENT_ID", "boxoffice-servers"),
            ("OIDC_CLIENT_SECRET_FILE", self.secret.as_str()),
        ]
        .iter()
        .fold(Plan::of(Shape::chosen()), |plan, (name, value)| plan.with(name, value))
    }

    async fn get(&self, path: &str) -> Value {
        self.door.get(path).send().await.unwrap().json
    }

    async fn grant(&self, name: &str) -> String {
        let granted = self.get(&format!("/test/grant/{name}")).await;
        granted["access_token"].as_str().unwrap_or_else(|| panic!("{granted}")).to_owned()
    }

    /// How often it was asked for its keys.
    async fn fetches(&self) -> u64 {
        self.get("/test/seen").await["/jwks"].as_u64().unwrap_or_default()
    }
}

async fn status(platform: &Platform, token: &str) -> u16 {
    platform.http.get("/v1/bookings").token(token).send().await.unwrap().status.as_u16()
}

async fn list_over_grpc(client: &BookingServiceClient<Channel>, token: &str) -> Code {
    let mut request = tonic::Request::new(ListBookingsRequest::default());
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    client.clone().list_bookings(request).await.map_or_else(|status| status.code(), |_| Code::Ok)
}

async fn grpc(platform: &Platform) -> BookingServiceClient<Channel> {
    let address = format!("http://{}", platform.grpc_addr("booking"));
    BookingServiceClient::new(Channel::from_shared(address).unwrap().connect().await.unwrap())
}

async fn register(platform: &Platform, organizer: &str) -> String {
    let ticket = json!({
        "kind": "TICKET_KIND_ADMISSION",
        "name": "By another issuer",
        "timeZone": "Asia/Seoul",
        "unitPrice": {"currencyCode": "KRW", "units": "55000"},
        "capacity": "100",
    });
    let answer = platform.http.post("/v1/tickets").token(organizer).json(ticket).send().await;
    let answer = answer.unwrap();
    assert_eq!(answer.status, 201, "{}", answer.json);
    assert_eq!(answer.text("organizerId"), "acme");
    answer.text("ticketId").to_owned()
}

/// Calls between servers are part of every booking: stock is held and money taken as the role `service`.
async fn books(platform: &Platform, token: &str, ticket: &str) {
    let wish = json!({"ticketId": ticket, "quantity": 1, "paymentMethod": "ok"});
    let booked = platform.http.post("/v1/bookings").token(token).json(wish).send().await.unwrap();
    assert_eq!(booked.text("status"), "BOOKING_STATUS_CONFIRMED", "{}", booked.json);
}

async fn becomes(platform: &Platform, token: &str, wanted: u16, what: &str) {
    eventually(what, || async {
        let found = status(platform, token).await;
        if found == wanted { Ok(()) } else { Err(format!("{found}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n11_row_22_the_tokens_of_a_certified_issuer_are_taken_and_no_others() {
    let mut issuer = Issuer::start(300);
    let platform = Platform::start_as(issuer.plan()).await;
    let client = grpc(&platform).await;
    let (alice, acme) = (issuer.grant("alice").await, issuer.grant("acme").await);
    let ticket = register(&platform, &acme).await;
    books(&platform, &alice, &ticket).await;
    assert!(!platform.data_dir().join("service.key").exists(), "the issuer's tokens, not ours");
    assert!(!platform.data_dir().join("issuer.key").exists());
    // Whoever has our names of roles at this issuer has them for something else.
    assert_eq!(status(&platform, &issuer.grant("mallory").await).await, 403);

    let tokens = issuer.get("/test/tokens").await;
    let good = tokens["good"].as_str().unwrap();
    assert_eq!(
        (status(&platform, good).await, list_over_grpc(&client, good).await),
        (200, Code::Ok)
    );
    let bad: BTreeMap<String, String> = serde_json::from_value(tokens["bad"].clone()).unwrap();
    assert!(bad.len() >= 25);
    for (what, token) in &bad {
        let answer = platform.http.get("/v1/bookings").token(token).send().await.unwrap();
        let (status, reason) = (answer.status.as_u16(), answer.reason());
        assert_eq!((status, reason), (401, "UNAUTHENTICATED"), "{what}: {}", answer.json);
        assert_eq!(list_over_grpc(&client, token).await, Code::Unauthenticated, "{what}");
    }

    storm(&platform, &issuer, &bad["a key nobody knows"]).await;

    issuer.get("/test/rotate").await;
    let of_new_key = issuer.grant("alice").await;
    becomes(&platform, &of_new_key, 200, "a new key is known before the old ones' time is over")
        .await;
    assert_eq!(status(&platform, &alice).await, 200, "the last key is still the issuer's");
    away(&platform, &mut issuer, &of_new_key, &ticket).await;
}

/// Tokens of keys that nobody knows cost the issuer no more than a question in five seconds.
async fn storm(platform: &Platform, issuer: &Issuer, token: &str) {
    let (before, begun) = (issuer.fetches().await, Instant::now());
    for _ in 0..STORM / 100 {
        let all = join_all((0..100).map(|_| status(platform, token))).await;
        assert!(all.iter().all(|status| *status == 401), "{all:?}");
    }
    let fetched = issuer.fetches().await - before;
    let most = begun.elapsed().as_secs() / DISTANCE_SECS + 2;
    assert!(fetched <= most, "{fetched} fetches for {STORM} tokens, {most} are enough");
}

/// While the issuer is away all goes on that needs nothing new of it; and once it is back, what it gave up is no more.
async fn away(platform: &Platform, issuer: &mut Issuer, of_new_key: &str, ticket: &str) {
    let never_shown = issuer.grant("alice").await;
    let tokens = issuer.get("/test/tokens").await;
    let unknown = tokens["bad"]["a key nobody knows"].as_str().unwrap();
    issuer.server.stop().unwrap();
    assert_eq!(status(platform, &never_shown).await, 200, "never seen before, by a known key");
    assert_eq!(status(platform, of_new_key).await, 200);
    assert_eq!(status(platform, unknown).await, 401);
    books(platform, of_new_key, ticket).await;

    // It comes back as it began, with its first key alone.
    issuer.server.restart().unwrap();
    eventually("the key that it has given up is trusted no more", || async {
        status(platform, unknown).await;
        let found = status(platform, &never_shown).await;
        if found == 401 { Ok(()) } else { Err(format!("{found}")) }
    })
    .await;
    assert_eq!(status(platform, &issuer.grant("alice").await).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn n11_servers_start_before_their_issuer_and_renew_their_own_tokens() {
    if Shape::leaves_out(Shape::Postgres, "calls between servers leave the process in this one") {
        return;
    }
    let mut issuer = Issuer::start(3);
    issuer.server.stop().unwrap();
    let mut platform = Platform::set_up(&issuer.plan());
    platform.migrate().await;
    platform.servers().iter_mut().for_each(|server| server.start());
    for (server, parts) in [
        ("ticket-1", &["issuer"][..]),
        ("booking-1", &["issuer", "service token"]),
        ("gateway-1", &[]),
    ] {
        eventually("servers wait for the issuer", || waits_for(&platform, server, parts)).await;
    }
    issuer.server.restart().unwrap();
    platform.restart().await;

    let address = format!("http://{}", platform.grpc_addr("gateway"));
    let gateway = Channel::from_shared(address).unwrap().connect().await.unwrap();
    let (client, token) = (BookingServiceClient::new(gateway), issuer.grant("alice").await);
    let refused = list_over_grpc(&client, &token).await;
    assert_eq!(refused, Code::Unauthenticated, "it has no keys, and waits for none");

    let ticket = register(&platform, &issuer.grant("acme").await).await;
    books(&platform, &issuer.grant("alice").await, &ticket).await;
    let asked = async || issuer.get("/test/seen").await["/token"].as_u64().unwrap();
    let before = asked().await;
    // The first token is over by then: each is renewed after three eighths of its life at the soonest.
    eventually("service tokens are renewed", || async {
        let now = asked().await;
        if now >= before + 3 { Ok(()) } else { Err(format!("{now} of {before} + 3")) }
    })
    .await;
    books(&platform, &issuer.grant("alice").await, &ticket).await;
    let logs: String = platform.servers().iter().map(|server| server.log_text()).collect();
    assert!(!logs.contains(OIDC_CLIENT_SECRET) && !logs.contains("eyJ"), "no secret, no token");
}

/// Whether a server's admin page says that it waits for these, and for nothing else of the issuer's.
async fn waits_for(platform: &Platform, name: &str, parts: &[&str]) -> Result<(), String> {
    let page = platform.admin_get_of(name, "/ready").await?;
    let told: Value = serde_json::from_str(&page.body).map_err(|error| error.to_string())?;
    let dependencies = told["dependencies"].as_object().ok_or("no dependencies")?;
    let of_issuer = ["issuer", "service token"];
    let known: Vec<_> =
        of_issuer.into_iter().filter(|part| dependencies.contains_key(*part)).collect();
    let waited_for = parts.iter().all(|part| dependencies[*part] == json!(false));
    if known == parts && waited_for { Ok(()) } else { Err(page.body) }
}
