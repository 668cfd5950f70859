# SPDX-License-Identifier: GPL-2.0-or-later
"""The JSON schema, as editors use it, against the policies of this folder: it
must object to none that is taken, nor to a single file of those that are made of
several; and find most mistakes of those that are refused."""
import glob
import json
import os
import sys

try:
    import jsonschema
    import yaml
except ImportError as err:
    print("SKIP: %s" % err)
    sys.exit(1 if os.environ.get("CTPOLICY_TESTS_NO_SKIP") == "1" else 77)

SRC = os.environ.get("srcdir", os.path.join(os.path.dirname(__file__),
                                            "..", ".."))
CASES = os.path.join(SRC, "tests/golden/policies")
FOUND_LEAST = 0.65      # of the mistakes that are not mistakes of YAML


class Core(yaml.SafeLoader):
    """YAML 1.2, as editors have it: `yes` and `22:30` are texts."""
    yaml_implicit_resolvers = {}


for tag, pattern, first in (
        ("bool", r"^(?:true|false)$", "tf"),
        ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
        ("float", r"^[-+]?[0-9]*\.[0-9]+$", "-+.0123456789"),
        ("null", r"^(?:~|null|)$", ["~", "n", ""])):
    Core.add_implicit_resolver("tag:yaml.org,2002:" + tag,
                               yaml.resolver.re.compile(pattern), first)


def faults(schema, path):
    """What is wrong with a file; None: an editor could not even read it."""
    try:
        with open(path, encoding="utf-8-sig") as source:
            policy = yaml.load(source, Core)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError):
        return None
    return [e.message[:200] for e in schema.iter_errors(policy)]


def main():
    with open(os.path.join(SRC, "policies/schema/ctpolicy.schema.json")) as f:
        schema = jsonschema.Draft7Validator(json.load(f))
    jsonschema.Draft7Validator.check_schema(schema.schema)
    good = [path for pattern in (
        "policies/examples/*.yaml", "tests/golden/policies/good/*.yaml",
        "tests/golden/policies/several-good/*/*.yaml",
        "tests/golden/render/*.yaml")
        for path in glob.glob(os.path.join(SRC, pattern))]
    failed = 0
    for path in sorted(good):
        said = faults(schema, path)
        if said or (said is None and "bom" not in path):
            failed += 1
            print("FAIL %s\n%s" % (path, said))
    looked = found = 0
    for path in glob.glob(os.path.join(CASES, "broken", "*.yaml")):
        said = faults(schema, path)
        looked += said is not None
        found += bool(said)
    print("%d policies, %d refused; of %d mistakes %d found" % (
        len(good), failed, looked, found))
    sys.exit(bool(failed) or len(good) < 30 or found < FOUND_LEAST * looked)


main()
