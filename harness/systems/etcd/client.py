"""A client of etcd, by its JSON gateway; with --primary: writes who leads."""
import base64
import http.client
import json
import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from kensho import Mismatch, Said, listed, own_node, serve, time_limit


def coded(text):
    return base64.b64encode(str(text).encode()).decode()


class Etcd:
    def __init__(self, init):
        self.node, host, port = own_node(init)
        self.link = http.client.HTTPConnection(host, port, timeout=time_limit(init))
        self.serializable = init["settings"]["reads"] == "serializable"

    def ask(self, path, body):
        try:
            if self.link.sock is None:
                self.link.connect()
        except ConnectionRefusedError:
            raise Said("connection refused")
        try:
            self.link.request("POST", "/v3/kv/" + path, json.dumps(body))
            response = self.link.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as why:
            self.link.close()
            raise Said(f"connection lost: {type(why).__name__}")
        if response.status != 200:
            said = json.loads(text)
            raise Said(f"{response.status} {said.get('code', 0)} {said.get('error', '')}")
        return json.loads(text)

    def read(self, ask):
        found = self.ask("range", {"key": coded(ask["key"]), "serializable": self.serializable})
        rows = found.get("kvs", [])
        return {"value": int(base64.b64decode(rows[0]["value"])) if rows else None}

    def write(self, ask):
        self.ask("put", {"key": coded(ask["key"]), "value": coded(ask["value"])})

    def cas(self, ask):
        key = coded(ask["key"])
        expected = {"target": "VALUE", "result": "EQUAL", "key": key, "value": coded(ask["from"])}
        then = {"requestPut": {"key": key, "value": coded(ask["to"])}}
        done = self.ask("txn", {"compare": [expected], "success": [then]})
        if not done.get("succeeded"):
            raise Mismatch("another value")


def leader(direct):
    known = []
    for name, (host, port) in listed(direct).items():
        try:
            link = http.client.HTTPConnection(host, port, timeout=0.5)
            link.request("POST", "/v3/maintenance/status", "{}")
            status = json.loads(link.getresponse().read())
        except (OSError, ValueError, http.client.HTTPException):
            continue
        if status.get("leader") == status["header"]["member_id"]:
            known.append((int(status.get("raftTerm", 0)), name))
    return max(known)[1] if known else ""


if __name__ == "__main__":
    if sys.argv[1:2] == ["--primary"]:
        print(leader(sys.argv[2]))
    else:
        serve(Etcd)
