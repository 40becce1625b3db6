"""Statements on their way, against nodes that a test makes up: no sockets, no time."""

import json
import unittest

from kensho_client.directory import Directory, container_hash
from kensho_client.errors import GaveUp, Refused
from kensho_client.operations import Operations
from kensho_client.session import Answer, FetchTable, Find, Lost, Options, Pause, Send, Session, Unreachable

OPERATIONS = Operations("test", "public")
UPDATE = OPERATIONS.put("c", "k", ["k", 1], {})
READ = OPERATIONS.get("c", "k")


def table(owner: str, revision: int) -> Answer:
    nodes = [{"name": name, "client": f"{name}:1"} for name in ("a", "b")]
    partition = {"id": 0, "owner": owner, "in_sync": ["a", "b"]}
    told = {"stamp": {"term": 1, "revision": revision}, "nodes": nodes, "partitions": [partition]}
    return Answer(200, {}, json.dumps(told).encode())


def error(status: int, code: int, definite: bool, position: str | None = None) -> Answer:
    body = {"version": "v2", "errorCode": code, "errorMessage": "no", "definite": definite}
    return Answer(status, {"kensho-position": position} if position else {}, json.dumps(body).encode())


STORED = Answer(200, {"etag": '"1-7"', "kensho-position": "1-7"}, b"")
NO_ROW = Answer(404, {"kensho-position": "1-7"}, b"")


class Nodes:
    """Carries the steps of a statement out as a test says."""

    def __init__(self, *answers, owner="a"):
        self.now = 0.0
        self.session = Session(Options(failover_timeout=10.0), lambda: self.now)
        self.session.members = ["a:1"]
        self.answers = list(answers)
        self.owner, self.revision = owner, 1
        self.sent: list[Send] = []
        self.tables = 0
        self.finds = 0

    def run(self, operation):
        steps, done = self.session.statement(operation), None
        try:
            while True:
                done = self._carry_out(steps.send(done))
        except StopIteration as end:
            return operation.read(end.value)
        finally:
            steps.close()

    def _carry_out(self, step):
        match step:
            case Pause(seconds):
                self.now += max(seconds, 0.001)
            case Find():
                self.finds += 1
                return ["a:1"]
            case FetchTable(headers=headers):
                self.tables += 1
                self.now += 0.001
                if self.owner is None:
                    return Unreachable
                if headers.get("if-none-match") == f'"1-{self.revision}"':
                    return Answer(304, {}, b"")
                return table(self.owner, self.revision)
            case Send(timeout=timeout):
                self.sent.append(step)
                answer = self.answers.pop(0) if self.answers else Lost
                self.now += timeout if answer is Lost else 0.001
                if callable(answer) and not isinstance(answer, type):
                    answer = answer(self)
                return answer

    def keys(self):
        return [send.headers.get("idempotency-key") for send in self.sent]


