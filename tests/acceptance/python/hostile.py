"""Sends to the platform what no honest client sends, over gRPC, at a server's own port and through the gateway's door, and
judges the answers.

Usage: hostile.py GRPC_ADDRESS REST_ADDRESS PID BUYER_TOKEN ORGANIZER_TOKEN [TICKET BOOKING]x4, with the generated modules
on PYTHONPATH; each of two rounds at each address ends its ticket. Input that is at fault is told so: INVALID_ARGUMENT,
NOT_FOUND, RESOURCE_EXHAUSTED, UNIMPLEMENTED or UNAUTHENTICATED. Any other code is a fault of the server, but where an rpc
has a rule about the state of things (BY_RULE).
"""

import gzip
import importlib
import itertools
import sys
from collections import Counter
from pathlib import Path

import grpc
from google.api import annotations_pb2
from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.message_factory import GetMessageClass
from http2 import call, grpc_headers, message

FOR_INPUT = {3, 5, 8, 12, 16}
# What else an answer may be, where not the input is at fault.
BY_RULE = {
    # FAILED_PRECONDITION: the booking is paid already, and what is said of payment beside it changes nothing.
    "PayBooking": {9},
    # ABORTED: the hostile etag is none of the ticket's.
    "DeleteTicket": {10},
    # ABORTED: the same, and others of those sent together have changed it meanwhile.
    "UpdateTicket": {10},
    # UNAVAILABLE: a view cannot know that a version will never come, and says that it is behind.
    "GetMyBooking": {14},
}
REFUSED_AS_HTTP = {400, 404, 405, 413, 414, 415, 431}
TOGETHER = 32
CALL_SECS = 30
MIB = 1024 * 1024
RSS_GROWTH_MAX = 50 * MIB
GET_TICKET = "/boxoffice.ticket.v1.TicketService/GetTicket"
UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"

I32 = (-2**31, -1, 0, 2**31 - 1)
I64 = (-2**63, -2**31 - 1, -1, 0, 10**9 + 1, 2**63 - 1)
TEXTS = (
    "", " ", "\0", "\r\n", "\x1b[2J\x07", "\u202egnp.exe\u2066", "\ufeff\u200b", "😀𝔘" * 40, "e\u0301" * 150,
    "' OR '1'='1'; --", "%00%s%n", "../../../etc/passwd", "{{7*7}}${7*7}", UNKNOWN, UNKNOWN.upper(), "A" * 70_000,
)
MESSAGES = {
    "google.protobuf.Timestamp": {"seconds": (*I64, -62135596801, -62135596800, 253402300799, 253402300800),
                                  "nanos": (*I32, 10**9)},
    "google.protobuf.Duration": {"seconds": (*I64, 315576000000, -315576000000), "nanos": (*I32, 10**9)},
    "google.type.Date": {"year": (*I32, 1, 9999, 10000), "month": (*I32, 2, 13), "day": (*I32, 29, 32)},
    "google.type.Money": {"currency_code": ("", "KRW", "krw", "XXX", "\0", "😀"), "units": I64,
                          "nanos": (*I32, 1, 10**9)},
}


def public_rpcs(folder):
    """Every rpc with a route, from the generated modules."""
    for path in sorted(Path(folder).glob("boxoffice/*/v1/*_service_pb2.py")):
        module = importlib.import_module(".".join(path.relative_to(folder).with_suffix("").parts))
        for service in module.DESCRIPTOR.services_by_name.values():
            for rpc in service.methods:
                if rpc.GetOptions().HasExtension(annotations_pb2.http):
                    yield service, rpc


def sound(descriptor, known):
    """A request with something sensible in every field."""
    made = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        fill(made, field, known)
    return made


def fill(made, field, known):
    if field.is_repeated and field.type == Field.TYPE_STRING:
        getattr(made, field.name).append(known.get(field.name, "A1"))
    elif field.is_repeated or field.name in ("page_token", "etag", "order_by"):
        return
    elif field.type == Field.TYPE_MESSAGE:
        kind = field.message_type.full_name
        inner = getattr(made, field.name)
        inner.SetInParent()
        if kind == "google.type.Money":
            inner.currency_code, inner.units = "KRW", 1000
        elif kind == "google.type.Date":
            inner.year, inner.month, inner.day = 2030, 1, 2 + (field.name in ("end_date", "check_out", "last_night"))
        elif kind == "google.protobuf.FieldMask":
            inner.paths.append("name")
        elif not kind.startswith("google."):
            inner.CopyFrom(sound(field.message_type, known))
        else:
            inner.seconds = 3600
    elif field.type == Field.TYPE_STRING:
        setattr(made, field.name, known.get(field.name, "word"))
    elif field.type != Field.TYPE_BOOL:
        setattr(made, field.name, 1)


