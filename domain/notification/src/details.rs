//! What fills the slots of a letter: names, amounts and dates as people of a language write them.

use std::collections::BTreeMap;

use kernel::{CivilDate, Locale, Money, Timestamp};

use crate::limits::SEATS_NAMED_MAX;
use crate::{BookingCard, PaymentCard, PaymentNews, TicketCard};

/// Slot name to text. A slot without text stays empty.
pub(crate) type Details = BTreeMap<&'static str, String>;

pub(crate) fn ticket_details(ticket: &TicketCard, locale: Locale) -> Details {
    let words = words(locale);
    let mut lines = vec![
        (words.ticket, ticket.name.clone()),
        (words.price, amount(ticket.unit_price, locale)),
        (words.capacity, grouped(&ticket.capacity.to_string())),
    ];
    if !ticket.venue.is_empty() {
        lines.push((words.venue, ticket.venue.clone()));
    }
    if let Some(starts_at) = ticket.starts_at {
        lines.push((words.begins, minute(starts_at)));
    }
    lines.push((words.ticket_number, ticket.ticket_id.to_string()));
    Details::from([("ticket", ticket.name.clone()), ("details", listed(&lines))])
}

pub(crate) fn booking_details(booking: &BookingCard, locale: Locale) -> Details {
    let words = words(locale);
    let units = if booking.stay.is_some() { words.rooms } else { words.quantity };
    let mut lines = vec![
        (words.ticket, booking.ticket_name.clone()),
        (units, grouped(&booking.quantity.to_string())),
    ];
    if !booking.seats.is_empty() {
        lines.push((words.seats, seats(&booking.seats, locale)));
    }
    if let Some((check_in, check_out)) = booking.stay {
        lines.push((words.stay, stay(check_in, check_out, locale)));
    }
    // Before its hold a booking of seats or nights has no price to tell.
    if booking.total.minor() != 0 {
        lines.push((words.total, amount(booking.total, locale)));
    }
    if let Some(fee) = booking.cancel_fee.filter(|fee| fee.minor() != 0) {
        lines.push((words.cancel_fee, amount(fee, locale)));
    }
    if let Some(pay_by) = booking.pay_by {
        lines.push((words.pay_by, minute(pay_by)));
    }
    lines.push((words.booking_number, booking.booking_id.to_string()));
    Details::from([
        ("ticket", booking.ticket_name.clone()),
        ("buyer", booking.buyer_id.to_string()),
        ("reason", reason(&booking.status_reason, locale).to_owned()),
        ("details", listed(&lines)),
    ])
}

pub(crate) fn payment_details(what: PaymentNews, payment: &PaymentCard, locale: Locale) -> Details {
    let words = words(locale);
    let (label, sum) = match what {
        PaymentNews::Approved | PaymentNews::Declined => (words.amount, payment.amount),
        PaymentNews::RefundSucceeded { refund } | PaymentNews::RefundFailed { refund } => {
            (words.refund, refund)
        }
    };
    let sum = amount(sum, locale);
    let lines = [(label, sum.clone()), (words.booking_number, payment.booking_id.to_string())];
    Details::from([("amount", sum), ("details", listed(&lines))])
}

fn listed(lines: &[(&str, String)]) -> String {
    lines.iter().map(|(label, value)| format!("{label}: {value}")).collect::<Vec<_>>().join("\n")
}

/// "A1, A2"; of a crowd the first ones and how many more.
fn seats(names: &[String], locale: Locale) -> String {
    let (named, others) = names.split_at(names.len().min(SEATS_NAMED_MAX));
    let named = named.join(", ");
    match (others.len(), locale) {
        (0, _) => named,
        (more, Locale::En) => format!("{named} and {more} more"),
        (more, Locale::Ko) => format!("{named} 외 {more}석"),
    }
}

