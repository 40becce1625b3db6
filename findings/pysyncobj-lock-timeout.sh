#!/usr/bin/env bash
# Locks of PySyncObj 0.3.17 (PyPI), ReplLockManager with autoUnlockTime = 1 s, two nodes in one process. "lock will
# be released automatically if no response from holder for more than autoUnlockTime seconds". Guess: if tryAcquire
# raises Timeout the lock may be taken all the same, for a second at most, since its caller knows nothing of it. True: it
# is taken, and held for ever: the manager's thread prolongs whatever the log says it holds, asked for or not.
# Nobody else gets it, until this process asks isAcquired and releases it. (A success that comes late it gives
# back by itself; one that was not waited for it does not.) After a Timeout, release.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv venv
venv/bin/pip install -q pysyncobj==0.3.17
timeout 120 venv/bin/python - <<'PY' | tee out
import socket, time
from pysyncobj import SyncObj, SyncObjException
from pysyncobj.batteries import ReplLockManager

AUTO_UNLOCK = 1.0
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in "ab"]
a, b = (f"127.0.0.1:{s.getsockname()[1]}" for s in sockets)
for s in sockets:
    s.close()
one, other = (ReplLockManager(AUTO_UNLOCK, selfID=name) for name in "ab")
nodes = [SyncObj(a, [b], consumers=[one]), SyncObj(b, [a], consumers=[other])]

def acquired(manager):
    return manager.tryAcquire("lock", sync=True, timeout=30)

try:
    while not all(node.isReady() for node in nodes):
        time.sleep(0.05)
    try:
        print("tryAcquire:", one.tryAcquire("lock", sync=True, timeout=1e-6))
    except SyncObjException as error:
        print("tryAcquire raises", error.errorCode)
    taken = []
    for _ in range(10):
        time.sleep(AUTO_UNLOCK / 2)
        taken.append(acquired(other))
    print("taken by the other within five times autoUnlockTime:", any(taken))
    print("held by the one:", one.isAcquired("lock"))
    one.release("lock", sync=True, timeout=30)
    print("taken by the other after release:", acquired(other))
finally:
    for each in (one, other, *nodes):
        each.destroy()
PY
diff - out <<'OUT'
tryAcquire raises Timeout
taken by the other within five times autoUnlockTime: False
held by the one: True
taken by the other after release: True
OUT
echo 'as stated'
