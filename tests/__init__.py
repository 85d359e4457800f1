"""Tests of Encore: several processes of them share the cores of a machine."""

import os

import structlog

# Threads that wait for each other sleep: awake they keep the core from the one that they wait for, and a training takes
# up to twenty times as long beside another one. For the processes that share the files, and those that tests start.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Without the values of variables: to show those of a whole world's features takes up to a minute for each error.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)