def hostile_values(field):
    """What is put into a field, as (what, how to put it)."""
    def put(value):
        return lambda owner: setattr(owner, field.name, value)

    def put_all(values):
        def replace(owner):
            del getattr(owner, field.name)[:]
            getattr(owner, field.name).extend(values)
        return replace

    if field.is_repeated:
        if field.type == Field.TYPE_STRING:
            for text in TEXTS:
                yield f"[{text[:20]!r}]", put_all([text])
            yield "twice", put_all(["A1", "A1"])
            yield "20,000", put_all([f"A{n}" for n in range(20_000)])
        elif field.type == Field.TYPE_MESSAGE:
            yield "20,000 empty", lambda owner: [getattr(owner, field.name).add() for _ in range(20_000)]
    elif field.type == Field.TYPE_MESSAGE:
        yield "absent", lambda owner: owner.ClearField(field.name)
        yield from hostile_messages(field)
    elif field.type == Field.TYPE_STRING:
        for text in TEXTS:
            yield repr(text[:20]), put(text)
    elif field.type in (Field.TYPE_INT32, Field.TYPE_ENUM):
        for number in (*I32, 99):
            yield str(number), put(number)
    elif field.type == Field.TYPE_INT64:
        for number in I64:
            yield str(number), put(number)
    elif field.type == Field.TYPE_BOOL:
        for truth in (True, False):
            yield str(truth), put(truth)
    else:
        raise AssertionError(f"{field.full_name}: a type that nobody made hostile values for")


def hostile_messages(field):
    kind = field.message_type.full_name
    if kind == "google.protobuf.FieldMask":
        for paths in ([], ["*"], [""], ["."], ["name", "name"], ["ticket.name"], ["a" * 10_000], ["x"] * 10_000):
            def replace(owner, paths=paths):
                del getattr(owner, field.name).paths[:]
                getattr(owner, field.name).paths.extend(paths)
            yield str(paths)[:30], replace
        return
    parts = MESSAGES.get(kind)
    if parts is None:
        return
    names = list(parts)
    for number, values in enumerate(itertools.product(*parts.values())):
        # Of three parts each field takes another fifth of what can be put together.
        if len(names) == 3 and (number + field.number) % 5:
            continue
        def replace(owner, values=values):
            inner = getattr(owner, field.name)
            inner.Clear()
            inner.SetInParent()
            for name, value in zip(names, values):
                setattr(inner, name, value)
        yield f"{values}", replace


def owners(request, path=()):
    """Every field with the way to the message that it is in."""
    for field in request.DESCRIPTOR.fields:
        yield path, field
        inside = field.type == Field.TYPE_MESSAGE and not field.is_repeated
        if inside and not field.message_type.full_name.startswith("google."):
            yield from owners(getattr(request, field.name), (*path, field.name))


def variants(request):
    for path, field in owners(request):
        for what, put in hostile_values(field):
            variant = type(request)()
            variant.CopyFrom(request)
            owner = variant
            for name in path:
                owner = getattr(owner, name)
            put(owner)
            yield f"{'.'.join((*path, field.name))} = {what}", variant.SerializeToString()
        if field.type == Field.TYPE_STRING and not path:
            assert field.number < 16, "a tag of one byte"
            yield f"{field.name} = no UTF-8", bytes([field.number << 3 | 2, 2, 0xC3, 0x28])


def status(answer):
    try:
        answer.result()
        return 0, ""
    except grpc.RpcError as error:
        return error.code().value[0], error.details()


def first(answer):
    """The status of a stream that is left after its first message."""
    try:
        next(iter(answer), None)
        answer.cancel()
        return 0, ""
    except grpc.RpcError as error:
        return error.code().value[0], error.details()


class Judge:
    def __init__(self):
        self.codes, self.wrong = Counter(), []

    def hears(self, what, code, text, allowed):
        self.codes[code] += 1
        if code not in allowed:
            self.wrong.append(f"{what}: {code} {text}")


