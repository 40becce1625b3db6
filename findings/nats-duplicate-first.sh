#!/usr/bin/env bash
# JetStream of nats-server 2.9.10 (Debian 12, apt-get install nats-server) with nats-py 2.16.0 (PyPI). A message with
# a Nats-Msg-Id that was seen before is a duplicate, which makes retries safe. Guess: that is asked of a message that
# would be stored, so a publish whose condition does not hold is refused as ever (err 10071), and an acknowledged
# one is in the stream. True: the id comes first. A publish with a used id is acknowledged, with the number of the
# first one, though its expected sequence is wrong or its subject is another; also if that message was deleted
# or purged meanwhile, so that nothing of it is stored anywhere. After a restart the id of a purged message is
# forgotten, and the same publish is stored. So an acknowledgement with "duplicate" neither says that a
# compare-and-set took place nor that the message is there; ids that are counted anew after a purge lose writes.
set -euo pipefail
if [ "$(nats-server --version 2> /dev/null)" != 'nats-server: v2.9.10' ]; then
  echo "needs Debian's nats-server 2.9.10" >&2; exit 2
fi
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv venv
venv/bin/pip install -q nats-py==2.16.0
timeout 120 venv/bin/python - <<'PY' | tee out
import asyncio, socket, subprocess
import nats
from nats.js.errors import APIError

async def quiet(_):
    """An error of a connection that is tried again."""

async def main():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    async def with_server(act):
        command = ["nats-server", "-js", "-a", "127.0.0.1", "-p", str(port), "-sd", "data"]
        server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            while True:
                try:
                    link = await nats.connect(f"nats://127.0.0.1:{port}", allow_reconnect=False, error_cb=quiet)
                    break
                except (OSError, nats.errors.NoServersError):
                    await asyncio.sleep(0.1)
            await act(link.jetstream())
            await link.close()
        finally:
            server.terminate()
            server.wait()

    async def publish(stream, what, subject, **headers):
        named = {"Nats-" + name.replace("_", "-"): value for name, value in headers.items()}
        try:
            ack = await stream.publish(subject, b"x", headers=named)
            said = f"message {ack.seq}{', duplicate' if ack.duplicate else ''}"
        except APIError as error:
            said = f"error {error.err_code}"
        print(f"{what}: {said}; stored: {(await stream.stream_info('S')).state.messages}")

    async def first(stream):
        await stream.add_stream(name="S", subjects=["s.*"])
        await publish(stream, "id x", "s.a", Msg_Id="x")
        await publish(stream, "wrong sequence", "s.a", Expected_Last_Subject_Sequence="7")
        await publish(stream, "wrong sequence, id x", "s.a", Msg_Id="x", Expected_Last_Subject_Sequence="7")
        await publish(stream, "another subject, id x", "s.b", Msg_Id="x")
        await stream.purge_stream("S")
        await publish(stream, "after a purge, id x", "s.a", Msg_Id="x")

    async def second(stream):
        await publish(stream, "after a restart, id x", "s.a", Msg_Id="x")

    await with_server(first)
    await with_server(second)

asyncio.run(main())
PY
diff - out <<'OUT'
id x: message 1; stored: 1
wrong sequence: error 10071; stored: 1
wrong sequence, id x: message 1, duplicate; stored: 1
another subject, id x: message 1, duplicate; stored: 1
after a purge, id x: message 1, duplicate; stored: 0
after a restart, id x: message 2; stored: 1
OUT
echo 'as stated'
