"""The independent client: libcurl with HTTP/3, asked over stdin. Runs in the client's namespace.

It shares nothing with Lockstep's own prober: another TLS stack's view (GnuTLS), another QUIC
session, a pinned source address per node, Pebble's root as the only trust.

    ask.py questions    JSON list of questions on stdin -> JSON list of answers
    ask.py load         JSON object on stdin's first line; runs until stdin ends -> JSON counts
    ask.py converse     a question on stdin's first line, asked once more for each further line on
                        the connection there is, or on a new one if the line is "fresh" -> answers

A question: host, address (where to connect), source (local address), protocol (h1 h2 h3), path,
scheme, port, ca (file), timeout_ms. Started by client.py with LD_LIBRARY_PATH set; standalone on
purpose, so that it imports nothing of the lab.
"""

import collections
import concurrent.futures
import hashlib
import io
import json
import ssl
import sys
import threading
import time

import pycurl

_HTTP_VERSION = {"h1": pycurl.CURL_HTTP_VERSION_1_1, "h2": pycurl.CURL_HTTP_VERSION_2TLS,
                 "h3": 31}  # CURL_HTTP_VERSION_3ONLY: no fallback that would hide a failure
_SPOKEN = {1: "HTTP/1.0", 2: "HTTP/1.1", 3: "HTTP/2.0", 30: "HTTP/3.0"}


class Session:
    """One curl handle for one question; repeated `ask` re-uses its connection."""

    def __init__(self, question: dict, resumes: bool = False):
        self._curl = pycurl.Curl()
        self._headers: list[str] = []
        curl = self._curl
        scheme = question.get("scheme", "https")
        host = question["host"]
        port = question.get("port") or (443 if scheme == "https" else 80)
        address = question["address"]
        literal = f"[{address}]" if ":" in address else address
        curl.setopt(pycurl.URL, f"{scheme}://{host}:{port}{question.get('path', '/')}")
        curl.setopt(pycurl.CONNECT_TO, [f"::{literal}:{port}"])
        curl.setopt(pycurl.HTTP_VERSION, _HTTP_VERSION[question.get("protocol", "h1")])
        curl.setopt(pycurl.TIMEOUT_MS, int(question.get("timeout_ms", 5000)))
        curl.setopt(pycurl.NOSIGNAL, 1)
        # A resumed session would show the certificate of the connection before.
        curl.setopt(pycurl.SSL_SESSIONID_CACHE, 1 if resumes else 0)
        curl.setopt(pycurl.HEADERFUNCTION, lambda line: self._headers.append(line.decode("latin-1")))
        if question.get("source"):
            curl.setopt(pycurl.INTERFACE, "host!" + question["source"])
        if scheme == "https":
            curl.setopt(pycurl.OPT_CERTINFO, 1)
            if question.get("ca"):
                curl.setopt(pycurl.CAINFO, question["ca"])
            if question.get("insecure"):
                curl.setopt(pycurl.SSL_VERIFYPEER, 0)
                curl.setopt(pycurl.SSL_VERIFYHOST, 0)

    def ask(self, fresh: bool = False) -> dict:
        curl = self._curl
        body = io.BytesIO()
        self._headers.clear()
        curl.setopt(pycurl.WRITEDATA, body)
        curl.setopt(pycurl.FRESH_CONNECT, 1 if fresh else 0)
        began = time.monotonic()
        answer = {"error": "", "status": 0, "spoken": "", "body": "", "headers": {}, "serial": "",
                  "leaf_sha256": ""}
        try:
            curl.perform()
            answer["status"] = curl.getinfo(pycurl.RESPONSE_CODE)
            answer["spoken"] = _SPOKEN.get(curl.getinfo(pycurl.INFO_HTTP_VERSION), "?")
            answer["body"] = body.getvalue().decode(errors="replace")
            answer["headers"] = _parse_headers(self._headers)
            answer.update(_leaf(curl))
        except pycurl.error as error:
            answer["error"] = f"curl {error.args[0]}: {error.args[1]}"
        answer["ms"] = round((time.monotonic() - began) * 1000, 2)
        answer["from_port"] = curl.getinfo(pycurl.LOCAL_PORT)
        answer["connects"] = curl.getinfo(pycurl.NUM_CONNECTS)
        return answer

    def close(self) -> None:
        self._curl.close()


