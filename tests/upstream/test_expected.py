"""The list of expected failures: what a run is judged by, and how it is rewritten."""

from pathlib import Path

from tests.upstream.expected import Outcome, entry_of, judge, load, summarise, update

MODULES = ["t.web_test", "t.gen_test"]
FAILED = Outcome("t.web_test.A.test_one", "failed", "ValueError: no\nmore")
PASSED = Outcome("t.web_test.B.test_two", "passed", "")
SKIPPED = Outcome("t.web_test.B.test_three", "skipped", "not here")


def test_the_longest_entry_covers() -> None:
    entries = {"t.web_test": "", "t.web_test.A": ""}
    assert entry_of("t.web_test.A.test_one", entries) == "t.web_test.A"
    assert entry_of("t.web_test.B.test_two", entries) == "t.web_test"
    assert entry_of("t.web_test_2.B", entries) is None


def test_a_failure_off_the_list_is_a_finding() -> None:
    assert judge([FAILED, PASSED, SKIPPED], {}, MODULES) == ["FAILED t.web_test.A.test_one: ValueError: no"]
    assert judge([FAILED, PASSED, SKIPPED], {"t.web_test.A": "reason"}, MODULES) == []


def test_a_pass_on_the_list_is_a_finding() -> None:
    (finding,) = judge([FAILED, PASSED], {"t.web_test": "reason"}, MODULES)
    assert finding.startswith("PASSES t.web_test.B.test_two")


def test_a_name_that_does_not_exist_is_a_finding_in_its_module_only() -> None:
    (finding,) = judge([PASSED], {"t.web_test.Gone": "reason"}, MODULES)
    assert finding.startswith("UNKNOWN t.web_test.Gone")
    assert judge([PASSED], {"t.other_test.Gone": "reason"}, MODULES) == []


def test_a_skipped_test_on_the_list_is_no_finding() -> None:
    assert judge([SKIPPED], {"t.web_test.B.test_three": "reason"}, MODULES) == []


def test_the_shortest_list() -> None:
    more = Outcome("t.web_test.B.test_four", "failed", "KeyError: 1")
    assert summarise([FAILED], MODULES) == {"t.web_test": "ValueError: no"}
    assert summarise([FAILED, PASSED], MODULES) == {"t.web_test.A": "ValueError: no"}
    assert summarise([more, PASSED], MODULES) == {"t.web_test.B.test_four": "KeyError: 1"}


def test_rewriting_keeps_reasons_and_other_modules(tmp_path: Path) -> None:
    path = tmp_path / "list.toml"
    update([FAILED, PASSED], MODULES, path)
    assert load(path) == {"t.web_test.A": "ValueError: no"}
    path.write_text('[expected]\n"t.web_test.A" = "a \\"good\\" reason"\n"t.other_test" = "because"\n')
    update([FAILED, PASSED], MODULES, path)
    assert load(path) == {"t.web_test.A": 'a "good" reason', "t.other_test": "because"}
    update([PASSED], MODULES, path)
    assert load(path) == {"t.other_test": "because"}
