"""app.actors"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from app.gateway import PEER
from app.server import HttpServer
from app.settings import HttpSettings
from kernel.tls import server_context
from repository.object_vault import ObjectVault
from soap.exchange import SoapRequest
from tests.support import messages as m
from tests.support.certificates import Authority
from tests.support.soap import Reply
from tests.support.stores import PEER as PEER_OF_TESTS
from tests.support.stores import a_house


def test_another_registry_takes_the_place_of_ours_by_a_setting(tmp_path: Path) -> None:
    house = a_house(tmp_path, storage__registry_url="http://127.0.0.1:1/xds/registry")
    content_type, body = m.provide_and_register(m.Entry(m.cx("1"), hash=None, size=None, repository=None), b"A letter.")

    reply = Reply.of(house.soap.handle(SoapRequest(PEER_OF_TESTS, content_type, (body,), len(body))))
    house.close()

    assert b"XDSRegistryNotAvailable" in reply.data


def test_another_registry_is_shown_our_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    seen: list[str] = []

    def registry(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        seen.append(environ[PEER].certificate_subject)
        start("500 Internal Server Error", [("Content-Length", "0")])
        return ()

    server = HttpServer(
        registry, "127.0.0.1:0", HttpSettings(threads=4), tls=server_context(authority.issue("registry"), client_certificate=True)
    )
    ours = authority.issue("repository")
    named = {"tls__certificate": str(ours.certificate), "tls__key": str(ours.key), "tls__trust": str(ours.trust)}
    house = a_house(tmp_path, storage__registry_url=f"https://localhost:{server.start()}/xds/registry", **named)

    content_type, body = m.provide_and_register(m.Entry(m.cx("1"), hash=None, size=None, repository=None), b"A letter.")
    house.soap.handle(SoapRequest(PEER_OF_TESTS, content_type, (body,), len(body)))
    house.close()
    server.stop()

    assert seen == ["CN=repository,O=Tests\\, Inc.,C=US"]


def test_documents_go_to_an_object_store_by_a_setting(tmp_path: Path) -> None:
    house = a_house(tmp_path, storage__url="s3://documents/affinity", storage__endpoint="http://127.0.0.1:1")

    is_object_vault = isinstance(house.vault, ObjectVault)
    checks = set(house.health().checks)
    house.close()

    assert is_object_vault
    assert checks == {"database"}
