"""app.cli.demo; what is played is tested with app.demo.play."""

from __future__ import annotations

import socket

from app.cli.demo import _free
from tests.support.command import hie
from tests.support.ports import free_port


def test_the_usual_port_is_used_where_it_is_free() -> None:
    port = free_port()

    assert _free("127.0.0.1", port) == f"127.0.0.1:{port}"


def test_another_port_is_used_where_somebody_listens_already() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        chosen = _free("127.0.0.1", port)

    assert chosen != f"127.0.0.1:{port}"
    assert int(chosen.rpartition(":")[2]) > 0


def test_settings_of_the_environment_are_not_those_of_the_demonstration() -> None:
    done = hie("demo", "--help", environment={"HIE_NONSENSE": "1"})

    assert done.code == 0
