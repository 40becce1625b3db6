#!/usr/bin/env bash
# Three ovsdb-servers of Open vSwitch 3.1.0 (Debian 12, apt-get install openvswitch-common) as a Raft cluster, no
# fault. A row is inserted at the leader with a real of 17 digits (RFC 7047: a 64-bit IEEE double). Guess: all
# replicas hold the same double. True: it goes to the followers, to the log on disk and to clients with 15
# digits, while the leader keeps what it parsed. So the leader finds the row under 0.30000000000000004 and its followers
# under 0.3; who reads 0.3 and compares with it, finds nothing at the leader; and when the leader starts again
# the value it holds is another one. Whoever compares the answers of replicas sees them differ.
set -euo pipefail
version=3.1.0-2+deb12u1
if [ "$(dpkg-query -W -f '${Version}' openvswitch-common 2> /dev/null)" != "$version" ]; then
  echo "needs Debian's openvswitch-common=$version" >&2; exit 2
fi
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
timeout 180 python3 - <<'PY' | tee out
import json, os, socket, subprocess, time

SERVERS = ["s1", "s2", "s3"]
HERE = os.getcwd()
with open("schema", "w") as file:
    columns = {"name": {"type": "string"}, "amount": {"type": "real"}}
    json.dump({"name": "D", "version": "1.0.0", "tables": {"t": {"columns": columns, "isRoot": True}}}, file)

def free_addresses():
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in SERVERS]
    addresses = [f"tcp:127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    for s in sockets:
        s.close()
    return addresses

running = {}
def start(name):
    command = ["ovsdb-server", "--no-chdir", "-vconsole:off", "-vsyslog:off", f"--remote=punix:{HERE}/{name}.sock"]
    running[name] = subprocess.Popen(command + [f"--unixctl={HERE}/{name}.ctl", f"{name}.db"])

def stop(name):
    process = running.pop(name)
    process.terminate()
    process.wait()

def until(what, holds):
    end = time.monotonic() + 50
    while not holds():
        assert time.monotonic() < end, f"changed: never: {what}"
        time.sleep(0.1)

def ask(name, operation):
    """The numbers of the operation are sent as they are written, not through a float."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(f"{name}.sock")
        link.sendall(b'{"id": 0, "method": "transact", "params": ["D", %s]}' % operation.encode())
        text = ""
        while True:
            text += link.recv(65536).decode()
            try:
                return json.loads(text, parse_float=str).get("result")[0]
            except ValueError:
                pass  # not whole yet

def found(name, condition):
    try:
        where = f'{{"op": "select", "table": "t", "columns": ["amount"], "where": [{condition}]}}'
        return [row["amount"] for row in ask(name, where)["rows"]]
    except (OSError, TypeError):
        return None  # does not serve yet (an error instead of a result)

def role(name):
    command = ["ovs-appctl", "-t", f"{HERE}/{name}.ctl", "cluster/status", "D"]
    lines = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
    return next((line for line in lines if line.startswith("Role:")), "")

def show(when):
    for name in SERVERS:
        print(when, name, *(found(name, f'["amount", "==", {value}]') for value in ("0.3", "0.30000000000000004")))

try:
    first, *others = free_addresses()
    subprocess.run(["ovsdb-tool", "create-cluster", "s1.db", "schema", first], check=True)
    for name, address in zip(SERVERS[1:], others):
        subprocess.run(["ovsdb-tool", "join-cluster", f"{name}.db", "D", address, first], check=True)
    for name in SERVERS:
        start(name)
    until("all serve", lambda: all(found(name, "") == [] for name in SERVERS))
    until("s1 leads", lambda: "leader" in role("s1"))
    ask("s1", '{"op": "insert", "table": "t", "row": {"name": "a", "amount": 0.30000000000000004}}')
    until("all have the row", lambda: all(found(name, "") == ["0.3"] for name in SERVERS))
    show("inserted")
    stop("s1")
    start("s1")
    until("s1 serves again", lambda: found("s1", "") == ["0.3"])
    show("s1 started again")
finally:
    for name in list(running):
        stop(name)
PY
diff - out <<'OUT'
inserted s1 [] ['0.3']
inserted s2 ['0.3'] []
inserted s3 ['0.3'] []
s1 started again s1 ['0.3'] []
s1 started again s2 ['0.3'] []
s1 started again s3 ['0.3'] []
OUT
echo 'as stated'
