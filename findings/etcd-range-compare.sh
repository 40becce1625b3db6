#!/usr/bin/env bash
# Conditions of transactions of etcd 3.4.23 (Debian 12, apt-get install etcd-server), over its JSON gateway, on a range without
# keys. The API says: with range_end a compare holds "the given target to all keys in the range". Guess: of no
# keys everything is true (or everything false, as the client likes). True: it depends on what is compared. A compare of
# values is false, whether EQUAL or NOT_EQUAL; a compare of versions or revisions is made with 0, as if one
# key were there. So "no lock under this prefix is held by another" fails where there is no lock at all, and "all
# were changed before revision 5" holds. The same is so of a single missing key: != "x" is not the opposite of == "x".
set -euo pipefail
if [[ "$(etcd --version 2> /dev/null)" != 'etcd Version: 3.4.23'* ]]; then
  echo "needs Debian's etcd-server 3.4.23" >&2; exit 2
fi
folder=$(mktemp -d); server=
trap 'if [ -n "$server" ]; then kill "$server"; wait "$server" || true; fi; rm -rf "$folder"' EXIT
cd "$folder"
read -r port peer < <(python3 -c 'import socket
both = [socket.create_server(("127.0.0.1", 0)) for _ in "ab"]
print(*(s.getsockname()[1] for s in both))')
etcd --data-dir data --listen-client-urls "http://127.0.0.1:$port" --advertise-client-urls "http://127.0.0.1:$port" \
  --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
  --initial-cluster "default=http://127.0.0.1:$peer" > etcd.log 2>&1 &
server=$!
timeout 60 python3 - "$port" <<'PY' | tee out
import base64, json, sys, time, urllib.error, urllib.request

def ask(what, body):
    request = urllib.request.Request(f"http://127.0.0.1:{sys.argv[1]}/v3/{what}", json.dumps(body).encode())
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)

def text(value):
    return base64.b64encode(value.encode()).decode()

def holds(compare):
    return ask("kv/txn", {"compare": [compare]}).get("succeeded", False)

def put(key, value):
    while True:
        try:
            return ask("kv/put", {"key": text(key), "value": text(value)})
        except urllib.error.URLError:  # does not serve yet
            time.sleep(0.2)

put("other", "x")
put("full/1", "x")
places = {
    "a range without keys": {"key": text("empty/"), "range_end": text("empty0")},
    "a missing key": {"key": text("empty/1")},
    'a range with one key of "x"': {"key": text("full/"), "range_end": text("full0")},
}
for place, keys in places.items():
    for result in ("EQUAL", "NOT_EQUAL"):
        print(f'{place}: value {result} "x":', holds({**keys, "target": "VALUE", "result": result, "value": text("x")}))
    print(f"{place}: mod_revision LESS 5:", holds({**keys, "target": "MOD", "result": "LESS", "mod_revision": 5}))
    print(f"{place}: version GREATER 0:", holds({**keys, "target": "VERSION", "result": "GREATER", "version": 0}))
PY
diff - out <<'OUT'
a range without keys: value EQUAL "x": False
a range without keys: value NOT_EQUAL "x": False
a range without keys: mod_revision LESS 5: True
a range without keys: version GREATER 0: False
a missing key: value EQUAL "x": False
a missing key: value NOT_EQUAL "x": False
a missing key: mod_revision LESS 5: True
a missing key: version GREATER 0: False
a range with one key of "x": value EQUAL "x": True
a range with one key of "x": value NOT_EQUAL "x": False
a range with one key of "x": mod_revision LESS 5: True
a range with one key of "x": version GREATER 0: True
OUT
echo 'as stated'
