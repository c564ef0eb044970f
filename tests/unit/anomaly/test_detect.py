"""`pipeline.detect` from raw lines to findings: what a user relies on."""

from __future__ import annotations

import re

import numpy as np
import pytest

from logpipe.anomaly.page import page
from logpipe.anomaly.verdicts import Verdict
from logpipe.errors import DetectorError, UsageError
from logpipe.pipeline.detecting import detect
from tests.unit.anomaly.making import session_lines, stamped, steady

ODD = {60: "lost {} on the way to bin 4", 61: "", 90: "lost {} on the way to bin 4"}


def log(folder, lines: list[str], name: str = "app.log") -> str:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def sessions(folder, odd: dict[int, str] | None = ODD, count: int = 150, **more) -> str:
    return log(folder, stamped(session_lines(count, odd)), **more)


def flagged(found) -> set[str]:
    result = found.result
    return {result.names[i] for i in np.flatnonzero(result.anomalous)}


def test_a_log_says_by_itself_which_sessions_are_abnormal(tmp_path) -> None:
    """No labels, no training, no option: the key is proposed, the lines are named."""
    found = detect(sessions(tmp_path))

    assert found.result.window == r"session:job-?\d+" or "job-" in found.result.window
    assert len(found.result) == 150
    assert len(flagged(found)) == 3
    lost = next(f for f in found.result.findings if "lost" in f.reason)
    assert len(lost.windows) == 2
    lines = found.result.telling[found.result.findings.index(lost)]
    assert "lost job-70" in str(lines[0].text)
    assert lines[0].context[0][0] < lines[0].line < lines[0].context[-1][0]


def test_a_window_without_a_line_that_all_others_have_is_explained(tmp_path) -> None:
    """What is missing is as telling as what is new."""
    found = detect(sessions(tmp_path, {20: ""}), window=r"session:job-\d+")

    (finding,) = (f for f in found.result.findings if f.kind == "pattern")

    assert "0 x 'stored <*> in bin <*>', expected 1" in finding.reason.replace("job-", "").replace(
        "bin 4", "bin <*>"
    )
    assert found.result.nearest_names[0].startswith("job-")


def test_against_a_good_log_only_what_is_new_is_shown(tmp_path) -> None:
    """With other templates in training; a good log against itself has nothing."""
    good = sessions(tmp_path, {5: "postponed {} until tomorrow"}, name="good.log")
    bad = sessions(tmp_path, {**ODD, 7: "postponed {} until tomorrow"}, name="bad.log")
    window = r"session:job-\d+"

    new = detect(bad, train=[good], window=window)
    same = detect(good, train=[good], window=window)

    assert flagged(new) == {"job-7060", "job-7061", "job-7090"}
    assert flagged(same) == set()
    assert "(training)" in new.result.nearest_names[0]


def test_a_fault_of_minutes_is_one_finding_with_its_lines(tmp_path) -> None:
    """Windows of time are chosen where there are no sessions."""
    found = detect(log(tmp_path, steady(300)))

    assert found.result.window == "time:2s"
    first = found.result.findings[0]
    assert first.kind == "run"
    assert "disk full" in first.reason
    names = sorted(found.result.names[i] for i in first.windows)
    assert "2026-03-04T10:02:30Z" in names
    assert "disk full" in str(found.result.telling[0][0].text)


@pytest.mark.parametrize("kinds", [3, 90])
def test_numbers_far_above_the_usual_are_found_where_nothing_else_is_odd(tmp_path, kinds) -> None:
    """A server that answers, only slowly; few or many different times it took before."""
    random = np.random.default_rng(3)
    lines = []
    for second in range(300):
        for i in range(20):
            slow = 150 <= second < 156 and i % 3 == 0
            took = random.integers(4000, 9000) if slow else 20 + random.integers(0, kinds)
            lines.append(
                f"2026-03-04 10:{second // 60:02d}:{second % 60:02d},{i:03d} INFO web.Server: "
                f"served page in {took} ms"
            )
    found = detect(log(tmp_path, lines), window="time:10s")

    assert flagged(found) == {"2026-03-04T10:02:30Z"}
    assert "with about 4,096" in found.result.findings[0].reason


