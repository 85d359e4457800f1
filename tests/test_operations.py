"""The commands of docs/operations.md."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import World, connected, copied, inside
from tests.serving.api.test_events import purchase, score, send

_DOCS = Path(__file__).parents[1] / "docs/operations.md"


def test_what_was_backed_up_answers_as_before(world: World, tmp_path: Path) -> None:
    (home := tmp_path / "home").mkdir()
    (commands,) = re.findall(r"```bash\n(.+?)```", _DOCS.read_text(), re.DOTALL)
    with copied(world, home) as settings, connected(settings) as client:
        send(client, purchase(1))
        known = score(client, "12", "risk", "profile")
        script = commands.replace("python -c", f"{sys.executable} -c").replace("cp -rL mlruns", "cp -r mlruns")
        subprocess.run(["bash", "-euc", script], cwd=home, check=True)
        send(client, purchase(2))  # lost with the machine; its source sends it again
        later = score(client, "12", "risk", "profile")
    shutil.copytree(home / "backup", tmp_path / "restored", symlinks=True)
    with inside(tmp_path / "restored"), connected(settings) as client:
        assert score(client, "12", "risk", "profile") | {"computed": None} == known | {"computed": None}
        assert send(client, purchase(1), purchase(2))["applied"]
        again = score(client, "12", "risk", "profile")
        assert (again["risk"], again["profile"]) == (later["risk"], later["profile"])
