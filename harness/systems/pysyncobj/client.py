"""A client of a node; with --primary: writes who leads; with --ready: whether a node is."""
import json
import os
import socket
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from kensho import Mismatch, Said, listed, own_node, serve, time_limit


class Node:
    def __init__(self, address, limit):
        self.address, self.limit, self.link = address, limit, None

    def ask(self, ask):
        try:
            if self.link is None:
                self.link = socket.create_connection(self.address, timeout=self.limit)
                self.lines = self.link.makefile()
        except ConnectionRefusedError:
            raise Said("connection refused")
        except OSError as why:
            raise Said(f"no connection: {type(why).__name__}")
        try:
            self.link.sendall(json.dumps(ask).encode() + b"\n")
            return json.loads(self.lines.readline())
        except (OSError, ValueError) as why:
            self.link = None
            raise Said(f"connection lost: {type(why).__name__}")


class Client:
    def __init__(self, init):
        self.node, host, port = own_node(init)
        self.link = Node((host, port), time_limit(init))

    def ask(self, ask):
        said = self.link.ask(ask)
        if said["type"] != "error":
            return said
        if said.get("code") == 22:
            raise Mismatch(said["text"])
        raise Said(said["text"])

    def read(self, ask):
        return {"value": self.ask(ask)["value"]}

    def write(self, ask):
        self.ask(ask)

    def cas(self, ask):
        self.ask(ask)


def state(address):
    try:
        return Node(address, 0.5).ask({"type": "leader"})
    except Said:
        return {"leader": False, "ready": False}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--primary"]:
        leaders = [name for name, address in listed(sys.argv[2]).items() if state(address)["leader"]]
        print(leaders[0] if leaders else "")
    elif sys.argv[1:2] == ["--ready"]:
        host, port = sys.argv[2].rsplit(":", 1)
        sys.exit(0 if state((host, int(port)))["ready"] else 1)
    else:
        serve(Client)