def every_field(channel, judge, tokens, known, folder):
    """Every field of every public rpc; those that end something last."""
    rpcs = sorted(public_rpcs(folder), key=lambda rpc: rpc[1].name.startswith(("Delete", "Cancel")))
    for service, rpc in rpcs:
        path, waiting = f"/{service.full_name}/{rpc.name}", []
        token = tokens[service.name == "TicketService" or "Sales" in rpc.name or "Retirement" in rpc.name]
        metadata = [("authorization", f"Bearer {token}")]
        dial = channel.unary_stream if rpc.server_streaming else channel.unary_unary
        ask, before = dial(path), len(judge.wrong)
        for what, body in variants(sound(rpc.input_type, known)):
            what = f"{rpc.name}: {what}"
            if rpc.server_streaming:
                answer = first(ask(body, metadata=metadata, timeout=CALL_SECS))
                judge.hears(what, *answer, {0} | FOR_INPUT)
                continue
            waiting.append((what, ask.future(body, metadata=metadata, timeout=CALL_SECS)))
            if len(waiting) == TOGETHER:
                settle(judge, waiting, BY_RULE.get(rpc.name, set()))
        settle(judge, waiting, BY_RULE.get(rpc.name, set()))
        assert len(judge.wrong) == before or len(judge.wrong) < 200, "\n".join(judge.wrong)


def settle(judge, waiting, by_rule):
    for what, answer in waiting:
        judge.hears(what, *status(answer), {0} | FOR_INPUT | by_rule)
    waiting.clear()


def group(depth):
    """An unknown field that holds itself so often."""
    return b"\x7b" * depth + b"\x7c" * depth


def bodies():
    """What is no message, with the codes that say so."""
    good = b"\x0a\x24" + UNKNOWN.encode()
    wrong = {
        "no message": b"", "half a prefix": b"\0\0\0", "a prefix alone": message(b"", length=5),
        "too few bytes": message(good, length=100), "4 GiB": message(good, length=2**32 - 1),
        "1 MiB and one": message(b"\x0a" * (MIB + 1)), "compressed, not said": message(good, flag=1),
        "flag 2": message(good, flag=2), "flag 255": message(good, flag=255),
        "random": message(bytes(range(255, 0, -1))), "field 0": message(b"\x02\x01a"),
        "wire type 6": message(b"\x0e\x01"), "wire type 7": message(b"\x0f\x01"),
        "an endless number": message(b"\x08" + b"\xff" * 20), "a text past the end": message(b"\x0a\x7fabc"),
        "a text of 2^63": message(b"\x0a" + b"\xff" * 8 + b"\x7f"), "an end without a group": message(b"\x7c"),
        "a group without an end": message(b"\x7b"), "groups 99 deep": message(group(99)),
        "groups 100,000 deep": message(group(100_000)), "no UTF-8": message(b"\x0a\x02\xc3\x28"),
        "another type": message(b"\x08\x01"), "two messages": message(good) * 2,
        "rubbish behind": message(good) + b"\xff" * 9,
    }
    for what, body in wrong.items():
        yield what, [], body
    bomb = gzip.compress(bytes(900 * MIB), 9)
    yield "a gzip bomb", [("grpc-encoding", "gzip")], message(bomb, flag=1)
    yield "a small gzip bomb", [("grpc-encoding", "gzip")], message(gzip.compress(bytes(2 * MIB)), flag=1)
    yield "no gzip", [("grpc-encoding", "gzip")], message(good, flag=1)
    yield "half a gzip", [("grpc-encoding", "gzip")], message(gzip.compress(good)[:15], flag=1)
    for encoding in ("br", "zstd", "identity", "gzip, gzip", ""):
        yield f"encoding {encoding}", [("grpc-encoding", encoding)], message(good, flag=1)


