"""The demo keeps what its README says: real files, real kills, a report that a browser reads."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Final

import pytest

from examples.source_survey.__main__ import Asked
from examples.source_survey.analysis import analyse_source
from examples.source_survey.progress import Look, Progress, ProgressBar, bar_line, colour_allowed
from examples.source_survey.values import SurveyRequest
from examples.source_survey.workflow import ANALYSED, instance_id_of, survey
from sayiir import WorkflowClient

REPOSITORY: Final = Path(__file__).parents[2]
VOID: Final = frozenset({"meta", "br", "hr", "img", "link", "input", "line", "rect", "circle"})

# Stands as sitecustomize on the path of the program and of its worker processes: writes down which
# files below the root are opened, and kills the program at the n-th: a real SIGKILL.
WATCHER: Final = """
import os, signal, sys
root, kill_at = os.environ["SURVEY_ROOT"] + os.sep, int(os.environ["SURVEY_KILL_AT"])
is_worker = "sayiir.executors.processes" in " ".join(sys.orig_argv)
descriptor = os.open(os.environ["SURVEY_TRACE"], os.O_RDWR | os.O_CREAT | os.O_APPEND)

def watch(event, arguments):
    if event == "open" and str(arguments[0]).startswith(root):
        os.write(descriptor, (os.path.relpath(arguments[0], root) + "\\n").encode())
        opened = os.pread(descriptor, 1_000_000, 0).count(b"\\n")
        if 0 < kill_at <= opened:
            os.kill(os.getppid() if is_worker else os.getpid(), signal.SIGKILL)