/// "2 nights, 24 to 26 December 2026", in Korean "2박, 2026년 12월 24일 ~ 26일"; what the two dates share is said once.
fn stay(from: CivilDate, until: CivilDate, locale: Locale) -> String {
    let nights = from.days_until(until);
    let same_year = from.year() == until.year();
    let same_month = same_year && from.month() == until.month();
    match locale {
        Locale::En => {
            let of = if nights == 1 { "night" } else { "nights" };
            let mut first = from.day().to_string();
            if !same_month {
                first = format!("{first} {}", month(from));
            }
            if !same_year {
                first = format!("{first} {}", from.year());
            }
            format!("{nights} {of}, {first} to {} {} {}", until.day(), month(until), until.year())
        }
        Locale::Ko => {
            let mut last = format!("{}일", until.day());
            if !same_month {
                last = format!("{}월 {last}", until.month());
            }
            if !same_year {
                last = format!("{}년 {last}", until.year());
            }
            let (year, month, day) = (from.year(), from.month(), from.day());
            format!("{nights}박, {year}년 {month}월 {day}일 ~ {last}")
        }
    }
}

fn month(of: CivilDate) -> &'static str {
    const NAMES: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    // A date's month is 1 to 12.
    usize::try_from(of.month() - 1).ok().and_then(|at| NAMES.get(at)).copied().unwrap_or_default()
}

/// "110,000 KRW", in Korean "110,000원"; other currencies by their code in both.
fn amount(money: Money, locale: Locale) -> String {
    let plain = money.to_string();
    let (number, code) = plain.split_once(' ').unwrap_or((plain.as_str(), ""));
    let number = grouped(number);
    match (locale, code) {
        (Locale::Ko, "KRW") => format!("{number}원"),
        (Locale::Ko | Locale::En, _) => format!("{number} {code}"),
    }
}

