"""The native Drain against the package drain3: the same parameters, the same groups.

On the sixteen Loghub-2k logs, where LOGPIPE_MIRROR has them, and on the embedded sample, always.
No message of either shows one of the differences that logpipe.parsers.drain documents, so that the
answers must be equal number by number.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from random import Random

import drain3.drain
import drain3.masking
import pytest
import yaml
from strategies import MemorySource

from logpipe import pipeline
from logpipe.formats.readers import open_sources
from logpipe.parsers import stream
from logpipe.parsers.drain import Drain
from logpipe.parsers.drain3 import Drain3

MIRROR = os.environ.get("LOGPIPE_MIRROR")
mirror = [
    pytest.mark.mirror,
    pytest.mark.skipif(not MIRROR, reason="LOGPIPE_MIRROR is not set: no Loghub files"),
]
SAMPLE = Path(__file__).parents[2] / "logpipe" / "data" / "sample"
SAMPLE_LINES = 1500
SYSTEMS = (
    *("Android", "Apache", "BGL", "HDFS", "HPC", "Hadoop", "HealthApp", "Linux", "Mac"),
    *("OpenSSH", "OpenStack", "Proxifier", "Spark", "Thunderbird", "Windows", "Zookeeper"),
)
PARAMETERS: dict[str, dict[str, object]] = {
    "defaults": {},
    "deep": {"depth": 5, "sim_th": 0.5},
    "few-children": {"max_children": 4, "depth": 6},
    "few-clusters": {"max_clusters": 20},
    "delimiters": {"extra_delimiters": ["=", ":"]},
}


def messages_of(path: str, layout: str) -> list[bytes]:
    """The messages of a log as the pipeline cuts them."""
    (source,) = open_sources([path])
    found: list[bytes] = []
    for batch in pipeline.stream(source, layout=layout, threads=1):
        found += batch.messages
    return found


@cache
def loghub(system: str) -> list[bytes]:
    assert MIRROR
    path = Path(MIRROR, "loghub-2k", system, f"{system}_2k.log")
    return messages_of(str(path), f"loghub:{system}")


@cache
def sample(name: str) -> list[bytes]:
    about = yaml.safe_load((SAMPLE / "sample.yaml").read_text(encoding="utf-8"))["files"][name]
    return messages_of(str(SAMPLE / f"{name}.zst"), about["layout_name"])[:SAMPLE_LINES]


def differences(log: list[bytes], ours: dict[str, object], theirs: dict[str, object]) -> list[str]:
    """Where the two disagree, with the message."""
    found = zip(Drain(**ours).fit_predict(log), Drain3(**theirs).fit_predict(log), strict=True)
    return [
        f"message {i}: drain {a}, drain3 {b}: {log[i]!r}"
        for i, (a, b) in enumerate(found)
        if a != b
    ]


@pytest.mark.parametrize("parameters", PARAMETERS.values(), ids=PARAMETERS)
@pytest.mark.parametrize("system", [pytest.param(system, marks=mirror) for system in SYSTEMS])
def test_loghub_is_grouped_as_by_drain3(system, parameters):
    """2,000 messages of each system, one and the same group number for each."""
    log = loghub(system)

    assert len(log) == 2000
    assert differences(log, {**parameters, "masks": ()}, parameters) == []


@pytest.mark.parametrize("parameters", PARAMETERS.values(), ids=PARAMETERS)
@pytest.mark.parametrize("name", ["sshd.log", "postgresql.log", "nginx-error.log", "redis.log"])
def test_the_sample_is_grouped_as_by_drain3(name, parameters):
    """The same on logs that are always there."""
    log = sample(name)

    assert len(log) > 1000
    assert differences(log, {**parameters, "masks": ()}, parameters) == []


@cache
def published() -> dict[str, dict[str, object]]:
    """The settings of Drain that the Loghub-2.0 paper was measured with, by system."""
    assert MIRROR
    path = Path(MIRROR, "loghub-2.0-paper-tables", "parser-settings.json")
    settings = json.loads(path.read_text(encoding="utf-8"))["Drain"]
    return {
        system: {"depth": entry["depth"], "sim_th": entry["st"], "masks": entry["regex"]}
        for system, entry in settings.items()
    }


def masked_by_a_word(log: list[bytes], parameters: dict[str, object]) -> list[int]:
    """drain3's groups where a match becomes the word `<#>`, which is not its wild token `<*>`."""
    rest = {name: value for name, value in parameters.items() if name != "masks"}
    drain = drain3.drain.Drain(**rest)
    instructions = [drain3.masking.MaskingInstruction(mask, "#") for mask in parameters["masks"]]
    masker = drain3.masking.LogMasker(instructions, "<", ">")
    texts = (masker.mask(message.decode("utf-8", "surrogateescape")) for message in log)
    return [drain.add_log_message(text)[0].cluster_id for text in texts]


