# SPDX-License-Identifier: GPL-2.0-or-later
"""What every page of `report` must be: well-formed, self-contained, of sound
structure, legible in both colours; and its text, for tests that read it."""
import html.parser
import re
import xml.etree.ElementTree as ElementTree

VOID = {"meta", "br"}
ELEMENTS = set("""html head meta title style body header main footer section h1 h2
    p ul li b span code pre br table caption thead tbody tr th td details
    summary figure figcaption svg desc rect text path""".split())
ATTRIBUTES = set("""lang charset name content http-equiv id class role scope
    data-label aria-labelledby viewBox x y width height rx d xmlns""".split())
CONTRAST = 4.5


class Tags(html.parser.HTMLParser):
    """Every element that is opened is closed, in order."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.faults = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append("</%s>" % tag)

    def handle_startendtag(self, tag, attrs):
        pass


def tree(text):
    root = ElementTree.fromstring(text)
    for node in root.iter():
        node.tag = node.tag.rsplit("}", 1)[-1]
    return root


def words(node):
    """All its text, in one line."""
    return " ".join("".join(node.itertext()).split())


def section(root, name):
    """The words of a section; "": there is none."""
    for node in root.iter("section"):
        if node.get("aria-labelledby") == name:
            return words(node)
    return ""


def rows(root, name):
    """Of a section's tables, {first cell: {heading: cell}}."""
    found = {}
    for node in root.iter("section"):
        if node.get("aria-labelledby") != name:
            continue
        for line in node.iter("tr"):
            cells = {c.get("data-label"): words(c) for c in line.iter("td")}
            if cells:
                found[words(line[0])] = cells
    return found


def _luminance(color):
    parts = [int(color[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    parts = [p / 12.92 if p <= .04045 else ((p + .055) / 1.055) ** 2.4
             for p in parts]
    return .2126 * parts[0] + .7152 * parts[1] + .0722 * parts[2]


def _contrasts(style):
    """Every colour of text on every ground, light and dark."""
    for part in re.findall(r"\{[^{}]*--bg:[^{}]*\}", style):
        colors = dict(re.findall(r"--(\w+):(#\w{6})", part))
        if len(colors) < 5:
            continue
        for ground in ("bg", "card", "code"):
            for ink in ("fg", "mut", "un", "tr", "bad", "warn", "note"):
                if ground == "code" and ink not in ("fg", "mut"):
                    continue
                a, b = sorted(_luminance(colors[c]) for c in (ink, ground))
                ratio = (b + .05) / (a + .05)
                if ratio < CONTRAST:
                    yield "%s on %s: %.2f" % (ink, ground, ratio)


def _structure(root):
    ids = [n.get("id") for n in root.iter() if n.get("id")]
    if len(ids) != len(set(ids)):
        yield "an id twice"
    if root.get("lang") != "en" or len(list(root.iter("h1"))) != 1 or \
            len(list(root.iter("main"))) != 1:
        yield "language, one h1 and one main"
    for node in root.iter():
        for name in (node.get("aria-labelledby") or "").split():
            if name not in ids:
                yield "labelled by nothing: " + name
        if node.tag == "section" and (node[0].tag != "h2" or
                                      not words(node[0])):
            yield "a section without its heading"
        if node.tag == "th" and node.get("scope") not in ("col", "row"):
            yield "a th without scope"
        if node.tag == "table" and (node[0].tag != "caption" or
                                    not words(node[0])):
            yield "a table without a caption"
        if node.tag == "details" and node[0].tag != "summary":
            yield "details without a summary"
        if node.tag == "svg" and [c.tag for c in node[:2]] != \
                ["title", "desc"]:
            yield "a picture without title and desc"
    for table in root.iter("table"):
        width = len(list(table.iter("tr"))[0])
        if any(len(line) != width for line in table.iter("tr")):
            yield "rows of several widths"


def faults(text, is_page=True):
    """All that is wrong with it, in words."""
    found = []
    try:
        root = tree(text)
    except ElementTree.ParseError as err:
        return ["not well-formed: %s" % err]
    tags = Tags()
    tags.feed(text)
    tags.close()
    found += tags.faults + tags.open
    bare = text.replace('xmlns="http://www.w3.org/2000/svg"', "", 1) \
        if not is_page else text
    for pattern in (r"<script", r"javascript:", r"\bsrc\s*=", r"\bhref\s*=",
                    r"@import", r"url\(", r"<(link|img|iframe|object|embed|"
                    r"base|form|use|image|foreignObject)\b",
                    r"<[^>]*\son\w+\s*="):
        found += ["%s in the page" % m[0]
                  for m in re.finditer(pattern, bare, re.I)]
    for node in root.iter():
        if node.tag not in ELEMENTS:
            found.append("<%s>" % node.tag)
        found += ["%s of %s" % (a, node.tag) for a in node.keys()
                  if a not in ATTRIBUTES]
        if node.tag not in ("style",) and re.search(
                "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]",
                node.text or ""):
            found.append("a control in %s" % node.tag)
    found += _contrasts("".join(n.text for n in root.iter("style")))
    if is_page:
        found += _structure(root)
        if not text.startswith("<!DOCTYPE html>\n"):
            found.append("no doctype")
        if "default-src 'none'" not in text:
            found.append("no policy against loading")
    return found
