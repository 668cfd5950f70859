# SPDX-License-Identifier: GPL-2.0-or-later
"""What completes a command line in bash, zsh and fish is what the program
prints, and proposes, in each of these shells, the very options of each help
screen, and the values that they take."""
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["srcdir"], "tests", "netns"))
import tally                                                # noqa: E402
from tally import check                                     # noqa: E402

CTPOLICY = os.environ["CTPOLICY"]
TMP = os.environ["TMPDIR"]
FOLDER = os.path.join(os.environ["srcdir"], "contrib", "completions")
FILES = {"bash": "ctpolicy", "zsh": "_ctpolicy", "fish": "ctpolicy.fish"}
SHELLS = ("bash", "zsh", "fish")


def said(*args):
    return subprocess.run([CTPOLICY, *args], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def commands():
    return re.findall(r"^  (\w+) ", said("help"), re.M)


def options(command):
    """Of its help screen; letters have names that stand in no line."""
    text = said(command, "--help")
    return set(re.findall(r"^  (?:-\w, )?(--[\w-]+)", text, re.M)) | {
        "--quiet", "--verbose", "--help"}


def expected():
    """(words before the cursor, what is proposed) for each question."""
    names = set(commands())
    yield "ctpolicy ", names
    yield "ctpolicy help ", names
    yield "ctpolicy re", {"render", "recover", "remove", "report"}
    for name in names - {"help", "version"}:
        yield "ctpolicy %s --" % name, options(name)
    yield "ctpolicy check --kernel --f", {"--family", "--fix", "--format"}
    yield "ctpolicy diff --backend ", {"auto", "nftables", "iptables"}
    yield "ctpolicy audit --family ", {"ipv4", "ipv6"}
    yield "ctpolicy status --by s", {"src", "state", "service"}
    yield "ctpolicy explain --in ", set(os.listdir("/sys/class/net"))
    yield "ctpolicy completion ", set(SHELLS)
    yield "ctpolicy apply p", {"policy.yaml", "policy.d/"}
    yield "ctpolicy audit r", {"rules.v4"}
    yield "ctpolicy report -o r", {"rules.v4"}
    yield "ctpolicy report --output r", {"rules.v4"}
    yield "ctpolicy apply --state-dir p", {"policy.d/"}
    yield "ctpolicy remove p", set()


def bash(lines):
    script = ["source %s/%s" % (FOLDER, FILES["bash"])]
    for line in lines:
        words = line.split(" ")
        script.append("COMP_WORDS=(%s); COMP_CWORD=%d; _ctpolicy; "
                      'printf "%%s\\n" "${COMPREPLY[@]}" .' % (
                          " ".join("'%s'" % w for w in words),
                          len(words) - 1))
    out = subprocess.run(["bash", "--norc", "-c", "\n".join(script)],
                         check=True, text=True, cwd=TMP,
                         stdout=subprocess.PIPE).stdout
    for line, part in zip(lines, out.split(".\n")):
        found = set(part.split())
        # what readline does to a folder's name, as `compopt` asks for
        yield line, {w + "/" if os.path.isdir(os.path.join(TMP, w)) else w
                     for w in found}


def fish(lines):
    script = ["source %s/%s" % (FOLDER, FILES["fish"])]
    script += ["complete -C %r; echo ." % line for line in lines]
    env = dict(os.environ, HOME=TMP, XDG_CONFIG_HOME=TMP)
    out = subprocess.run(["fish", "--no-config", "-c", "\n".join(script)],
                         check=True, text=True, cwd=TMP, env=env,
                         stdout=subprocess.PIPE).stdout
    for line, part in zip(lines, out.split(".\n")):
        yield line, {w.split("\t")[0] for w in part.splitlines()}


ZSH = r"""
unsetopt prompt_sp; PS1= KEYTIMEOUT=1; cd $TMPDIR
fpath=(%s $fpath); autoload -Uz compinit; compinit -D -u
compadd() {
	if [[ ${@[1,(i)(-|--)]} == *-[OAD]* ]]; then
		builtin compadd "$@"; return
	fi
	local -a hits; local suffix
	builtin compadd -A hits "$@"
	[[ ${@[1,(i)(-|--)]} == *-W* ]] && suffix=/
	for hit in $hits; do
		[[ -n $suffix && -d $hit ]] && hit=$hit/
		print -r -- $hit >>$TMPDIR/hits
	done
	builtin compadd "$@"
}
mark() { print . >>$TMPDIR/hits; BUFFER= }
zle -N mark; bindkey '^X' mark; bindkey '^I' complete-word
setopt no_list_ambiguous no_beep; LISTMAX=9999
zstyle ':completion:*' verbose no
touch $TMPDIR/hits
"""


def zsh(lines):
    """Typed into one, since its completion runs nowhere else."""
    hits = os.path.join(TMP, "hits")
    with open(os.path.join(TMP, ".zshrc"), "w") as out:
        out.write(ZSH % FOLDER)
    pid, terminal = pty.fork()
    if not pid:
        os.environ["ZDOTDIR"] = TMP
        os.environ["TERM"] = "dumb"
        os.execvp("zsh", ["zsh", "-d", "-i"])

    def until(holds):
        end = time.monotonic() + 60
        while not holds():
            if time.monotonic() > end:
                raise RuntimeError("zsh does not answer")
            if select.select([terminal], [], [], .01)[0]:
                os.read(terminal, 65536)

    until(lambda: os.path.exists(hits))
    for line in lines:
        with open(hits, "w"):
            pass
        os.write(terminal, (line + "\t\x18").encode())
        until(lambda: open(hits).read().endswith(".\n"))
        with open(hits) as found:
            yield line, set(found.read().split()) - {"."}
    os.close(terminal)
    os.waitpid(pid, 0)


def main():
    for shell, name in FILES.items():
        with open(os.path.join(FOLDER, name)) as kept:
            check(kept.read() == said("completion", shell), name,
                  "is not what the program prints: make update-completions")
    missing = [shell for shell in SHELLS if not shutil.which(shell)]
    if missing:
        print("not installed:", *missing)
        sys.exit(77)
    for name in ("policy.yaml", "rules.v4"):
        with open(os.path.join(TMP, name), "w"):
            pass
    os.mkdir(os.path.join(TMP, "policy.d"))
    want = dict(expected())
    for shell in (bash, zsh, fish):
        for line, got in shell(list(want)):
            # a letter beside its long name is welcome
            got = {w for w in got if not re.fullmatch(r"-\w", w)}
            check(got == want[line], "%s: %s" % (shell.__name__, line),
                  "has not", sorted(want[line] - got), "but",
                  sorted(got - want[line]))
    for wrong in ("ksh", ""):
        run = subprocess.run([CTPOLICY, "completion", wrong], check=False,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        check(run.returncode == 64 and not run.stdout and
              b"bash, zsh or fish" in run.stderr, "a shell: %r" % wrong)
    tally.end("%d lines in each of %d shells: " % (len(want), len(SHELLS)))


main()