/// A decimal number with its thousands apart.
fn grouped(number: &str) -> String {
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    let mut text = String::new();
    let digits = whole.chars().filter(char::is_ascii_digit).count();
    let mut left = digits;
    for c in whole.chars() {
        if c.is_ascii_digit() {
            if left != digits && left % 3 == 0 {
                text.push(',');
            }
            left -= 1;
        }
        text.push(c);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// "2027-05-01 10:30 UTC": events name no zone, so the letter says which one it means.
fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    match text.get(..16) {
        Some(minute) => format!("{} UTC", minute.replace('T', " ")),
        None => text,
    }
}

struct Words {
    ticket: &'static str,
    price: &'static str,
    capacity: &'static str,
    venue: &'static str,
    begins: &'static str,
    ticket_number: &'static str,
    quantity: &'static str,
    seats: &'static str,
    rooms: &'static str,
    stay: &'static str,
    total: &'static str,
    cancel_fee: &'static str,
    pay_by: &'static str,
    amount: &'static str,
    refund: &'static str,
    booking_number: &'static str,
}

const fn words(locale: Locale) -> Words {
    match locale {
        Locale::En => Words {
            ticket: "Ticket",
            price: "Price",
            capacity: "Capacity",
            venue: "Venue",
            begins: "Begins",
            ticket_number: "Ticket number",
            quantity: "Quantity",
            seats: "Seats",
            rooms: "Rooms",
            stay: "Stay",
            total: "Total",
            cancel_fee: "Cancellation fee",
            pay_by: "Pay by",
            amount: "Amount",
            refund: "Refund",
            booking_number: "Booking number",
        },
        Locale::Ko => Words {
            ticket: "티켓",
            price: "가격",
            capacity: "총수량",
            venue: "장소",
            begins: "시작 시각",
            ticket_number: "티켓 번호",
            quantity: "수량",
            seats: "좌석",
            rooms: "객실 수",
            stay: "숙박",
            total: "총금액",
            cancel_fee: "취소 수수료",
            pay_by: "결제 기한",
            amount: "금액",
            refund: "환불 금액",
            booking_number: "예매 번호",
        },
    }
}

/// Why a booking is in its state, as a sentence; for a reason this version does not know, a general one.
fn reason(code: &str, locale: Locale) -> &'static str {
    match (locale, code) {
        (Locale::En, "SOLD_OUT") => "Not enough tickets were left.",
        (Locale::Ko, "SOLD_OUT") => "남은 수량이 부족했습니다.",
        (Locale::En, "NOT_ON_SALE" | "TICKET_RETIRING") => "The ticket is not on sale.",
        (Locale::Ko, "NOT_ON_SALE" | "TICKET_RETIRING") => "판매 중인 티켓이 아닙니다.",
        (Locale::En, "PRICE_MISMATCH") => "The price had changed.",
        (Locale::Ko, "PRICE_MISMATCH") => "가격이 변경되었습니다.",
        (Locale::En, "LIMIT_PER_BUYER") => "It was more than one buyer may have.",
        (Locale::Ko, "LIMIT_PER_BUYER") => "1인당 구매 한도를 넘었습니다.",
        (Locale::En, "STAY_NOT_ALLOWED") => "It is not let for these nights.",
        (Locale::Ko, "STAY_NOT_ALLOWED") => "선택하신 날짜로는 숙박할 수 없습니다.",
        (Locale::En, "INVALID_FIELD") => "It cannot be booked in this way.",
        (Locale::Ko, "INVALID_FIELD") => "이 방식으로는 예매할 수 없는 티켓입니다.",
        (Locale::En, "PAYMENT_DECLINED") => "The payment was declined.",
        (Locale::Ko, "PAYMENT_DECLINED") => "결제가 거절되었습니다.",
        (Locale::En, "PAYMENT_UNAVAILABLE") => "The payment could not be tried just now.",
        (Locale::Ko, "PAYMENT_UNAVAILABLE") => "지금은 결제를 진행할 수 없었습니다.",
        (Locale::En, "BUYER_CANCELLED") => "It was cancelled at the buyer's request.",
        (Locale::Ko, "BUYER_CANCELLED") => "구매자의 요청에 따른 취소입니다.",
        (Locale::En, "OPERATOR_CANCELLED") => "It was cancelled by our customer service.",
        (Locale::Ko, "OPERATOR_CANCELLED") => "고객 센터에서 예매를 취소했습니다.",
        (Locale::En, "TICKET_DELETED") => "The organizer has withdrawn the ticket.",
        (Locale::Ko, "TICKET_DELETED") => "주최사가 티켓 판매를 취소했습니다.",
        (Locale::En, _) => "You find its state on your page.",
        (Locale::Ko, _) => "자세한 상태는 마이페이지에서 확인하실 수 있습니다.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Currency;

    fn money(code: &str, minor: i64) -> Money {
        Money::from_minor(minor, Currency::from_code(code).expect("known"))
    }

    #[test]
    fn amounts_read_as_people_write_them() {
        assert_eq!(amount(money("KRW", 1_234_567), Locale::Ko), "1,234,567원");
        assert_eq!(amount(money("KRW", 110_000), Locale::En), "110,000 KRW");
        assert_eq!(amount(money("USD", 123_456), Locale::Ko), "1,234.56 USD");
        assert_eq!(amount(money("USD", -99_905), Locale::En), "-999.05 USD");
        assert_eq!(amount(money("KRW", 0), Locale::Ko), "0원");
    }

    #[test]
    fn stays_read_as_people_write_them() {
        let date = |text: &str| text.parse::<CivilDate>().expect("exists");
        for (from, until, english, korean) in [
            (
                "2026-12-24",
                "2026-12-26",
                "2 nights, 24 to 26 December 2026",
                "2박, 2026년 12월 24일 ~ 26일",
            ),
            (
                "2026-11-30",
                "2026-12-01",
                "1 night, 30 November to 1 December 2026",
                "1박, 2026년 11월 30일 ~ 12월 1일",
            ),
            (
                "2024-12-30",
                "2025-01-02",
                "3 nights, 30 December 2024 to 2 January 2025",
                "3박, 2024년 12월 30일 ~ 2025년 1월 2일",
            ),
        ] {
            assert_eq!(stay(date(from), date(until), Locale::En), english);
            assert_eq!(stay(date(from), date(until), Locale::Ko), korean);
        }
    }

    #[test]
    fn a_crowd_of_seats_is_named_in_part() {
        let names: Vec<_> = (1..=SEATS_NAMED_MAX + 2).map(|n| format!("A{n}")).collect();
        assert_eq!(seats(&names[..2], Locale::En), "A1, A2");
        assert!(seats(&names[..SEATS_NAMED_MAX], Locale::En).ends_with("A20"));
        assert!(seats(&names, Locale::En).ends_with("A20 and 2 more"));
        assert!(seats(&names, Locale::Ko).ends_with("A20 외 2석"));
    }

    #[test]
    fn times_are_to_the_minute_and_name_their_zone() {
        let at = Timestamp::from_micros(1_809_081_045_123_456);
        assert_eq!(minute(at), "2027-04-30 10:30 UTC");
    }
}
