"""Both clients against real nodes, of which some are killed. Skipped where `KENSHO_NODE` does not say where the program
is."""

import asyncio
import unittest

from kensho_client import AsyncClient, Client, ConditionFailed, Options, Refused
from tests.nodes import Cluster, program

OPTIONS = Options(failover_timeout=60.0, attempt_timeout=1.0)
COLUMNS = [("key", "STRING"), ("value", "LONG"), ("log", "LONG_ARRAY")]


@unittest.skipUnless(program(), "KENSHO_NODE does not say where kensho-node is")
class RealNodes(unittest.TestCase):
    def test_whatever_can_be_asked_is_answered(self):
        with Cluster() as cluster, Client("test", cluster.clients.values(), OPTIONS) as client:
            self.assertTrue(client.create_container("c", COLUMNS))
            self.assertFalse(client.create_container("C", COLUMNS))
            self.assertIsNone(client.get("c", "k"))
            version = client.put("c", "k", ["k", 2**60 + 1, [1]], if_absent=True)
            row = client.get("c", "k")
            self.assertEqual((row.values, row.version), (["k", 2**60 + 1, [1]], version))
            with self.assertRaises(ConditionFailed) as failed:
                client.put("c", "k", ["k", 1, None], if_absent=True)
            self.assertEqual(failed.exception.current, row)
            client.put("c", "k", ["k", 3, None], if_version=version)
            with self.assertRaises(ConditionFailed):
                client.delete("c", "k", if_version=version)
            self.assertEqual(client.put_rows("c", [[f"r{n}", n, []] for n in range(9)]), 9)
            found = client.rows("c", "value >= 3 and key like 'r%'", sort="value desc", limit=2)
            self.assertEqual(([row[0] for row in found.rows], found.total), (["r8", "r7"], 6))
            self.assertEqual(client.tql("c", "select max(value)").rows, [[8.0]])
            done = client.transaction("c", {"then": [{"add": {"key": "k", "column": "value", "value": 4}}, {"get": "k"}]})
            self.assertEqual(done["results"][1]["row"][1], 7)
            client.delete_rows("c", ["r0", "r1", "nobody"])
            self.assertTrue(client.delete("c", "r2"))
            self.assertFalse(client.delete("c", "r2"))
            for key in ("blob", "", "a/b", "ä ?#%"):
                client.put("c", key, [key, 1, None])
                self.assertEqual(client.get("c", key).values[0], key)
            with self.assertRaises(Refused) as refused:
                client.put("c", "k", ["k", "many", None])
            self.assertIn('column "value"', str(refused.exception))
            self.assertTrue(refused.exception.definite)
            client.drop_container("c")
            with self.assertRaises(Refused):
                client.get("c", "k")

    def test_a_client_reads_its_writes_from_any_replica_also_when_one_is_gone(self):
        with Cluster() as cluster, Client("test", cluster.clients.values(), OPTIONS) as client:
            client.create_container("c", COLUMNS)
            for value in range(40):
                client.put("c", "k", ["k", value, None])
                self.assertEqual(client.get("c", "k", max_age=5.0).values[1], value)
                found = client.rows("c", f"value = {value}", max_age=5.0)
                self.assertEqual(found.total, 1)
                if value == 20:
                    cluster.kill("n2")
            with Client("test", cluster.clients.values(), OPTIONS) as other:
                other.see("c", client.seen("c"))
                self.assertEqual(other.get("c", "k", max_age=5.0).values[1], 39)

    def test_updates_happen_once_though_owners_are_killed(self):
        with Cluster() as cluster:
            asyncio.run(self._add_while_killing(cluster))

    async def _add_while_killing(self, cluster: Cluster):
        containers = [f"c{number}" for number in range(6)]
        async with AsyncClient("test", cluster.clients.values(), OPTIONS) as client:
            for container in containers:
                await client.create_container(container, COLUMNS)

            async def add(container: str, count: int):
                for _ in range(count):
                    adding = {"add": {"key": "sum", "column": "value", "value": 1}}
                    await client.transaction(container, {"then": [adding]})

            for victim in ("n1", "n2"):
                adding = asyncio.gather(*(add(container, 30) for container in containers))
                await asyncio.sleep(0)
                await asyncio.to_thread(cluster.kill, victim)
                await adding
                cluster.start(victim)
                await asyncio.to_thread(cluster.wait_until_ready)
            sums = [(await client.get(container, "sum")).values[1] for container in containers]
            self.assertEqual(sums, [60] * len(containers))


if __name__ == "__main__":
    unittest.main()
