#!/usr/bin/env bash
# Guess: jsedn 0.4.1 (npm) gives integers as numbers as long as a double holds them (2^53 has 16
# digits), and rounds or refuses beyond. True: from 15 digits on an integer is given as text, exact but of
# another type: 99999999999999 is a number and 100000000000000 is not. Times in nanoseconds cross that
# line at 27.8 hours; the same element compares unequal if one side was made by hand as a number.
# (edn-data 1.2.2 gives numbers throughout, and rounds silently beyond 2^53.)
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y > npm.log
npm install --silent jsedn@0.4.1 edn-data@1.2.2
node -e '
const one = require("jsedn"), other = require("edn-data");
for (const text of ["99999999999999", "100000000000000", "9007199254740993"]) {
  const [a, b] = [one.toJS(one.parse(text)), other.parseEDNString(text)];
  console.log(typeof a, a, typeof b, b);
}' | tee out
printf '%s\n' 'number 99999999999999 number 99999999999999' 'string 100000000000000 number 100000000000000' \
  'string 9007199254740993 number 9007199254740992' | diff - out
echo 'as stated'
