# SPDX-License-Identifier: GPL-2.0-or-later
"""Each format for CI, read as its tool reads it: finding by finding, as
(level, id, path, line, column, message), with None for what it leaves out.

What a tool would refuse, or understand otherwise, raises ValueError.
"""
import json
import re
import urllib.parse
import xml.etree.ElementTree as ET

# SARIF 2.1.0, as far as ctpolicy uses it: {object: {key: (needed, type)}}. A
# key that is not here is not written, and the standard allows no others.
SARIF = {
    "log": {"$schema": (True, str), "version": (True, str),
            "runs": (True, ["run"])},
    "run": {"tool": (True, "tool"), "results": (True, ["result"]),
            "columnKind": (True, str), "invocations": (True, ["invocation"]),
            "automationDetails": (True, "details")},
    "details": {"id": (True, str)},
    "invocation": {"executionSuccessful": (True, bool)},
    "tool": {"driver": (True, "driver")},
    "driver": {"name": (True, str), "version": (True, str),
               "semanticVersion": (True, str), "rules": (True, ["rule"])},
    "rule": {"id": (True, str), "shortDescription": (True, "message"),
             "fullDescription": (True, "message"), "help": (True, "message"),
             "defaultConfiguration": (True, "configuration")},
    "configuration": {"level": (True, str)},
    "message": {"text": (True, str)},
    "result": {"ruleId": (True, str), "ruleIndex": (True, int),
               "level": (True, str), "message": (True, "message"),
               "locations": (False, ["location"]),
               "relatedLocations": (False, ["location"]),
               "partialFingerprints": (True, dict), "fixes": (False, ["fix"])},
    "location": {"id": (False, int), "message": (False, "message"),
                 "physicalLocation": (True, "physical")},
    "physical": {"artifactLocation": (True, "artifact"),
                 "region": (False, "region")},
    "artifact": {"uri": (True, str), "uriBaseId": (False, str)},
    "region": {"startLine": (True, int), "startColumn": (False, int),
               "endLine": (False, int), "endColumn": (False, int)},
    "fix": {"description": (True, "message"),
            "artifactChanges": (True, ["change"])},
    "change": {"artifactLocation": (True, "artifact"),
               "replacements": (True, ["replacement"])},
    "replacement": {"deletedRegion": (True, "region"),
                    "insertedContent": (True, "message")},
}
LEVELS = ("note", "warning", "error")
URI = re.compile(r"(?:file:///)?(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})*")


def need(ok, *what):
    if not ok:
        raise ValueError(" ".join(map(repr, what)))


def conforms(value, kind):
    if isinstance(kind, list):
        need(isinstance(value, list), value, "is no list")
        for item in value:
            conforms(item, kind[0])
    elif isinstance(kind, str):
        need(isinstance(value, dict), value, "is no", kind)
        for key, (needed, of) in SARIF[kind].items():
            need(key in value or not needed, kind, "has no", key)
            if key in value:
                conforms(value[key], of)
        need(set(value) <= set(SARIF[kind]), kind, "has", list(value))
    else:
        need(type(value) is kind, value, "is no", kind)
        need(kind is not int or value >= (kind is int and 0), value)


def region_of(physical):
    region = physical.get("region")
    if region is None:
        return None, None
    need(region["startLine"] > 0 and region.get("startColumn", 1) > 0, region)
    if region.get("endLine", region["startLine"]) == region["startLine"]:
        need(region.get("endColumn", 1) >= region.get("startColumn", 1),
             region)
    return region["startLine"], region.get("startColumn")


def artifact(location):
    """Its path; a relative one is of the top of the source."""
    uri = location["uri"]
    need(URI.fullmatch(uri), uri)
    need(("uriBaseId" in location) == (not uri.startswith("file:")), location)
    need(location.get("uriBaseId", "%SRCROOT%") == "%SRCROOT%", location)
    path = urllib.parse.unquote(re.sub("^file://", "", uri),
                                errors="surrogateescape")
    need(".." not in path.split("/"), path)
    return path


def sarif(text):
    log = json.loads(text)
    conforms(log, "log")
    need(log["version"] == "2.1.0" and len(log["runs"]) == 1, log)
    run = log["runs"][0]
    need(run["columnKind"] == "unicodeCodePoints", run)
    rules = run["tool"]["driver"]["rules"]
    need(len({r["id"] for r in rules}) == len(rules), rules)
    need({r["id"] for r in rules} == {r["ruleId"] for r in run["results"]},
         "a rule too many, or too few")
    for r in rules:
        need(r["help"]["text"].startswith(r["shortDescription"]["text"]), r)
    found = []
    prints = set()
    for r in run["results"]:
        need(rules[r["ruleIndex"]]["id"] == r["ruleId"], r)
        need(r["level"] in LEVELS, r)
        need("](" not in r["message"]["text"], "a link", r)
        prints.add(r["partialFingerprints"]["ctpolicyFinding/v1"])
        path = line = column = None
        for at in r.get("locations", []):
            path = artifact(at["physicalLocation"]["artifactLocation"])
            line, column = region_of(at["physicalLocation"])
        for at in r.get("relatedLocations", []):
            artifact(at["physicalLocation"]["artifactLocation"])
            region_of(at["physicalLocation"])
        found.append((r["level"], r["ruleId"], path, line, column,
                      r["message"]["text"].split("\nhelp: ")[0]))
    need(len(prints) == len(found), "fingerprints are not unique")
    return found


