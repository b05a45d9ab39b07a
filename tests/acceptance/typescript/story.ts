// A browser's client: gRPC-Web through the gateway, over clients generated from the protos.
//
// Usage: node story.ts REST_URL BUYER_TOKEN ORGANIZER_TOKEN, with the generated modules in ./generated beside it.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";

import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";

import { BookingStatus } from "./generated/boxoffice/booking/v1/booking_pb.js";
import { BookingService } from "./generated/boxoffice/booking/v1/booking_service_pb.js";
import { MyPageService } from "./generated/boxoffice/mypage/v1/mypage_service_pb.js";
import { PaymentStatus } from "./generated/boxoffice/payment/v1/payment_pb.js";
import { PaymentService } from "./generated/boxoffice/payment/v1/payment_service_pb.js";
import { StockService } from "./generated/boxoffice/ticket/v1/stock_service_pb.js";
import { TicketKind } from "./generated/boxoffice/ticket/v1/ticket_pb.js";
import { TicketService } from "./generated/boxoffice/ticket/v1/ticket_service_pb.js";
import { BadRequestSchema, ErrorInfoSchema } from "./generated/google/rpc/error_details_pb.js";

const PATIENCE_MS = 20_000;

const [url, buyerToken, organizerToken] = process.argv.slice(2);

/** A transport whose calls are this one's. */
function as(token: string) {
  const bearer: Interceptor = (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
  return createGrpcWebTransport({ baseUrl: url, interceptors: [bearer] });
}

/** Asks until the answer is as wanted. */
async function until<T>(look: () => Promise<T>, reached: (answer: T) => boolean): Promise<T> {
  const giveUp = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await look();
    if (reached(answer)) return answer;
    assert(Date.now() < giveUp, "what was waited for came");
    await pause(100);
  }
}

/** The error of a call that must fail. */
async function refused(call: Promise<unknown>): Promise<ConnectError> {
  try {
    await call;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("a call that must be refused was not");
}

const buyer = as(buyerToken);
const tickets = createClient(TicketService, buyer);
const bookings = createClient(BookingService, buyer);

const registered = await createClient(TicketService, as(organizerToken)).registerTicket({
  ticket: {
    kind: TicketKind.ADMISSION,
    name: "TypeScript evening",
    unitPrice: { currencyCode: "EUR", units: 19n, nanos: 990_000_000 },
    capacity: 10n,
  },
});
const ticketId = registered.ticket!.ticketId;

// Booked without being paid, watched, paid: three streams of frames over the same address.
const watch = new AbortController();
const seen = createClient(MyPageService, buyer).watchMyBookings({}, { signal: watch.signal });
const confirmed = (async () => {
  for await (const { booking } of seen) {
    if (booking?.status === BookingStatus.CONFIRMED) return booking.bookingId;
  }
  throw new Error("the stream ended early");
})();
const wish = { ticketId, quantity: 3, paymentMethod: "declined" };
const placed = (await bookings.createBooking(wish)).booking!;
assert.equal(placed.status, BookingStatus.AWAITING_PAYMENT);
const key = { headers: { "idempotency-key": "once" } };
const pay = { bookingId: placed.bookingId, paymentMethod: "ok" };
const paid = (await bookings.payBooking(pay, key)).booking!;
assert.equal(paid.status, BookingStatus.CONFIRMED);
assert.deepEqual([paid.total?.units, paid.total?.nanos], [59n, 970_000_000]);
let replayed: string | null = null;
await bookings.payBooking(pay, { ...key, onHeader: (headers) => (replayed = headers.get("idempotency-replayed")) });
assert.equal(replayed, "true", "the first answer again, and marked so");
assert.equal(await confirmed, placed.bookingId, "the watched booking is the paid one");
watch.abort();

const payments = createClient(PaymentService, buyer);
const listed = (await payments.listPayments({ bookingId: placed.bookingId })).payments;
assert(listed.some((payment) => payment.status === PaymentStatus.APPROVED));

// Errors come with their details.
const wrong = await refused(bookings.createBooking({ ticketId, quantity: -1 }));
assert.equal(wrong.code, Code.InvalidArgument);
assert.deepEqual(wrong.findDetails(ErrorInfoSchema).map((info) => info.reason), ["INVALID_FIELD"]);
const fields = wrong.findDetails(BadRequestSchema).flatMap((request) => request.fieldViolations);
assert.deepEqual(fields.map((violation) => violation.field), ["quantity"]);
const soldOut = await refused(bookings.createBooking({ ticketId, quantity: 8 }));
assert.equal(soldOut.code, Code.FailedPrecondition);
assert.deepEqual(soldOut.findDetails(ErrorInfoSchema).map((info) => info.reason), ["SOLD_OUT"]);
const internal = await refused(createClient(StockService, buyer).getHold({}));
assert.equal(internal.code, Code.Unimplemented, "nothing internal goes through this door");

await bookings.cancelBooking({ bookingId: placed.bookingId });
await until(
  async () => (await bookings.getBooking({ bookingId: placed.bookingId })).booking!,
  (row) => row.status === BookingStatus.CANCELLED && row.refunded?.units === 59n,
);
await until(
  async () => (await tickets.getAvailability({ ticketId })).availability!,
  (left) => left.available === 10n,
);
console.log("story told");