sys.addaudithook(watch)
"""


class Page(HTMLParser):
    """Balance of tags, what is drawn, and what would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.charts = 0
        self.fetched: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.charts += tag == "svg"
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in VOID or tag in ("line", "rect", "circle"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        return

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read_page(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    page.close()
    assert page.open == []
    return page


def run_survey(*arguments: str, environment: dict[str, str] | None = None) -> Finished:
    return _run("-m", "examples.source_survey", *arguments, environment=environment)


Finished = subprocess.CompletedProcess[str]


def _run(*arguments: str, environment: dict[str, str] | None = None) -> Finished:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def run_watched(tmp_path: Path, *arguments: str, kill_at: int = 0) -> Finished:
    """Survey ``tmp_path/tree`` into ``out``; what was opened is in ``trace``."""
    watcher = tmp_path / "watcher" / "sitecustomize.py"
    watcher.parent.mkdir(exist_ok=True)
    watcher.write_text(WATCHER, encoding="utf-8")
    root, out = str(tmp_path / "tree"), str(tmp_path / "out")
    environment = {
        "PYTHONPATH": os.pathsep.join([str(watcher.parent), str(REPOSITORY)]),
        "SURVEY_ROOT": root,
        "SURVEY_TRACE": str(tmp_path / "trace"),
        "SURVEY_KILL_AT": str(kill_at),
    }
    return run_survey("--root", root, "--out", out, *arguments, environment=environment)


def grow_tree(root: Path, files: int) -> set[str]:
    """Small sound modules in three packages; their paths."""
    for number in range(files):
        body = "\n".join(
            f"def f{n}(x: int) -> int:\n    '''Doc.'''\n    return x if x else {n}\n"
            for n in range(20)
        )
        target = root / f"package{number % 3}" / f"module{number:03}.py"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(body, encoding="utf-8")
    return {path.relative_to(root).as_posix() for path in root.rglob("*.py")}


def test_a_small_survey_of_the_standard_library_writes_table_and_report(tmp_path: Path) -> None:
    done = run_survey("--limit", "40", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "package" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr  # neither is a terminal here
    assert "\r" not in done.stderr
    page = read_page(tmp_path / "report.html")
    assert page.charts == 6
    assert page.fetched == []
    assert (tmp_path / "survey.db").is_file()


@pytest.mark.crash
def test_a_killed_survey_continues_without_analysing_a_committed_file_again(
    tmp_path: Path,
) -> None:
    root, out, trace = tmp_path / "tree", tmp_path / "out", tmp_path / "trace"
    paths = grow_tree(root, 120)
    killed = run_watched(tmp_path, kill_at=60)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (out / "report.html").exists()

    request = SurveyRequest(
        root=str(root), report=str(out / "report.html"), limit=None, python=_python_version()
    )
    instance_id = instance_id_of(request)
    with WorkflowClient(f"sqlite:///{out / 'survey.db'}") as client:
        kept = client.count_task_results(instance_id, ANALYSED)
        history = client.task_results(instance_id, survey)
    committed = {each.output.path for each in history if each.path.endswith("/analyse")}
    assert len(committed) == kept
    assert 0 < kept < 60

    trace.unlink()
    continued = run_watched(tmp_path)
    assert continued.returncode == 0, continued.stderr
    opened = trace.read_text(encoding="utf-8").splitlines()
    assert sorted(opened) == sorted(paths - committed)
    assert f"{kept} of 120 files were analysed before and are not done again" in continued.stderr
    assert f"{120 - kept} files analysed now, {kept} kept from before" in continued.stdout
    read_page(out / "report.html")


def test_a_complete_survey_is_not_done_again_unless_asked(tmp_path: Path) -> None:
    root, trace = tmp_path / "tree", tmp_path / "trace"
    grow_tree(root, 5)
    assert run_watched(tmp_path).returncode == 0
    trace.unlink()
    again = run_watched(tmp_path)
    assert again.returncode == 0, again.stderr
    assert "this survey is complete: 5 files, none done again" in again.stderr
    assert trace.read_text(encoding="utf-8") == ""
    fresh = run_watched(tmp_path, "--fresh")
    assert fresh.returncode == 0, fresh.stderr
    assert len(trace.read_text(encoding="utf-8").splitlines()) == 5


def test_fresh_counts_from_nothing(tmp_path: Path) -> None:
    """Into a pipe: a line for every tenth, none of them of the run that is replaced."""
    grow_tree(tmp_path / "tree", 600)
    for arguments in ((), ("--fresh",)):
        done = run_watched(tmp_path, *arguments)
        assert done.returncode == 0, done.stderr
        counts = [int(n) for n in re.findall(r"^analysed (\d+) of 600 files$", done.stderr, re.M)]
        assert counts == sorted(set(counts))
        assert counts[-1] == 600
        assert len(counts) > 1


def test_what_a_run_that_is_replaced_has_done_is_no_progress(tmp_path: Path) -> None:
    """To remove a large one takes a while, in which the bar is drawn already."""
    root, out = tmp_path / "tree", tmp_path / "out"
    grow_tree(root, 3)
    assert run_watched(tmp_path).returncode == 0
    request = SurveyRequest(
        root=str(root), report=str(out / "report.html"), limit=None, python=_python_version()
    )
    instance_id = instance_id_of(request)
    with WorkflowClient(f"sqlite:///{out / 'survey.db'}") as client:
        old = client.describe(instance_id).run_id
        assert Asked(client, instance_id, 0, old)() is None
        assert Asked(client, instance_id, 0, None)() == Progress(3, 0, 3)


def test_a_file_in_the_place_of_its_folder_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    refused = run_survey("--out", str(tmp_path / "taken"))
    assert refused.returncode == 2
    assert "taken: this can't be the folder for survey.db: File exists" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_files_that_cannot_be_parsed_are_collected_and_listed(tmp_path: Path) -> None:
    root, out = tmp_path / "tree", tmp_path / "out"
    grow_tree(root, 4)
    (root / "package1" / "broken.py").write_text("def <b>:\n", encoding="utf-8")
    (root / "zero.py").write_bytes(b"x = 1\0\n")
    done = run_survey("--root", str(root), "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "could not be parsed: 2" in done.stdout
    page = read_page(out / "report.html")
    assert "package1/broken.py" in page.text
    assert "zero.py" in page.text
    assert "SyntaxError" in page.text


def test_a_tangled_tree_takes_the_other_branch(tmp_path: Path) -> None:
    root, out = tmp_path / "tree", tmp_path / "out"
    root.mkdir()
    knots = "".join(f"    if x == {n} and x or x:\n        return {n}\n" for n in range(30))
    (root / "knot.py").write_text(f"def knot(x):\n{knots}", encoding="utf-8")
    done = run_survey("--root", str(root), "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "100.0% of the functions have more than ten ways through" in done.stdout
    page = read_page(out / "report.html")
    assert "some of it is tangled" in page.text
    assert "if, elif" in page.text


def test_a_failed_survey_goes_on_where_it_failed(tmp_path: Path) -> None:
    root, out = tmp_path / "tree", tmp_path / "out"
    root.mkdir()
    empty = run_survey("--root", str(root), "--out", str(out))
    assert empty.returncode == 1
    assert "failed at list_sources" in empty.stderr
    grow_tree(root, 3)
    done = run_survey("--root", str(root), "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "trying on from there" in done.stderr


def test_the_analysis_counts_what_it_says() -> None:
    source = b'''"""Module."""
# comment

class Public:
    """Class."""

    @property
    def value(self) -> int:
        return [y for y in self.ys if y and y.ok] or 0

    async def _hidden(self, a, *b: int, c=1, **d):
        async with a as e:
            return f"{e}"

def top(x):
    def inner():
        while x:
            pass
    match x:
        case 1: return 1
        case _: return lambda: (z := 2)
'''
    found = analyse_source("a.py", source)
    counts = found.counts
    assert (counts.functions, counts.async_functions, counts.classes) == (4, 1, 1)
    assert (counts.public, counts.documented) == (4, 2)  # module, Public, value, top
    assert (counts.slots, counts.annotated) == (9, 2)
    assert (counts.docstring_lines, counts.comment_lines, counts.blank_lines) == (2, 1, 4)
    assert counts.lines == source.count(b"\n")
    by_name = {f.name: f.complexity for f in found.most_complex}
    assert by_name == {"Public.value": 5, "top": 3, "top.inner": 2}
    assert counts.complexity == 5 + 3 + 2 + 1
    assert sum(found.complexities) == counts.functions
    assert set(found.features) == {
        "comprehensions", "decorators", "context managers", "lambda", "f-strings", "async",
        "walrus", "match",
    }  # fmt: skip


class Terminal(StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_the_bar_fits_the_terminal_and_says_what_is_kept() -> None:
    for width in (60, 80, 200):
        look = Look(width=width, colour=False, unicode=True)
        line = bar_line(Progress(done=1200, kept=700, total=1790), 3.0, look)
        assert len(line) <= max(width, 70)
        assert "▒" in line
        assert "67 %" in line
    coloured = bar_line(Progress(5, 0, 10), 1.0, Look(80, colour=True, unicode=True))
    assert re.sub(r"\x1b\[\d+m", "", coloured) == bar_line(
        Progress(5, 0, 10), 1.0, Look(80, colour=False, unicode=True)
    )


def test_no_color_and_dumb_terminals_are_respected() -> None:
    assert colour_allowed(Terminal(), {})
    assert not colour_allowed(Terminal(), {"NO_COLOR": "1"})
    assert not colour_allowed(Terminal(), {"TERM": "dumb"})
    assert not colour_allowed(StringIO(), {})
    for environment, redrawn in (({"NO_COLOR": "1"}, True), ({"TERM": "dumb"}, False)):
        terminal = Terminal()
        with ProgressBar(lambda: Progress(5, 0, 10), terminal, environment):
            pass
        assert ("\r" in terminal.getvalue()) is redrawn
        assert "\x1b[3" not in terminal.getvalue()


def _python_version() -> str:
    return sys.version.split()[0]


def test_the_demo_needs_nothing_but_the_package(tmp_path: Path) -> None:
    """Asked for help, from elsewhere, with the repository alone on the path."""
    shutil.copytree(REPOSITORY / "examples", tmp_path / "examples")
    done = subprocess.run(
        [sys.executable, "-m", "examples.source_survey", "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "--fresh" in done.stdout
