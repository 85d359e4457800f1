"""Run the API under uvicorn: in this process, or in several that share its socket."""

import logging
import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from fastapi import FastAPI
from threadpoolctl import threadpool_limits
from uvicorn.supervisors import Multiprocess

from core.errors import ConfigError
from core.logs import configure
from core.settings import Settings, StoreSettings
from serving.access.keys import KeyFile
from serving.api.app import create_app
from serving.api.connections import LimitedConfig, Limits
from serving.api.state import State
from serving.cli.context import Context
from serving.cli.extras import check_console
from serving.cli.options import group
from serving.console.site import with_console
from serving.scoring import metrics
from serving.scoring.reloader import LOADING, ModelReloader, NotReadyError
from serving.settings import ConsoleSettings, ServingSettings, load_settings

_CONFIG = "ENCORE_CONFIG"
#: Seconds after which Python asks a thread to let another one run; its own default is five times as long.
_SWITCH = 0.001


app = group()


@app.command("serve")
def serve(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option("--host", help="Default: serving.host of encore.toml.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Default: serving.port; 0 takes a free one.")] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Default: serving.workers.")] = None,
) -> None:
    """Serve the API until interrupted. Its documentation is at /docs.

    Needs a key: `encore keys create` makes one.
    """
    context: Context = ctx.obj
    keys = KeyFile(context.settings[StoreSettings])
    if all(key.ended(context.now) for key in keys.read()):
        raise ConfigError(
            f"Expected API keys in {keys.path}, found none in use.",
            "Make one: `encore keys create crm --role score --role explain`.",
        )
    listening = listen(context, host, port)
    check_console(context.settings)  # workers that cannot start would be started again and again
    count = workers or context.settings[ServingSettings].workers
    if count > 1:
        _run_workers(context, listening, count)
        return
    url = address(listening)
    pages = f", the console at {url}/console/" if context.settings[ConsoleSettings].enabled else ""
    run_server(
        context, listening, lambda: context.console.print(f"  Encore answers at [bold]{url}[/]{pages}, see {url}/docs")
    )


def listen(context: Context, host: str | None = None, port: int | None = None) -> socket.socket:
    """Take the address before anything long starts.

    Raises
    ------
    ConfigError
        If it is taken or not ours.
    """
    wanted = (
        host or context.settings[ServingSettings].host,
        context.settings[ServingSettings].port if port is None else port,
    )
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


def run_server(
    context: Context, listening: socket.socket, announce: Callable[[], None], level: int = logging.INFO
) -> None:
    """Serve in this process until interrupted; call `announce` once requests are answered."""
    _prepare(level)
    api = application(context.settings)
    server = uvicorn.Server(_config(context.settings, api))
    state: State = api.state.encore
    threading.Thread(target=_when_ready, args=(server, state.reloader, announce, context), daemon=True).start()
    server.run(sockets=[listening])


def application(settings: Settings) -> FastAPI:
    """Return the API with the console.

    Raises
    ------
    ConfigError
        If a package is missing that the settings ask for.
    """
    check_console(settings)
    return with_console(create_app(settings))


def worker_app() -> FastAPI:
    """Return the API of one of several workers, configured by the environment; uvicorn calls this in each."""
    _prepare()
    path = os.environ.get(_CONFIG)
    return application(load_settings(Path(path) if path else None))


def _run_workers(context: Context, listening: socket.socket, count: int) -> None:
    """Serve in several processes until interrupted; one that dies is started again."""
    shared = (context.settings[StoreSettings].data / "metrics").resolve()
    shutil.rmtree(shared, ignore_errors=True)
    shared.mkdir(parents=True)
    os.environ[metrics.SHARED] = str(shared)
    if context.config is not None:
        os.environ[_CONFIG] = str(context.config)
    configure()
    config = _config(context.settings, "serving.cli.server:worker_app", factory=True, workers=count)
    url = address(listening)
    context.console.print(f"  {count} workers start at [bold]{url}[/]; {url}/health/ready says when one answers")
    Multiprocess(config, sockets=[listening]).run()


def _prepare(level: int = logging.INFO) -> None:
    """Log as lines of JSON, and let the event loop have its turn while a thread computes."""
    configure(level)
    sys.setswitchinterval(_SWITCH)
    # matrices of a few customers are small: threads of BLAS would wait for each other, and take the cores of others
    threadpool_limits(1, "blas")


def _config(settings: Settings, api: FastAPI | str, **options: object) -> uvicorn.Config:
    serving = settings[ServingSettings]
    limits = Limits(
        head_bytes=serving.max_head_kb * 1024,
        head_seconds=serving.head_seconds,
        body_seconds=serving.body_seconds,
        answer_seconds=serving.answer_seconds,
        connections=serving.max_connections,
    )
    # what is logged of requests is our own
    return LimitedConfig(
        api,
        limits,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=serving.idle_seconds,
        **options,
    )


def _when_ready(
    server: uvicorn.Server, reloader: ModelReloader, announce: Callable[[], None], context: Context
) -> None:
    shown = LOADING
    while not server.should_exit:
        try:
            if server.started and reloader.deployment:
                announce()
                return
        except NotReadyError as missing:
            if server.started and str(missing) != shown:
                shown = str(missing)
                context.console.print(f"  [dim]Not ready: {shown}[/]", soft_wrap=True)
        time.sleep(0.1)