def sarif_fixes(text):
    """[(path, region, text)] of each result that has a fix."""
    for r in json.loads(text)["runs"][0]["results"]:
        for fix in r.get("fixes", []):
            change, = fix["artifactChanges"]
            one, = change["replacements"]
            yield (artifact(change["artifactLocation"]), one["deletedRegion"],
                   one["insertedContent"]["text"])


def unescaped(text, also=()):
    for code, char in also + (("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(code, char)
    return text


def github(text):
    """As the runner parses a line of a step's output."""
    found = []
    for line in text.splitlines():
        need("##[" not in line or line.startswith("::"), line)
        if not line.lstrip().startswith("::"):
            need(line.startswith("ctpolicy "), line)
            continue
        head, _, said = line.lstrip()[2:].partition("::")
        command, _, rest = head.partition(" ")
        need(command in ("error", "warning", "notice"), line)
        props = dict(p.partition("=")[::2] for p in rest.split(","))
        props = {k: unescaped(v, (("%3A", ":"), ("%2C", ",")))
                 for k, v in props.items()}
        need(set(props) <= {"file", "line", "col", "endColumn", "title"}, line)
        found.append((
            command.replace("notice", "note"), props["title"],
            props.get("file"), *(int(props[k]) if k in props else None
                                 for k in ("line", "col")),
            unescaped(said).split("\nhelp: ")[0]))
    for level in LEVELS:
        need(sum(f[0] == level for f in found) <= 10, "too many")
    return found


SEVERITIES = {"info": "note", "minor": "warning", "major": "error"}


def codeclimate(text):
    issues = json.loads(text)
    need(isinstance(issues, list), text)
    need(len({i["fingerprint"] for i in issues}) == len(issues),
         "fingerprints are not unique")
    for i in issues:
        need(i["type"] == "issue" and i["location"]["lines"]["begin"] > 0 and
             i["location"]["path"] and i["categories"], i)
    return [(SEVERITIES[i["severity"]], i["check_name"],
             i["location"]["path"], i["location"]["lines"]["begin"], None,
             i["description"]) for i in issues]


def junit(text):
    """[(suite, name, how it ended, message)]"""
    top = ET.fromstring(text.encode("utf-8", "surrogateescape"))
    need(top.tag == "testsuites", top.tag)
    cases = []
    for suite in top:
        need(suite.tag == "testsuite", suite.tag)
        own = []
        for case in suite:
            need(case.tag == "testcase" and case.get("classname") and
                 case.get("name"), case.attrib)
            end = case[0] if len(case) else None
            own.append((suite.get("name"), case.get("name"),
                        "passed" if end is None else end.tag,
                        None if end is None else end.get("message")))
        counted(suite, own)
        timed(suite, suite)
        cases += own
    counted(top, cases)
    timed(top, [case for suite in top for case in suite])
    return cases


def seconds(text):
    """Of each case of JUnit, None where it is not told."""
    top = ET.fromstring(text.encode("utf-8", "surrogateescape"))
    return [case.get("time") and float(case.get("time"))
            for suite in top for case in suite]


def timed(element, cases):
    took = [float(case.get("time", 0)) for case in cases]
    need(abs(sum(took) - float(element.get("time", 0))) < .001 * len(took) +
         .001, "the sum of times")


def counted(element, cases):
    for key, end in (("failures", "failure"), ("errors", "error"),
                     ("skipped", "skipped")):
        need(int(element.get(key)) == sum(c[2] == end for c in cases), key)
    need(int(element.get("tests")) == len(cases), "tests")


# Code spans of a cell, whose pipes are escaped, and escaped characters.
INERT = re.compile(r"(?<![`\\])(`+)(?!`)(?:\\\||[^|])*?(?<!`)\1(?!`)|\\[!-/:-@[-`{-~]|[@#]&#8203;")


def markdown(text):
    """The rows of its tables: [[cell...]]"""
    rows = []
    for line in text.splitlines():
        plain = INERT.sub("", line)
        if re.fullmatch(r"</?details>(<summary>[\w ]+</summary>)?", line) or \
                line.startswith("### ctpolicy "):
            continue
        need(not re.search(r"[<>@#\[\]_~!]", plain.replace("* ", "")), line,
             plain)
        if line.startswith("|"):
            need(plain.count("|") == 5, line, plain)
            rows.append(line)
    return rows
