"""Clients that are slow on purpose: each must be left by the server in time, and nobody else may wait for them.

Usage: slow.py GRPC_ADDRESS REST_ADDRESS BUYER_TOKEN.
"""

import http.client
import socket
import sys
import threading
import time

import grpc
from http2 import PREFACE, Raw, grpc_headers
from hyperframe.frame import SettingsFrame

# No deadline of the server's is longer than this one; a busy machine gets some more.
DEADLINE_SECS = 10
LEFT_WITHIN_SECS = DEADLINE_SECS + 5
EACH = 20
PACE_SECS = 0.5
GET_TICKET = "/boxoffice.ticket.v1.TicketService/GetTicket"
UNKNOWN = b"\x0a\x2401890a5d-ac96-774b-bcce-b302099a8057"
HEAD = b"POST /v1/bookings HTTP/1.1\r\nHost: boxoffice\r\nContent-Type: application/json\r\n"


def drip(tcp, text):
    """A byte now and then; says how it ended: an answer or the end of the connection."""
    give_up = time.monotonic() + LEFT_WITHIN_SECS
    tcp.settimeout(PACE_SECS)
    for byte in text:
        if time.monotonic() > give_up:
            return "open"
        try:
            tcp.sendall(bytes([byte]))
            answer = tcp.recv(4096)
        except TimeoutError:
            continue
        except OSError:
            return "closed"
        return answer[:12].decode(errors="replace") if answer else "closed"
    return "open"


def slow_header(tcp, _):
    return drip(tcp, b"GET /v1/tickets HTTP/1.1\r\n" + b"X-Slow: " + b"s" * 10_000)


def slow_body(tcp, token):
    tcp.sendall(HEAD + f"Authorization: Bearer {token}\r\nContent-Length: 5000\r\n\r\n".encode())
    return drip(tcp, b'{"quantity": ' + b" " * 5000)


def slow_chunks(tcp, token):
    tcp.sendall(HEAD + f"Authorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    return drip(tcp, b"1\r\n \r\n" * 1000)


def slow_read(tcp, _):
    """Asks for much, again and again, and reads nothing: seen by writing, which the server stops taking, then ends."""
    tcp.settimeout(PACE_SECS)
    give_up = time.monotonic() + LEFT_WITHIN_SECS
    while time.monotonic() < give_up:
        try:
            tcp.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: boxoffice\r\n\r\n" * 50)
        except TimeoutError:
            continue
        except OSError:
            return "closed"
        time.sleep(PACE_SECS)
    return "open"


def silence(tcp, _):
    return waits(tcp)


def half_a_preface(tcp, _):
    tcp.sendall(PREFACE[:10])
    return waits(tcp)


def a_preface_alone(tcp, _):
    tcp.sendall(PREFACE)
    return waits(tcp)


def waits(tcp):
    tcp.settimeout(LEFT_WITHIN_SECS)
    try:
        while tcp.recv(4096):
            pass
    except TimeoutError:
        return "open"
    except OSError:
        pass
    return "closed"


def connect(address):
    host, port = address.rsplit(":", 1)
    tcp = socket.socket()
    # So that what is not read does not all find room on the way.
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    tcp.settimeout(LEFT_WITHIN_SECS)
    tcp.connect((host, int(port)))
    return tcp


def be_slow(how, address, token, ends):
    began = time.monotonic()
    with connect(address) as tcp:
        ended = how(tcp, token)
    ends.append((how.__name__, ended, time.monotonic() - began))


def half_a_call(address):
    """A call whose message stays out: it takes a place of its connection and no other."""
    raw = Raw(address)
    raw.send(SettingsFrame(0, flags=["ACK"]), raw.headers(1, grpc_headers(GET_TICKET), "END_HEADERS"))
    return raw


def honest(grpc_address, rest_address, over, failed):
    """Anybody else, over a new connection each time."""
    while not over.is_set():
        try:
            with grpc.insecure_channel(grpc_address) as channel:
                try:
                    channel.unary_unary(GET_TICKET)(UNKNOWN, timeout=10)
                except grpc.RpcError as error:
                    assert error.code() == grpc.StatusCode.NOT_FOUND, error
            connection = http.client.HTTPConnection(rest_address, timeout=10)
            connection.request("GET", "/v1/tickets")
            status = connection.getresponse().status
            assert status == 200, status
            connection.close()
        except Exception as error:  # Whatever it is, somebody else was harmed.
            failed.append(repr(error))
        over.wait(0.2)


def main(grpc_address, rest_address, token):
    kinds = [(how, rest_address) for how in (slow_header, slow_body, slow_chunks, slow_read, silence, a_preface_alone)]
    kinds += [(how, grpc_address) for how in (silence, half_a_preface, a_preface_alone)]
    over, failed, ends = threading.Event(), [], []
    halves = [half_a_call(grpc_address) for _ in range(EACH)]
    other = threading.Thread(target=honest, args=(grpc_address, rest_address, over, failed))
    other.start()
    slow = [threading.Thread(target=be_slow, args=(how, address, token, ends)) for how, address in kinds * EACH]
    for thread in slow:
        thread.start()
    for thread in slow:
        thread.join()
    over.set()
    other.join()
    for kind in sorted({kind for kind, _, _ in ends}):
        mine = [(ended, took) for name, ended, took in ends if name == kind]
        print(f"{kind}: {sorted({ended for ended, _ in mine})}, at most {max(took for _, took in mine):.1f} s")
    assert not failed, f"others were harmed: {failed[:3]}"
    assert len(ends) == len(slow), f"{len(ends)} of {len(slow)} came to an end"
    still = [kind for kind, ended, _ in ends if ended == "open"]
    assert not still, f"still open: {still}"
    del halves
    print("all left")


if __name__ == "__main__":
    main(*sys.argv[1:])
