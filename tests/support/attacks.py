"""Messages that are meant to harm, one builder each: XML (S2), MTOM (S3), addressing (S4), action against body (S5)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from itertools import chain

from tests.support.soap import (
    ASK_ACTION,
    PLAIN,
    PROVIDE_ACTION,
    SOAP,
    WSA,
    XOP,
    a_document,
    a_multipart,
    a_part,
    a_provision,
    an_envelope,
    an_include,
    join_parts,
    mtom_type,
)

Attack = Callable[[], tuple[bytes, str]]
"""Gives the bytes of a request and its Content-Type."""

MEGABYTE = 1 << 20


def plain(data: bytes, content_type: str = PLAIN) -> Attack:
    """A request that is not multipart."""
    return lambda: (data, content_type)


def multipart(data: bytes, content_type: str | None = None) -> Attack:
    """A multipart request."""
    return lambda: (data, mtom_type() if content_type is None else content_type)


# S2: XML


DOCTYPES = {
    "empty": "<!DOCTYPE s>",
    "internal": '<!DOCTYPE s [<!ENTITY e "x">]>',
    "file": '<!DOCTYPE s [<!ENTITY e SYSTEM "file:///etc/hostname">]>',
    "http": '<!DOCTYPE s SYSTEM "http://127.0.0.1:9/evil.dtd">',
    "public": '<!DOCTYPE s PUBLIC "-//X//Y" "http://127.0.0.1:9/evil.dtd">',
    "parameter": '<!DOCTYPE s [<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;]>',
    "laughs": '<!DOCTYPE s [<!ENTITY e "lollollol">'
    + "".join(f'<!ENTITY e{n} "{("&e" + str(n - 1 or "") + ";") * 10}">' for n in range(1, 12))
    + "]>",
    "quadratic": f'<!DOCTYPE s [<!ENTITY e "{"x" * 50_000}">]>',
    "attribute": '<!DOCTYPE s [<!ATTLIST Ask k CDATA "default">]>',
    "unparsed": '<!DOCTYPE s [<!NOTATION n SYSTEM "n"><!ENTITY e SYSTEM "file:///etc/hostname" NDATA n>]>',
}


def _with_doctype(doctype: str, entity: str) -> bytes:
    return doctype.encode() + an_envelope(f"<Ask xmlns='urn:test'>{entity}</Ask>")


def xml_attacks() -> Iterator[tuple[str, Attack]]:
    """S2."""
    for name, doctype in DOCTYPES.items():
        uses = "" if name in ("empty", "http", "public", "parameter", "attribute", "unparsed") else "&e;"
        for way, data in (("declared", _with_doctype(doctype, "")), ("used", _with_doctype(doctype, uses * 1000))):
            yield f"doctype-{name}-{way}-plain", plain(data)
            yield f"doctype-{name}-{way}-mtom", multipart(a_multipart(data))
    for name, text in TEXTS.items():
        yield f"text-{name}", plain(an_envelope("<Ask xmlns='urn:test'>@</Ask>").replace(b"@", text))
        yield f"header-{name}", plain(an_envelope(headers="<h>@</h>").replace(b"@", text))
    yield from ((f"bomb-{name}", bomb) for name, bomb in BOMBS.items())
    yield from ((f"encoding-{name}", plain(data)) for name, data in ENCODINGS.items())
    yield from ((f"encoding-{name}-mtom", multipart(a_multipart(data))) for name, data in ENCODINGS.items())


TEXTS = {
    "nul": b"\0",
    "control": b"\x0b",
    "nul-reference": b"&#0;",
    "beyond-unicode": b"&#x110000;",
    "no-character": b"&#xFFFE;",
    "surrogate-reference": b"&#xD800;",
    "unknown-entity": b"&nowhere;",
    "bare-ampersand": b"& ",
    "overlong-utf-8": b"\xc0\x80",
    "surrogate-utf-8": b"\xed\xa0\x80",
    "cut-utf-8": b"\xe2\x82",
    "five-byte-utf-8": b"\xf8\x88\x80\x80\x80",
    "latin-1": b"caf\xe9",
    "cdata-end": b"]]>",
    "open-cdata": b"<![CDATA[",
    "open-comment": b"<!-- ",
    "double-dash-comment": b"<!-- -- -->",
    "declaration-inside": b"<?xml version='1.0'?>",
    "doctype-inside": b"<!DOCTYPE s>",
    "tag-soup": b"<a><b></a></b>",
    "duplicate-attribute": b"<a k='1' k='2'/>",
    "unquoted-attribute": b"<a k=1/>",
    "unknown-prefix": b"<no:a/>",
    "xml-prefix-rebound": b"<a xmlns:xml='urn:x'/>",
    "empty-prefix": b"<a xmlns:p=''/>",
}


def _body(text: Callable[[], str]) -> Attack:
    return lambda: (an_envelope(f"<Ask xmlns='urn:test'>{text()}</Ask>"), PLAIN)


BOMBS: dict[str, Attack] = {
    "depth-257": _body(lambda: "<a>" * 257 + "</a>" * 257),
    "depth-10000": _body(lambda: "<a>" * 10_000 + "</a>" * 10_000),
    "depth-unclosed": lambda: (an_envelope()[:200] + b"<a>" * 2_000_000, PLAIN),
    "depth-streamed": _body(lambda: "x" * (5 * MEGABYTE) + "<a>" * 300 + "</a>" * 300),
    "siblings-8-mb": _body(lambda: "<a/>" * 2_000_000),
    "siblings-below-4-mb": _body(lambda: "<a/>" * 500_000),
    "siblings-streamed": _body(lambda: "x" * (5 * MEGABYTE) + "<a/>" * 300_000),
    "attributes": _body(lambda: "<a " + " ".join(f"k{n}='v'" for n in range(450_000)) + "/>"),
    "attributes-streamed": _body(lambda: "x" * (5 * MEGABYTE) + "<a " + " ".join(f"k{n}='v'" for n in range(250_000)) + "/>"),
    "namespaces": _body(lambda: "<a " + " ".join(f"xmlns:k{n}='urn:{n}'" for n in range(420_000)) + "/>"),
    "namespaces-streamed": _body(
        lambda: "x" * (5 * MEGABYTE) + "<a " + " ".join(f"xmlns:k{n}='u:{n}'" for n in range(210_000)) + "/>"
    ),
    "comments": _body(lambda: "<!---->" * 3_000_000),
    "one-comment": _body(lambda: f"<!--{'x' * (17 * MEGABYTE)}-->"),
    "instructions": _body(lambda: "<?a b?>" * 3_000_000),
    "one-text": _body(lambda: "x" * (17 * MEGABYTE)),
    "one-name": _body(lambda: f"<{'a' * (11 * MEGABYTE)}/>"),
    "one-attribute": _body(lambda: f"<a k='{'x' * (11 * MEGABYTE)}'/>"),
    "one-cdata": _body(lambda: f"<![CDATA[{'x' * (11 * MEGABYTE)}]]>"),
    "white-space": lambda: (an_envelope() + b" " * (17 * MEGABYTE), PLAIN),
    "headers": lambda: (an_envelope(headers="<h/>" * 450_000), PLAIN),
    "one-header-name": lambda: (an_envelope(headers=f"<{'h' * (11 * MEGABYTE)} s:mustUnderstand='1'/>"), PLAIN),
    "unknown-headers": lambda: (an_envelope(headers="".join(f"<h{n} s:mustUnderstand='1'/>" for n in range(50_000))), PLAIN),
    "action": lambda: (an_envelope(action="urn:" + "x" * MEGABYTE), PLAIN),
    "message-id": lambda: (an_envelope(message_id="urn:" + "x" * MEGABYTE), PLAIN),
    "security": lambda: (an_envelope(headers=f"<w:Security xmlns:w='{WSSE}'>{'x' * MEGABYTE}</w:Security>"), PLAIN),
}

WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_TEXT = an_envelope().decode()

ENCODINGS = {
    "utf-7": b"<?xml version='1.0' encoding='UTF-7'?>" + _TEXT.replace("<", "+ADw-").encode(),
    "utf-7-undeclared": _TEXT.replace("<", "+ADw-").encode(),
    "utf-32": f"<?xml version='1.0' encoding='UTF-32'?>{_TEXT}".encode("utf-32"),
    "utf-32-be": f"<?xml version='1.0' encoding='UTF-32'?>{_TEXT}".encode("utf-32-be"),
    "ebcdic": f"<?xml version='1.0' encoding='cp037'?>{_TEXT}".encode("cp037"),
    "iso-2022": f"<?xml version='1.0' encoding='ISO-2022-JP'?>{_TEXT}".encode(),
    "hz": f"<?xml version='1.0' encoding='HZ-GB-2312'?>{_TEXT}".encode(),
    "nonsense": f"<?xml version='1.0' encoding='x-nonsense'?>{_TEXT}".encode(),
    "utf-16-declared-utf-7": f"<?xml version='1.0' encoding='UTF-7'?>{_TEXT}".encode("utf-16"),
    "utf-16-without-mark": f"<?xml version='1.0' encoding='UTF-16'?>{_TEXT}".encode("utf-16-le"),
    "declared-utf-16": f"<?xml version='1.0' encoding='UTF-16'?>{_TEXT}".encode(),
    "latin-1-against-content-type": f"<?xml version='1.0' encoding='ISO-8859-1'?>{_TEXT}".encode(),
}


# S3: MTOM


def mtom_attacks() -> Iterator[tuple[str, Attack]]:
    """S3."""
    yield from ((f"include-{name}", _include(href)) for name, href in HREFS.items())
    yield from ((f"include-plain-{name}", plain(a_provision(_raw_include(href)))) for name, href in HREFS.items())
    yield from ((f"packaging-{name}", multipart(data)) for name, data in PACKAGINGS.items())
    yield from ((f"content-type-{n}", multipart(a_multipart(an_envelope()), kind)) for n, kind in enumerate(CONTENT_TYPES))
    yield from ((f"encoding-{name}", _encoded(encoding, text)) for name, (encoding, text) in TRANSFERS.items())
    yield from ((f"inline-{name}", plain(a_provision(text))) for name, text in INLINES.items())
    yield from ((f"part-header-{n}", _with_header(line)) for n, line in enumerate(HEADER_LINES))
    yield from ((f"bulk-{name}", attack) for name, attack in BULKS.items())


def _raw_include(href: str) -> str:
    return f'<i:Include xmlns:i="{XOP}" href="{href}"/>'


def _include(href: str) -> Attack:
    return multipart(a_multipart(a_provision(_raw_include(href)), a_document("d1@x", b"one")))


HREFS = {
    "http": "http://127.0.0.1:9/secret",
    "https": "https://127.0.0.1:9/secret",
    "file": "file:///etc/hostname",
    "ftp": "ftp://127.0.0.1/x",
    "data": "data:text/plain;base64,QUJD",
    "jar": "jar:file:///x.jar!/y",
    "netdoc": "netdoc:///etc/hostname",
    "fragment": "#d1@x",
    "relative": "../../etc/hostname",
    "absolute": "/etc/hostname",
    "empty": "",
    "only-scheme": "cid:",
    "no-scheme": "d1@x",
    "other-part": "cid:d2@x",
    "other-case": "cid:D1@X",
    "mid": "mid:d1@x/d1@x",
    "twice-encoded": "cid:d1%2540x",
    "path": "cid:../../../etc/hostname",
    "space": "cid:d1 @x",
    "root": "cid:root@test",
    "nul": "cid:d1@x%00",
    "long": "cid:" + "x" * 100_000,
}

_ROOT = a_part(an_envelope(), Content_Type="application/xop+xml", Content_ID="<root@test>")
_PROVIDE = a_part(a_provision(an_include("d1@x")), Content_Type="application/xop+xml", Content_ID="<root@test>")
_D1 = a_document("d1@x", b"one")
_GOOD = join_parts([_PROVIDE, _D1], "B-1")

PACKAGINGS = {
    "no-start-part": join_parts([a_part(an_envelope(), Content_ID="<other@test>")], "B-1"),
    "no-parts": b"--B-1--\r\n",
    "nothing": b"",
    "no-boundary": an_envelope(),
    "lf-only": _GOOD.replace(b"\r\n", b"\n"),
    "cr-only": _GOOD.replace(b"\r\n", b"\r"),
    "two-with-one-id": join_parts([_PROVIDE, _D1, a_document("d1@x", b"two")], "B-1"),
    "two-with-one-id-in-brackets": join_parts([_PROVIDE, _D1, a_part(b"two", Content_ID="d1@x")], "B-1"),
    "second-root": join_parts([_PROVIDE, _D1, _ROOT], "B-1"),
    "never-referenced": join_parts([_ROOT, _D1], "B-1"),
    "never-referenced-first": join_parts([_D1, _ROOT], "B-1"),
    "never-referenced-too": join_parts([_PROVIDE, _D1, a_document("d2@x", b"two")], "B-1"),
    "without-id": join_parts([_PROVIDE, _D1, a_part(b"two")], "B-1"),
    "missing-part": join_parts([_PROVIDE], "B-1"),
    "nested-root": join_parts([a_part(_GOOD, Content_Type='multipart/related; boundary="B-2"', Content_ID="<root@test>")], "B-1"),
    "nested-message": join_parts([a_part(_GOOD, Content_Type="message/rfc822", Content_ID="<root@test>")], "B-1"),
    "nested-same-boundary": join_parts([_PROVIDE, a_part(_GOOD, Content_Type="multipart/related", Content_ID="<d1@x>")], "B-1"),
    "document-only-in-nested": join_parts(
        [_PROVIDE, a_part(join_parts([_D1], "C-1"), Content_Type='multipart/mixed; boundary="C-1"', Content_ID="<n@x>")], "B-1"
    ),
    "prefix-of-another": join_parts([_PROVIDE, a_document("d1@x", b"\r\n--B-12\r\nContent-ID: <d2@x>\r\n\r\ntwo")], "B-1"),
    "boundary-inside": join_parts([_PROVIDE, a_document("d1@x", b"one\r\n--B-1\r\nContent-ID: <d2@x>\r\n\r\ntwo")], "B-1"),
    "end-inside": join_parts([_PROVIDE, a_document("d1@x", b"one\r\n--B-1--rest")], "B-1"),
    "cut-in-root": _GOOD[:300],
    "cut-in-headers": _GOOD[: _GOOD.index(b"Content-Type: text/plain") + 5],
    "cut-in-document": _GOOD[: _GOOD.index(b"one") + 2],
    "cut-before-end": _GOOD.removesuffix(b"--B-1--\r\n"),
    "cut-in-end": _GOOD.removesuffix(b"-\r\n"),
    "root-type-lies": join_parts([a_part(an_envelope(), Content_Type="image/png", Content_ID="<root@test>")], "B-1"),
    "root-is-a-document": join_parts([a_part(b"PK\x03\x04", Content_ID="<root@test>"), _D1], "B-1"),
    "root-is-empty": join_parts([a_part(b"", Content_ID="<root@test>")], "B-1"),
    "root-is-a-fault": join_parts([a_part(an_envelope(f'<f:Fault xmlns:f="{SOAP}"/>'), Content_ID="<root@test>")], "B-1"),
    "root-charset-lies": join_parts(
        [a_part(an_envelope(), Content_Type="application/xop+xml; charset=utf-7", Content_ID="<root@test>")], "B-1"
    ),
    "include-twice": join_parts([a_part(a_provision(an_include("d1@x") * 2), Content_ID="<root@test>"), _D1], "B-1"),
    "include-by-two": join_parts(
        [a_part(a_provision(an_include("d1@x"), an_include("d1@x")), Content_ID="<root@test>"), _D1], "B-1"
    ),
    "include-and-text": join_parts([a_part(a_provision("QUJD" + an_include("d1@x")), Content_ID="<root@test>"), _D1], "B-1"),
    "text-after-include": join_parts([a_part(a_provision(an_include("d1@x") + "QUJD"), Content_ID="<root@test>"), _D1], "B-1"),
    "include-as-body": join_parts([a_part(an_envelope(an_include("d1@x")), Content_ID="<root@test>"), _D1], "B-1"),
    "include-in-header": join_parts(
        [a_part(an_envelope(headers=f"<h>{_raw_include('file:///etc/hostname')}</h>"), Content_ID="<root@test>")], "B-1"
    ),
    "stolen-inline-id": join_parts(
        [a_part(a_provision("QUJD"), Content_ID="<root@test>"), a_document("inline-1@affinity", b"two")], "B-1"
    ),
}

CONTENT_TYPES = [
    "multipart/related",
    "multipart/related; boundary=",
    'multipart/related; boundary=""',
    "multipart/related; boundary=B-2",
    "multipart/related; boundary=B",
    "multipart/related; boundary=B-1; boundary=B-1",
    "multipart/related; boundary=B-1; start=<a>; start=<b>",
    'multipart/related; boundary="B-1\r\nX-Evil: 1"',
    f"multipart/related; boundary={'B' * 100}",
    f"multipart/related; boundary={'B' * 100_000}",
    'multipart/related; boundary="B-1',
    "multipart/related; boundary=B-1; start=<nobody@x>",
    'multipart/related; boundary=B-1; start="<with space>"',
    "multipart/mixed; boundary=B-1",
    "multipart/form-data; boundary=B-1",
    "multipart/related boundary=B-1",
    "multipart/related;;boundary==B-1",
    "application/xop+xml",
    "text/plain",
    "",
    ";",
    "a" * 100_000,
    "application/soap+xml; charset=utf-8; charset=utf-7",
    "application/soap+xml; charset=utf-7",
    "application/soap+xml; charset=" + "x" * 100_000,
]

TRANSFERS = {
    "base64-cut": ("base64", b"QUJ"),
    "base64-alphabet": ("base64", b"QU*D"),
    "base64-url-alphabet": ("base64", b"QU-_"),
    "base64-after-padding": ("base64", b"QQ==QUJD"),
    "base64-only-padding": ("base64", b"===="),
    "base64-is-quoted-printable": ("base64", b"a=3Db"),
    "base64-binary": ("base64", bytes(range(256))),
    "quoted-printable-half": ("quoted-printable", b"a=4"),
    "quoted-printable-no-hex": ("quoted-printable", b"a=zz"),
    "quoted-printable-bare": ("quoted-printable", b"a= b"),
    "quoted-printable-is-base64": ("quoted-printable", base64.b64encode(b"a") + b"=x"),
    "quoted-printable-space": ("quoted-printable", b" " * 100_000 + b"x"),
    "uuencode": ("x-uuencode", b"begin 644 x"),
    "gzip": ("gzip", b"\x1f\x8b"),
    "two": ("base64, quoted-printable", b"QUJD"),
    "empty": (" ", b"QUJD"),
}


def _encoded(encoding: str, text: bytes) -> Attack:
    part = a_part(text, Content_ID="<d1@x>", Content_Transfer_Encoding=encoding)
    return multipart(join_parts([_PROVIDE, part], "B-1"))


INLINES = {
    "cut": "QUJ",
    "alphabet": "QU*D",
    "after-padding": "QQ==QUJD",
    "unicode": "QUJ\u0044\u0301",
    "full-width": "ＱＵＪＤ",
    "element": "QUJD<b/>",
    "element-first": "<b/>QUJD" + an_include("d1@x"),
    "entity": "QUJD&lt;",
    "large-cut": base64.b64encode(bytes(5 * MEGABYTE)).decode() + "Q",
    "large-alphabet": base64.b64encode(bytes(5 * MEGABYTE)).decode() + "*",
    "large-element": base64.b64encode(bytes(5 * MEGABYTE)).decode() + "<b/>",
    "large-cdata": f"<![CDATA[{base64.b64encode(bytes(9 * MEGABYTE)).decode()}]]>",
}

HEADER_LINES = [
    b"Content-ID <d1@x>",
    b": <d1@x>",
    b"Content ID: <d1@x>",
    b"Content-ID: <d1@x>\r\nContent-ID: <d1@x>",
    b"Content-ID: <d1@x>\nX: y",
    b"Content-ID: <d1@x>\rX: y",
    b"Content-ID: <d1\0@x>",
    b"Content-ID: <d1 @x>",
    b"Content-ID: <../../etc/hostname>",
    b"Content-ID: <" + b"x" * 10_000 + b">",
    b"Content-ID: <caf\xe9@x>",
    b"X-Long: " + b"x" * 20_000,
    b"".join(b"X-%d: y\r\n" % n for n in range(5_000)) + b"Z: z",
    b"Content-ID:\r\n " + b"\r\n ".join([b"x"] * 10_000),
    b"\x7f: y",
]


def _with_header(line: bytes) -> Attack:
    data = join_parts([_PROVIDE], "B-1").removesuffix(b"--B-1--\r\n")
    return multipart(data + b"--B-1\r\n" + line + b"\r\n\r\none\r\n--B-1--\r\n")


BULKS: dict[str, Attack] = {
    "100000-empty-parts": lambda: (b"--B-1\r\n\r\n" * 100_000 + b"--B-1--", mtom_type()),
    "100000-named-parts": lambda: (
        join_parts(chain([_PROVIDE], (a_part(b"", Content_ID=f"<{n}@x>") for n in range(10_000))), "B-1"),
        mtom_type(),
    ),
    "megabyte-of-headers": lambda: (b"--B-1\r\nX: " + b"x" * MEGABYTE + b"\r\n\r\n", mtom_type()),
    "headers-without-end": lambda: (b"--B-1\r\n" + b"X: y\r\n" * 500_000, mtom_type()),
    "preamble": lambda: (b"x" * (20 * MEGABYTE), mtom_type()),
    "preamble-of-half-boundaries": lambda: (b"\r\n--B-" * (2 * MEGABYTE), mtom_type()),
    "epilogue": lambda: (_GOOD + b"x" * (20 * MEGABYTE), mtom_type()),
    "delimiter-line": lambda: (b"--B-1" + b" " * (20 * MEGABYTE), mtom_type()),
    "envelope": lambda: (
        join_parts([a_part(b" " * (20 * MEGABYTE) + an_envelope(), Content_ID="<root@test>")], "B-1"),
        mtom_type(),
    ),
    "half-boundaries-and-no-end": lambda: (_GOOD[: _GOOD.index(b"one")] + b"\r\n--B-" * (3 * MEGABYTE), mtom_type()),
    "2000-inline-documents": lambda: (a_provision(*["QUJD"] * 2000), PLAIN),
}


# S4: addressing


def addressing_attacks() -> Iterator[tuple[str, Attack]]:
    """S4."""
    for name in ("ReplyTo", "FaultTo"):
        for way, address in ADDRESSES.items():
            block = f"<a:{name}><a:Address>{address}</a:Address></a:{name}>"
            yield f"{name}-{way}", plain(an_envelope(headers=block))
            yield f"{name}-{way}-mtom", multipart(a_multipart(an_envelope(headers=block)))
    yield "To-two", plain(an_envelope(headers="<a:To>urn:x</a:To><a:To>urn:y</a:To>"))
    yield "ReplyTo-two", plain(an_envelope(headers=f"<a:ReplyTo><a:Address>{WSA}/anonymous</a:Address></a:ReplyTo>" * 2))


ADDRESSES = {
    "http": "http://127.0.0.1:9/collect",
    "https": "https://198.51.100.1/",
    "file": "file:///tmp/x",
    "mail": "mailto:a@b",
    "none": f"{WSA}/none",
    "almost-anonymous": f"{WSA}/anonymous/",
    "other-version": "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous",
    "long": "http://127.0.0.1/" + "x" * 100_000,
    "spaces": "http://127.0.0.1/a b",
    "empty": "",
}


# S5: the action against the body


def action_attacks() -> Iterator[tuple[str, Attack]]:
    """S5."""
    ask, provide = "<Ask xmlns='urn:test'/>", "<Provide xmlns='urn:ihe:iti:xds-b:2007'/>"
    yield "other-body", plain(an_envelope(provide))
    yield "other-action", plain(an_envelope(ask, action=PROVIDE_ACTION))
    yield "other-namespace", plain(an_envelope("<Ask xmlns='urn:other'/>"))
    yield "no-namespace", plain(an_envelope("<Ask/>"))
    yield "two-bodies", plain(an_envelope(ask + provide))
    yield "two-same-bodies", plain(an_envelope(ask * 2))
    yield "second-body-element", plain(an_envelope().replace(b"</s:Body>", b"</s:Body><s:Body><Ask xmlns='urn:test'/></s:Body>"))
    yield "no-body", plain(an_envelope(""))
    yield "no-action", plain(an_envelope(action=""), f'{PLAIN}; action="{ASK_ACTION}"')
    yield "unknown-action", plain(an_envelope(action="urn:x"), f'{PLAIN}; action="{ASK_ACTION}"')
    yield "action-of-answer", plain(an_envelope(action=f"{ASK_ACTION}Response"))
    yield "action-in-other-case", plain(an_envelope(action=ASK_ACTION.upper()))
    yield "action-with-slash", plain(an_envelope(action=f"{ASK_ACTION}/"))
    yield "two-actions", plain(an_envelope(headers=f"<a:Action>{PROVIDE_ACTION}</a:Action>"))
    yield "two-same-actions", plain(an_envelope(headers=f"<a:Action>{ASK_ACTION}</a:Action>"))
    yield (
        "action-for-somebody-else",
        plain(an_envelope(action="", headers=f"<a:Action s:role='urn:gateway'>{ASK_ACTION}</a:Action>")),
    )
    yield "action-in-the-body", plain(an_envelope(f"<a:Action>{ASK_ACTION}</a:Action>", action=""))
    yield "action-with-elements", plain(an_envelope(action=f"{ASK_ACTION}<x/>"))
    yield "body-hidden-in-header", plain(an_envelope("", headers=f"<s:Body>{ask}</s:Body>"))
    yield "soap-11", plain(an_envelope().replace(SOAP.encode(), b"http://schemas.xmlsoap.org/soap/envelope/"), "text/xml")
    yield "unknown-must-understand", plain(an_envelope(headers="<x:h xmlns:x='urn:x' s:mustUnderstand='true'/>"))
    yield "a-fault", plain(an_envelope(f'<f:Fault xmlns:f="{SOAP}"/>'))
