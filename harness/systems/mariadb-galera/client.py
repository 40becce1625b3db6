"""A client of MariaDB; with --ready: whether a node is."""
import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import pymysql
from kensho import Mismatch, Said, own_node, serve, time_limit

TABLE = "CREATE TABLE IF NOT EXISTS kensho.registers (name VARCHAR(40) PRIMARY KEY, value BIGINT)"


def connect(host, port, limit):
    link = pymysql.connect(host=host, port=port, user="root", connect_timeout=limit, read_timeout=limit,
                           write_timeout=limit, autocommit=True, client_flag=pymysql.constants.CLIENT.FOUND_ROWS)
    return link


class Client:
    def __init__(self, init):
        self.node, self.host, self.port = own_node(init)
        self.limit, self.link = time_limit(init), None
        self.waits = init["settings"]["reads"] == "causal"

    def run(self, statement, values):
        """The rows that a statement gives, and how many it has found; each is a transaction of its own."""
        try:
            if self.link is None:
                link = connect(self.host, self.port, self.limit)
                if self.waits:
                    link.cursor().execute("SET SESSION wsrep_sync_wait = 3")
                self.link = link
        except pymysql.MySQLError as why:
            raise Said(f"no connection: {why.args[0]}")
        try:
            cursor = self.link.cursor()
            cursor.execute(statement, values)
            return cursor.fetchall(), cursor.rowcount
        except pymysql.MySQLError as why:
            code = why.args[0] if why.args else 0
            if not isinstance(code, int) or code in (0, 2006, 2013, 2014, 2055):
                self.link = None
                raise Said(f"connection lost: {code}")
            raise Said(f"{code} {why.args[1]}")

    def read(self, ask):
        rows, _ = self.run("SELECT value FROM kensho.registers WHERE name = %s", (ask["key"],))
        return {"value": rows[0][0] if rows else None}

    def write(self, ask):
        values = (ask["key"], ask["value"])
        self.run("INSERT INTO kensho.registers VALUES (%s, %s) ON DUPLICATE KEY UPDATE value = VALUES(value)", values)

    def cas(self, ask):
        values = (ask["to"], ask["key"], ask["from"])
        if not self.run("UPDATE kensho.registers SET value = %s WHERE name = %s AND value = %s", values)[1]:
            raise Mismatch("another value")


def is_ready(name, at):
    try:
        host, port = at.rsplit(":", 1)
        cursor = connect(host, int(port), 1).cursor()
        cursor.execute("SHOW STATUS LIKE 'wsrep_ready'")
        if cursor.fetchall()[0][1] != "ON":
            return False
        cursor.execute("CREATE DATABASE IF NOT EXISTS kensho")
        cursor.execute(TABLE)
        return True
    except (pymysql.MySQLError, IndexError):
        return False


if __name__ == "__main__":
    if sys.argv[1:2] == ["--ready"]:
        sys.exit(0 if is_ready(*sys.argv[2:]) else 1)
    serve(Client)
