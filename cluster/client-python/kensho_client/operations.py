"""What a client can ask for: the request of each operation, and what its answer means."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from .errors import KenshoError, Refused

T = TypeVar("T")

CONTAINER_EXISTS = 150_009


@dataclass(frozen=True)
class Row:
    """A row, and its version."""

    values: list
    version: str
    """For `if_version` of an update that depends on it."""


@dataclass(frozen=True)
class Rows:
    """Rows that were found."""

    columns: list[dict]
    rows: list[list]
    total: int | None
    """How many there are, those beyond the limit included; none for one value of many rows."""


class ConditionFailed(KenshoError):
    """An update did not happen, since its condition did not hold for the row as it is."""

    def __init__(self, what: str, current: Row | None):
        super().__init__(f"{what}: the condition does not hold for the row as it is")
        self.current = current
        """The row; none if there is none, or if it has changed since."""


@dataclass(frozen=True)
class Operation(Generic[T]):
    """A request, and how its answer is read."""

    what: str
    """For people."""
    container: str
    """Decides which node is asked."""
    is_update: bool
    method: str
    path: str
    read: Callable[[Any], T]
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    max_age: float | None = None
    """A backup may answer, whose data are not older than this, in seconds."""


def refused(what: str, answer: Any) -> Refused:
    """The error that an answer tells."""
    try:
        body = answer.json()
        return Refused(what, answer.status, body["errorCode"], body["errorMessage"], body["definite"])
    except (ValueError, KeyError, TypeError):
        return Refused(what, answer.status, 0, "the answer is not one that a node of this cluster gives", False)


class Operations:
    """Makes operations on the containers of one database."""

    def __init__(self, cluster: str, database: str):
        self._base = f"/griddb/v2/{quote(cluster, safe='')}/dbs/{quote(database, safe='')}"

    def create_container(
        self, name: str, columns: Iterable[Sequence[str] | dict], row_key: bool, kind: str
    ) -> Operation[bool]:
        what = f"create container {name}"
        described = [
            column if isinstance(column, dict) else {"name": column[0], "type": column[1]} for column in columns
        ]
        body = {"container_name": name, "container_type": kind, "rowkey": row_key, "columns": described}

        def read(answer: Any) -> bool:
            if answer.status == 201:
                return True
            why = refused(what, answer)
            if why.code == CONTAINER_EXISTS:
                return False
            raise why

        return self._operation(what, name, True, "POST", "/containers", read, body)

    def drop_container(self, name: str) -> Operation[None]:
        what = f"drop container {name}"
        return self._operation(what, name, True, "DELETE", "/containers", _nothing(what), [name])

    def put(self, container: str, key: Any, values: list, condition: dict[str, str]) -> Operation[str]:
        what = f"put {key} into {container}"

        def read(answer: Any) -> str:
            _check_condition(what, answer)
            if answer.status == 200:
                return answer.headers["etag"]
            raise refused(what, answer)

        return self._row(what, container, key, True, "PUT", read, values, condition)

    def get(self, container: str, key: Any, max_age: float | None = None) -> Operation[Row | None]:
        what = f"get {key} of {container}"

        def read(answer: Any) -> Row | None:
            if answer.status == 200:
                return Row(answer.json(), answer.headers["etag"])
            if answer.status == 404 and not answer.body:
                return None
            raise refused(what, answer)

        return replace(self._row(what, container, key, False, "GET", read), max_age=max_age)

    def delete(self, container: str, key: Any, condition: dict[str, str]) -> Operation[bool]:
        what = f"delete {key} from {container}"

        def read(answer: Any) -> bool:
            _check_condition(what, answer)
            if answer.status == 204:
                return True
            if answer.status == 404 and not answer.body:
                return False
            raise refused(what, answer)

        return self._row(what, container, key, True, "DELETE", read, None, condition)

    def put_rows(self, container: str, rows: list[list]) -> Operation[int]:
        what = f"put rows into {container}"
        path = f"{self._of(container)}/rows"

        def read(answer: Any) -> int:
            if answer.status == 200:
                return answer.json()["count"]
            raise refused(what, answer)

        return self._operation(what, container, True, "PUT", path, read, rows)

    def delete_rows(self, container: str, keys: list) -> Operation[None]:
        what = f"delete rows from {container}"
        path = f"{self._of(container)}/rows"
        return self._operation(what, container, True, "DELETE", path, _nothing(what), keys)

    def rows(
        self,
        container: str,
        condition: str | None,
        sort: str | None,
        limit: int,
        offset: int,
        max_age: float | None = None,
    ) -> Operation[Rows]:
        what = f"rows of {container}"
        body = {"limit": limit, "offset": offset, "condition": condition, "sort": sort}

        def read(answer: Any) -> Rows:
            if answer.status == 200:
                found = answer.json()
                return Rows(found["columns"], found["rows"], found["total"])
            raise refused(what, answer)

        operation = self._operation(what, container, False, "POST", f"{self._of(container)}/rows", read, body)
        return replace(operation, max_age=max_age)

    def tql(self, container: str, statement: str, columns: list[str] | None) -> Operation[Rows]:
        what = f"{statement} of {container}"
        body = [{"name": container, "stmt": statement, "columns": columns}]

        def read(answer: Any) -> Rows:
            if answer.status == 200:
                found = answer.json()[0]
                return Rows(found["columns"], found["results"], found.get("total"))
            raise refused(what, answer)

        return self._operation(what, container, False, "POST", "/tql", read, body)

    def transaction(self, container: str, transaction: dict) -> Operation[dict]:
        what = f"transaction on {container}"
        path = f"{self._of(container)}/transaction"

        def read(answer: Any) -> dict:
            if answer.status == 200:
                return answer.json()
            raise refused(what, answer)

        return self._operation(what, container, True, "POST", path, read, transaction)

    def _of(self, container: str) -> str:
        return f"/containers/{quote(container, safe='')}"

    def _row(
        self,
        what: str,
        container: str,
        key: Any,
        is_update: bool,
        method: str,
        read: Callable[[Any], T],
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Operation[T]:
        path = f"{self._of(container)}/rows/{quote(str(key), safe='')}"
        if key == "blob":
            # Otherwise it would be taken for the path of rows with files.
            path = path.removesuffix("blob") + "%62lob"
        return self._operation(what, container, is_update, method, path, read, body, headers)

    def _operation(
        self,
        what: str,
        container: str,
        is_update: bool,
        method: str,
        path: str,
        read: Callable[[Any], T],
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Operation[T]:
        encoded = b"" if body is None else json.dumps(body, allow_nan=False).encode()
        return Operation(what, container, is_update, method, self._base + path, read, encoded, headers or {})


def condition(if_version: str | None, if_absent: bool) -> dict[str, str]:
    """What must be the case for an update of a row to happen."""
    if if_version is not None and if_absent:
        raise ValueError("if_version and if_absent exclude each other")
    if if_version is not None:
        return {"if-match": if_version}
    return {"if-none-match": "*"} if if_absent else {}


def _check_condition(what: str, answer: Any) -> None:
    if answer.status == 412:
        version = answer.headers.get("etag")
        current = Row(answer.json(), version) if version and answer.body else None
        raise ConditionFailed(what, current)


def _nothing(what: str) -> Callable[[Any], None]:
    def read(answer: Any) -> None:
        if answer.status != 204:
            raise refused(what, answer)

    return read
