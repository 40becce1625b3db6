"""A client: reads a line of JSON for each operation, and writes one that says how it ended."""
import json, socket, sys

link = None


def perform(ask):
    global link
    try:
        if link is None:
            link = socket.create_connection(mine.split(":"), timeout=limit)
    except OSError as error:  # nothing was sent: it certainly did not happen (code 11)
        return {"type": "error", "code": 11, "text": str(error)}
    try:
        link.sendall(json.dumps(ask).encode() + b"\n")
        line = link.makefile().readline()
        return json.loads(line)
    except (OSError, ValueError) as error:  # it may have happened, or not (code 0)
        link = None
        return {"type": "error", "code": 0, "text": str(error)}


for line in sys.stdin:
    ask = json.loads(line)
    if ask["type"] == "init":  # each client keeps to one node
        nodes = list(ask["nodes"].values())
        mine, limit = nodes[ask["client"] % len(nodes)], ask["timeout_ms"] / 1000
        answer = {"type": "init_ok"}
    else:
        answer = perform(ask)
    print(json.dumps(answer | {"in_reply_to": ask["msg_id"]}), flush=True)
