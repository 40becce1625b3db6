"""Ways to find nodes."""

import http.server
import json
import hashlib
import hmac
import threading
import unittest

from kensho_client.discovery import FixedList, Multicast, Provider, discovery, notice_key

KEY = notice_key("shared")


def notice(key: bytes = KEY, **changed: object) -> bytes:
    told = {"cluster": "test", "master": "n1", "client": "127.0.0.1:10001", "term": 3, "revision": 17}
    told = json.dumps(told | changed).encode()
    return hmac.new(key, told, hashlib.sha256).hexdigest().encode() + b"\n" + told


class Notices(unittest.TestCase):
    def test_only_notices_of_the_cluster_count(self):
        multicast = Multicast("test", KEY)
        self.assertEqual(multicast.read(notice()), "127.0.0.1:10001")
        self.assertIsNone(multicast.read(notice(cluster="other")))
        self.assertIsNone(multicast.read(notice(key=notice_key("guessed"))))
        self.assertIsNone(multicast.read(notice().replace(b"10001", b"10666")))
        for damaged in (b"", b"\n", b"x", notice()[:70], notice()[65:], notice(client=None)[::-1]):
            self.assertIsNone(multicast.read(damaged))


class Lists(unittest.TestCase):
    def test_a_list_is_what_it_is(self):
        self.assertEqual(discovery(["a:1", "b:2"]).find(1.0), ["a:1", "b:2"])
        self.assertEqual(discovery("a:1").find(1.0), ["a:1"])
        with self.assertRaises(ValueError):
            FixedList([])

    def test_a_provider_gives_addresses(self):
        answers = {
            "/kensho": [{"name": "n1", "peer": "127.0.0.1:10010", "client": "127.0.0.1:10001"}],
            "/members": [{"cluster": {"address": "127.0.0.1", "port": 10010},
                          "transaction": {"address": "127.0.0.1", "port": 10001}}],
            "/wrong": {"members": 1},
        }

        class Giving(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                found = self.path in answers
                self.send_response(200 if found else 404)
                self.end_headers()
                self.wfile.write(json.dumps(answers.get(self.path)).encode())

            def log_message(self, *_):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Giving) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            base = f"http://127.0.0.1:{server.server_port}"
            try:
                self.assertEqual(Provider(f"{base}/kensho").find(5.0), ["127.0.0.1:10001"])
                self.assertEqual(Provider(f"{base}/members").find(5.0), ["127.0.0.1:10001"])
                self.assertEqual(Provider(f"{base}/wrong").find(5.0), [])
                self.assertEqual(Provider(f"{base}/nothing").find(5.0), [])
            finally:
                server.shutdown()
                thread.join()


if __name__ == "__main__":
    unittest.main()