def test_verdicts_stick(tmp_path) -> None:
    """What was called normal is not flagged in the next log either."""
    first = detect(sessions(tmp_path), window=r"session:job-\d+")
    lost = next(f for f in first.result.findings if "lost" in f.reason)
    said = {lost.pattern: Verdict("normal")}

    again = detect(
        sessions(tmp_path, {9: ODD[60]}, name="next.log"), window=r"session:job-\d+", verdicts=said
    )

    assert len(flagged(first)) == 3
    assert flagged(again) == set()
    assert again.result.findings[0].verdict == "normal"


def test_what_comes_for_good_is_one_finding_and_no_alarm(tmp_path) -> None:
    """A new release logs one line more in every session."""
    odd = dict.fromkeys(range(200, 400), "stored job-copy of {} in bin 4")
    found = detect(sessions(tmp_path, odd, count=400), window=r"session:job-7\d+")

    kinds = [f.kind for f in found.result.findings]

    assert flagged(found) == set()
    assert kinds == ["drift"]
    assert "came for good" in found.result.findings[0].reason or "went for good" in (
        found.result.findings[0].reason
    )


@pytest.mark.parametrize("name", ["tree", "new-pair", "new-triple", "markov", "values", "lof"])
def test_every_kind_of_features_is_made(name: str, tmp_path) -> None:
    """Detectors that look at order, values or labels get what they ask for."""
    labels = tmp_path / "labels.csv"
    rows = [f"job-{7000 + n},{int(n in ODD or n % 20 == 0)}" for n in range(150)]
    labels.write_text("session,label\n" + "\n".join(rows) + "\n")

    found = detect(
        sessions(tmp_path, {**ODD, **dict.fromkeys(range(0, 150, 20), ODD[60])}),
        window=r"session:job-\d+",
        detector=name,
        labels=str(labels),
    )

    assert found.result.labelled is not None
    if name == "tree":
        assert found.result.labelled.f1 > 0.8


def test_a_saved_detector_judges_another_log(tmp_path) -> None:
    """By the texts of templates, not by their numbers."""
    window = r"session:job-\d+"
    path = tmp_path / "detector.json"
    good = detect(sessions(tmp_path, {}, name="good.log"), window=window, detector="nearest")
    path.write_bytes(good.save_detector())

    found = detect(sessions(tmp_path), load_detector=path)

    assert flagged(found) == {"job-7060", "job-7061", "job-7090"}
    assert found.result.window == window
    with pytest.raises(UsageError, match="was trained on session"):
        detect(sessions(tmp_path), load_detector=path, window="lines:10")


def test_lines_are_numbered_in_their_own_file(tmp_path) -> None:
    """Several logs are judged together, and an empty one among them is no harm."""
    lines = stamped(session_lines(150, ODD))
    first, second = log(tmp_path, lines[:400], "a.log"), log(tmp_path, lines[400:], "b.log")

    found = detect([first, second], window=r"session:job-\d+")
    rows = [found.result.row(i) for i in range(len(found.result))]

    assert len(flagged(found)) == 3
    assert {str(row["source"]) for row in rows} == {first, second}
    late = [row for row in rows if row["source"] == second]
    assert min(int(str(row["first_line"])) for row in late) < 20


def test_the_page_is_one_well_formed_file(tmp_path) -> None:
    """Whatever is in the log."""
    from xml.etree import ElementTree

    lines = stamped(session_lines(150, {60: "lost {} <script>&\x01\x1b[31m"}))
    html = page(detect(log(tmp_path, lines), window=r"session:job-\d+").result)

    body = html[html.index("<body>") : html.index("</body>") + len("</body>")]
    ElementTree.fromstring(re.sub(r"<script>.*?</script>", "", body, flags=re.S))
    assert "&lt;script&gt;" in html
    assert "http://" not in html.replace("http://www.w3.org", "")


def test_lines_without_a_header_can_be_left_out(tmp_path) -> None:
    """A stack trace belongs to the line before it."""
    lines = []
    for line in stamped(session_lines(150, {60: ODD[60]})):
        lines += [line, *(["  at lost.Bin:4"] * 3 if "lost" in line else [])]

    whole = detect(log(tmp_path, lines), window="lines:50")
    records = detect(log(tmp_path, lines), window="lines:50", multiline=True)

    assert int(whole.result.lines.sum()) == int(records.result.lines.sum()) + 3


# ------------------------------------------------------------------------------- bad input


