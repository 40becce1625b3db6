// A client: reads a line of JSON for each operation, and writes one that says how it ended.
const net = require("net"), readline = require("readline");

let mine, limit, link = null, waiting = null;

function connect() {
  return new Promise((done, failed) => {
    const [host, port] = mine.split(":");
    const socket = net.connect({ host, port }, () => done(socket));
    socket.on("error", failed);
    const lost = (why) => {
      link = null;
      if (waiting) waiting({ type: "error", code: 0, text: why });
    };
    socket.on("close", () => lost("connection lost"));
    socket.setTimeout(limit, () => socket.destroy());
    readline.createInterface({ input: socket }).on("line", (line) => waiting && waiting(JSON.parse(line)));
  });
}

async function perform(ask) {
  try {
    link = link || (await connect());
  } catch (error) { // nothing was sent: it certainly did not happen (code 11)
    return { type: "error", code: 11, text: error.message };
  }
  link.write(JSON.stringify(ask) + "\n"); // without an answer it may have happened, or not (code 0)
  const answer = await new Promise((answered) => (waiting = answered));
  waiting = null;
  return answer;
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const ask = JSON.parse(line);
    let answer;
    if (ask.type === "init") { // each client keeps to one node
      const nodes = Object.values(ask.nodes);
      [mine, limit] = [nodes[ask.client % nodes.length], ask.timeout_ms];
      answer = { type: "init_ok" };
    } else {
      answer = await perform(ask);
    }
    process.stdout.write(JSON.stringify({ ...answer, in_reply_to: ask.msg_id }) + "\n");
  }
}

main().then(() => process.exit(0));
