"""Run the notebooks on what `encore demo` left, and keep what they show: `make notebooks`.

What is kept can be read on a code host. It names neither the machine nor the time it ran at, so that running a notebook
again on the same data and code changes nothing in its file.
"""

import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).parent
#: Forms of an output that are kept; others are for widgets.
_SHOWN = ("text/plain", "text/html", "image/png")
#: Where an object lies in memory.
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
#: Seconds that a cell may take.
_PATIENCE = 600


def notebooks() -> list[Path]:
    """Return the files of all notebooks, in their order."""
    return sorted(FOLDER.glob("*.ipynb"))


def run(path: Path, directory: Path) -> NotebookNode:
    """Return a notebook with its outputs, executed from top to bottom in a project's folder."""
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(directory)}}
    executed: NotebookNode = NotebookClient(notebook, timeout=_PATIENCE, resources=resources).execute()
    return executed


def strip(notebook: NotebookNode, directory: Path) -> NotebookNode:
    """Remove what depends on machine and time: metadata, warnings, addresses in memory, and the path of the project."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = [_stripped(one, directory) for one in cell.outputs if one.get("name") != "stderr"]
    return notebook


def _stripped(output: NotebookNode, directory: Path) -> NotebookNode:
    if "text" in output:
        output.text = _plain(output.text, directory)
    if "data" in output:
        output.metadata = {}
        output.data = {
            kind: content if kind == "image/png" else _plain(content, directory)
            for kind, content in output.data.items()
            if kind in _SHOWN
        }
    return output


def _plain(text: str, directory: Path) -> str:
    return _ADDRESS.sub("", text.replace(f"{directory.resolve()}/", ""))


def main() -> None:
    """Run all notebooks, or those that are named, in the working directory, and write them with their outputs."""
    directory = Path.cwd()
    for path in [Path(name) for name in sys.argv[1:]] or notebooks():
        nbformat.write(strip(run(path, directory), directory), path)
        print(f"{path.name}: {path.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
