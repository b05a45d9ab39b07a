//! The words of every letter, English and Korean. `{slots}` are filled from `details.rs`.
//! Only `RefundSucceeded` may say that money came back (row T11, trap R41).

use kernel::Locale;

/// What a letter is about, from its reader's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    TicketRegistered,
    TicketDeleted,
    AwaitingPayment,
    Rejected,
    Expired,
    Confirmed,
    Sold,
    CancellationRequested,
    Reduced,
    SaleReduced,
    Cancelled,
    SaleCancelled,
    PaymentApproved,
    PaymentDeclined,
    RefundSucceeded,
    RefundFailed,
}

pub(crate) struct Template {
    pub(crate) subject: &'static str,
    pub(crate) body: &'static str,
}

pub(crate) const fn template(topic: Topic, locale: Locale) -> Template {
    let (subject, body) = match locale {
        Locale::En => english(topic),
        Locale::Ko => korean(topic),
    };
    Template { subject, body }
}

#[expect(clippy::too_many_lines, reason = "a table")]
const fn english(topic: Topic) -> (&'static str, &'static str) {
    match topic {
        Topic::TicketRegistered => (
            "Your ticket is registered: {ticket}",
            "Your ticket {ticket} has been created and can be found by buyers.\n\n{details}",
        ),
        Topic::TicketDeleted => (
            "Your ticket is deleted: {ticket}",
            "Your ticket {ticket} has been deleted, and no booking of it is open any more.\n\n{details}",
        ),
        Topic::AwaitingPayment => (
            "Please pay for your booking: {ticket}",
            "Your tickets are set aside, but they are not paid for yet. {reason} Please pay in time, \
             or they go back on sale. Nothing has been charged.\n\n{details}",
        ),
        Topic::Rejected => (
            "We could not book: {ticket}",
            "Your booking of {ticket} could not be made. {reason} Nothing has been charged.\n\n{details}",
        ),
        Topic::Expired => (
            "Your booking has expired: {ticket}",
            "Your booking of {ticket} was not paid for in time, so its tickets are back on sale. \
             Nothing has been charged.\n\n{details}",
        ),
        Topic::Confirmed => (
            "Your booking is confirmed: {ticket}",
            "Your booking of {ticket} is paid for and confirmed. Enjoy!\n\n{details}",
        ),
        Topic::Sold => (
            "New booking: {ticket}",
            "{buyer} has booked {ticket}, and the booking is paid for.\n\n{details}",
        ),
        Topic::CancellationRequested => (
            "Your booking is being cancelled: {ticket}",
            "Your booking of {ticket} is being cancelled. {reason} If there is money to give back, its refund is \
             under way, and we write again once it has gone through.\n\n{details}",
        ),
        Topic::Reduced => (
            "Part of your booking is cancelled: {ticket}",
            "Part of your booking of {ticket} is cancelled. What is left of it stays confirmed and stands below, with the total \
             of all that was booked. If there is money to give back, its refund is under way, and we write again \
             once it has gone through.\n\n{details}",
        ),
        Topic::SaleReduced => (
            "Part of a booking cancelled: {ticket}",
            "{buyer} has cancelled part of a booking of {ticket}. What is left of it stands below, with the total of all \
             that was booked.\n\n{details}",
        ),
        Topic::Cancelled => (
            "Your booking is cancelled: {ticket}",
            "Your booking of {ticket} is cancelled. {reason} About any refund we write in a separate \
             message.\n\n{details}",
        ),
        Topic::SaleCancelled => (
            "Booking cancelled: {ticket}",
            "The booking of {ticket} by {buyer} is cancelled. {reason} Its tickets are no longer \
             taken.\n\n{details}",
        ),
        Topic::PaymentApproved => (
            "We have received your payment of {amount}",
            "Your payment of {amount} has been approved. Thank you.\n\n{details}",
        ),
        Topic::PaymentDeclined => (
            "Your payment of {amount} was declined",
            "Your payment of {amount} was declined, and nothing has been charged. You may try again with \
             another means of payment.\n\n{details}",
        ),
        Topic::RefundSucceeded => (
            "Your refund of {amount} has gone through",
            "We have refunded {amount} to you. Your bank may take some days to show it.\n\n{details}",
        ),
        Topic::RefundFailed => (
            "Your refund of {amount} is delayed",
            "We have not been able to refund {amount} to you so far, and no money has moved yet. One of our \
             operators is looking into it. We write again once the refund has gone through; you need not do \
             anything.\n\n{details}",
        ),
    }
}

