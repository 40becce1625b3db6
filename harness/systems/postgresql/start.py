"""A node: n1 is the primary, the others are copies of it that follow."""
import glob
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from kensho import become, listed, run_together

name, data, client, addresses, commit, isolation = sys.argv[1:]
folder, host, port = f"{data}/db", *client.rsplit(":", 1)
# Debian keeps the servers of several versions beside each other.
places = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
os.environ["PATH"] = ":".join(places[-1:] + [os.environ["PATH"]])


def run(*command):
    return subprocess.run(command, preexec_fn=lambda: become("postgres"), cwd=data).returncode == 0


if not os.path.exists(f"{folder}/PG_VERSION"):
    if os.getuid() == 0:
        shutil.chown(data, "postgres")
    if name == "n1":
        run("initdb", "-D", folder, "-U", "kensho", "-A", "trust", "--no-sync") or sys.exit("no initdb")
        with open(f"{folder}/postgresql.conf", "a") as file:
            file.write(f"""
synchronous_standby_names = '*'
synchronous_commit = {commit}
default_transaction_isolation = '{isolation}'
""")
        with open(f"{folder}/pg_hba.conf", "a") as file:
            file.write("host replication all 127.0.0.1/32 trust\n")
    else:
        first = listed(addresses)["n1"]
        copy = ["pg_basebackup", "-D", folder, "-U", "kensho", "-h", first[0], "-p", str(first[1]), "-R"]
        while not run(*copy, "-X", "stream", "--checkpoint=fast", "--no-sync"):
            shutil.rmtree(folder, ignore_errors=True)
            time.sleep(0.3)
server = ["postgres", "-D", folder, "-h", host, "-p", port, "-k", ""]
server += ["-c", "wal_receiver_timeout=5s", "-c", "wal_sender_timeout=5s", "-c", "wal_retrieve_retry_interval=500ms"]
run_together([server], data, "postgres", signal.SIGINT)  # which does not wait for clients
