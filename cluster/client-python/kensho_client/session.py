"""How a statement finds its node, is tried again and given up, without any input or output.

A statement is a generator: it yields what is to be done (`Send`, `FetchTable`, `Find`, `Pause`), is sent what came of
it, and returns the answer. `sync` and `aio` carry that out, each in its way.
"""

from __future__ import annotations

import json
import random
import secrets
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from .directory import Directory
from .errors import GaveUp
from .operations import Operation


@dataclass(frozen=True)
class Options:
    """Times are in seconds."""

    database: str = "public"
    failover_timeout: float = 60.0
    """A statement that has not succeeded by then ends with `GaveUp`."""
    attempt_timeout: float = 2.0
    """An attempt that has not been answered by then is made again: an update takes effect once anyway."""
    table_timeout: float = 0.5
    """A node that has not given its partition table by then is passed over."""
    connect_timeout: float = 1.0
    backoff_min: float = 0.005
    """The first pause between two attempts; each further one is twice as long."""
    backoff_max: float = 0.1
    connections: int = 100
    """So many at most."""


@dataclass(frozen=True)
class Answer:
    """What a node answered."""

    status: int
    headers: Any
    """By name; case does not count."""
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Unreachable:
    """Nothing was sent."""


class Lost:
    """Nobody knows how far the request came."""


Outcome = Answer | type[Unreachable] | type[Lost]


@dataclass(frozen=True)
class Send:
    """Send the request to a node; an `Outcome` is what came of it."""

    to: str
    headers: dict[str, str]
    timeout: float


@dataclass(frozen=True)
class FetchTable:
    """Ask a node for its partition table; an `Outcome` is what came of it."""

    of: str
    headers: dict[str, str]
    timeout: float


@dataclass(frozen=True)
class Find:
    """Look for nodes of the cluster; a list of addresses is what came of it."""

    timeout: float


@dataclass(frozen=True)
class Pause:
    """Wait."""

    seconds: float


Step = Send | FetchTable | Find | Pause

NOT_OWNER = 170_001
OUTCOME_FORGOTTEN = 170_005
NUMBER_USED = 170_008
# What says nothing about the partition table.
BUSY = {170_003, 170_006, 170_007, 170_010}
# The backup's data are too old; the owner's are not.
BEHIND = 170_010
# What the session had seen was lost by a failover in async.
SEEN_LOST = 170_011
# Statements that a node has refused, and may take later. All but 170004 and 170005 had no effect.
REFUSALS = {170_001, 170_002, 170_003, 170_004, 170_006, 170_007, 170_009, 170_010}
UNKNOWN_OUTCOME = {170_004}
# A client's error in these does not say that another attempt is useless.
NOT_PLAIN = {408, 409, 421}


@dataclass
class Lane:
    """Numbers for updates: at most one is under way in each lane, so that nodes need to remember little."""

    client: int = field(default_factory=lambda: secrets.randbits(64))
    sequence: int = 0


