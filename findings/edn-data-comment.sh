#!/usr/bin/env bash
# Guess: a comment separates what stands before and after it, as white space does. True of edn-data
# 1.2.2 (npm): a number or keyword directly before ";" goes on after the comment's line. A list that
# was read as [1 2] is given as [12]. With a space before the ";" it is right.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y > npm.log
npm install --silent edn-data@1.2.2
node -e '
const { parseEDNString } = require("edn-data");
const show = (text) => console.log(JSON.stringify(parseEDNString(text, { keywordAs: "string" })));
show("[1;one\n2]"); show("[1 ;one\n2]"); show("[:a;key\n:b]");' | tee out
printf '[12]\n[1,2]\n["a:b"]\n' | diff - out
echo 'as stated'
