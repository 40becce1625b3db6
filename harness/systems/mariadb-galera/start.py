"""A node: a MariaDB server in a Galera cluster, which n1 begins."""
import os
import shutil
import socket
import subprocess
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from kensho import become, listed, run_together

name, number, data, client, peer, clients, peers = sys.argv[1:]
# A node takes states at ports of its own as well; every address that begins with 127 is this machine.
peer_port = peer.rsplit(":", 1)[1]
ist, sst = f"127.0.1.{number}:{peer_port}", f"127.0.2.{number}:{peer_port}"
host, port = client.rsplit(":", 1)
folder, fresh = f"{data}/db", not os.path.exists(f"{data}/db")
if fresh:
    os.mkdir(folder)
    if os.getuid() == 0:
        shutil.chown(data, "mysql")
        shutil.chown(folder, "mysql")
    if name == "n1":
        install = ["mariadb-install-db", "--no-defaults", f"--datadir={folder}", "--skip-test-db"]
        install += ["--auth-root-authentication-method=normal"]
        subprocess.run(install, check=True, preexec_fn=lambda: become("mysql"), stdout=subprocess.DEVNULL)
    else:
        first = listed(clients)["n1"]
        while True:  # nobody can join before the cluster has begun
            try:
                socket.create_connection(first, timeout=1).close()
                break
            except OSError:
                time.sleep(0.2)
members = ",".join(f"{host}:{port}" for host, port in listed(peers).values())
server = [
    "mariadbd",
    "--no-defaults",
    f"--datadir={folder}",
    f"--bind-address={host}",
    f"--port={port}",
    f"--socket={data}/socket",
    f"--pid-file={data}/pid",
    "--skip-name-resolve",
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=16M",
    "--innodb-autoinc-lock-mode=2",
    "--innodb-flush-log-at-trx-commit=2",
    "--binlog-format=ROW",
    "--wsrep-on=ON",
    "--wsrep-provider=/usr/lib/galera/libgalera_smm.so",
    "--wsrep-cluster-name=kensho",
    f"--wsrep-cluster-address=gcomm://{members}",
    f"--wsrep-node-name={name}",
    f"--wsrep-node-address={peer}",
    "--wsrep-sst-method=rsync",
    f"--wsrep-sst-receive-address={sst}",
    f"--wsrep-provider-options=gmcast.listen_addr=tcp://{peer};ist.recv_addr={ist};gcache.size=32M",
]
if fresh and name == "n1":
    server.append("--wsrep-new-cluster")
run_together([server], data, "mysql")
