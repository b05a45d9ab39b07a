//! The whole job through grpcurl by reflection alone.

use serde_json::{Value, json};
use testkit::{Platform, eventually, tool};

struct Grpcurl<'a> {
    platform: &'a Platform,
}

impl Grpcurl<'_> {
    async fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let output = tokio::process::Command::new(tool("grpcurl"))
            .arg("-plaintext")
            .args(arguments)
            .output()
            .await
            .map_err(|error| error.to_string())?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            Ok(stdout)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// Calls a context's own service: `boxoffice.<context>.v1.…`.
    async fn call(&self, token: &str, method: &str, request: Value) -> Result<Value, String> {
        let context = method.split('.').nth(1).unwrap();
        self.call_at(context, token, method, request).await
    }

    async fn call_at(
        &self,
        context: &str,
        token: &str,
        method: &str,
        request: Value,
    ) -> Result<Value, String> {
        let address = self.platform.grpc_addr(context);
        let bearer = format!("authorization: Bearer {token}");
        let request = request.to_string();
        let answer =
            self.run(&["-H", &bearer, "-emit-defaults", "-d", &request, &address, method]).await?;
        serde_json::from_str(&answer).map_err(|error| error.to_string())
    }

    async fn until(
        &self,
        token: &str,
        method: &str,
        request: Value,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        eventually(method, || async {
            let answer = self.call(token, method, request.clone()).await?;
            if wanted(&answer) { Ok(answer) } else { Err(answer.to_string()) }
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n10_grpcurl_tells_the_same_story_by_reflection_alone() {
    let platform = Platform::start().await;
    let grpcurl = Grpcurl { platform: &platform };
    let (buyer, organizer) = (platform.buyer("gil"), platform.organizer("gorg"));
    for (context, service) in [
        ("ticket", "ticket.v1.TicketService"),
        ("booking", "booking.v1.BookingService"),
        ("payment", "payment.v1.PaymentService"),
        ("notification", "notification.v1.NotificationService"),
        ("mypage", "mypage.v1.MyPageService"),
    ] {
        let services = grpcurl.run(&[&platform.grpc_addr(context), "list"]).await.unwrap();
        assert!(services.contains(&format!("boxoffice.{service}")), "{services}");
        let check = json!({"service": format!("boxoffice.{service}")});
        let asked = "grpc.health.v1.Health/Check";
        let health = grpcurl.call_at(context, &buyer, asked, check).await.unwrap();
        assert_eq!(health["status"], "SERVING");
    }

    let ticket = json!({"ticket": {"kind": "TICKET_KIND_ADMISSION", "name": "Reflected", "capacity": 10,
        "unit_price": {"currency_code": "USD", "units": 20}}});
    let ticket = grpcurl
        .call(&organizer, "boxoffice.ticket.v1.TicketService/RegisterTicket", ticket)
        .await
        .unwrap();
    let ticket_id = ticket["ticket"]["ticketId"].as_str().unwrap();
    let search = json!({"query": "reflected"});
    let found = grpcurl
        .call(&buyer, "boxoffice.ticket.v1.TicketService/SearchTickets", search)
        .await
        .unwrap();
    assert_eq!(found["tickets"][0]["ticketId"], ticket_id);

    let create = "boxoffice.booking.v1.BookingService/CreateBooking";
    let wish = json!({"ticket_id": ticket_id, "quantity": 3, "payment_method": "ok"});
    let booking = grpcurl.call(&buyer, create, wish.clone()).await.unwrap()["booking"].clone();
    assert_eq!(booking["status"], "BOOKING_STATUS_CONFIRMED");
    let named = json!({"booking_id": booking["bookingId"]});
    for (token, who) in [(&buyer, "buyer"), (&organizer, "organizer")] {
        let list = "boxoffice.notification.v1.NotificationService/ListNotifications";
        let told = |answer: &Value| answer.to_string().contains("BookingConfirmed");
        let inbox = grpcurl.until(token, list, named.clone(), told).await;
        assert!(
            inbox["notifications"][0]["subject"].as_str().is_some_and(|text| !text.is_empty()),
            "{who}"
        );
    }
    let mine = "boxoffice.mypage.v1.MyPageService/GetMyBooking";
    grpcurl
        .until(&buyer, mine, named.clone(), |row| {
            row["booking"]["status"] == "BOOKING_STATUS_CONFIRMED"
        })
        .await;

    let cancel = "boxoffice.booking.v1.BookingService/CancelBooking";
    grpcurl.call(&buyer, cancel, named.clone()).await.unwrap();
    let get = "boxoffice.booking.v1.BookingService/GetBooking";
    grpcurl
        .until(&buyer, get, named, |row| row["booking"]["status"] == "BOOKING_STATUS_CANCELLED")
        .await;
    let left = "boxoffice.ticket.v1.TicketService/GetAvailability";
    let one = json!({"ticket_id": ticket_id});
    grpcurl
        .until(&buyer, left, one.clone(), |answer| answer["availability"]["available"] == "10")
        .await;

    let kept = grpcurl.call(&buyer, create, wish).await.unwrap()["booking"].clone();
    grpcurl.call(&organizer, "boxoffice.ticket.v1.TicketService/DeleteTicket", one).await.unwrap();
    let kept = json!({"booking_id": kept["bookingId"]});
    let gone = |row: &Value| {
        row["booking"]["status"] == "BOOKING_STATUS_CANCELLED"
            && row["booking"]["refunded"]["units"] == "60"
    };
    grpcurl.until(&buyer, get, kept, gone).await;
    platform.audit_is_clean().await;
}
