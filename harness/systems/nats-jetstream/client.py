"""A client of NATS JetStream: the last message of a subject is a register, as in its key-value store. With
--primary: writes who leads the stream; with --ready: whether a node is."""
import json
import os
import re
import socket
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from kensho import Mismatch, Said, listed, own_node, serve, time_limit

STREAM = {
    "name": "registers",
    "subjects": ["registers.*"],
    "num_replicas": 3,
    "max_msgs_per_subject": 1,
    "storage": "file",
    "allow_direct": True,
}
WRONG_LAST = 10071


class Link:
    """A connection that speaks the protocol of NATS, one request at a time."""

    def __init__(self, address, limit):
        self.socket = socket.create_connection(address, timeout=limit)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file, self.limit, self.count = self.socket.makefile("rb"), limit, 0
        self.inbox = f"_INBOX.{os.getpid()}.{time.time_ns()}"
        options = json.dumps({"verbose": False, "headers": True, "no_responders": True})
        self.socket.sendall(f"CONNECT {options}\r\nSUB {self.inbox}.* 1\r\nPING\r\n".encode())
        while self.line() != b"PONG":
            pass

    def line(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionResetError("closed")
        if line.startswith(b"-ERR"):
            raise Said(line.decode().strip())
        if line == b"PING\r\n":
            self.socket.sendall(b"PONG\r\n")
        return line[:-2]

    def ask(self, subject, payload, headers=""):
        """The headers and the payload of the answer."""
        self.count += 1
        reply, data = f"{self.inbox}.{self.count}", payload.encode()
        if headers:
            head = f"NATS/1.0\r\n{headers}\r\n\r\n".encode()
            words = f"HPUB {subject} {reply} {len(head)} {len(head) + len(data)}\r\n"
            data = head + data
        else:
            words = f"PUB {subject} {reply} {len(data)}\r\n"
        self.socket.sendall(words.encode() + data + b"\r\n")
        deadline = time.monotonic() + self.limit
        while time.monotonic() < deadline:
            line = self.line()
            if not line.startswith((b"MSG ", b"HMSG ")):
                continue
            words = line.decode().split()
            body = self.file.read(int(words[-1]) + 2)[:-2]
            if words[1] != reply:
                continue  # of a request that was given up
            head = int(words[-2]) if words[0] == "HMSG" else 0
            return body[:head].decode(), body[head:]
        raise TimeoutError("no answer")


class Stream:
    def __init__(self, init):
        self.node, host, port = own_node(init)
        self.address, self.limit, self.link = (host, port), time_limit(init), None
        self.direct = init["settings"]["reads"] == "direct"

    def ask(self, subject, payload, headers=""):
        try:
            self.link = self.link or Link(self.address, self.limit)
        except (OSError, Said) as why:
            raise Said(f"no connection: {type(why).__name__}")
        try:
            head, body = self.link.ask(subject, payload, headers)
        except TimeoutError:
            self.link = None
            raise Said("no answer")
        except OSError as why:
            self.link = None
            raise Said(f"connection lost: {type(why).__name__}")
        if head.startswith("NATS/1.0 503"):
            raise Said("no responders")
        return head, body

    def api(self, subject, payload, headers=""):
        said = json.loads(self.ask(subject, payload, headers)[1])
        if "error" in said:
            error = said["error"]
            raise Said(f"{error['code']} {error.get('err_code', 0)} {error.get('description', '')}")
        return said

    def last(self, key):
        """The register's value and the number of the message that wrote it."""
        if self.direct:
            head, body = self.ask(f"$JS.API.DIRECT.GET.registers.registers.{key}", "")
            if head.startswith("NATS/1.0 404"):
                return None, 0
            number = re.search(r"Nats-Sequence: (\d+)", head)
            if number is None:
                raise Said(f"direct {head.split(chr(13))[0]}")
            return int(body), int(number[1])
        try:
            said = self.api("$JS.API.STREAM.MSG.GET.registers", json.dumps({"last_by_subj": f"registers.{key}"}))
        except Said as why:
            if str(why).startswith("404 10037"):
                return None, 0
            raise
        import base64

        return int(base64.b64decode(said["message"]["data"])), said["message"]["seq"]

    def read(self, ask):
        return {"value": self.last(ask["key"])[0]}

    def write(self, ask):
        self.api(f"registers.{ask['key']}", str(ask["value"]))

    def cas(self, ask):
        value, number = self.last(ask["key"])
        if value != ask["from"]:
            raise Mismatch("another value")
        expected = f"Nats-Expected-Last-Subject-Sequence: {number}"
        try:
            self.api(f"registers.{ask['key']}", str(ask["to"]), expected)
        except Said as why:
            if f" {WRONG_LAST} " in str(why):
                raise Mismatch("another message")
            raise


def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def leader(direct):
    for at in listed(direct).values():
        try:
            said = json.loads(Link(at, 0.5).ask("$JS.API.STREAM.INFO.registers", "")[1])
            return said["cluster"].get("leader", "")
        except (OSError, ValueError, KeyError, Said):
            continue
    return ""


def is_ready(at):
    """Whether the node has the stream, which the first one to be ready makes."""
    try:
        link = Link(address(at), 1)
        said = json.loads(link.ask("$JS.API.STREAM.INFO.registers", "")[1])
        if "error" in said and said["error"]["code"] == 404:
            said = json.loads(link.ask("$JS.API.STREAM.CREATE.registers", json.dumps(STREAM))[1])
        return "error" not in said and bool(said["cluster"].get("leader"))
    except (OSError, ValueError, KeyError, Said):
        return False


if __name__ == "__main__":
    if sys.argv[1:2] == ["--primary"]:
        print(leader(sys.argv[2]))
    elif sys.argv[1:2] == ["--ready"]:
        sys.exit(0 if is_ready(sys.argv[2]) else 1)
    else:
        serve(Stream)
