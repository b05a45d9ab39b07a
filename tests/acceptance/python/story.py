"""The tour of the README in Python, over gRPC clients generated from the protos.

Usage: story.py ADDRESS BUYER_TOKEN ORGANIZER_TOKEN, with the generated modules on PYTHONPATH. The address is the
gateway's, or the gRPC port of the platform in one process.
"""

import sys
import time

import grpc
from boxoffice.booking.v1 import booking_pb2, booking_service_pb2, booking_service_pb2_grpc
from boxoffice.mypage.v1 import mypage_service_pb2, mypage_service_pb2_grpc
from boxoffice.notification.v1 import notification_service_pb2, notification_service_pb2_grpc
from boxoffice.payment.v1 import payment_pb2, payment_service_pb2, payment_service_pb2_grpc
from boxoffice.ticket.v1 import ticket_pb2, ticket_service_pb2, ticket_service_pb2_grpc
from google.rpc import error_details_pb2, status_pb2
from google.type import money_pb2

PATIENCE_SECS = 20


def until(look, reached):
    """Looks again and again until the answer is as wanted."""
    give_up = time.monotonic() + PATIENCE_SECS
    while True:
        answer = look()
        if reached(answer):
            return answer
        if time.monotonic() > give_up:
            raise AssertionError(f"still {answer}")
        time.sleep(0.1)


def refused(rpc, request, metadata):
    """The code of a call that must fail, and the reason that stands in its details."""
    try:
        rpc(request, metadata=metadata)
    except grpc.RpcError as error:
        trailers = dict(error.trailing_metadata())
        status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
        info = error_details_pb2.ErrorInfo()
        assert any(detail.Unpack(info) for detail in status.details), status
        return error.code(), info.reason
    raise AssertionError("a call that must be refused was not")


def main(address, buyer_token, organizer_token):
    channel = grpc.insecure_channel(address)
    buyer = [("authorization", f"Bearer {buyer_token}")]
    organizer = [("authorization", f"Bearer {organizer_token}")]
    tickets = ticket_service_pb2_grpc.TicketServiceStub(channel)
    bookings = booking_service_pb2_grpc.BookingServiceStub(channel)
    payments = payment_service_pb2_grpc.PaymentServiceStub(channel)
    notifications = notification_service_pb2_grpc.NotificationServiceStub(channel)
    mypage = mypage_service_pb2_grpc.MyPageServiceStub(channel)

    wanted = ticket_pb2.Ticket(
        kind=ticket_pb2.TICKET_KIND_ADMISSION,
        name="Python evening",
        unit_price=money_pb2.Money(currency_code="EUR", units=19, nanos=990_000_000),
        capacity=10,
    )
    request = ticket_service_pb2.RegisterTicketRequest(ticket=wanted)
    ticket = tickets.RegisterTicket(request, metadata=organizer).ticket
    found = tickets.SearchTickets(ticket_service_pb2.SearchTicketsRequest(query="python")).tickets
    assert [row.ticket_id for row in found] == [ticket.ticket_id]

    wish = booking_service_pb2.CreateBookingRequest(ticket_id=ticket.ticket_id, quantity=3, payment_method="ok")
    booking = bookings.CreateBooking(wish, metadata=buyer).booking
    assert booking.status == booking_pb2.BOOKING_STATUS_CONFIRMED, booking
    assert (booking.total.units, booking.total.nanos) == (59, 970_000_000), booking.total
    named = booking_service_pb2.GetBookingRequest(booking_id=booking.booking_id)
    assert bookings.GetBooking(named, metadata=buyer).booking.quantity == 3

    inbox = notification_service_pb2.ListNotificationsRequest(booking_id=booking.booking_id)
    for recipient in (buyer, organizer):
        until(
            lambda: [row.event_type for row in notifications.ListNotifications(inbox, metadata=recipient).notifications],
            lambda told: "BookingConfirmed" in told,
        )
    my_bookings = mypage_service_pb2.ListMyBookingsRequest()
    until(
        lambda: mypage.ListMyBookings(my_bookings, metadata=buyer).bookings,
        lambda rows: rows and rows[0].payment_status == payment_pb2.PAYMENT_STATUS_APPROVED,
    )

    watched = mypage.WatchMyBookings(mypage_service_pb2.WatchMyBookingsRequest(), metadata=buyer)
    assert next(watched).booking.booking_id == booking.booking_id
    watched.cancel()

    too_many = booking_service_pb2.CreateBookingRequest(ticket_id=ticket.ticket_id, quantity=8, payment_method="ok")
    assert refused(bookings.CreateBooking, too_many, buyer) == (grpc.StatusCode.FAILED_PRECONDITION, "SOLD_OUT")
    none = booking_service_pb2.CreateBookingRequest(ticket_id=ticket.ticket_id, quantity=-1)
    assert refused(bookings.CreateBooking, none, buyer) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")

    cancel = booking_service_pb2.CancelBookingRequest(booking_id=booking.booking_id)
    bookings.CancelBooking(cancel, metadata=buyer)
    until(
        lambda: bookings.GetBooking(named, metadata=buyer).booking,
        lambda row: row.status == booking_pb2.BOOKING_STATUS_CANCELLED and row.refunded == row.total,
    )
    listed = payment_service_pb2.ListPaymentsRequest(booking_id=booking.booking_id)
    paid = payments.ListPayments(listed, metadata=buyer).payments
    assert [row.status for row in paid] == [payment_pb2.PAYMENT_STATUS_REFUNDED], paid
    left = ticket_service_pb2.GetAvailabilityRequest(ticket_id=ticket.ticket_id)
    until(lambda: tickets.GetAvailability(left).availability.available, lambda available: available == 10)

    again = booking_service_pb2.CreateBookingRequest(ticket_id=ticket.ticket_id, quantity=2, payment_method="ok")
    kept = bookings.CreateBooking(again, metadata=buyer).booking
    tickets.DeleteTicket(ticket_service_pb2.DeleteTicketRequest(ticket_id=ticket.ticket_id), metadata=organizer)
    kept_named = booking_service_pb2.GetBookingRequest(booking_id=kept.booking_id)
    until(
        lambda: bookings.GetBooking(kept_named, metadata=buyer).booking,
        lambda row: row.status == booking_pb2.BOOKING_STATUS_CANCELLED and row.refunded == row.total,
    )
    try:
        bookings.GetBooking(named, metadata=[("authorization", f"Bearer {organizer_token}")])
    except grpc.RpcError as error:
        assert error.code() in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.NOT_FOUND), error
    else:
        raise AssertionError("an organizer read a buyer's booking")
    print("story told")


if __name__ == "__main__":
    main(*sys.argv[1:])
