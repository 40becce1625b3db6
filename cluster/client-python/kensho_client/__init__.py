"""A client of kensho.

    from kensho_client import Client

    with Client("kensho", ["127.0.0.1:10001", "127.0.0.1:10002"]) as client:
        client.create_container("sensors", [("id", "STRING"), ("value", "DOUBLE")])
        client.put("sensors", "a", ["a", 20.5])
        print(client.get("sensors", "a").values)

`AsyncClient` is the same with `await`. Both find the node that owns a container by the partition table of the
cluster, keep that table until a statement fails, and try again elsewhere until `failover_timeout`. An update
carries a number that stays the same for all its attempts, so that it takes effect once.
"""

from .aio import AsyncClient
from .discovery import FixedList, Multicast, NotFound, Provider
from .errors import GaveUp, KenshoError, Refused
from .operations import ConditionFailed, Row, Rows
from .session import Options
from .sync import Client

__all__ = [
    "AsyncClient",
    "Client",
    "ConditionFailed",
    "FixedList",
    "GaveUp",
    "KenshoError",
    "Multicast",
    "NotFound",
    "Options",
    "Provider",
    "Refused",
    "Row",
    "Rows",
]
