"""A node: registers under PySyncObj's Raft, asked by lines of JSON."""
import json
import os
import socketserver
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from kensho import listed
from pysyncobj import SyncObj, SyncObjConf, SyncObjException, replicated

name, data, client, peer, addresses, reads, journal = sys.argv[1:]
members = {member: f"{host}:{port}" for member, (host, port) in listed(addresses).items()}
LIMIT = 3


class Store(SyncObj):
    def __init__(self):
        conf = SyncObjConf(bindAddress=peer, dynamicMembershipChange=False)
        if journal == "file":
            conf.journalFile, conf.fullDumpFile = f"{data}/journal", f"{data}/dump"
        self.rows = {}
        super().__init__(members[name], [at for member, at in members.items() if member != name], conf)

    @replicated
    def write(self, key, value):
        self.rows[key] = value

    @replicated
    def cas(self, key, expected, value):
        if self.rows.get(key) != expected:
            return False
        self.rows[key] = value
        return True

    @replicated
    def look(self, key):
        return self.rows.get(key)


store = Store()


def answer(ask):
    key, kind = ask["key"], ask["type"]
    try:
        if kind == "read":
            value = store.look(key, sync=True, timeout=LIMIT) if reads == "log" else store.rows.get(key)
            return {"type": "read_ok", "value": value}
        if kind == "write":
            store.write(key, ask["value"], sync=True, timeout=LIMIT)
        elif not store.cas(key, ask["from"], ask["to"], sync=True, timeout=LIMIT):
            return {"type": "error", "code": 22, "text": "another value"}
        return {"type": kind + "_ok"}
    except SyncObjException as why:
        return {"type": "error", "text": f"SyncObjException {why.errorCode}"}


class Connection(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            ask = json.loads(line)
            if ask["type"] == "leader":
                said = {"leader": store._getLeader() is not None and store._isLeader(), "ready": store.isReady()}
            else:
                said = answer(ask)
            self.wfile.write(json.dumps(said).encode() + b"\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads = True, True


host, port = client.rsplit(":", 1)
Server((host, int(port)), Connection).serve_forever()
