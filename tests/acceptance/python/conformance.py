"""What schemathesis cannot know of the platform: which tickets there are, which rules no schema can say, and how many
requests were sent. Read by schemathesis as its hooks."""

import atexit
import collections
import json
import os
import re

import schemathesis

TICKETS = json.loads(os.environ["CONFORMANCE_TICKETS"])
COUNTS = os.environ["CONFORMANCE_COUNTS"]

# Rules between fields, of the calendar, of lists that belong to others, and of what there is at the moment. A request
# that fits its schema may break them; it is then refused with INVALID_FIELD. Each is the fields it is about and what is
# said of them, both as a whole: a rule that a schema could say must not pass for one of these.
MONEY = r"(sections\[\d+\]\.)?(unit_price|max_unit_price|expected_total)"
DATE = "check_in|check_out|start_date|end_date|first_night|last_night"
INSTANT = "sale_start_time|sale_end_time|start_time|end_time"
BEYOND_SCHEMAS = [(re.compile(fields), re.compile(said)) for fields, said in (
    (rf"{MONEY}\.currency_code", "must be an ISO 4217 currency code such as KRW or EUR"),
    (rf"{MONEY}\.currency_code", "must be the currency of the ticket|cannot change"),
    (rf"{MONEY}(\.units|\.nanos)?", "has more decimal places than its currency|is too large"),
    (rf"{MONEY}(\.units|\.nanos)?", "units and nanos must have the same sign and nanos must be within one unit"),
    (MONEY, "must not be negative( or that large)?"),
    ("unit_price", "must be given"),
    (DATE, "must be a date that exists, with year, month and day"),
    ("check_out|end_date", r"must be after the first night|must be at most \d+ nights after the first"),
    ("check_out", r"must be 1 to \d+ days after check_in"),
    (DATE, r"must not be over|must be less than \d+ days ahead"),
    (DATE, "must be given where the other date is|must not be given where seats are"),
    # Of two dates that a call may do without, one alone is none.
    ("start_date|end_date", "must be given"),
    ("last_night", "must not be before first_night"),
    (INSTANT, "must be in the future|must be after sale_start_time|must not be before start_time"),
    ("start_time", "must be given where end_time is"),
    ("time_zone", "must be an IANA time zone such as Asia/Seoul"),
    ("query", "must have a letter or a digit"),
    # What its kind wants of a ticket, and of what is asked of it.
    (".*", "(is|are) only for kind (NIGHTLY|SEATED)|must be given for kind NIGHTLY"),
    ("seats", r"must be \d+ to \d+ for kind SEATED"),
    ("quantity", r"must be at most \d+ for kind SEATED"),
    ("capacity", "must be the number of seats, or left out|of kind SEATED is the number of its seats, .*"),
    ("allocation", "must be HOLD_FIRST for kind SEATED"),
    ("max_nights", "must not be less than min_nights"),
    (r"cancel_policy\.closed_before", "must not be more than free_before"),
    (r"cancel_policy\.(free_before|closed_before)", "needs a start_time"),
    (r"seats\[\d+\]|sections\[\d+\]\.name", "stands there twice|is named twice"),
    ("seats", 'has ".*" twice|has ".*", which is no seat.*|cannot be booked by the night'),
    ("quantity", "must be left out or be the number of seats|must be the number of seats where they are named, .*"),
    # Zero is for whoever names seats.
    ("quantity", r"must be from 1 to 10000|must be at most the \d+ of this booking"),
    ("quantity", "is taken only with an Idempotency-Key: .*"),
    ("organizer_id", "must not be given where tickets are named|must be 1 to 128 visible ASCII characters"),
    ("reset_unit_price", "must not be given together with unit_price"),
    ("page_token", "must be the next_page_token of a call with the same conditions, or empty"),
    (r"(ticket\.)?etag", "differs from if-match"),
    # Of white space alone, which has a length.
    ("name", "must not be empty"),
    # With a tab or a line's end, which the pattern lets through and no seat has.
    (r"seats\[\d+\]", "must be a name of 1 to 40 characters"),
)]

sent = collections.Counter()
turn = 0


def is_valid(case):
    """Whether the request was made to fit its schema."""
    return case.meta is not None and case.meta.generation.mode.is_positive


@schemathesis.hook
def before_call(context, case, kwargs):
    """Most valid requests are about a ticket that is there: nothing is booked of one that is made up."""
    global turn
    if not is_valid(case):
        return
    turn += 1
    # Schemathesis sends optional headers empty, whatever their pattern says.
    for name in [name for name, value in (case.headers or {}).items() if value == ""]:
        if name.lower() == "if-match":
            del case.headers[name]
    # A version that no booking will have makes the view wait for it, and 503 is then the right answer.
    if case.query and "minVersion" in case.query:
        case.query["minVersion"] = 0
    if turn % 4 == 0:
        return
    ticket = TICKETS[turn % len(TICKETS)]
    path = case.path_parameters
    # What a link has filled in leads to what was made just before.
    if path and "ticket_id" in path and case.meta.phase.name.value != "stateful":
        path["ticket_id"] = ticket
    if isinstance(case.body, dict) and case.path == "/v1/bookings":
        case.body["ticketId"] = ticket
        case.body["quantity"] = 1 + turn % 3
        for name in ("seats", "checkIn", "checkOut", "expectedTotal"):
            case.body.pop(name, None)
        case.body["paymentMethod"] = ("ok", "declined")[turn % 2]


@schemathesis.hook
def after_call(context, case, response):
    sent[f"{case.method} {case.path} {response.status_code}"] += 1


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """A valid request may break a rule that no schema can say, and who deletes a ticket takes it off sale: it can be
    read as long as there are bookings of it, and longer."""
    kind = type(failure).__name__
    if kind == "UseAfterFree" and case.path.startswith("/v1/tickets"):
        return response.status_code >= 500
    if kind == "MissingHeaderNotRejected" and response.status_code == 400:
        # The gateway reads a request before the server hears of it: what is no request needs no token.
        return False
    if kind != "RejectedPositiveData":
        return True
    if response.status_code in (409, 422):
        # The state of things, and an idempotency key that chance has used before.
        return False
    if response.status_code != 400:
        return True
    details = response.json()["details"]
    violations = [v for detail in details for v in detail.get("fieldViolations", [])]
    return not (violations and all(is_beyond_schemas(v) or is_taken_away(case, v) for v in violations))


def is_taken_away(case, violation):
    """A mask may name what the body does not: a ticket has to have some of it, such as its name and its status."""
    field = re.sub("_(.)", lambda letter: letter[1].upper(), violation["field"].split(".")[0])
    masked = case.method.upper() == "PATCH" and "updateMask" in (case.query or {})
    return masked and isinstance(case.body, dict) and field not in case.body


def is_beyond_schemas(violation):
    field, said = violation["field"], violation["description"]
    return any(fields.fullmatch(field) and rule.fullmatch(said) for fields, rule in BEYOND_SCHEMAS)


@atexit.register
def tell():
    with open(COUNTS, "w", encoding="utf-8") as file:
        json.dump(sent, file)
