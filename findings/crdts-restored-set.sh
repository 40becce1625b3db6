#!/usr/bin/env bash
# The sets of crdts 0.2.0 (npm, of OrbitDB), which go between replicas as JSON: toJSON() and from(). Guess: a set that was
# sent or stored is the same set. True: it says so (isEqual), but an ORSet or LWWSet made by from() does not know
# which elements it holds: remove() does nothing there, and the first merge of a set in which the element was
# removed has no effect, since it is kept as a second entry beside the first. The same merge done once more has: merging is not
# idempotent, and a replica that gets each state once keeps the element. The TwoPSet is as expected.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y > npm.log
npm install --silent crdts@0.2.0
cat > sets.mjs <<'JS'
import { LWWSet, ORSet, TwoPSet } from 'crdts';

const remove = (set, time) => set instanceof LWWSet ? set.remove('x', time) : set.remove('x');
for (const Type of [ORSet, LWWSet, TwoPSet]) {
  const sent = set => Type.from(JSON.parse(JSON.stringify(set)));
  const one = new Type();
  one.add('x', 1);
  const told = [`equal ${one.isEqual(sent(one))}`];

  const removing = sent(one);
  remove(removing, 2);
  told.push(`after its own remove: has x ${removing.has('x')}`);

  const merging = sent(one);
  remove(one, 2);
  const seen = [1, 2].map(() => (merging.merge(one), merging.has('x')));
  told.push(`after merging the remove once, twice: has x ${seen}`);
  console.log(`${Type.name}: ${told.join('; ')}`);
}
JS
timeout 60 node sets.mjs | tee out
diff - out <<'OUT'
ORSet: equal true; after its own remove: has x true; after merging the remove once, twice: has x true,false
LWWSet: equal true; after its own remove: has x true; after merging the remove once, twice: has x true,false
TwoPSet: equal true; after its own remove: has x false; after merging the remove once, twice: has x false,false
OUT
echo 'as stated'
