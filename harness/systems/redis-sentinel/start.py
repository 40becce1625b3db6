"""A node: a Redis server and a Sentinel beside it."""
import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from kensho import listed, run_together

name, data, client, client_address, sentinel, sentinel_address, addresses, min_replicas = sys.argv[1:]
first = listed(addresses)["n1"]


def write(path, lines):
    # Sentinel writes into both files who is master; a node that starts again must not forget it.
    if not os.path.exists(path):
        with open(path, "w") as file:
            file.write("\n".join(lines) + "\n")


announced = client_address.rsplit(":", 1)
server = [
    "bind 127.0.0.1",
    f"port {client.rsplit(':', 1)[1]}",
    f"dir {data}",
    "appendonly yes",
    "appendfsync everysec",
    'save ""',
    f"replica-announce-ip {announced[0]}",
    f"replica-announce-port {announced[1]}",
    f"min-replicas-to-write {min_replicas}",
    "min-replicas-max-lag 2",
    "repl-diskless-sync-delay 0",
    "repl-timeout 5",
    "repl-ping-replica-period 1",
]
if name != "n1":
    server.append(f"replicaof {first[0]} {first[1]}")
announced = sentinel_address.rsplit(":", 1)
watcher = [
    "bind 127.0.0.1",
    f"port {sentinel.rsplit(':', 1)[1]}",
    f"dir {data}",
    f"sentinel announce-ip {announced[0]}",
    f"sentinel announce-port {announced[1]}",
    f"sentinel monitor kensho {first[0]} {first[1]} 2",
    "sentinel down-after-milliseconds kensho 1000",
    "sentinel failover-timeout kensho 5000",
]
write(f"{data}/redis.conf", server)
write(f"{data}/sentinel.conf", watcher)
programs = [["redis-server", f"{data}/redis.conf"], ["redis-sentinel", f"{data}/sentinel.conf"]]
run_together(programs, data)
