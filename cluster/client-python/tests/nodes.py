"""Real nodes for the tests: processes on this machine, which are killed when the tests are done."""

import os
import shutil
import socket
import subprocess
import tempfile
import time

import httpx

PATIENCE = 60.0


def program() -> str | None:
    """The path of kensho-node, if it is known."""
    return os.environ.get("KENSHO_NODE") or shutil.which("kensho-node")


class Cluster:
    """Three nodes."""

    def __init__(self, *extra: str):
        self.folder = tempfile.TemporaryDirectory()
        self.extra = extra
        self.names = ["n1", "n2", "n3"]
        ports = _free_ports(6)
        self.clients = {name: f"127.0.0.1:{port}" for name, port in zip(self.names, ports[:3])}
        self.peers = {name: f"127.0.0.1:{port}" for name, port in zip(self.names, ports[3:])}
        self.processes: dict[str, subprocess.Popen] = {}
        for name in self.names:
            self.start(name)
        self.wait_until_ready()

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self.processes):
            self.kill(name)
        self.folder.cleanup()

    def start(self, name: str) -> None:
        arguments = [program(), "--name", name, "--data-dir", os.path.join(self.folder.name, name)]
        arguments += ["--cluster", "test", "--secret", "shared", "--heartbeat-ms", "100", "--partitions", "8"]
        arguments += ["--client-listen", self.clients[name], "--peer-listen", self.peers[name], *self.extra]
        for member, peer in self.peers.items():
            arguments += ["--member", f"{member}={peer}"]
        log = open(os.path.join(self.folder.name, f"{name}.log"), "ab")
        with log:
            self.processes[name] = subprocess.Popen(arguments, stdout=log, stderr=log)

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def table(self) -> dict:
        for name in self.processes:
            answer = httpx.get(f"http://{self.clients[name]}/cluster/table", trust_env=False)
            if answer.status_code == 200:
                return answer.json()
        raise AssertionError("no node has a table")

    def wait_until_ready(self) -> None:
        until = time.monotonic() + PATIENCE
        while not all(self._is_ready(name) for name in self.processes):
            assert time.monotonic() < until, "the nodes are not ready"
            time.sleep(0.02)

    def _is_ready(self, name: str) -> bool:
        try:
            return httpx.get(f"http://{self.clients[name]}/readyz", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listening.getsockname()[1] for listening in sockets]
    for listening in sockets:
        listening.close()
    return ports
