#!/usr/bin/env bash
# Transactions of kazoo 2.11.0 (PyPI) with ZooKeeper 3.8.0 (Debian 12, apt-get install zookeeper). Guess: as in other
# clients a `with client.transaction()` whose commit fails raises, as each of its operations does on its own. True: the
# errors are in the list that commit() returns, and the end of a with block throws that list away. So kazoo's own
# recipes tell of success where nothing was done: LockingQueue.put_all ("only succeeds if all entries where put")
# returns as always, where put raises; and consume ("True if element was removed successfully") says True
# although its transaction was rolled back, and the lock of the entry is still there.
set -euo pipefail
zookeeper=3.8.0-11+deb12u2
if [ "$(dpkg-query -W -f '${Version}' zookeeper 2> /dev/null)" != "$zookeeper" ]; then
  echo "needs Debian's zookeeper=$zookeeper" >&2; exit 2
fi
folder=$(mktemp -d); server=
trap 'if [ -n "$server" ]; then kill "$server"; wait "$server" || true; fi; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q kazoo==2.11.0
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf '%s\n' tickTime=1000 dataDir="$folder/data" clientPortAddress=127.0.0.1 clientPort="$port" admin.enableServer=false > zoo.cfg
java -Xmx128m -XX:+UseSerialGC -cp /usr/share/java/zookeeper.jar \
  org.apache.zookeeper.server.quorum.QuorumPeerMain zoo.cfg > zookeeper.log 2>&1 &
server=$!
timeout 120 venv/bin/python - "$port" <<'PY' | tee out
import sys
from kazoo.client import KazooClient

client = KazooClient(f"127.0.0.1:{sys.argv[1]}")
client.start(timeout=60)

def said(name, act):
    try:
        print(name, "->", act())
    except Exception as error:
        print(name, "raises", type(error).__name__)

def with_block():
    with client.transaction() as transaction:
        transaction.create("/new")
        transaction.delete("/missing")

def committed():
    transaction = client.transaction()
    transaction.create("/new")
    transaction.delete("/missing")
    return [type(result).__name__ for result in transaction.commit()]

said("delete", lambda: client.delete("/missing"))
said("with block", with_block)
said("commit", committed)
print("/new exists:", client.exists("/new") is not None)

queue = client.LockingQueue("/queue")
queue.put(b"first")
queue.get()
for entry in client.get_children("/queue/entries"):
    client.delete("/queue/entries/" + entry)
said("consume", queue.consume)
print("locks left:", len(client.get_children("/queue/taken")))
client.delete("/queue/entries")
said("put", lambda: queue.put(b"second"))
said("put_all", lambda: queue.put_all([b"second", b"third"]))
print("entries:", client.exists("/queue/entries"))
client.stop()
client.close()
PY
diff - out <<'OUT'
delete raises NoNodeError
with block -> None
commit -> ['RolledBackError', 'NoNodeError']
/new exists: False
consume -> True
locks left: 1
put raises NoNodeError
put_all -> None
entries: None
OUT
echo 'as stated'
