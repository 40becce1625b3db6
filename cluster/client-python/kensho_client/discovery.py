"""How nodes of a cluster are found: by a list, by a URL that gives one, or by the master's notice on the network.

Whatever is found is only where to begin: which nodes there are, and who owns what, is then said by the partition table
of the first one that answers.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import struct
import time
from collections.abc import Iterable
from typing import Protocol

import httpx

from .errors import KenshoError


class NotFound(KenshoError):
    """No node of the cluster was found."""


class Discovery(Protocol):
    """A way to find nodes."""

    def find(self, timeout: float) -> list[str]:
        """Addresses for clients, like "127.0.0.1:10001"; none if none were found in time."""
        ...


def discovery(members: Iterable[str] | Discovery) -> Discovery:
    """A list of addresses is one way to find them."""
    # A text has a method of that name, too.
    if isinstance(members, str) or not hasattr(members, "find"):
        return FixedList(members)
    return members


class FixedList:
    """Nodes whose addresses are known."""

    def __init__(self, members: Iterable[str]):
        self._members = [members] if isinstance(members, str) else list(members)
        if not self._members:
            raise ValueError("give the address of at least one node of the cluster")

    def find(self, timeout: float) -> list[str]:
        return list(self._members)


class Provider:
    """A URL that gives addresses: a JSON array of `{"client": "127.0.0.1:10001", …}`, or of objects as GridDB's
    providers have them, `{"transaction": {"address": "127.0.0.1", "port": 10001}, …}`."""

    def __init__(self, url: str):
        self._url = url

    def find(self, timeout: float) -> list[str]:
        try:
            answer = httpx.get(self._url, timeout=timeout, trust_env=False)
            answer.raise_for_status()
            told = answer.json()
            return [_address(member) for member in told] if isinstance(told, list) else []
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return []


def _address(member: object) -> str:
    if "client" in member:
        return member["client"]
    at = member["transaction"]
    return f"{at['address']}:{at['port']}"


def notice_key(secret: str) -> bytes:
    """What the notices of a cluster are signed with, from its secret. A client needs this key, and not the secret."""
    return hmac.new(secret.encode(), b"kensho notice", hashlib.sha256).digest()


class Multicast:
    """The notice that the master of a cluster sends to a multicast group again and again. One of another cluster, or
    that was not signed with the key of this one, counts for nothing."""

    def __init__(
        self,
        cluster: str,
        key: bytes,
        group: str = "239.0.0.1",
        port: int = 31999,
        interface: str = "0.0.0.0",
    ):
        self._cluster = cluster
        self._key = key
        self._group = group
        self._port = port
        self._interface = interface

    def find(self, timeout: float) -> list[str]:
        until = time.monotonic() + timeout
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((self._group, self._port))
            interface = socket.inet_aton(self._interface)
            membership = struct.pack("4s4s", socket.inet_aton(self._group), interface)
            listening.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
            while (left := until - time.monotonic()) > 0:
                listening.settimeout(left)
                try:
                    address = self.read(listening.recv(65_536))
                except TimeoutError:
                    break
                if address is not None:
                    return [address]
        return []

    def read(self, notice: bytes) -> str | None:
        """Where clients reach the master, if it is a notice of this cluster."""
        mac, _, told = notice.partition(b"\n")
        expected = hmac.new(self._key, told, hashlib.sha256).hexdigest().encode()
        if not hmac.compare_digest(mac, expected):
            return None
        try:
            notice = json.loads(told)
            return notice["client"] if notice["cluster"] == self._cluster else None
        except (ValueError, KeyError, TypeError):
            return None
