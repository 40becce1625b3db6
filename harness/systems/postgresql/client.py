"""A client of PostgreSQL; with --ready: whether a node is."""
import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import pg8000.dbapi as postgres
from kensho import Mismatch, Said, serve, time_limit

TABLE = "CREATE TABLE IF NOT EXISTS registers (key text PRIMARY KEY, value bigint)"
WRITE = "INSERT INTO registers VALUES (%s, %s) ON CONFLICT (key) DO UPDATE SET value = excluded.value"


def connect(at, limit):
    host, port = at.rsplit(":", 1)
    return postgres.connect("kensho", host=host, port=int(port), database="postgres", timeout=limit)


class Client:
    def __init__(self, init):
        self.nodes, self.limit, self.links = init["nodes"], time_limit(init), {}
        self.reader = "n2" if init["settings"]["reads"] == "standby" else "n1"
        self.node = None

    def run(self, node, statement, values):
        """The rows that a statement gives or has changed, in a transaction of its own."""
        self.node = node
        try:
            if node not in self.links:
                self.links[node] = connect(self.nodes[node], self.limit)
        except (OSError, postgres.Error) as why:
            raise Said(f"no connection: {why}")
        link = self.links[node]
        try:
            cursor = link.cursor()
            cursor.execute(statement, values)
            rows = cursor.fetchall() if cursor.description else cursor.rowcount
            link.commit()
            return rows
        except (OSError, postgres.Error) as why:
            del self.links[node]
            # What an error of the server says comes as its fields: C is the code, M the message.
            said = why.args[0] if why.args and isinstance(why.args[0], dict) else None
            raise Said(f"{said['C']} {said['M']}" if said else f"connection lost: {type(why).__name__}")

    def read(self, ask):
        rows = self.run(self.reader, "SELECT value FROM registers WHERE key = %s", (ask["key"],))
        return {"value": rows[0][0] if rows else None}

    def write(self, ask):
        self.run("n1", WRITE, (ask["key"], ask["value"]))

    def cas(self, ask):
        values = (ask["to"], ask["key"], ask["from"])
        if not self.run("n1", "UPDATE registers SET value = %s WHERE key = %s AND value = %s", values):
            raise Mismatch("another value")


def is_ready(name, at):
    try:
        link = connect(at, 1)
        cursor = link.cursor()
        if name == "n1":
            cursor.execute("SET synchronous_commit = local")  # there may be nobody yet who confirms
            cursor.execute(TABLE)
            link.commit()
            return True
        cursor.execute("SELECT count(*) FROM registers")
        cursor.execute("SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'")
        return cursor.fetchall()[0][0] == 1
    except (OSError, postgres.Error):
        return False


if __name__ == "__main__":
    if sys.argv[1:2] == ["--ready"]:
        sys.exit(0 if is_ready(*sys.argv[2:]) else 1)
    serve(Client)
