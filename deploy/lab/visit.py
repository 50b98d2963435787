"""libcurl left to itself: it is told nothing of HTTP/3, and keeps what it hears of it in a file, as
`curl --alt-svc FILE` does. Runs in the client's namespace, with LD_LIBRARY_PATH set by client.py.

    visit.py            one visit, JSON on stdin -> JSON of what came of it

A visit: host, address (of the host), source (local address), path, ca (file), cache (the file, which is
read at the start and written at the end), timeout_ms, into (a file for the body), silence_s (after
which it gives up). Standalone on purpose, like ask.py; and not a part of that, since pycurl knows
nothing of Alt-Svc.
"""

import ctypes
import json
import sys

# curl/curl.h
_URL, _RESOLVE, _CAINFO, _INTERFACE, _ALTSVC = 10002, 10203, 10065, 10062, 10287
_WRITEFUNCTION, _TIMEOUT_MS, _NOSIGNAL, _LOW_SPEED_LIMIT, _LOW_SPEED_TIME = 20011, 155, 99, 19, 20
_RESPONSE_CODE, _HTTP_VERSION, _PRIMARY_IP = 0x200002, 0x20002E, 0x100020
_SPOKEN = {2: "HTTP/1.1", 3: "HTTP/2.0", 30: "HTTP/3.0"}
_Write = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p)


def _library() -> ctypes.CDLL:
    curl = ctypes.CDLL("libcurl-gnutls.so.4")
    for function in (curl.curl_easy_init, curl.curl_slist_append):
        function.restype = ctypes.c_void_p
    curl.curl_easy_strerror.restype = ctypes.c_char_p
    return curl


class Visit:
    def __init__(self, visit: dict):
        self._curl = _library()
        self._handle = ctypes.c_void_p(self._curl.curl_easy_init())
        self._body = open(visit["into"], "wb", buffering=0) if visit.get("into") else None
        self._text = b""
        self._write = _Write(self._take)  # alive for as long as the handle is
        host, address = visit["host"], visit["address"]
        literal = f"[{address}]" if ":" in address else address
        known = self._curl.curl_slist_append(None, f"{host}:443:{literal}".encode())
        self._set(_URL, f"https://{host}{visit.get('path', '/')}".encode())
        # Not CONNECT_TO: it would have the last word, and nothing heard would be followed.
        self._set(_RESOLVE, ctypes.c_void_p(known))
        self._set(_INTERFACE, f"host!{visit['source']}".encode())
        self._set(_CAINFO, visit["ca"].encode())
        self._set(_ALTSVC, visit["cache"].encode())
        self._set(_WRITEFUNCTION, self._write)
        self._set(_NOSIGNAL, ctypes.c_long(1))
        self._set(_TIMEOUT_MS, ctypes.c_long(visit.get("timeout_ms", 5000)))
        if visit.get("silence_s"):
            self._set(_LOW_SPEED_LIMIT, ctypes.c_long(1))
            self._set(_LOW_SPEED_TIME, ctypes.c_long(visit["silence_s"]))

    def make(self) -> dict:
        code = self._curl.curl_easy_perform(self._handle)
        status, version, address = ctypes.c_long(), ctypes.c_long(), ctypes.c_char_p()
        for what, into in ((_RESPONSE_CODE, status), (_HTTP_VERSION, version), (_PRIMARY_IP, address)):
            self._curl.curl_easy_getinfo(self._handle, what, ctypes.byref(into))
        answer = {"error": self._curl.curl_easy_strerror(code).decode() if code else "",
                  "status": status.value, "spoken": _SPOKEN.get(version.value, "?"),
                  "address": (address.value or b"").decode(), "body": self._text.decode(errors="replace")}
        self._curl.curl_easy_cleanup(self._handle)  # writes the cache
        return answer

    def _take(self, content, size: int, count: int, _) -> int:
        octets = ctypes.string_at(content, size * count)
        if self._body:
            self._body.write(octets)
        else:
            self._text += octets
        return len(octets)

    def _set(self, option: int, value) -> None:
        code = self._curl.curl_easy_setopt(self._handle, option, value)
        if code:
            sys.exit(f"libcurl refuses option {option}: {self._curl.curl_easy_strerror(code).decode()}")


if __name__ == "__main__":
    print(json.dumps(Visit(json.load(sys.stdin)).make()))
