"""Every notebook runs from top to bottom in the fitted world, and is committed with what it shows of the demo."""

import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output

from notebooks.render import notebooks, run, strip
from tests.conftest import World

#: A path from the root of a file system, in the address of a file too; `</td>` and `n/a` are none.
PATH = re.compile(r"(?<![\w.</:])(?:file:/+|~)?/(?:[\w.-]+/)+[\w.-]*")
#: The secrets that Encore makes, headers that carry them, addresses with passwords, and names of hosts.
SECRET = re.compile(r"encore_[\w-]{20,}|Bearer |://[^\s/]*:[^\s/]*@|https?://(?!127\.0\.0\.1)", re.IGNORECASE)
KB = 1024


def outputs_of(notebook: NotebookNode) -> list[NotebookNode]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def texts_of(notebook: NotebookNode) -> list[str]:
    """Everything that an output says, pictures left out."""
    shown = outputs_of(notebook)
    return [
        *(output.text for output in shown if "text" in output),
        *(text for output in shown for kind, text in output.get("data", {}).items() if kind != "image/png"),
    ]


@pytest.mark.servers
@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_notebook_runs(path: Path, world: World) -> None:
    outputs = outputs_of(run(path, world.directory))
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not any(output.output_type == "stream" and output.name == "stderr" for output in outputs)


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_it_is_committed_with_its_outputs_and_without_traces_of_a_machine(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs, texts = outputs_of(notebook), texts_of(notebook)
    assert len(outputs) >= len(code) / 2
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert {output.output_type for output in outputs} <= {"execute_result", "display_data", "stream"}
    for text in texts:
        assert not PATH.search(text), PATH.search(text)
        assert not SECRET.search(text), SECRET.search(text)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert all(cell.metadata == {} for cell in notebook.cells)
    assert path.stat().st_size < 600 * KB


def test_what_depends_on_machine_and_time_is_stripped(tmp_path: Path) -> None:
    where = tmp_path.resolve() / "data/online.db"
    shown = {"text/plain": f"<Axes at 0x7f12ab> {where}", "image/png": "iVBO", "application/x-widget": "{}"}
    outputs = [
        new_output("stream", name="stderr", text="UserWarning"),
        new_output("stream", name="stdout", text=f"{where}\n"),
        new_output("display_data", data=shown, metadata={"created": "now"}),
    ]
    cell = new_code_cell("1", outputs=outputs, metadata={"execution": {"shell.execute_reply": "2026-01-01"}})
    assert PATH.search(outputs[1].text)
    stripped = strip(
        new_notebook(cells=[cell], metadata={"language_info": {"name": "python", "version": "3.11.2"}}), tmp_path
    )
    assert "version" not in stripped.metadata.language_info
    assert stripped.cells[0].metadata == {}
    stdout, display = outputs_of(stripped)
    assert stdout.text == "data/online.db\n"
    assert dict(display.data) == {"text/plain": "<Axes> data/online.db", "image/png": "iVBO"}
    assert display.metadata == {}


@pytest.mark.parametrize("trace", ["/home/me/x.py", "in /srv/encore/data", "file:///srv/x/y", "~/x/y"])
def test_a_path_would_be_found(trace: str) -> None:
    assert PATH.search(trace)


@pytest.mark.parametrize("trace", ["https://crm.example", "redis://:word@host", "Authorization: Bearer x"])
def test_a_host_or_key_would_be_found(trace: str) -> None:
    assert SECRET.search(trace)


@pytest.mark.parametrize("plain", ["<td>n/a</td>", "GRAPES/RED", "<tr/><td>1</td>", "6 PK/12 OZ", "a / b / c"])
def test_what_is_no_path_is_not_taken_for_one(plain: str) -> None:
    assert not PATH.search(plain)
