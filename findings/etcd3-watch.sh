#!/usr/bin/env bash
# Watchers of etcd3 1.1.2 (npm) with etcd 3.4.23 (Debian 12, apt-get install etcd-server), through a proxy whose connection
# is cut. Its documentation: watchers are "resilient against disconnections, automatically resubscribing and replaying
# changes when reconnecting". Guess: every change is seen. True: as soon as etcd has confirmed the new watch
# the watcher moves on to the revision of that moment, though what it missed is sent only afterwards (etcd looks for
# such watchers ten times a second). If the connection breaks again before that, the changes made meanwhile are never
# seen: no error, and later ones arrive. So on a flapping network a watch has gaps and does not know it.
set -euo pipefail
if [[ "$(etcd --version 2> /dev/null)" != 'etcd Version: 3.4.23'* ]]; then
  echo "needs Debian's etcd-server 3.4.23" >&2; exit 2
fi
folder=$(mktemp -d); server=
trap 'if [ -n "$server" ]; then kill "$server"; wait "$server" || true; fi; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > npm.log
npm install --silent etcd3@1.1.2
read -r port peer < <(python3 -c 'import socket
both = [socket.create_server(("127.0.0.1", 0)) for _ in "ab"]
print(*(s.getsockname()[1] for s in both))')
etcd --data-dir data --listen-client-urls "http://127.0.0.1:$port" --advertise-client-urls "http://127.0.0.1:$port" \
  --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
  --initial-cluster "default=http://127.0.0.1:$peer" > etcd.log 2>&1 &
server=$!
cat > watch.js <<'JS'
const net = require('net'), { once } = require('events'), { Etcd3 } = require('etcd3');
const port = Number(process.argv[2]);

/** Passes on bytes while it is open; cut() ends all connections. */
const proxy = { open: true, links: new Set() };
proxy.cut = () => proxy.links.forEach(link => link.destroy());
const listener = net.createServer(client => {
  if (!proxy.open) return client.destroy();
  const server = net.connect(port, '127.0.0.1');
  client.pipe(server).pipe(client);
  for (const [one, other] of [[client, server], [server, client]]) {
    proxy.links.add(one);
    one.on('error', () => {}).on('close', () => { proxy.links.delete(one); other.destroy(); });
  }
});

async function run(cutsAfterwards) {
  const direct = new Etcd3({ hosts: `http://127.0.0.1:${port}` });
  for (;;) { // until etcd serves
    try { await direct.put('k').value('start'); break; } catch { await new Promise(go => setTimeout(go, 200)); }
  }
  const client = new Etcd3({ hosts: `http://127.0.0.1:${listener.address().port}` });
  const watcher = await client.watch().key('k').create();
  const seen = [];
  watcher.on('put', entry => seen.push(String(entry.value)));
  await direct.put('k').value('one');
  while (!seen.includes('one')) await once(watcher, 'put');

  proxy.open = false;
  proxy.cut();
  await once(watcher, 'disconnected');
  for (const value of ['two', 'three']) await direct.put('k').value(value);
  proxy.open = true;
  for (let cuts = cutsAfterwards; ; cuts--) {
    await once(watcher, 'connected');
    if (cuts === 0) break;
    proxy.cut();
  }
  await direct.put('k').value('last');
  while (!seen.includes('last')) await once(watcher, 'put');
  console.log(`cut again ${cutsAfterwards} times, seen:`, seen.join(' '));
}

listener.listen(0, '127.0.0.1', async () => {
  await run(0);
  await run(1);
  process.exit(0);
});
JS
timeout 120 node watch.js "$port" | tee out
diff - out <<'OUT'
cut again 0 times, seen: one two three last
cut again 1 times, seen: one last
OUT
echo 'as stated'