def test_no_session_is_an_error(tmp_path) -> None:
    """Not an empty result."""
    with pytest.raises(UsageError, match=r"no session found: none of [0-9]+ lines"):
        detect(sessions(tmp_path), window="session:nothing-like-this")


def test_one_window_is_an_error_unless_there_is_something_to_compare_it_with(tmp_path) -> None:
    """A window is not abnormal by itself."""
    path = sessions(tmp_path, {}, count=10)

    with pytest.raises(UsageError, match="one window only"):
        detect(path, window="lines:1000")
    assert len(detect(path, window="lines:1000", train=[path]).result) == 1


def test_windows_that_are_all_alike_are_all_normal(tmp_path) -> None:
    """And it is said."""
    lines = stamped([f"opened job-{i // 2 + 7000}" for i in range(80)])

    found = detect(log(tmp_path, lines), window=r"session:job-\d+")

    assert flagged(found) == set()
    assert any("same counts" in warning for warning in found.result.warnings)


def test_times_that_go_backwards_are_counted_and_told(tmp_path) -> None:
    """Each line is in the window its time says."""
    lines = steady(120)
    moved = lines[:500] + lines[:3] + lines[500:]

    found = detect(log(tmp_path, moved), window="time:5s")

    (warning,) = (w for w in found.result.warnings if "earlier" in w)
    assert "line 501" in warning
    assert int(found.result.lines.sum()) == len(moved)


def test_times_that_are_missing(tmp_path) -> None:
    """Some: the line before says when. All: an error that says what to do."""
    lines = steady(60)
    lines.insert(30, "a line without a header")

    some = detect(log(tmp_path, lines), window="time:1s")

    assert any("no time stamp" in warning for warning in some.result.warnings)
    with pytest.raises(UsageError, match="lines:N"):
        detect(log(tmp_path, ["no time here"] * 50, "b.log"), window="time:1s")


def test_labels_that_match_nothing_are_told(tmp_path) -> None:
    """With an example of either side."""
    labels = tmp_path / "labels.csv"
    labels.write_text("session,label\nblk_1,1\n")

    with pytest.raises(UsageError, match="match nothing"):
        detect(sessions(tmp_path), window=r"session:job-\d+", labels=str(labels))


def test_training_on_another_kind_of_log_is_no_crash(tmp_path) -> None:
    """Then everything is new, which is true."""
    other = log(tmp_path, stamped([f"weather of day {i} is fine" for i in range(200)]), "other.log")

    found = detect(sessions(tmp_path), train=[other], window="lines:50")

    assert found.result.anomalous.mean() > 0.9


@pytest.mark.parametrize("content", [b"", b"\n", b"\n\n\n", b"\xff\xfe\x00" * 50, b"x"])
def test_logs_that_hold_next_to_nothing(content: bytes, tmp_path) -> None:
    """A clear error, or a result without findings; never a crash."""
    path = tmp_path / "odd.log"
    path.write_bytes(content)

    for window in ("auto", "lines:1", "time:1s", "session:x"):
        try:
            found = detect(str(path), window=window)
        except UsageError:
            continue  # the message is looked at above
        assert len(found.result) > 0


def test_a_detector_that_breaks_its_contract_is_named(tmp_path) -> None:
    """A plug-in's bug is told as such."""

    class Broken:
        offset_ = 0.0

        def fit(self, X, y=None):  # noqa: N803
            return self

        def score_samples(self, X):  # noqa: N803
            return np.zeros(1)

    with pytest.raises(DetectorError, match=r"Broken.*shape"):
        detect(sessions(tmp_path), window=r"session:job-\d+", detector=Broken())


def test_a_window_without_a_line_stands_where_it_begins(tmp_path) -> None:
    """While nothing runs, nothing is logged; on the page the silence was at the first line."""
    lines = [line for line in steady(300) if not "10:02:30" < line[11:19] < "10:02:40"]
    found = detect(log(tmp_path, lines), window="time:2s").result

    empty = np.flatnonzero(found.lines == 0)

    assert [found.names[i] for i in empty] == [f"2026-03-04T10:02:{s}Z" for s in (32, 34, 36, 38)]
    assert found.start_time is not None
    assert (np.diff(found.start_time) > 0).all()
    assert found.start_time[empty[0]] == np.datetime64("2026-03-04T10:02:32", "ns").astype(int)
