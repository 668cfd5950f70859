# SPDX-License-Identifier: GPL-2.0-or-later
"""The JSON schema, the loader and the man page know the same keys and words."""
import json
import re

import source

SCHEMA = "policies/schema/ctpolicy.schema.json"
PAGE = "docs/ctpolicy.yaml.5.scd"
# In the language, but refused by this version; the schema proposes neither.
REFUSED = {"replace"}
RESERVED = {"include", "vars", "when"}
TIMERS = "core/timers.c"


def keys_of(schema):
    """All property names below a schema."""
    if isinstance(schema, list):
        return set().union(*map(keys_of, schema))
    if not isinstance(schema, dict):
        return set()
    found = set(schema.get("properties", ()))
    return found.union(*map(keys_of, schema.values()))


def words_of(schema):
    if isinstance(schema, list):
        return set().union(*map(words_of, schema))
    if not isinstance(schema, dict):
        return set()
    found = {str(x).lower() if isinstance(x, bool) else x
             for x in schema.get("enum", ())}
    if isinstance(schema.get("const"), str):
        found.add(schema["const"])
    return found.union(*map(words_of, schema.values()))


def loader():
    """(keys, words) of the tables in policies/*.c"""
    keys, words = set(), set()
    for path in source.product_code():
        if not path.startswith("policies/"):
            continue
        text = source.text(path)
        keys |= set(re.findall(r'\{ "(\w+)", WANT_', text))
        for table in re.findall(r"struct word \w+\[\] = \{(.*?)\};", text,
                                re.S):
            words |= set(re.findall(r'\{ "(\w+)",', table))
        for group, name in re.findall(
                r'\b(DCCP|SCTP|TCP|TIMEOUT)\("(\w+)"(?=[,)])', text):
            keys.add(name if group == "TIMEOUT" else
                     group.lower() + "_" + name)
    table = re.search(r"\} protocols\[\] = \{(.*?)\n\};", source.text(TIMERS),
                      re.S)[1]
    return keys | set(re.findall(r'"(\w+)"', table)), words


def main():
    rep = source.Report()
    schema = json.loads(source.text(SCHEMA))
    page = source.text(PAGE).replace("\\", "")
    keys, words = loader()
    shown = words_of(schema)
    rep.looked += len(keys) + len(words)
    for key in sorted((keys - RESERVED) ^ keys_of(schema)):
        rep.fault(SCHEMA, 1, "key %s is in one of schema and loader" % key)
    for word in sorted(words - REFUSED - shown):
        rep.fault(SCHEMA, 1, "%s is a word of the loader only" % word)
    for word in sorted((keys | words)):
        if not re.search(r"(?<![a-z])%s(?![a-z])" % word, page):
            rep.fault(PAGE, 1, "%s is not told" % word)
    rep.exit()


main()