def _parse_headers(lines: list[str]) -> dict[str, list[str]]:
    headers = collections.defaultdict(list)
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()].append(value.strip())
    return headers


def _leaf(curl) -> dict:
    """Serial and SHA-256 of the certificate the handshake showed."""
    chain = curl.getinfo(pycurl.INFO_CERTINFO)
    if not chain:
        return {}
    fields = dict(chain[0])
    der = ssl.PEM_cert_to_DER_cert(fields["Cert"]) if "Cert" in fields else b""
    return {"serial": fields.get("Serial Number", "").replace(":", "").strip().lower(),
            "leaf_sha256": hashlib.sha256(der).hexdigest() if der else ""}


def answer_all(questions: list[dict]) -> list[dict]:
    def one(question: dict) -> dict:
        session = Session(question)
        try:
            return session.ask(fresh=True)
        finally:
            session.close()
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(one, questions))


AT_LEAST_S = 120  # how much longer a busy machine may take for the requests that are wanted


class Load:
    """A steady rate of requests over several questions at once, every failure counted."""

    def __init__(self, order: dict):
        self._questions = order["questions"]
        self._period_s = len(self._questions) / order["rate_per_s"]
        self._fresh_every = order.get("fresh_every", 10)
        self._at_least = order.get("at_least", 0)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._total = 0
        self._failures: collections.Counter = collections.Counter()
        self._by_protocol: collections.Counter = collections.Counter()
        self._slowest_ms = 0.0
        self._connects = 0

    def run_until(self, wait) -> dict:
        began = time.monotonic()
        workers = [threading.Thread(target=self._work, args=(question, index))
                   for index, question in enumerate(self._questions)]
        for worker in workers:
            worker.start()
        wait()
        give_up = time.monotonic() + AT_LEAST_S
        while self._total < self._at_least and time.monotonic() < give_up:
            time.sleep(0.1)
        self._stop.set()
        for worker in workers:
            worker.join()
        return {"total": self._total, "failed": sum(self._failures.values()),
                "failures": dict(self._failures), "by_protocol": dict(self._by_protocol),
                "seconds": round(time.monotonic() - began, 2),
                "slowest_ms": self._slowest_ms, "connects": self._connects}

    def _work(self, question: dict, index: int) -> None:
        session = Session(question, resumes=True)  # as clients do; nobody asks a load for leaves
        due = time.monotonic() + self._period_s * index / len(self._questions)
        count = 0
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            answer = session.ask(fresh=count % self._fresh_every == 0)
            self._count(question, answer)
            count += 1
            due += self._period_s
        session.close()

    def _count(self, question: dict, answer: dict) -> None:
        why = answer["error"] or ("" if answer["status"] == 200 else f"status {answer['status']}")
        with self._lock:
            self._total += 1
            self._by_protocol[question["protocol"]] += 1
            self._slowest_ms = max(self._slowest_ms, answer["ms"])
            self._connects += answer["connects"]
            if why:
                self._failures[f"{question.get('label', question['address'])}: {why}"] += 1


def converse(lines) -> None:
    session = Session(json.loads(next(lines)))
    for line in lines:
        print(json.dumps(session.ask(fresh=line.strip() == "fresh")), flush=True)


def main() -> None:
    if sys.argv[1:] == ["questions"]:
        json.dump(answer_all(json.load(sys.stdin)), sys.stdout)
    elif sys.argv[1:] == ["load"]:
        load = Load(json.loads(sys.stdin.readline()))
        json.dump(load.run_until(sys.stdin.read), sys.stdout)
    elif sys.argv[1:] == ["converse"]:
        converse(sys.stdin)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
