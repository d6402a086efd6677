"""The same requests to nginx and to us, who serve the same site: what a client can tell apart is a difference we chose."""

import pytest
from talk import Answer, call, request

FIELDS = ["content-length", "content-range", "last-modified", "location"]

# (our status, theirs), where we do otherwise.
CHOSEN = {
    "Range: bytes=9-5": (200, 416),  # is invalid, and so ignored: RFC 9110 14.1.1, 14.2
    "Range: bytes=x-y": (200, 416),
    "/up/secret": (403, 404),  # leads out of the root, by a link in the middle
    "/sub%2Findex.html": (400, 200),  # a slash that is data is no separator: RFC 3986 2.2
    "OPTIONS": (200, 405),  # RFC 9110 9.3.7
    "NONSENSE": (501, 405),  # nobody knows it, which is not the same as not allowed here: RFC 9110 15.6.2
}


def compare(us, nginx, case, *args, method="GET"):
    """Both answers, if they are successes alike."""
    answers = []
    for address, port in (us, nginx):
        with call(port, address) as s, s.makefile("rb") as stream:
            s.sendall(request(*args, method=method))
            answers.append(Answer(stream, method == "HEAD"))
    ours, theirs = answers
    if case in CHOSEN:
        assert (ours.status, theirs.status) == CHOSEN[case]
    else:
        assert ours.status == theirs.status
    return answers if ours.status == theirs.status and ours.status < 400 else None


@pytest.fixture
def us(serve, site):
    return "127.0.0.1", serve(f"http://127.0.0.1:0,root={site}").port


CONDITIONS = [
    "Accept-Encoding: gzip", "Connection: close", "If-None-Match: *", "If-None-Match: \"other\"", "If-Match: *",
    "If-Match: \"other\"", "If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT",
    "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT", "If-Modified-Since: yesterday",
    "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT"]
RANGES = ["0-0", "5-9", "-7", "1000-", "0-999999", "1023-", "1024-", "9-5", "-0", "x-y"]


@pytest.mark.parametrize("method, field", [(method, field) for method in ("GET", "HEAD") for field in CONDITIONS] +
                         [("GET", f"Range: bytes={it}") for it in RANGES] + [("GET", "Range: lines=1-2")])
def test_a_file(us, nginx, method, field):
    if both := compare(us, nginx, field, "/small.txt", field, method=method):
        ours, theirs = both
        assert ours.body == theirs.body
        assert {name: ours.fields.get(name) for name in FIELDS} == {name: theirs.fields.get(name) for name in FIELDS}


@pytest.mark.parametrize("target", [
    "/", "/sub/", "/sub/deep/leaf.css", "/sub/deep/../index.html", "/./small.txt", "/none", "/none/", "/small.txt/",
    "/small.txt?query", "/a%20space", "/sm%61ll.txt", "/umlaut-%C3%A4", "/a:colon", "/per%2541cent", "/new%0Aline",
    "/../secret", "/%2e%2e/secret", "/outside", "/absolute", "/up/secret", "/empty/", "http://test/small.txt", "*",
    "small.txt", "/%", "/%zz", "/a%00b", "/sub%2Findex.html",
])
def test_a_target(us, nginx, target):
    both = compare(us, nginx, target, target)
    if both and not target.endswith("/"):  # listings look as their makers like
        assert both[0].body == both[1].body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "NONSENSE"])
def test_a_method(us, nginx, method):
    compare(us, nginx, method, "/small.txt", method=method)
