//! Who is told what, and what the letters say.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its scene has failed")]

use kernel::{
    BookingId, BuyerId, CivilDate, Currency, Locale, Money, OrganizerId, Quantity, TicketId,
    Timestamp, Uuid,
};
use notification::{
    BookingCard, BookingNews, Letter, News, PaymentCard, PaymentNews, Recipient, SUBJECT_CHARS_MAX,
    TicketCard, TicketNews, told, write,
};

const LOCALES: [Locale; 2] = [Locale::En, Locale::Ko];

fn krw(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_code("KRW").unwrap())
}

fn ticket() -> TicketCard {
    TicketCard {
        ticket_id: TicketId::new(Uuid::from_u128(2)),
        organizer_id: OrganizerId::new("acme").unwrap(),
        name: "Rock Night".to_owned(),
        venue: "Jamsil".to_owned(),
        unit_price: krw(55_000),
        capacity: 1_000,
        starts_at: Some(Timestamp::from_micros(1_809_081_000_000_000)),
    }
}

fn booking() -> BookingCard {
    BookingCard {
        booking_id: BookingId::new(Uuid::from_u128(1)),
        ticket_id: TicketId::new(Uuid::from_u128(2)),
        ticket_name: "Rock Night".to_owned(),
        organizer_id: OrganizerId::new("acme").unwrap(),
        buyer_id: BuyerId::new("alice").unwrap(),
        buyer_locale: Some(Locale::Ko),
        quantity: Quantity::new(3).unwrap(),
        seats: vec!["A1".to_owned(), "A2".to_owned()],
        stay: Some((CivilDate::new(2027, 5, 1).unwrap(), CivilDate::new(2027, 5, 3).unwrap())),
        total: krw(165_000),
        cancel_fee: None,
        status_reason: "SOLD_OUT".to_owned(),
        pay_by: Some(Timestamp::from_micros(1_809_081_000_000_000)),
    }
}

fn payment() -> PaymentCard {
    PaymentCard {
        booking_id: BookingId::new(Uuid::from_u128(1)),
        buyer_id: BuyerId::new("alice").unwrap(),
        buyer_locale: Some(Locale::En),
        amount: krw(165_000),
    }
}

fn buyer() -> Recipient {
    Recipient::Buyer(BuyerId::new("alice").unwrap())
}

fn organizer() -> Recipient {
    Recipient::Organizer(OrganizerId::new("acme").unwrap())
}

/// Every event with those who are told of it.
fn table() -> Vec<(News, Vec<Recipient>)> {
    let registered = TicketNews::Registered { organizer_locale: Some(Locale::Ko) };
    let of_ticket = |what| News::Ticket(what, ticket());
    let of_booking = |what| News::Booking(what, booking());
    let of_payment = |what| News::Payment(what, payment());
    let refund = krw(165_000);
    vec![
        (of_ticket(registered), vec![organizer()]),
        (of_ticket(TicketNews::Changed), vec![]),
        (of_ticket(TicketNews::RetirementStarted), vec![]),
        (of_ticket(TicketNews::Retired), vec![organizer()]),
        (of_booking(BookingNews::Placed), vec![]),
        (of_booking(BookingNews::AwaitingPayment), vec![buyer()]),
        (of_booking(BookingNews::Rejected), vec![buyer()]),
        (of_booking(BookingNews::Expired), vec![buyer()]),
        (of_booking(BookingNews::Confirmed), vec![buyer(), organizer()]),
        (of_booking(BookingNews::CancellationRequested), vec![buyer()]),
        (of_booking(BookingNews::Reduced), vec![buyer(), organizer()]),
        (of_booking(BookingNews::Cancelled), vec![buyer(), organizer()]),
        (of_payment(PaymentNews::Approved), vec![buyer()]),
        (of_payment(PaymentNews::Declined), vec![buyer()]),
        (of_payment(PaymentNews::RefundSucceeded { refund }), vec![buyer()]),
        (of_payment(PaymentNews::RefundFailed { refund }), vec![buyer()]),
    ]
}

fn letters(news: &News, locale: Locale) -> Vec<Letter> {
    told(news).iter().map(|told| write(told, news, locale)).collect()
}

#[test]
fn t06_t07_t13_each_event_tells_the_right_people() {
    for (news, expected) in table() {
        let recipients: Vec<_> = told(&news).into_iter().map(|told| told.recipient).collect();
        assert_eq!(recipients, expected, "{}", news.event_type());
    }
}

#[test]
fn t06_every_letter_is_whole_in_every_language() {
    for (news, _) in table() {
        for locale in LOCALES {
            for Letter { subject, body } in letters(&news, locale) {
                let text = format!("{subject}\n{body}");
                assert!(!text.contains(['{', '}']), "{text}");
                assert!(!text.contains("  "), "{text}");
                let hangul = text.chars().any(|c| ('가'..='힣').contains(&c));
                assert_eq!(hangul, locale == Locale::Ko, "{text}");
            }
        }
    }
}