class Session:
    """What statements share: the partition table, positions seen, and numbers. Threads may share it."""

    def __init__(self, options: Options, clock: Callable[[], float]):
        self.options = options
        self.directory: Directory | None = None
        self.members: list[str] = []
        self._clock = clock
        self._seen: dict[int, tuple[int, int]] = {}
        self._seen_elsewhere: list[tuple[str, tuple[int, int]]] = []
        self._lanes: list[Lane] = []
        # Clients that start together should not all ask the same node first.
        self._turn = random.randrange(1 << 16)

    def statement(self, operation: Operation) -> Generator[Step, Any, Answer]:
        """Carries a statement out."""
        run = _Run(self, operation)
        try:
            return (yield from run.steps())
        finally:
            if run.lane is not None:
                self._lanes.append(run.lane)

    def take_lane(self) -> Lane:
        try:
            return self._lanes.pop()
        except IndexError:
            return Lane()

    def note_seen(self, container: str, answer: Answer) -> tuple[int, int] | None:
        """The youngest log entry that the answer knows of."""
        text = answer.headers.get("kensho-position")
        if text is None or self.directory is None:
            return None
        seen = position(text)
        self.see(container, seen)
        return seen

    def seen(self, container: str) -> tuple[int, int]:
        assert self.directory is not None
        return self._seen.get(self.directory.partition(container), (0, 0))

    def see(self, container: str, seen: tuple[int, int]) -> None:
        """Another session has seen this; without a table nobody knows of which partition that is."""
        if self.directory is None:
            self._seen_elsewhere.append((container, seen))
            return
        partition = self.directory.partition(container)
        self._seen[partition] = max(seen, self._seen.get(partition, (0, 0)))

    def token(self, container: str) -> str | None:
        seen = self.seen(container) if self.directory is not None else (0, 0)
        return f"{seen[0]}-{seen[1]}" if seen != (0, 0) else None

    def forget_seen(self, container: str) -> None:
        if self.directory is not None:
            self._seen.pop(self.directory.partition(container), None)

    def now(self) -> float:
        return self._clock()

    def refresh(self, until: float, avoid: str | None, prefer: str | None) -> Generator[Step, Any, None]:
        """Asks nodes for their tables, one after the other, until one gives it. `avoid` comes last."""
        while self.now() < until:
            known = list(self.directory.nodes) if self.directory else []
            nodes = known + [member for member in self.members if member not in known]
            if nodes:
                self._turn += 1
                turn = self._turn % len(nodes)
                nodes = nodes[turn:] + nodes[:turn]
                nodes.sort(key=lambda node: (node != prefer, node == avoid))
            for node in nodes:
                left = until - self.now()
                if left <= 0:
                    return
                headers = {"if-none-match": self.directory.etag} if self.directory else {}
                outcome = yield FetchTable(node, headers, min(self.options.table_timeout, left))
                if self._take(outcome):
                    return
            left = until - self.now()
            if left <= 0:
                return
            # All nodes that are known were asked in vain.
            found = yield Find(min(left, self.options.failover_timeout))
            if found:
                self.members = found
            yield Pause(min(self.options.backoff_max, max(0.0, until - self.now())))

    def _take(self, outcome: Outcome) -> bool:
        if not isinstance(outcome, Answer):
            return False
        if outcome.status == 304:
            return True
        if outcome.status != 200:
            return False
        try:
            directory = Directory.read(outcome.json())
        except (ValueError, KeyError, TypeError):
            return False
        if self.directory is None or directory.stamp > self.directory.stamp:
            self.directory = directory
            elsewhere, self._seen_elsewhere = self._seen_elsewhere, []
            for container, seen in elsewhere:
                self.see(container, seen)
        return True


def position(text: str) -> tuple[int, int]:
    """An entry of a log, as nodes write it."""
    epoch, _, lsn = text.partition("-")
    return int(epoch), int(lsn)