def heads():
    """Headers that are at fault, with a message that is not."""
    for value in (None, "", "text/plain", "application/json", "application/grpc+json", "application/grpc;x=y",
                  "application/x-www-form-urlencoded", "x" * 4000):
        yield f"content type {str(value)[:40]}", [("content-type", value)]
    for method in ("GET", "PUT", "DELETE", "OPTIONS", "TRACE", "X" * 100):
        yield method, [(":method", method)]
    for path in ("/", "*", "//", "/x", GET_TICKET + "2", GET_TICKET + "/", GET_TICKET.lower(), "/%00/%ff",
                 "/boxoffice.ticket.v1.TicketService/", "/../" * 100, "/" + "a" * 8000):
        yield f"path {path[:40]}", [(":path", path)]
    for token in ("", "Bearer", "Bearer ", "Basic YTpi", "Bearer a.b", "Bearer a.b.c", "Bearer " + "e" * 12_000,
                  "Bearer \u202e", "Bearer eyJhbGciOiJub25lIn0.e30."):
        yield f"token {token[:20]}", [("authorization", token)]
    yield "two tokens", [("authorization", "Bearer a.b.c"), ("authorization", "Bearer a.b.c")]
    yield "20 KiB of headers", [("x-much", "m" * 20_480)]
    yield "2,000 headers", [(f"x-{n}", "1") for n in range(2000)]
    for key in ("", " ", "k" * 256, "\u202e", "k\tk"):
        yield f"key {key[:10]!r}", [("idempotency-key", key)]
    for deadline in ("", "-1S", "1", "S", "abc", "99999999999H", "99999999H", "0n"):
        yield f"deadline {deadline}", [("grpc-timeout", deadline)]
    for name, value in (("x-request-id", "i" * 4000), ("x-request-id", "\u202e"), ("traceparent", "00-0-0-00"),
                        ("traceparent", "ff-" + "f" * 32 + "-" + "f" * 16 + "-01"), ("x-data-bin", "!not base64!"),
                        ("grpc-accept-encoding", ",,,,br"), ("te", None), ("user-agent", "")):
        yield f"{name}: {str(value)[:20]}", [(name, value)]


def one_by_one(address, judge):
    for what, more, body in bodies():
        hears(judge, what, call(address, grpc_headers(GET_TICKET, more), body))
    good = message(b"\x0a\x24" + UNKNOWN.encode())
    for what, more in heads():
        hears(judge, what, call(address, grpc_headers(GET_TICKET, more), good))


def hears(judge, what, answer):
    """A refusal of gRPC's or of HTTP's; a connection that is left in the middle says no more than its head."""
    allowed = FOR_INPUT | ({0} if what in ("two messages", "rubbish behind") else set())
    if what.startswith("deadline"):
        # No time at all has passed at once.
        allowed = allowed | {4}
    if answer.grpc is not None:
        judge.hears(what, answer.grpc, answer.text, allowed)
    elif answer.http is not None:
        judge.hears(what, answer.http, answer.text, REFUSED_AS_HTTP)
    else:
        # What HTTP/2 itself forbids ends the stream or the connection.
        ended = "refused" if answer.reset is not None or answer.closed else "silence"
        judge.hears(what, ended, repr(answer), {"refused"})


def resident(pid):
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096


def known(ticket, booking):
    return {"ticket_id": ticket, "booking_id": booking, "payment_id": UNKNOWN, "hold_id": UNKNOWN,
            "ticket_ids": ticket, "organizer_id": "acme", "time_zone": "Asia/Seoul", "payment_method": "ok"}


def besiege(door, address, pid, tokens, rounds, folder):
    """All of it at one address, where the second round must take no more memory."""
    warming, what_is_known = rounds
    with grpc.insecure_channel(address) as channel:
        # Caches, pools, and the stacks of threads.
        every_field(channel, Judge(), tokens, warming, folder)
        judge, before = Judge(), resident(pid)
        every_field(channel, judge, tokens, what_is_known, folder)
        one_by_one(address, judge)
        honest = channel.unary_unary(GET_TICKET)(b"\x0a\x24" + what_is_known["ticket_id"].encode(), timeout=CALL_SECS)
    grown = resident(pid) - before
    assert honest, "an honest call is answered"
    calls = sum(judge.codes.values())
    print(f"{door}: {calls} hostile calls: {dict(judge.codes)}; memory grew by {grown // MIB} MiB", flush=True)
    assert not judge.wrong, f"{door}: {len(judge.wrong)} of {calls} wrong:\n" + "\n".join(judge.wrong[:100])
    assert judge.codes[8] * 20 < calls, "most are refused for what they are, and not for want of room"
    assert grown < RSS_GROWTH_MAX, f"{grown // MIB} MiB more memory"


def main(grpc_address, rest_address, pid, buyer, organizer, *made):
    folder = next(path for path in sys.path if Path(path, "boxoffice").is_dir())
    rounds = [known(*pair) for pair in zip(made[::2], made[1::2], strict=True)]
    tokens = (buyer, organizer)
    besiege("the server's own port", grpc_address, pid, tokens, rounds[:2], folder)
    besiege("the gateway's door", rest_address, pid, tokens, rounds[2:], folder)
    print("all borne")


if __name__ == "__main__":
    main(*sys.argv[1:])