class Statements(unittest.TestCase):
    def test_the_table_is_fetched_once(self):
        nodes = Nodes(STORED, STORED, NO_ROW)
        self.assertEqual(nodes.run(UPDATE), '"1-7"')
        self.assertEqual(nodes.run(UPDATE), '"1-7"')
        self.assertIsNone(nodes.run(READ))
        self.assertEqual((nodes.tables, len(nodes.sent)), (1, 3))
        first, second = nodes.keys()[0], nodes.sent[1].headers
        self.assertNotEqual(first, second["idempotency-key"])
        self.assertEqual(second["kensho-as-of"], "1-7")
        self.assertNotIn("idempotency-key", nodes.sent[2].headers)

    def test_an_update_keeps_its_number_wherever_it_goes(self):
        def moved(nodes):
            nodes.owner, nodes.revision = "b", 2
            return error(421, 170_001, True)

        for trouble in (Lost, Unreachable, error(503, 170_002, True), error(504, 170_004, False), moved):
            nodes = Nodes(trouble, STORED)
            nodes.run(UPDATE)
            self.assertEqual(len(set(nodes.keys())), 1)
            self.assertEqual(nodes.sent[-1].to, "b:1" if trouble is moved else "a:1")
            self.assertEqual(nodes.tables, 2, "the table was doubted")
        nodes = Nodes(error(503, 170_007, True), STORED)
        nodes.run(UPDATE)
        self.assertEqual(nodes.tables, 1, "a busy node is no reason to doubt it")

    def test_what_is_given_up_says_whether_it_may_have_happened(self):
        for answers, operation, definite in (
            ([Unreachable] * 999, UPDATE, True),
            ([Lost] * 999, UPDATE, False),
            ([Lost] * 999, READ, True),
            ([error(504, 170_004, False)] + [Unreachable] * 999, UPDATE, False),
            ([error(503, 170_003, True)] * 9999, UPDATE, True),
        ):
            nodes = Nodes(*answers)
            with self.assertRaises(GaveUp) as caught:
                nodes.run(operation)
            self.assertEqual(caught.exception.definite, definite)
            self.assertLess(nodes.now, 12.0)

    def test_a_forgotten_outcome_is_asked_for_anew_only_if_nothing_can_have_happened(self):
        forgotten = error(409, 170_005, False, "2-9")
        nodes = Nodes(forgotten, STORED)
        nodes.run(UPDATE)
        self.assertEqual(len(set(nodes.keys())), 2)
        self.assertEqual(nodes.sent[1].headers["kensho-as-of"], "2-9")
        nodes = Nodes(Lost, forgotten)
        with self.assertRaises(Refused) as caught:
            nodes.run(UPDATE)
        self.assertFalse(caught.exception.definite)
        self.assertEqual(len(set(nodes.keys())), 1)

    def test_errors_of_clients_are_not_tried_again(self):
        for status, code in ((400, 150_010), (404, 150_008), (409, 150_009), (422, 170_008)):
            nodes = Nodes(error(status, code, True))
            with self.assertRaises(Refused) as caught:
                nodes.run(UPDATE)
            self.assertEqual((caught.exception.code, len(nodes.sent)), (code, 1))
        nodes = Nodes(error(409, 150_009, True))
        self.assertFalse(nodes.run(OPERATIONS.create_container("c", [("k", "STRING")], True, "COLLECTION")))

    def test_a_read_that_backups_may_answer_says_what_the_session_has_seen(self):
        nodes = Nodes(STORED, *[NO_ROW] * 40)
        nodes.run(UPDATE)
        read = OPERATIONS.get("c", "k", 0.25)
        for _ in range(20):
            nodes.run(read)
        reads = nodes.sent[1:]
        self.assertEqual({send.to for send in reads}, {"a:1", "b:1"})
        self.assertEqual(
            {(send.headers["kensho-max-age-ms"], send.headers["kensho-as-of"]) for send in reads}, {("250", "1-7")}
        )
        nodes.run(READ)
        self.assertEqual(nodes.sent[-1].to, "a:1")
        self.assertNotIn("kensho-read", nodes.sent[-1].headers)

    def test_a_backup_that_is_gone_or_behind_costs_no_wait(self):
        behind = error(503, 170_010, True)
        for answer in (Unreachable, behind):
            for _ in range(10):
                nodes = Nodes(answer, NO_ROW)
                nodes.run(OPERATIONS.get("c", "k", 1.0))
                first, second = nodes.sent
                self.assertEqual((nodes.tables, nodes.now < 0.01), (1, True))
                self.assertEqual(second.to, "a:1" if answer is behind else {"a:1": "b:1", "b:1": "a:1"}[first.to])

    def test_what_was_lost_is_told_and_the_session_goes_on(self):
        nodes = Nodes(STORED, error(409, 170_011, True), NO_ROW)
        nodes.run(UPDATE)
        self.assertEqual(nodes.session.token("c"), "1-7")
        read = OPERATIONS.get("c", "k", 1.0)
        with self.assertRaises(Refused) as caught:
            nodes.run(read)
        self.assertEqual((caught.exception.code, caught.exception.definite), (170_011, True))
        nodes.run(read)
        self.assertNotIn("kensho-as-of", nodes.sent[-1].headers)

    def test_what_another_session_has_seen_counts_also_before_there_is_a_table(self):
        nodes = Nodes(NO_ROW)
        nodes.session.see("c", (3, 9))
        nodes.run(OPERATIONS.get("c", "k", 1.0))
        self.assertEqual(nodes.sent[0].headers["kensho-as-of"], "3-9")

    def test_nodes_are_looked_for_when_none_is_known(self):
        nodes = Nodes(STORED, owner=None)
        nodes.session.members = []
        with self.assertRaises(GaveUp):
            nodes.run(UPDATE)
        self.assertGreater(nodes.finds, 1)
        nodes = Nodes(STORED)
        nodes.session.members = []
        nodes.run(UPDATE)
        self.assertEqual(nodes.finds, 1)


class Tables(unittest.TestCase):
    def test_containers_are_hashed_as_nodes_do(self):
        self.assertEqual(container_hash("123456789"), 0xCBF43926)
        self.assertEqual(container_hash("The Quick brown fox JUMPS over the lazy dog"), 0xCE0C5114)
        self.assertEqual(container_hash("sensor17@Berlin"), container_hash("other@berlin"))

    def test_a_table_is_read(self):
        directory = Directory.read(table("b", 3).json())
        self.assertEqual((directory.owner("any"), directory.etag), ("b:1", '"1-3"'))
        with self.assertRaises(ValueError):
            Directory.read({"stamp": {"term": 1, "revision": 1}, "nodes": [], "partitions": []})


if __name__ == "__main__":
    unittest.main()
