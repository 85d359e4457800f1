"""What Redis keeps on disk: files that hold deleted rows until Redis writes them again."""

import time
from typing import Any

from redis.exceptions import RedisError

#: Seconds that an erasure waits for Redis.
_PATIENCE = 10.0
_RUNNING = ("aof_rewrite_in_progress", "aof_rewrite_scheduled", "rdb_bgsave_in_progress")


def rewrite_files(client: Any) -> bool:  # noqa: ANN401 - of any mode of Redis
    """Let Redis write its append-only file and its snapshot again, where it has them, without what was deleted.

    Returns
    -------
    Whether no file of it holds deleted rows. False where the server does not allow it or is not done within ten
    seconds, after which it continues, and where it has replicas, whose files are their own.
    """
    deadline = time.monotonic() + _PATIENCE
    try:
        writes = []
        if client.info("persistence")["aof_enabled"]:
            writes.append((client.bgrewriteaof, "aof_last_bgrewrite_status"))
        if client.config_get("save")["save"]:
            writes.append((client.bgsave, "rdb_last_bgsave_status"))
        for write, status in writes:
            # what is being written already may have begun before the deletion
            _wait(client, deadline)
            write()
            _wait(client, deadline)
            if client.info("persistence")[status] != "ok":
                return False
        return not client.info("replication")["connected_slaves"]
    except (RedisError, TimeoutError):
        return False


def _wait(client: Any, deadline: float) -> None:  # noqa: ANN401
    """Wait until Redis writes no file."""
    while any(client.info("persistence")[name] for name in _RUNNING):
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.05)
