#!/usr/bin/env bash
# liferaft 1.0.0 (npm) with its own Log over memdown 1.4.1: three nodes in one process, no message lost but those of a
# node that is cut off. Guess: a vote is refused to a candidate whose log is behind (Raft 5.4.1; the source names
# that rule), and `commit` is emitted once for a command. True: the vote is refused only if the candidate is behind
# in the last index *and* in the last term, so a node that lacks a committed entry of its own term is elected
# by one that has it, and the entry is replaced. And the leader emits `commit` once for each acknowledgement that comes
# before the first has been worked off: with two followers as fast as each other, twice.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y > npm.log
npm install --silent --ignore-scripts liferaft@1.0.0 memdown@1.4.1   # its default store, leveldown, is not used
cat > lost.js <<'JS'
const Raft = require('liferaft'), Log = require('liferaft/log'), adapter = require('memdown');

const nodes = {}, commits = { a: [], b: [], c: [] }, cut = new Set();
const never = '1 hour'; // nothing happens by itself
for (const me in commits) {
  const times = { 'election min': never, 'election max': never, heartbeat: never };
  nodes[me] = new Raft(me, { Log, adapter, path: me, ...times });
  nodes[me].on('commit', command => commits[me].push(command));
}
for (const me in nodes) for (const to in nodes) if (me !== to) {
  nodes[me].join(to, (packet, answered) => setImmediate(() => {
    if (cut.has(me) || cut.has(to)) return;
    nodes[to].emit('data', JSON.parse(JSON.stringify(packet)), async answer => answered(undefined, await answer));
  }));
}
const log = async node => (await nodes[node].log.getEntriesAfter(0)).map(entry => entry.command).join();
async function until(what, holds) {
  for (const end = Date.now() + 20000; !(await holds()); await new Promise(setImmediate))
    if (Date.now() > end) { console.log('changed: never', what); process.exit(1); }
}

(async () => {
  nodes.a.promote();
  await until('a leads', () => nodes.a.state === Raft.LEADER);
  await nodes.a.command('one');
  await until('one everywhere', async () => commits.a.length === 2 && (await log('b') + await log('c')) === 'oneone');
  console.log('commits at a:', commits.a.join());
  cut.add('c');
  await nodes.a.command('two');
  await until('two at a', () => commits.a.includes('two'));
  console.log('commits at a:', commits.a.join(), '- logs:', await log('a'), await log('b'), await log('c'));
  cut.delete('c');
  cut.add('a');
  nodes.c.promote();
  await until('c leads', () => nodes.c.state === Raft.LEADER);
  await nodes.c.command('three');
  await until('three at c', () => commits.c.includes('three'));
  console.log('commits at c:', commits.c.join(), '- logs:', await log('b'), await log('c'));
  process.exit(0);
})();
JS
timeout 120 node lost.js | tee out
diff - out <<'OUT'
commits at a: one,one
commits at a: one,one,two - logs: one,two one,two one
commits at c: one,three - logs: one,three one,three
OUT
echo 'as stated'