class _Run:
    """One statement on its way."""

    def __init__(self, session: Session, operation: Operation):
        self.session = session
        self.operation = operation
        self.lane = session.take_lane() if operation.is_update else None
        self.began = session.now()
        self.until = self.began + session.options.failover_timeout
        self.attempts = 0
        self.pauses = 0
        self.uncertain = False
        self.trouble = "no node of the cluster was found"
        self.as_of: tuple[int, int] | None = None
        if self.lane is not None:
            self.lane.sequence += 1

    def steps(self) -> Generator[Step, Any, Answer]:
        session, container = self.session, self.operation.container
        doubt, last, prefer, behind = session.directory is None, None, None, False
        while True:
            if doubt:
                yield from session.refresh(self.until, last, prefer)
                doubt = False
            if session.now() >= self.until:
                raise self._gave_up()
            directory = session.directory
            owner = directory.owner(container) if directory else None
            if owner is None:
                if directory:
                    self.trouble = "nobody owns the container's partition"
                yield self._backoff()
                doubt, last, prefer = True, None, None
                continue
            target = self._target(directory, owner, last, behind)
            outcome = yield self._send(target)
            if isinstance(outcome, Answer):
                seen = session.note_seen(container, outcome)
                if _is_final(outcome):
                    return outcome
                code, self.trouble, definite = _error(outcome)
                if code == SEEN_LOST:
                    # The session goes on from what there is now.
                    session.forget_seen(container)
                    return outcome
                if code == NUMBER_USED:
                    return outcome
                if code == OUTCOME_FORGOTTEN:
                    if self.uncertain or self.lane is None or seen is None:
                        return outcome
                    # No attempt can have reached the log before: a new number says so.
                    self.lane.sequence += 1
                    self.as_of = seen
                    if self.attempts > 1:
                        yield self._backoff()
                    continue
                if code in REFUSALS:
                    self.uncertain |= code in UNKNOWN_OUTCOME
                elif definite:
                    return outcome
                else:
                    self.uncertain = True
                doubt, behind = code not in BUSY, code == BEHIND
                prefer = target if code == NOT_OWNER and self.pauses % 2 == 0 else None
            else:
                self.trouble = f"{target} cannot be reached" if outcome is Unreachable else f"{target} did not answer"
                self.uncertain |= outcome is Lost
                doubt, prefer, behind = True, None, False
            last = target
            if self.operation.max_age is not None and self.attempts < len(directory.replicas(container)):
                # Each replica is asked once before anything is waited for.
                doubt = False
                continue
            yield self._backoff()

    def _target(self, directory: Directory, owner: str, last: str | None, behind: bool) -> str:
        """Where the next attempt goes. A backup that has not come far enough says that the owner has."""
        if self.operation.max_age is None or behind:
            return owner
        replicas = directory.replicas(self.operation.container)
        return random.choice([node for node in replicas if node != last] or replicas)

    def _send(self, to: str) -> Send:
        self.attempts += 1
        headers = {"kensho-forward": "no", **self.operation.headers}
        if self.as_of is None:
            self.as_of = self.session.seen(self.operation.container)
        if self.lane is not None:
            headers["idempotency-key"] = f"{self.lane.client:x}/{self.lane.sequence}"
            headers["kensho-as-of"] = f"{self.as_of[0]}-{self.as_of[1]}"
        if self.operation.max_age is not None:
            headers["kensho-read"] = "any"
            headers["kensho-max-age-ms"] = str(max(1, round(self.operation.max_age * 1000)))
            if self.as_of != (0, 0):
                headers["kensho-as-of"] = f"{self.as_of[0]}-{self.as_of[1]}"
        left = max(0.001, self.until - self.session.now())
        return Send(to, headers, min(self.session.options.attempt_timeout, left))

    def _backoff(self) -> Pause:
        options = self.session.options
        full = min(options.backoff_max, options.backoff_min * 2 ** min(self.pauses, 16))
        self.pauses += 1
        left = max(0.0, self.until - self.session.now())
        return Pause(min(left, full / 2 + random.random() * full / 2))

    def _gave_up(self) -> GaveUp:
        uncertain = self.uncertain and self.operation.is_update
        seconds = self.session.now() - self.began
        return GaveUp(self.operation.what, seconds, self.attempts, self.trouble, not uncertain)


def _is_final(answer: Answer) -> bool:
    plain = 400 <= answer.status < 500 and answer.status not in NOT_PLAIN
    return 200 <= answer.status < 300 or (plain and _error(answer)[0] != NUMBER_USED)


def _error(answer: Answer) -> tuple[int, str, bool]:
    try:
        body = answer.json()
        return int(body["errorCode"]), str(body["errorMessage"]), bool(body["definite"])
    except (ValueError, KeyError, TypeError):
        # Not the words of a node; nobody knows how far the request came.
        return 0, f"an answer of status {answer.status} that no node gives", False
