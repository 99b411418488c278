"""app.http_head"""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from cheroot.server import HTTPRequest
from hypothesis import given
from hypothesis import strategies as st

from app.http_head import answer_head, usual_head

HEAD = b"POST /xds/registry?a=b HTTP/1.1\r\nHost: hie.example:8080\r\ncontent-length:  3\r\nX-Note: two  words \r\n\r\n"


def test_a_usual_head_is_read_whole() -> None:
    head = usual_head(HEAD + b"abc", 1000)

    assert head is not None
    assert (head.size, head.method, head.path, head.query) == (len(HEAD), b"POST", b"/xds/registry", b"a=b")
    assert head.fields == {b"Host": b"hie.example:8080", b"Content-Length": b"3", b"X-Note": b"two  words"}


@pytest.mark.parametrize(
    "unusual",
    [
        HEAD[:-1],
        HEAD.replace(b"POST", b"post"),
        HEAD.replace(b"POST", b"PROPFIND"),
        HEAD.replace(b"/xds", b"//xds"),
        HEAD.replace(b"/xds", b"/%78ds"),
        HEAD.replace(b"/xds", b"http://hie.example/xds"),
        HEAD.replace(b"?a=b", b"?a=b#c"),
        HEAD.replace(b"1.1", b"1.0"),
        HEAD.replace(b"Host:", b"Host :"),
        HEAD.replace(b"Host:", b" Host:"),
        HEAD.replace(b"Host:", b"H_ost:"),
        HEAD.replace(b"two", b"t\0wo"),
        HEAD.replace(b"two", b"two\r"),
        HEAD.replace(b"two", b"two\n"),
        HEAD.replace(b"\r\nX-Note:", b"\r\n X-Note:"),
        HEAD.replace(b"X-Note:", b"Host:"),
        HEAD.replace(b"X-Note: two  words", b"Transfer-Encoding: chunked"),
        HEAD.replace(b"X-Note: two  words", b"Expect: 100-continue"),
        HEAD.replace(b"X-Note: two  words", b"no colon"),
    ],
)
def test_what_is_unusual_is_left_to_the_other_reader(unusual: bytes) -> None:
    assert usual_head(unusual, 1000) is None


def test_a_head_over_the_limit_is_left_to_the_other_reader() -> None:
    assert usual_head(HEAD, len(HEAD)) is not None
    assert usual_head(HEAD, len(HEAD) - 1) is None


@given(
    method=st.sampled_from([b"GET", b"POST", b"HEAD", b"Get"]),
    target=st.lists(st.sampled_from([b"/", b"a", b".", b"~", b"?", b"=", b"%20", b"#", b"@", b";"]), max_size=8).map(b"".join),
    fields=st.lists(
        st.tuples(st.sampled_from([b"Host", b"accept", b"X-A", b"x-A", b"CONTENT-length"]), st.binary(max_size=12)), max_size=4
    ),
)
def test_it_reads_what_the_other_reader_reads(method: bytes, target: bytes, fields: list[tuple[bytes, bytes]]) -> None:
    data = b"%b /%b HTTP/1.1\r\n%b\r\n" % (method, target, b"".join(b"%b: %b\r\n" % field for field in fields))

    head = usual_head(data, 1000)

    if head is not None:
        other = read_by_cheroot(data)
        assert (head.method, head.path, head.query) == (other.method, other.path, other.qs)
        assert {name: value.strip() for name, value in head.fields.items()} == other.inheaders


def read_by_cheroot(data: bytes) -> HTTPRequest:
    server = SimpleNamespace(
        ssl_adapter=None, max_request_header_size=1000, max_request_body_size=0, protocol="HTTP/1.1", server_name="x", timeout=1
    )
    said = io.BytesIO()
    request = HTTPRequest(server, SimpleNamespace(rfile=io.BytesIO(data), wfile=said))
    request.rfile = request.conn.rfile
    assert request.read_request_line(), said.getvalue()
    request.header_reader(request.rfile, request.inheaders)
    return request


def lines(head: bytes) -> list[str]:
    return head.decode().split("\r\n")


@pytest.mark.parametrize(
    ("headers", "asked", "expected", "is_chunked", "is_last"),
    [
        ([("Content-Length", "3")], {}, [], False, False),
        ([("Content-Length", "3")], {"is_last": True}, ["Connection: close"], False, True),
        ([("Content-Length", "3")], {"is_old": True}, ["Connection: Keep-Alive"], False, False),
        ([("Content-Length", "3"), ("Connection", "close")], {"is_last": True}, [], False, True),
        ([], {}, ["Transfer-Encoding: chunked"], True, False),
        ([], {"is_old": True}, [], False, True),
        ([], {"is_head": True}, [], False, False),
    ],
)
def test_the_head_of_an_answer_says_where_the_body_ends(
    headers: list[tuple[str, str]], asked: dict[str, bool], expected: list[str], is_chunked: bool, is_last: bool
) -> None:
    how = {"is_old": False, "is_head": False, "is_last": False, **asked}

    head = answer_head("200 OK", headers, software="Affinity", **how)

    assert (head.is_chunked, head.is_last) == (is_chunked, is_last)
    first, *rest = lines(head.data)
    assert first == "HTTP/1.1 200 OK"
    assert rest[: len(headers)] == [f"{name}: {value}" for name, value in headers]
    assert [line for line in rest[len(headers) :] if not line.startswith("Date: ")] == [*expected, "Server: Affinity", "", ""]


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_an_answer_without_a_body_is_not_sent_in_chunks(status: str) -> None:
    head = answer_head(status, [], software="Affinity", is_old=False, is_head=False, is_last=False)

    assert not head.is_chunked
    assert not head.is_last


@pytest.mark.parametrize("value", ["/a\r\nSet-Cookie: b=c", "/a\nb", "/a\rb"])
def test_a_header_cannot_begin_another(value: str) -> None:
    with pytest.raises(ValueError, match="end of a line"):
        answer_head("302 Found", [("Location", value)], software="Affinity", is_old=False, is_head=False, is_last=False)
