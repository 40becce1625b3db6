"""Who owns which partition and has copies of it, and which partition a container belongs to."""

from __future__ import annotations

import zlib
from dataclasses import dataclass


def container_hash(container: str) -> int:
    """The CRC-32 of the name in lower case; of `name@hint`, that of the hint alone."""
    _, at, hint = container.partition("@")
    hashed = hint if at else container
    # Only ASCII letters have a lower case here, as for the nodes.
    return zlib.crc32(hashed.encode().lower())


@dataclass(frozen=True)
class Directory:
    """A partition table."""

    stamp: tuple[int, int]
    owners: tuple[str | None, ...]
    """The address of each partition's owner."""
    nodes: tuple[str, ...]
    backups: tuple[tuple[str, ...], ...] = ()
    """The addresses of each partition's backups, as far as they are known."""

    @classmethod
    def read(cls, table: dict) -> Directory:
        """From the answer to `GET /cluster/table`."""
        addresses = {node["name"]: node["client"] for node in table["nodes"]}
        owners = tuple(addresses.get(partition["owner"]) for partition in table["partitions"])
        if not owners:
            raise ValueError("a table without partitions")
        backups = tuple(
            tuple(
                addresses[name]
                for name in partition.get("in_sync", ())
                if name != partition["owner"] and name in addresses
            )
            for partition in table["partitions"]
        )
        stamp = table["stamp"]
        return cls((stamp["term"], stamp["revision"]), owners, tuple(addresses.values()), backups)

    def partition(self, container: str) -> int:
        return container_hash(container) % len(self.owners)

    def owner(self, container: str) -> str | None:
        return self.owners[self.partition(container)]

    def replicas(self, container: str) -> list[str]:
        """Who may answer reads: the owner, and the backups."""
        partition = self.partition(container)
        owner = self.owners[partition]
        backups = self.backups[partition] if partition < len(self.backups) else ()
        return ([owner] if owner else []) + list(backups)

    @property
    def etag(self) -> str:
        return f'"{self.stamp[0]}-{self.stamp[1]}"'
