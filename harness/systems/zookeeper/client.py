"""A client of ZooKeeper; with --primary: writes who leads; with --ready: whether a node is."""
import logging
import os
import socket
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from kensho import Mismatch, Said, listed, own_node, serve, time_limit

if not sys.argv[1:]:  # for the questions below it would only take time
    from kazoo import exceptions as zookeeper
    from kazoo.client import KazooClient
    from kazoo.handlers.threading import KazooTimeoutError

    logging.disable(logging.CRITICAL)


class Client:
    def __init__(self, init):
        self.node, self.host, self.port = own_node(init)
        self.limit, self.link = time_limit(init), None
        self.syncs = init["settings"]["reads"] == "sync"

    def do(self, act):
        try:
            if self.link is None:
                link = KazooClient(f"{self.host}:{self.port}", timeout=4)
                link.start(timeout=self.limit / 2)
                self.link = link
        except (KazooTimeoutError, zookeeper.KazooException) as why:
            raise Said(f"no session: {type(why).__name__}")
        try:
            return act(self.link)
        except (zookeeper.ConnectionLoss, zookeeper.SessionExpiredError, zookeeper.ConnectionClosedError,
                zookeeper.OperationTimeoutError, KazooTimeoutError) as why:
            self.link.stop()
            self.link = None
            raise Said(type(why).__name__)

    def look(self, link, key):
        try:
            if self.syncs:
                link.sync_async("/" + key).get(timeout=self.limit / 2)
            value, stat = link.get_async("/" + key).get(timeout=self.limit / 2)
            return int(value), stat.version
        except zookeeper.NoNodeError:
            return None, None

    def read(self, ask):
        return {"value": self.do(lambda link: self.look(link, ask["key"])[0])}

    def write(self, ask):
        path, value = "/" + ask["key"], str(ask["value"]).encode()

        def act(link):
            try:
                link.set_async(path, value).get(timeout=self.limit / 2)
            except zookeeper.NoNodeError:
                try:
                    link.create_async(path, value).get(timeout=self.limit / 2)
                except zookeeper.NodeExistsError:
                    raise Said("NodeExistsError")

        self.do(act)

    def cas(self, ask):
        def act(link):
            value, version = self.look(link, ask["key"])
            if value != ask["from"]:
                raise Mismatch("another value")
            try:
                link.set_async("/" + ask["key"], str(ask["to"]).encode(), version).get(timeout=self.limit / 2)
            except zookeeper.BadVersionError:
                raise Mismatch("another version")

        self.do(act)


def mode(address):
    try:
        with socket.create_connection(address, timeout=0.5) as link:
            link.sendall(b"srvr")
            said = link.makefile().read()
    except OSError:
        return None
    lines = [line for line in said.splitlines() if line.startswith("Mode: ")]
    return lines[0][len("Mode: "):] if lines else None


if __name__ == "__main__":
    if sys.argv[1:2] == ["--primary"]:
        leaders = [name for name, address in listed(sys.argv[2]).items() if mode(address) == "leader"]
        print(leaders[0] if leaders else "")
    elif sys.argv[1:2] == ["--ready"]:
        host, port = sys.argv[2].rsplit(":", 1)
        sys.exit(0 if mode((host, int(port))) in ("leader", "follower") else 1)
    else:
        serve(Client)