#[expect(clippy::too_many_lines, reason = "a table")]
const fn korean(topic: Topic) -> (&'static str, &'static str) {
    match topic {
        Topic::TicketRegistered => (
            "티켓이 등록되었습니다: {ticket}",
            "티켓 ‘{ticket}’ 등록이 완료되어 구매자에게 공개되었습니다.\n\n{details}",
        ),
        Topic::TicketDeleted => (
            "티켓이 삭제되었습니다: {ticket}",
            "티켓 ‘{ticket}’ 삭제가 완료되었습니다. 진행 중인 예매는 남아 있지 않습니다.\n\n{details}",
        ),
        Topic::AwaitingPayment => (
            "결제를 기다리고 있습니다: {ticket}",
            "티켓은 선점되었지만 아직 결제되지 않았습니다. {reason} 기한 안에 결제하지 않으면 선점이 \
             해제됩니다. 청구된 금액은 없습니다.\n\n{details}",
        ),
        Topic::Rejected => (
            "예매하지 못했습니다: {ticket}",
            "‘{ticket}’ 예매가 이루어지지 않았습니다. {reason} 청구된 금액은 없습니다.\n\n{details}",
        ),
        Topic::Expired => (
            "예매가 만료되었습니다: {ticket}",
            "기한 안에 결제되지 않아 ‘{ticket}’ 예매가 만료되고 선점이 해제되었습니다. 청구된 금액은 \
             없습니다.\n\n{details}",
        ),
        Topic::Confirmed => (
            "예매가 확정되었습니다: {ticket}",
            "‘{ticket}’ 결제가 완료되어 예매가 확정되었습니다. 즐거운 시간 보내세요!\n\n{details}",
        ),
        Topic::Sold => (
            "새 예매가 있습니다: {ticket}",
            "{buyer} 님이 ‘{ticket}’ 티켓을 예매하고 결제를 마쳤습니다.\n\n{details}",
        ),
        Topic::CancellationRequested => (
            "예매를 취소하고 있습니다: {ticket}",
            "‘{ticket}’ 예매를 취소하고 있습니다. {reason} 돌려드릴 금액이 있으면 환불을 진행 중이며, \
             환불이 끝나면 다시 알려 드리겠습니다.\n\n{details}",
        ),
        Topic::Reduced => (
            "예매 일부가 취소되었습니다: {ticket}",
            "‘{ticket}’ 예매 중 일부가 취소되었습니다. 남은 예매는 그대로 확정되어 있으며 아래와 같습니다(총금액은 처음 예매 금액). 돌려드릴 \
             금액이 있으면 환불을 진행 중이며, 환불이 끝나면 다시 알려 드리겠습니다.\n\n{details}",
        ),
        Topic::SaleReduced => (
            "예매 일부가 취소되었습니다: {ticket}",
            "{buyer} 님이 ‘{ticket}’ 예매 중 일부를 취소했습니다. 남은 예매는 아래와 같습니다(총금액은 처음 예매 금액).\n\n{details}",
        ),
        Topic::Cancelled => (
            "예매가 취소되었습니다: {ticket}",
            "‘{ticket}’ 예매가 취소되었습니다. {reason} 환불 결과는 별도로 알려 드립니다.\n\n{details}",
        ),
        Topic::SaleCancelled => (
            "예매가 취소되었습니다: {ticket}",
            "{buyer} 님의 ‘{ticket}’ 예매가 취소되었습니다. {reason} 해당 수량은 더 이상 판매된 것으로 \
             집계되지 않습니다.\n\n{details}",
        ),
        Topic::PaymentApproved => (
            "{amount} 결제가 완료되었습니다",
            "{amount} 결제가 승인되었습니다. 감사합니다.\n\n{details}",
        ),
        Topic::PaymentDeclined => (
            "{amount} 결제가 거절되었습니다",
            "{amount} 결제가 거절되었으며 청구된 금액은 없습니다. 다른 결제 수단으로 다시 시도하실 수 \
             있습니다.\n\n{details}",
        ),
        Topic::RefundSucceeded => (
            "{amount} 환불이 완료되었습니다",
            "{amount}을(를) 환불해 드렸습니다. 은행이나 카드사에 따라 표시되기까지 며칠 걸릴 수 있습니다.\n\n\
             {details}",
        ),
        Topic::RefundFailed => (
            "{amount} 환불이 지연되고 있습니다",
            "{amount} 환불을 아직 처리하지 못했습니다. 지금까지 반환된 금액은 없으며, 담당자가 확인하고 \
             있습니다. 환불이 끝나면 다시 알려 드리겠습니다. 따로 하실 일은 없습니다.\n\n{details}",
        ),
    }
}
