"""A node: becomes a ZooKeeper server."""
import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from kensho import listed

name, number, data, client, peer, election, peers, elections = sys.argv[1:]
peers, elections = listed(peers), listed(elections)
own = {"peer": peer.rsplit(":", 1), "election": election.rsplit(":", 1)}
with open(f"{data}/myid", "w") as file:
    file.write(number)
host, port = client.rsplit(":", 1)
lines = ["tickTime=500", "initLimit=20", "syncLimit=6", f"dataDir={data}", f"clientPortAddress={host}", f"clientPort={port}"]
lines += ["admin.enableServer=false", "4lw.commands.whitelist=srvr", "maxClientCnxns=0"]
for member in sorted(peers):
    # A node listens where its own line says, and reaches the others where theirs do.
    at = (own["peer"], own["election"]) if member == name else (peers[member], elections[member])
    lines.append(f"server.{member[1:]}={at[0][0]}:{at[0][1]}:{at[1][1]}")
with open(f"{data}/zoo.cfg", "w") as file:
    file.write("\n".join(lines) + "\n")
java = ["java", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dzookeeper.log.threshold=WARN"]
java += ["-cp", "/usr/share/java/zookeeper.jar:/etc/zookeeper/conf"]
os.execvp("java", java + ["org.apache.zookeeper.server.quorum.QuorumPeerMain", f"{data}/zoo.cfg"])
