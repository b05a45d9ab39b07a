"""HTTP/2 as no honest client speaks it: calls with any headers and bodies, and frames one by one."""

import socket
import time

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated, DataReceived, ResponseReceived, StreamEnded, StreamReset, TrailersReceived,
)
from h2.exceptions import ProtocolError
from hpack import Encoder
from hyperframe.frame import Frame, GoAwayFrame, HeadersFrame, PingFrame, SettingsFrame

PATIENCE_SECS = 15
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def connect(address):
    host, port = address.rsplit(":", 1)
    connection = socket.create_connection((host, int(port)), timeout=PATIENCE_SECS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def grpc_headers(path, more=()):
    """Those of a call; one that is said again takes the place of the usual one, and None leaves it out."""
    usual = {
        ":method": "POST", ":scheme": "http", ":path": path, ":authority": "boxoffice",
        "te": "trailers", "content-type": "application/grpc",
    }
    own = [(name, value) for name, value in more if value is not None]
    named = {name for name, _ in more}
    kept = [(name, value) for name, value in usual.items() if name not in named]
    all_of_them = kept + own
    return sorted(all_of_them, key=lambda header: not header[0].startswith(":"))


def message(body, flag=0, length=None):
    """A message with its prefix, which may lie."""
    length = len(body) if length is None else length
    return bytes([flag]) + length.to_bytes(4, "big") + body


class Answer:
    """What came back: `http`, `grpc` and `text`, or how the call ended without."""

    def __init__(self):
        self.http = self.grpc = self.text = self.reset = None
        self.closed = False
        self.headers = {}

    def __repr__(self):
        return f"http={self.http} grpc={self.grpc} reset={self.reset} closed={self.closed} text={self.text!r}"


def call(address, headers, body=None):
    """Sends one call over a connection of its own and waits for its end."""
    config = H2Configuration(
        validate_outbound_headers=False, normalize_outbound_headers=False, header_encoding="utf-8",
        validate_inbound_headers=False,
    )
    answer, h2 = Answer(), H2Connection(config)
    with connect(address) as tcp:
        h2.initiate_connection()
        h2.send_headers(1, headers, end_stream=body is None)
        left, done = body or b"", body is None
        try:
            while True:
                while not done:
                    size = min(h2.local_flow_control_window(1), h2.max_outbound_frame_size, len(left))
                    if left and size <= 0:
                        break
                    done = size == len(left)
                    h2.send_data(1, left[:size], end_stream=done)
                    left = left[size:]
                tcp.sendall(h2.data_to_send())
                received = tcp.recv(65536)
                if not received:
                    answer.closed = True
                    return answer
                if heard(answer, h2, h2.receive_data(received)):
                    return answer
        except (ProtocolError, OSError) as error:
            answer.closed, answer.text = True, answer.text or repr(error)
            # A call may be answered before all of it was sent.
            return answer


def heard(answer, h2, events):
    """Takes what was heard; says whether the call has ended."""
    ended = False
    for event in events:
        if isinstance(event, (ResponseReceived, TrailersReceived)):
            headers = dict(event.headers)
            answer.headers.update(headers)
            answer.http = int(headers.get(":status", answer.http or 0))
            if "grpc-status" in headers:
                answer.grpc, answer.text = int(headers["grpc-status"]), headers.get("grpc-message")
        elif isinstance(event, DataReceived):
            h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamReset):
            answer.reset, ended = int(event.error_code), True
        elif isinstance(event, ConnectionTerminated):
            answer.closed = event.error_code != ErrorCodes.NO_ERROR
            ended = ended or answer.closed
        elif isinstance(event, StreamEnded):
            ended = True
    return ended


class Raw:
    """A connection on which any frame may be sent."""

    def __init__(self, address, settings=None):
        self.tcp = connect(address)
        self.encoder = Encoder()
        self.buffer = b""
        self.tcp.sendall(PREFACE + SettingsFrame(0, settings=settings or {}).serialize())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tcp.close()

    def send(self, *frames):
        """Sends frames; says whether the other side still takes them."""
        try:
            self.tcp.sendall(b"".join(f if isinstance(f, bytes) else f.serialize() for f in frames))
            return True
        except OSError:
            return False

    def headers(self, stream, headers, *flags):
        return HeadersFrame(stream, data=self.encoder.encode(headers), flags=flags)

    def frame(self):
        """The next frame; none when the connection has ended. Settings and pings are answered."""
        while True:
            header = self.read(9)
            if not header:
                return None
            frame, length = Frame.parse_frame_header(memoryview(header))
            body = self.read(length)
            if body is None:
                return None
            frame.parse_body(memoryview(body))
            if "ACK" in frame.flags:
                continue
            if isinstance(frame, SettingsFrame):
                self.send(SettingsFrame(0, flags=["ACK"]))
            elif isinstance(frame, PingFrame):
                self.send(PingFrame(0, frame.opaque_data, flags=["ACK"]))
            else:
                return frame

    def read(self, length):
        while len(self.buffer) < length:
            try:
                more = self.tcp.recv(65536)
            except ConnectionError:
                return None
            if not more:
                return None
            self.buffer += more
        taken, self.buffer = self.buffer[:length], self.buffer[length:]
        return taken

    def ended_within(self, secs):
        """How the connection ended: "GOAWAY" with its code, "closed", or "open" when it has not in time."""
        give_up = time.monotonic() + secs
        said = None
        try:
            while True:
                self.tcp.settimeout(max(0.01, give_up - time.monotonic()))
                frame = self.frame()
                if frame is None:
                    return said or "closed"
                if isinstance(frame, GoAwayFrame) and frame.error_code:
                    return f"GOAWAY {frame.error_code}"
        except TimeoutError:
            return said or "open"
