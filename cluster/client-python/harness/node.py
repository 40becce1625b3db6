"""Becomes a node of kensho: gives it addresses in the form that its flags have."""

import os
import sys

name, data, client, client_seen, peer, others = sys.argv[1:]
program = os.environ.get("KENSHO_NODE", "kensho-node")
arguments = [program, "--name", name, "--data-dir", data, "--cluster", "kensho", "--heartbeat-ms", "100"]
arguments += ["--partitions", "8", "--replicas", "3", "--secret", "shared"]
arguments += ["--client-listen", client, "--client-advertise", client_seen, "--peer-listen", peer]
for member in [f"{name}={peer}", *others.split(",")]:
    arguments += ["--member", member]
os.execvp(program, arguments)
