"""The magics in an IPython without a kernel: what comes back, what is bound, what is shown."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import MagicsManager
from traitlets.config import Config

import trippy_nb as tn
from trippy_nb.api import prepare
from trippy_nb.errors import TrippyError
from trippy_nb.magic.completion import match_trace
from trippy_nb.model import TraceConfig

SIM = "target.example --sim first-steps -C 2"


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    config = Config()
    config.HistoryManager.enabled = False
    home = str(tmp_path_factory.mktemp("ipython"))
    module = types.ModuleType("a_notebook")
    before = sys.displayhook, sys.excepthook
    it = InteractiveShell(config=config, ipython_dir=home, user_module=module)
    it.colors = "nocolor"
    it.run_line_magic("load_ext", "trippy_nb")
    yield it
    it.run_line_magic("unload_ext", "trippy_nb")
    sys.modules.pop("a_notebook", None)
    sys.displayhook, sys.excepthook = before


def said(shell, code: str, capsys) -> tuple[Any, str]:
    """What a cell gives, and what it prints."""
    capsys.readouterr()
    result = shell.run_cell(code)
    out, err = capsys.readouterr()
    return result.result, out + err


def test_a_line_gives_the_run_shows_its_card_and_binds_a_name(shell, capsys):
    run, text = said(shell, f"%trace {SIM} --into kept", capsys)
    assert isinstance(run, tn.Run)
    assert shell.user_ns["kept"] is run
    assert "Trace to target.example" in text
    assert run.probes["round"].max() == 1


def test_it_is_a_value_like_any_other_and_takes_variables_in_braces(shell, capsys):
    said(shell, f"host = 'target.example'\nrun = %trace {{host}} {SIM.partition(' ')[2]} -p udp;", capsys)
    assert shell.user_ns["run"].runs["protocol"].iloc[0] == "udp"


def test_a_cell_gives_a_set_even_of_one_and_several_words_do(shell, capsys):
    runs, _ = said(shell, f"%%trace {SIM.partition(' ')[2]} --into them\ntarget.example\n", capsys)
    assert isinstance(runs, tn.RunSet)
    assert len(runs) == 1
    assert shell.user_ns["them"] is runs
    runs, _ = said(shell, f"%trace target.example {SIM}", capsys)
    assert isinstance(runs, tn.RunSet)
    assert len(runs) == 2


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("%trace x -p foo", "'foo' is not one of"),
        ("%trace x --mode json", "not for notebooks"),
        ("%trace nowhere.example --sim first-steps", "try target.example"),
        ("%trace x --sim no-such", "no scenario 'no-such'"),
        ("%trace x --max-ttl 255", "must be from 1 to 254"),
        ("%trace x --sim /no/such/file.toml", "cannot be read"),
        ("%handles foo", "unexpected extra argument"),
    ],
)
def test_an_error_is_one_line_without_a_traceback_and_its_cause_is_kept(shell, capsys, line, words):
    result, text = said(shell, line, capsys)
    assert result is None
    assert text.startswith("UsageError: ")
    assert words in text
    assert text.count("\n") == 1
    assert sys.last_value is not None
    assert isinstance(sys.last_value.__cause__, TrippyError)


def test_what_went_wrong_binds_nothing(shell, capsys):
    said(shell, "%trace x --sim no-such --into unbound", capsys)
    assert "unbound" not in shell.user_ns


def test_the_help_page_is_the_docstring_that_a_question_mark_shows(shell, capsys):
    page = shell.object_inspect_text("%trace")
    assert "-p, --protocol [icmp|udp|tcp]" in page
    assert "%handles [OPTIONS]" in shell.object_inspect_text("%handles")
    assert said(shell, "%trace --help", capsys)[1].startswith("Usage: %trace")


def test_handles_shows_what_is_open_and_all_on_request(shell, capsys):
    config = TraceConfig.from_options(protocol="udp", unprivileged=True, rounds=None, dns=False)
    made = prepare("127.0.0.1", config)
    assert not made.advance(0.2)
    frame, text = said(shell, "%handles", capsys)
    assert "open" in text
    assert frame["closed_at"].isna().all()
    n_open = len(frame)
    assert n_open > 0
    made.stop()
    frame, text = said(shell, "%handles", capsys)
    assert frame.empty
    assert "Nothing is open." in text
    frame, _ = said(shell, "%handles --all", capsys)
    assert len(frame) >= n_open


def test_unloading_takes_everything_away_and_reloading_brings_it_once(shell):
    manager: MagicsManager = shell.magics_manager
    shell.run_line_magic("reload_ext", "trippy_nb")
    assert shell.Completer.custom_matchers.count(match_trace) == 1
    shell.run_line_magic("unload_ext", "trippy_nb")
    assert match_trace not in shell.Completer.custom_matchers
    lists = manager.lsmagic()
    assert not {"trace", "handles"} & {*lists["line"], *lists["cell"]}
    shell.run_line_magic("load_ext", "trippy_nb")
    assert "trace" in manager.lsmagic()["cell"]