COVERED = {"HDFS": 3, "Mac": 415, "Proxifier": 108}
"""Messages in other groups than in drain3, because a mask covers whole tokens; 0 for the others.

A token that is masked whole counts as equal here, as the masked parts of tokens do; in drain3 it
counts for nothing, so that such messages are less similar.
"""


@pytest.mark.parametrize("system", [pytest.param(system, marks=mirror) for system in SYSTEMS])
def test_published_expressions_mask_as_in_drain3(system):
    """Bytes here, text there: the same groups, but for tokens that are masked whole."""
    if system not in published():
        pytest.skip(f"no published settings of Drain for {system}")
    parameters, log = published()[system], loghub(system)

    assert Drain(**parameters).fit_predict(log).tolist() == masked_by_a_word(log, parameters)
    assert len(differences(log, parameters, parameters)) == COVERED.get(system, 0)


SAMPLE_MASKS = [r"(\d+\.){3}\d+(:\d+)?", r"\b0x[0-9a-f]+\b", r"(?<=\W)\d+(?=\W|$)"]


@pytest.mark.parametrize("name", ["sshd.log", "postgresql.log"])
def test_expressions_mask_the_sample_as_in_drain3(name):
    """The same on logs that are always there."""
    parameters = {"depth": 5, "masks": SAMPLE_MASKS}

    found = Drain(**parameters).fit_predict(sample(name)).tolist()

    assert found == masked_by_a_word(sample(name), parameters)


@pytest.mark.parametrize(
    ("log", "ours", "theirs"),
    [
        # To drain3 the text `<*>` is a wild token, which equals nothing; here it is a word.
        ([b"a <*> c d e", b"a <*> x y z"], [1, 1], [1, 2]),
        # drain3 sees digits and blanks of Unicode; here they are bytes of a word.
        (["a\u00a0b".encode(), b"a b"], [1, 2], [1, 1]),
    ],
    ids=["marker", "unicode-blank"],
)
def test_the_documented_differences_are_those(log, ours, theirs):
    """What logpipe.parsers.drain lists, so that the list stays true."""
    assert Drain(masks=(), sim_th=0.4).fit_predict(log).tolist() == ours
    assert Drain3(sim_th=0.4).fit_predict(log).tolist() == theirs


def test_the_stream_gives_the_groups_of_the_parser():
    """Lines through the pipeline and messages through the parser are one and the same Drain."""
    log = sample("sshd.log")
    data = b"".join(message + b"\n" for message in log)
    parser = Drain(masks=())
    groups: list[int] = []
    for batch in pipeline.stream(MemorySource(data), parser=parser, layout="<Content>", threads=2):
        groups += [batch.templates[t].group for t in batch.template_ids.tolist()]

    assert groups == Drain3().fit_predict(log).tolist()


def crowded(seed: int) -> tuple[list[bytes], dict[str, object]]:
    """A log of few words with hundreds of groups that compete, and parameters to go with it."""
    random = Random(seed)
    words = list("abcdefghijklmnopqrstuvwxyz"[: random.choice([3, 6, 12])])
    words += random.choice([[], ["a1", "b2", "7"]])
    length = random.choice([4, 8])
    bases = [random.choices(words, k=random.choice([length, length - 1])) for _ in range(200)]
    log = []
    for _ in range(1200):
        tokens = list(random.choice(bases))
        for _ in range(random.choice([0, 1, 2])):
            tokens[random.randrange(len(tokens))] = random.choice(words)
        log.append(" ".join(tokens).encode())
    parameters = {
        "depth": random.choice([3, 4, 5]),
        "sim_th": random.choice([0.4, 0.7, 0.9]),
        "max_children": random.choice([2, 100]),
        "max_clusters": random.choice([None, 30]),
    }
    return log, parameters


@pytest.mark.parametrize("seed", range(8))
def test_crowded_trees_are_those_of_drain3(seed, monkeypatch):
    """Hundreds of rivals in a leaf: the same groups, however the log is cut."""
    log, parameters = crowded(seed)
    monkeypatch.setattr(stream, "CHUNK", 1000)
    monkeypatch.setattr(stream, "_FIRST_CHUNK", 1000)
    parser = Drain(**parameters, masks=())
    streamed: list[int] = []
    for batch in pipeline.stream(
        MemorySource(b"\n".join(log)), parser=parser, layout="<Content>", threads=2
    ):
        streamed += [batch.templates[t].group for t in batch.template_ids.tolist()]

    assert differences(log, {**parameters, "masks": ()}, parameters) == []
    assert streamed == Drain3(**parameters).fit_predict(log).tolist()
