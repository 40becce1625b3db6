"""A replicated store in 40 lines, with a bug: who writes is answered before the other nodes have it."""
import json, queue, socket, socketserver, sys, threading, time

port, peers = int(sys.argv[1]), [p.split("=")[1] for p in sys.argv[2].split(",") if p]
data, lock = {}, threading.Lock()
to_send = {peer: queue.Queue() for peer in peers}


def answer(ask):
    key, kind = ask["key"], ask["type"]
    with lock:
        now = data.get(key)
        if kind == "read":
            return {"type": "read_ok", "value": now}
        if kind == "cas" and now != ask["from"]:
            return {"type": "error", "code": 22, "text": f"it is {now}"}
        data[key] = ask["to"] if kind == "cas" else ask["value"]
        for peer in peers if kind != "copy" else []:
            to_send[peer].put({"type": "copy", "key": key, "value": data[key]})
    return {"type": kind + "_ok"}  # the bug: nobody has waited for the copies


def send_copies(peer):
    link = None
    while True:
        line = json.dumps(to_send[peer].get()) + "\n"
        try:
            link = link or socket.create_connection(peer.split(":"), timeout=1)
            link.sendall(line.encode())
        except OSError:
            link = None
            time.sleep(0.1)


class Connection(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(json.dumps(answer(json.loads(line))).encode() + b"\n")


for peer in peers:
    threading.Thread(target=send_copies, args=[peer], daemon=True).start()
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", port), Connection).serve_forever()
