#!/usr/bin/env bash
# Transactions of node-zookeeper-client 1.1.3 (npm) with ZooKeeper 3.8.0 (Debian 12, apt-get install zookeeper). Its
# documentation: check, setData and remove take a version, "optional, defaults to -1" (any). Guess: version 0, that of a
# node which was never changed since it was created, is a version as any other, as it is outside of a transaction. True: in
# a transaction 0 is taken for "not given", and the condition is dropped. So of two clients that read a new node
# and write it back under version 0 in a transaction both succeed, and one change is lost; from the second
# change on all is well, so that a test with nodes in use does not see it.
set -euo pipefail
zookeeper=3.8.0-11+deb12u2
if [ "$(dpkg-query -W -f '${Version}' zookeeper 2> /dev/null)" != "$zookeeper" ]; then
  echo "needs Debian's zookeeper=$zookeeper" >&2; exit 2
fi
folder=$(mktemp -d); server=
trap 'if [ -n "$server" ]; then kill "$server"; wait "$server" || true; fi; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > npm.log
npm install --silent node-zookeeper-client@1.1.3
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf '%s\n' tickTime=1000 dataDir="$folder/data" clientPortAddress=127.0.0.1 clientPort="$port" admin.enableServer=false > zoo.cfg
java -Xmx128m -XX:+UseSerialGC -cp /usr/share/java/zookeeper.jar \
  org.apache.zookeeper.server.quorum.QuorumPeerMain zoo.cfg > zookeeper.log 2>&1 &
server=$!
cat > versions.js <<'JS'
const { once } = require('events'), { promisify } = require('util'), zookeeper = require('node-zookeeper-client');
(async () => {
  const client = zookeeper.createClient(`127.0.0.1:${process.argv[2]}`);
  client.connect();
  await once(client, 'connected');
  const said = act => promisify(act)().then(() => 'done', error => error.name);
  const write = version => said(done => client.setData('/n', Buffer.from('x'), version, done));
  const inTransaction = act => said(done => act(client.transaction()).commit(done));
  await said(done => client.create('/n', Buffer.from('x'), done));

  const change = version => inTransaction(transaction => transaction.setData('/n', Buffer.from('x'), version));
  console.log('two transactions that set version 0:', await change(0), await change(0)); // now it is 2
  console.log('two transactions that set version 2:', await change(2), await change(2)); // now it is 3
  console.log('setData of version 0 without a transaction:', await write(0));
  const check = version => inTransaction(transaction => transaction.check('/n', version));
  console.log('check of version 0, of 1:', await check(0), await check(1));
  const remove = version => inTransaction(transaction => transaction.remove('/n', version));
  console.log('remove of version 1, of 0:', await remove(1), await remove(0));
  client.close();
})();
JS
timeout 90 node versions.js "$port" | tee out
diff - out <<'OUT'
two transactions that set version 0: done done
two transactions that set version 2: done BAD_VERSION
setData of version 0 without a transaction: BAD_VERSION
check of version 0, of 1: done BAD_VERSION
remove of version 1, of 0: BAD_VERSION done
OUT
echo 'as stated'
