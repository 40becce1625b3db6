"""A client for `kensho test register --system system.toml`: registers as rows of a container, asked through
kensho_client. It reads a line of JSON for each operation and writes one that says how it ended."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from kensho_client import Client, ConditionFailed, KenshoError, Options

REGISTERS = "registers"
COLUMNS = [("key", "STRING"), ("value", "LONG")]
# Codes of Maelstrom's protocol; after the first, nobody knows whether it happened.
CRASH, NOT_OFFERED, TEMPORARY, WRONG_VALUE = 13, 10, 11, 22


def connected(ask: dict) -> Client:
    # The answer has to come before the harness gives this program up.
    limit = ask["timeout_ms"] / 1000 * 0.8
    client = Client("kensho", ask["nodes"].values(), Options(failover_timeout=limit, attempt_timeout=limit / 4))
    client.create_container(REGISTERS, COLUMNS)
    return client


def perform(client: Client, ask: dict) -> dict:
    key = ask["key"]
    match ask["type"]:
        case "read":
            row = client.get(REGISTERS, key)
            return {"type": "read_ok", "value": row and row.values[1]}
        case "write":
            client.put(REGISTERS, key, [key, ask["value"]])
            return {"type": "write_ok"}
        case "cas":
            row = client.get(REGISTERS, key)
            found = row and row.values[1]
            if row is None or found != ask["from"]:
                return error(WRONG_VALUE, f"it is {found}")
            try:
                client.put(REGISTERS, key, [key, ask["to"]], if_version=row.version)
            except ConditionFailed as failed:
                return error(WRONG_VALUE, str(failed))
            return {"type": "cas_ok"}
    return error(NOT_OFFERED, f"there is no operation {ask['type']}")


def error(code: int, text: str) -> dict:
    return {"type": "error", "code": code, "text": text}


def answer(client: Client, ask: dict) -> dict:
    try:
        return perform(client, ask)
    except KenshoError as failure:
        return error(TEMPORARY if failure.definite else CRASH, str(failure))


client = None
for line in sys.stdin:
    asked = json.loads(line)
    if asked["type"] == "init":
        client = connected(asked)
        told = {"type": "init_ok"}
    else:
        told = answer(client, asked)
    print(json.dumps(told | {"in_reply_to": asked["msg_id"]}), flush=True)
