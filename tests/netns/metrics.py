# SPDX-License-Identifier: GPL-2.0-or-later
"""Metrics as Prometheus' text format has them, read strictly (Prometheus,
"Exposition formats")."""
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
ESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def _unescape(text):
    return re.sub(r"\\.", lambda found: ESCAPED[found[0]], text)


def _labels(text):
    """{a="b",c="d"}, as pairs."""
    found, at = [], 1
    while text[at] != "}":
        label = LABEL.match(text, at)
        assert label, text
        found.append((label[1], _unescape(label[2])))
        at = label.end()
        assert text[at] in ",}", text
        at += text[at] == ","
    assert len({name for name, _ in found}) == len(found), text
    return tuple(sorted(found)), text[at + 1:]


def parse(text):
    """{name: {labels: value}}; each metric has a help and a type, in that
    order and once, and all its samples behind them."""
    assert text.endswith("\n"), "the last line ends"
    found, kinds, current = {}, {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            current, words = line[7:].split(" ", 1)
            assert NAME.fullmatch(current) and words.strip(), line
            assert current not in found, "twice: " + line
            found[current] = {}
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            assert name == current and name not in kinds, line
            assert kind in ("gauge", "counter"), line
            assert (kind == "counter") == name.endswith("_total"), line
            kinds[name] = kind
        else:
            name = NAME.match(line)[0]
            assert name == current and name in kinds, line
            rest, labels = line[len(name):], ()
            if rest.startswith("{"):
                labels, rest = _labels(rest)
            assert re.fullmatch(r" -?[0-9]+(\.[0-9]+)?", rest), line
            assert labels not in found[name], "twice: " + line
            found[name][labels] = float(rest)
    assert all(found.values()) and set(found) == set(kinds), "empty ones"
    return found


def value(found, name):
    """Of a metric without labels."""
    assert list(found[name]) == [()], found[name]
    return found[name][()]


def entries(found):
    """{(protocol, service, state): number}"""
    rows = {}
    for labels, number in found["ctpolicy_conntrack_entries"].items():
        labels = dict(labels)
        assert sorted(labels) == ["l4proto", "service", "state"], labels
        rows[labels["l4proto"], labels["service"], labels["state"]] = number
    return rows
