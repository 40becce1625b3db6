"""The client for programs without an event loop. Threads may share it."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import httpx

from . import operations
from .discovery import Discovery, discovery
from .operations import Operation, Operations, Row, Rows
from .session import (
    Answer,
    FetchTable,
    Find,
    Lost,
    Options,
    Outcome,
    Pause,
    Send,
    Session,
    Step,
    Unreachable,
    position,
)

T = TypeVar("T")


class Client:
    """A client of the cluster that `members` are some nodes of: addresses like "127.0.0.1:10001", or a way to find
    them (`FixedList`, `Provider`, `Multicast`). Nothing is sent before the first statement."""

    def __init__(
        self,
        cluster: str,
        members: Iterable[str] | Discovery,
        options: Options | None = None,
        *,
        auth: tuple[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
    ):
        self._options = options or Options()
        self._operations = Operations(cluster, self._options.database)
        self._discovery = discovery(members)
        self._session = Session(self._options, time.monotonic)
        self._scheme = "https" if tls else "http"
        self._http = httpx.Client(auth=auth, verify=tls or True, limits=limits(self._options), trust_env=False)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes all connections."""
        self._http.close()

    def create_container(
        self,
        name: str,
        columns: Iterable[Sequence[str] | dict],
        *,
        row_key: bool = True,
        kind: str = "COLLECTION",
    ) -> bool:
        """Creates a container; False if there is one of this name. A column is (name, type), or what the Web API
        takes for one."""
        return self._run(self._operations.create_container(name, columns, row_key, kind))

    def drop_container(self, name: str) -> None:
        """Deletes a container with all its rows; it is no error if there is none."""
        self._run(self._operations.drop_container(name))

    def put(
        self, container: str, key: Any, values: list, *, if_version: str | None = None, if_absent: bool = False
    ) -> str:
        """Inserts or replaces a row: all its values, the key included. Returns its version. Raises
        `ConditionFailed` if there is another version, or a row at all."""
        condition = operations.condition(if_version, if_absent)
        return self._run(self._operations.put(container, key, values, condition))

    def get(self, container: str, key: Any, *, max_age: float | None = None) -> Row | None:
        """Reads a row; None if there is none. With `max_age`, in seconds, a backup may answer whose data are not older;
        they are never older than what this client has read or written."""
        return self._run(self._operations.get(container, key, max_age))

    def seen(self, container: str) -> str | None:
        """What this client has seen of the container's partition, for `see` of another one."""
        return self._session.token(container)

    def see(self, container: str, token: str) -> None:
        """From now on this client sees at least what another one had seen when it gave this token."""
        self._session.see(container, position(token))

    def delete(self, container: str, key: Any, *, if_version: str | None = None) -> bool:
        """Deletes a row; False if there was none. Raises `ConditionFailed` if there is another version."""
        return self._run(self._operations.delete(container, key, operations.condition(if_version, False)))

    def put_rows(self, container: str, rows: list[list]) -> int:
        """Inserts or replaces rows, all of them or none. Returns how many."""
        return self._run(self._operations.put_rows(container, rows))

    def delete_rows(self, container: str, keys: list) -> None:
        """Deletes the rows of these keys, all at once."""
        self._run(self._operations.delete_rows(container, keys))

    def rows(
        self,
        container: str,
        condition: str | None = None,
        *,
        sort: str | None = None,
        limit: int = 10_000,
        offset: int = 0,
        max_age: float | None = None,
    ) -> Rows:
        """Reads rows for which a condition holds, like "value >= 5 and name like 'a%'". `max_age` is that of `get`."""
        return self._run(self._operations.rows(container, condition, sort, limit, offset, max_age))

    def tql(self, container: str, statement: str, columns: list[str] | None = None) -> Rows:
        """Carries a statement of TQL out, like "select max(value)"."""
        return self._run(self._operations.tql(container, statement, columns))

    def transaction(self, container: str, transaction: dict) -> dict:
        """Carries operations on rows of one container out, all or none, once."""
        return self._run(self._operations.transaction(container, transaction))

    def _run(self, operation: Operation[T]) -> T:
        steps = self._session.statement(operation)
        done: Any = None
        try:
            while True:
                done = self._carry_out(steps.send(done), operation)
        except StopIteration as end:
            return operation.read(end.value)
        finally:
            steps.close()

    def _carry_out(self, step: Step, operation: Operation) -> Any:
        match step:
            case Send(to, headers, timeout):
                return self._exchange(to, operation.method, operation.path, headers, operation.body, timeout)
            case FetchTable(of, headers, timeout):
                return self._exchange(of, "GET", "/cluster/table", headers, b"", timeout)
            case Find(timeout):
                return self._discovery.find(timeout)
            case Pause(seconds):
                time.sleep(seconds)

    def _exchange(self, to: str, method: str, path: str, headers: dict, body: bytes, timeout: float) -> Outcome:
        url = f"{self._scheme}://{to}{path}"
        try:
            answer = self._http.request(
                method, url, headers=headers, content=body, timeout=times(timeout, self._options)
            )
        except NOTHING_SENT:
            return Unreachable
        except httpx.HTTPError:
            return Lost
        return Answer(answer.status_code, answer.headers, answer.content)


# What happens before the first byte of a request leaves.
NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


def limits(options: Options) -> httpx.Limits:
    return httpx.Limits(max_connections=options.connections, max_keepalive_connections=options.connections)


def times(timeout: float, options: Options) -> httpx.Timeout:
    return httpx.Timeout(timeout, connect=min(timeout, options.connect_timeout))
