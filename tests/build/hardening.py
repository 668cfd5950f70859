# SPDX-License-Identifier: GPL-2.0-or-later
"""The built program carries what the compiler can do against misuse."""
import os
import re
import shutil
import subprocess
import sys

CTPOLICY = os.environ["CTPOLICY"]
# dlopen() is for host/library.c alone, which tests/lint/layers.py sees to.
BANNED = re.compile(
    r"^(exec\w+|fexecve|system|popen|posix_spawnp?|getaddrinfo|gethostbyname|"
    r"getserv\w+|atoi|strcpy|strcat|sprintf|vsprintf|gets)$")
FAULTS = []


def readelf(*args):
    return subprocess.run(["readelf", "-W", *args], check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          env=dict(os.environ, LC_ALL="C")).stdout


def want(holds, what):
    print("%s %s" % ("ok  " if holds else "FAIL", what))
    if not holds:
        FAULTS.append(what)


def toolchain_marks_cet():
    """Does the C start-up code itself claim IBT and SHSTK?"""
    cc = os.environ.get("CC", "cc").split()
    if not shutil.which(cc[0]):
        return False
    crt = subprocess.run(cc + ["-print-file-name=Scrt1.o"], text=True,
                         stdout=subprocess.PIPE).stdout.strip()
    return os.path.exists(crt) and "IBT" in readelf("-n", crt)


def main():
    with open(CTPOLICY, "rb") as f:
        if f.read(4) != b"\x7fELF":
            sys.exit("%s is no program" % CTPOLICY)
    head, segments = readelf("-h", CTPOLICY), readelf("-l", CTPOLICY)
    dynamic = readelf("-d", CTPOLICY)
    symbols = re.findall(r"UND (\w+)", readelf("--dyn-syms", CTPOLICY))
    every = readelf("-s", CTPOLICY)
    sanitized = "__asan_init" in every

    want(sanitized or re.search(r"Type:\s+DYN", head) and "PIE" in dynamic,
         "position independent, or sanitized")
    want("GNU_RELRO" in segments and re.search(r"BIND_NOW|\bNOW\b", dynamic),
         "full RELRO")
    stack = re.search(r"GNU_STACK.*", segments)
    want(stack and " RWE " not in stack[0], "no executable stack")
    want(not re.search(r"LOAD.* RWE ", segments), "no segment both W and X")
    want("TEXTREL" not in dynamic, "no text relocations")
    want(not re.search(r"R(UN)?PATH", dynamic), "no run path")
    want(not re.search(r"NEEDED.*lib(kmod|crypto|nftables|gmp)", dynamic),
         "what few commands need is not loaded with the program")
    want("__stack_chk_fail" in symbols, "stack protector")
    mode = os.stat(CTPOLICY).st_mode
    want(not mode & 0o6000, "not set-user-ID")
    if sanitized:
        print("--   sanitized: no FORTIFY, and the runtime calls what it likes")
    else:
        want(any(s.endswith("_chk") and s != "__stack_chk_fail"
                 for s in symbols), "FORTIFY")
        called = sorted(s for s in symbols if BANNED.match(s))
        want(not called, "calls no " + (" ".join(called) or "exec, NSS or DNS"))
    if "X86-64" in head and not sanitized and toolchain_marks_cet():
        want(re.search(r"IBT.*SHSTK", readelf("-n", CTPOLICY)), "IBT and SHSTK")
    sys.exit(1 if FAULTS else 0)


main()
