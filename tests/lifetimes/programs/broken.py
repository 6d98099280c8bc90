"""Programs that are right as long as nothing fails, for the sweep to find out: `broken.py VARIANT`."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Sequence

from tests.lifetimes.programs.served import serve


def udp() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def loses_it_on_an_error() -> None:
    number = udp().detach()
    with contextlib.suppress(OSError):
        view = socket.socket(fileno=number)
        try:
            view.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        finally:
            view.detach()
        os.close(number)


def loses_it_on_an_interrupt() -> None:
    sock = udp()
    sock.bind(("127.0.0.1", 0))
    number = sock.detach()
    view = socket.socket(fileno=number)
    try:
        view.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
    except OSError:
        view.detach()
    except KeyboardInterrupt:
        view.detach()
        return
    else:
        view.detach()
    os.close(number)


def closes_again_when_close_fails() -> None:
    number = udp().detach()
    try:
        os.close(number)
    except OSError:
        with contextlib.suppress(OSError):
            os.close(number)


def uses_it_after_a_failed_connect() -> None:
    sock = udp()
    number = sock.fileno()
    try:
        sock.connect(("127.0.0.1", 9))
    except OSError:
        sock.close()
    with contextlib.suppress(OSError):
        os.write(number, b"x")
    sock.close()


def waits_for_ever() -> None:
    with udp() as sock:
        try:
            sock.bind(("127.0.0.1", 0))
        except OSError:
            sock.settimeout(None)
            sock.recv(1)


def gives_up() -> None:
    with udp() as sock:
        sock.bind(("127.0.0.1", 0))


def stands_everything() -> None:
    with contextlib.suppress(OSError, KeyboardInterrupt), udp() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.bind(("127.0.0.1", 0))
        sock.connect(sock.getsockname())
        sock.send(b"x")
        sock.recv(1)


VARIANTS: dict[str, Callable[[], None]] = {
    function.__name__: function
    for function in (
        stands_everything,
        loses_it_on_an_error,
        loses_it_on_an_interrupt,
        closes_again_when_close_fails,
        uses_it_after_a_failed_connect,
        waits_for_ever,
        gives_up,
    )
}


def body(arguments: Sequence[str]) -> int:
    try:
        VARIANTS[arguments[0]]()
    except KeyboardInterrupt:
        return 0
    except OSError:
        return int(arguments[0] == "gives_up")
    return 0


if __name__ == "__main__":
    serve(body)