#[test]
fn t06_letters_name_the_booking_the_ticket_the_quantity_the_amount_and_the_dates() {
    let confirmed = News::Booking(BookingNews::Confirmed, booking());
    let booking_id = booking().booking_id.to_string();
    for locale in LOCALES {
        for Letter { subject, body } in letters(&confirmed, locale) {
            assert!(subject.contains("Rock Night"), "{subject}");
            let stay = match locale {
                Locale::En => "2 nights, 1 to 3 May 2027",
                Locale::Ko => "2박, 2027년 5월 1일 ~ 3일",
            };
            for part in ["Rock Night", ": 3", "165,000", stay, "A1, A2"] {
                assert!(body.contains(part), "{part}: {body}");
            }
            assert!(body.contains(&booking_id), "{body}");
        }
    }
    let approved = News::Payment(PaymentNews::Approved, payment());
    for locale in LOCALES {
        for Letter { body, .. } in letters(&approved, locale) {
            assert!(body.contains("165,000") && body.contains(&booking_id), "{body}");
        }
    }
}

#[test]
fn t11_r41_only_refund_succeeded_says_that_money_came_back() {
    let claims =
        ["have refunded", "has been refunded", "환불해 드렸습니다", "환불이 완료", "환불되었"];
    for (news, _) in table() {
        let may_say_so = matches!(news, News::Payment(PaymentNews::RefundSucceeded { .. }, _));
        for locale in LOCALES {
            for Letter { subject, body } in letters(&news, locale) {
                let text = format!("{subject}\n{body}");
                let says_so = claims.iter().any(|claim| text.contains(claim));
                assert_eq!(says_so, may_say_so, "{text}");
            }
        }
    }
}

#[test]
fn t11_a_partial_refund_says_how_much_came_back() {
    let news = News::Payment(PaymentNews::RefundSucceeded { refund: krw(55_000) }, payment());
    for locale in LOCALES {
        for Letter { subject, body } in letters(&news, locale) {
            assert!(subject.contains("55,000") && !subject.contains("165,000"), "{subject}");
            assert!(body.contains("55,000") && !body.contains("165,000"), "{body}");
        }
    }
}

#[test]
fn a_buyer_is_told_why_it_could_not_be_booked() {
    let reasons = [
        "SOLD_OUT",
        "NOT_ON_SALE",
        "PRICE_MISMATCH",
        "LIMIT_PER_BUYER",
        "SOMETHING_NEW",
        "STAY_NOT_ALLOWED",
        "INVALID_FIELD",
    ];
    let rejected = |reason: &str| {
        let card = BookingCard { status_reason: reason.to_owned(), ..booking() };
        letters(&News::Booking(BookingNews::Rejected, card), Locale::En).remove(0).body
    };
    let mut bodies: Vec<_> = reasons.into_iter().map(rejected).collect();
    assert!(bodies[0].contains("Not enough tickets"), "{}", bodies[0]);
    assert!(!bodies[4].contains("SOMETHING_NEW"), "{}", bodies[4]);
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), reasons.len());
}

/// Of seats and nights only their hold knows the price, and a refused booking has none.
#[test]
fn a_price_that_nobody_has_said_is_not_told() {
    for (total, is_told) in [(krw(165_000), true), (krw(0), false)] {
        let card = BookingCard { total, ..booking() };
        let body = letters(&News::Booking(BookingNews::Rejected, card), Locale::En).remove(0).body;
        assert_eq!(body.contains("Total:"), is_told, "{body}");
    }
}

#[test]
fn t09_a_fee_is_told_where_there_is_one() {
    for (cancel_fee, is_told) in [(None, false), (Some(krw(0)), false), (Some(krw(49_500)), true)] {
        for what in [BookingNews::CancellationRequested, BookingNews::Cancelled] {
            let card = BookingCard { cancel_fee, ..booking() };
            for (locale, line) in [
                (Locale::En, "Cancellation fee: 49,500 KRW"),
                (Locale::Ko, "취소 수수료: 49,500원"),
            ] {
                let body = letters(&News::Booking(what, card.clone()), locale).remove(0).body;
                assert_eq!(body.contains(line), is_told, "{body}");
            }
        }
    }
}

#[test]
fn a_hostile_ticket_name_stays_a_name() {
    let name = format!("{{booking}}{{reason}}\r\nBcc: everybody {}", "x".repeat(300));
    let card = BookingCard { ticket_name: name, ..booking() };
    for locale in LOCALES {
        for Letter { subject, body } in
            letters(&News::Booking(BookingNews::Confirmed, card.clone()), locale)
        {
            assert!(!subject.contains(char::is_control), "{subject:?}");
            assert!(subject.chars().count() <= SUBJECT_CHARS_MAX);
            assert!(body.contains("{booking}{reason}"), "{body}");
        }
    }
}
