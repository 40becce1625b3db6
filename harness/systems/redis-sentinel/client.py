"""A client of Redis, which asks a Sentinel who is master; with --primary: writes who is; with --ready: whether
a node is."""
import os
import socket
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from kensho import Mismatch, Said, listed, serve, time_limit

# Lua is run by the server as a whole.
CAS = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2]); return 1 end; return 0"
CONFIRMED_WITHIN_MS = 500


class Link:
    """A connection that speaks Redis's protocol."""

    def __init__(self, address, limit):
        self.socket = socket.create_connection(address, timeout=limit)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def ask(self, *words):
        words = [str(word).encode() for word in words]
        parts = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
        self.socket.sendall(b"*%d\r\n%s" % (len(words), parts))
        return self.answer()

    def answer(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionResetError("closed")
        kind, rest = line[:1], line[1:-2].decode()
        if kind == b"-":
            raise Said(rest)
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if int(rest) < 0 else self.file.read(int(rest) + 2)[:-2].decode()
        return None if int(rest) < 0 else [self.answer() for _ in range(int(rest))]


def master(sentinel, limit):
    host, port = Link(sentinel, limit).ask("SENTINEL", "get-master-addr-by-name", "kensho")
    return host, int(port)


class Redis:
    def __init__(self, init):
        sentinels = sorted(listed(sys.argv[1]).items())
        self.sentinels = [address for _, address in sentinels]
        self.turn = init["client"]
        self.names = {at: name for name, at in init["nodes"].items()}
        self.limit = time_limit(init)
        self.confirms = init["settings"]["confirm"] == "replica"
        self.node, self.link = None, None

    def connect(self):
        """To the master that the next Sentinel names."""
        self.turn += 1
        self.node = None
        try:
            host, port = master(self.sentinels[self.turn % len(self.sentinels)], self.limit / 4)
            self.node = self.names.get(f"{host}:{port}")
            self.link = Link((host, port), self.limit / 2)
        except (OSError, TypeError) as why:
            raise Said(f"no master: {type(why).__name__}")

    def ask(self, *words):
        if self.link is None:
            self.connect()
        try:
            answer = self.link.ask(*words)
            if self.confirms:
                self.confirm()
            return answer
        except Said:
            self.link = None  # there may be another master
            raise
        except OSError as why:
            self.link = None
            raise Said(f"connection lost: {type(why).__name__}")

    def confirm(self):
        """A replica has all that this connection has seen: a master that was replaced has none."""
        try:
            self.link.ask("INCR", "confirmed")
        except Said as said:
            raise Said(f"unconfirmed: {said}")
        if self.link.ask("WAIT", 1, CONFIRMED_WITHIN_MS) < 1:
            raise Said("unconfirmed: WAIT 0")

    def read(self, ask):
        if ask["key"].startswith("s"):
            return {"value": sorted(int(one) for one in self.ask("SMEMBERS", ask["key"]))}
        value = self.ask("GET", ask["key"])
        # A counter that nobody has added to is 0, a register that nobody has written holds nothing.
        nothing = 0 if ask["key"].startswith("c") else None
        return {"value": nothing if value is None else int(value)}

    def write(self, ask):
        self.ask("SET", ask["key"], ask["value"])

    def add(self, ask):
        if ask["key"].startswith("c"):
            self.ask("INCRBY", ask["key"], ask["delta"])
        else:
            self.ask("SADD", ask["key"], ask["element"])

    def cas(self, ask):
        if not self.ask("EVAL", CAS, 1, ask["key"], ask["from"], ask["to"]):
            raise Mismatch("another value")


def primary(sentinels, clients):
    named = []
    for sentinel in listed(sentinels).values():
        try:
            named.append(master(sentinel, 0.5))
        except (OSError, TypeError, Said):
            continue
    found = [name for name, address in listed(clients).items() if named.count(address) * 2 > len(named)]
    return found[0] if found else ""


def is_ready(client, sentinel):
    try:
        listed_of = lambda at: (at.rsplit(":", 1)[0], int(at.rsplit(":", 1)[1]))
        Link(listed_of(sentinel), 1).ask("PING")
        role = Link(listed_of(client), 1).ask("ROLE")
    except (OSError, Said):
        return False
    # A master without replicas is one that has been replaced, or will have some in a moment.
    return bool(role[2]) if role[0] == "master" else role[3] == "connected"


if __name__ == "__main__":
    if sys.argv[1] == "--primary":
        print(primary(*sys.argv[2:]))
    elif sys.argv[1] == "--ready":
        sys.exit(0 if is_ready(*sys.argv[2:]) else 1)
    else:
        serve(Redis)
