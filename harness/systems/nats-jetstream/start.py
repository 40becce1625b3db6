"""A node: becomes a NATS server."""
import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from kensho import listed

name, data, client, client_address, peer, peer_address, addresses = sys.argv[1:]
others = [at for member, at in listed(addresses).items() if member != name]
routes = ", ".join(f'"nats-route://{host}:{port}"' for host, port in others)
path = f"{data}/nats.conf"
with open(path, "w") as file:
    file.write(f"""server_name: {name}
listen: "{client}"
client_advertise: "{client_address}"
jetstream {{ store_dir: "{data}/store", max_file_store: 1GB }}
cluster {{
  name: kensho
  listen: "{peer}"
  cluster_advertise: "{peer_address}"
  routes: [{routes}]
}}
""")
os.execvp("nats-server", ["nats-server", "-c", path])
