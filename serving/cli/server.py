"""Run the API under uvicorn."""

import socket
import threading
import time
from collections.abc import Callable

import uvicorn

from features.errors import ConfigError
from serving.api.app import create_app
from serving.cli.context import Context
from serving.ready import LOADING, NotReadyError, Ready


def serve(context: Context, host: str | None, port: int | None) -> None:
    """Run `encore serve`."""
    listening = listen(context, host, port)
    run_server(
        context,
        listening,
        lambda: context.console.print(
            f"  Encore answers at [bold]{address(listening)}[/], see {address(listening)}/docs"
        ),
    )


def listen(context: Context, host: str | None = None, port: int | None = None) -> socket.socket:
    """Take the address before anything long starts.

    Raises
    ------
    ConfigError
        If it is taken or not ours.
    """
    wanted = (host or context.settings.serving.host, context.settings.serving.port if port is None else port)
    try:
        return socket.create_server(wanted, backlog=2048)
    except OSError as error:
        raise ConfigError(
            f"Expected to listen at {wanted[0]}:{wanted[1]}, found {error.strerror or error}.",
            "Choose another with ENCORE_SERVING__HOST and ENCORE_SERVING__PORT, or stop what listens there.",
        ) from error


def address(listening: socket.socket) -> str:
    """Return the URL of a listening socket."""
    host, port = listening.getsockname()[:2]
    return f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104 - only compared


def run_server(context: Context, listening: socket.socket, announce: Callable[[], None]) -> None:
    """Serve until interrupted; call `announce` once requests are answered."""
    app = create_app(context.settings)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    ready: Ready = app.state.ready
    threading.Thread(target=_when_ready, args=(server, ready, announce, context), daemon=True).start()
    server.run(sockets=[listening])


def _when_ready(server: uvicorn.Server, ready: Ready, announce: Callable[[], None], context: Context) -> None:
    told = LOADING
    while not server.should_exit:
        try:
            if server.started and ready.scorer:
                announce()
                return
        except NotReadyError as missing:
            if server.started and str(missing) != told:
                told = str(missing)
                context.console.print(f"  [dim]Not ready: {told}[/]", soft_wrap=True)
        time.sleep(0.1)
