"""Executes notebooks from top to bottom, and checks that they are committed with their outputs.

Usage: python run_notebooks.py NOTEBOOKS OUTPUT; writes the executed notebooks and HTML pages into OUTPUT.
With --update, the notebooks themselves get the outputs.
"""

import pathlib
import re
import sys
import time

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter

LARGEST_BYTES = 1 << 20
LONGEST_SECONDS = 600

# Folders of a machine, in what a cell prints.
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:home|root|tmp|Users|work|build|opt|var|mnt)/[\w.-]+")


def problems(path, notebook):
    """What is wrong with a notebook as it is committed."""
    found = []
    if path.stat().st_size >= LARGEST_BYTES:
        found.append(f"it has {path.stat().st_size} bytes, {LARGEST_BYTES} are allowed")
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if not any(cell.outputs for cell in cells):
        found.append("it has no outputs: run this program with --update")
    for number, cell in enumerate(cells, start=1):
        if cell.execution_count != number:
            found.append(f"code cell {number} was not run in order")
        for output in cell.outputs:
            data = output.get("data", {})
            text = output.get("text", "") + "".join(
                str(data[kind]) for kind in data if kind.startswith("text/")
            )
            for place in MACHINE_PATH.findall(text):
                found.append(f"code cell {number} prints the path {place}")
    return found


def without_noise(notebook):
    """Removes what Spark logs, and what differs in every run."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [
                output
                for output in cell.outputs
                if not (output.output_type == "stream" and output.name == "stderr")
            ]
    return notebook


def main(arguments):
    update = "--update" in arguments
    source, target = [pathlib.Path(name) for name in arguments if name != "--update"]
    target.mkdir(parents=True, exist_ok=True)
    paths = sorted(source.glob("*.ipynb"))
    failed = [] if paths else [f"no notebooks in {source}"]
    for path in paths:
        start = time.monotonic()
        notebook = nbformat.read(path, as_version=4)
        if not update:
            failed += [f"{path.name}: {problem}" for problem in problems(path, notebook)]
        client = NotebookClient(
            notebook,
            timeout=LONGEST_SECONDS,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": str(source)}},
        )
        try:
            client.execute()
        except Exception as error:  # A failed cell, a dead kernel, or a time limit.
            failed.append(f"{path.name}: {error}")
        without_noise(notebook)
        nbformat.write(notebook, target / path.name)
        page, _ = HTMLExporter().from_notebook_node(notebook)
        (target / path.name).with_suffix(".html").write_text(page, encoding="utf-8")
        if update:
            nbformat.write(notebook, path)
            failed += [f"{path.name}: {problem}" for problem in problems(path, notebook)]
        print(f"{path.name}: {time.monotonic() - start:.0f} s", flush=True)
    for problem in failed:
        print(problem)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
