# SPDX-License-Identifier: GPL-2.0-or-later
"""A policy of several files: a folder in place of a file for every command, the
default when none is named, and what others may write."""
import html
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402

HEAD = "version: 1\nstate_matching: allowed\n"
WEB = HEAD + "lists: {office: [10.0.0.0/8]}\nuntracked:\n" \
    "  - {name: web, role: server, protocol: tcp, ports: [80]}\n"
DNS = "version: 1\nuntracked:\n  - {name: dns, role: server, protocol: udp, " \
    "ports: [53], clients: [\"@office\"]}\n"
ONE = WEB + DNS.split("untracked:\n")[1]


def setUpModule():
    global SPACE
    lab.require_ctpolicy()
    SPACE = lab.Namespace()


def ctpolicy(*args, there=None):
    """there: (folder, where it is mounted)"""
    mount = ["unshare", "-m", "sh", "-c", 'mount --bind "$0" "$1" && shift && '
             'exec "$@"', *there] if there else []
    p = SPACE.popen([*mount, os.path.abspath(lab.CTPOLICY), *args], text=True,
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE)
    out, err = p.communicate()
    return p.returncode, out, err


class Folder(unittest.TestCase):
    def setUp(self):
        self.path = os.path.join(lab.WORK, "folder")
        shutil.rmtree(self.path, ignore_errors=True)
        os.mkdir(self.path, 0o755)
        self.write("20-dns.yaml", DNS)
        self.write("10-web.yaml", WEB)

    def tearDown(self):
        SPACE.clear()

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.path, name)
        with open(path, "w") as out:
            out.write(text)
        os.chmod(path, mode)
        return path

    def one(self):
        path = os.path.join(lab.WORK, "one.yaml")
        with open(path, "w") as out:
            out.write(ONE)
        return path

    def refused(self, number, word, *args):
        code, _, err = ctpolicy(*(args or ("check", self.path)))
        self.assertIn(code, (66, 74, 78), err)
        self.assertIn("[%s]" % number, err)
        self.assertIn(word, err)

    def test_every_command(self):
        for backend in lab.BACKENDS:
            with self.subTest(backend=backend):
                more = ("--backend", backend)
                code, out, err = ctpolicy("check", self.path)
                self.assertEqual((code, out), (0, ""), err)
                self.assertIn("valid: 2 services", err)
                self.assertEqual(ctpolicy("render", self.path, *more)[:2],
                                 ctpolicy("render", self.one(), *more)[:2])
                code, out, err = ctpolicy("diff", self.path, *more)
                self.assertEqual(code, 1, err)
                self.assertIn("20-dns.yaml:3", out)
                self.assertIn("10-web.yaml:5", out)
                self.assertEqual(ctpolicy("apply", self.path, *more)[0], 0)
                for same in (self.path, self.one()):
                    code, _, err = ctpolicy("diff", same, *more)
                    self.assertEqual(code, 0, err)
                code, out, err = ctpolicy(
                    "explain", "--policy", self.path, *more,
                    "udp 10.1.2.3:4000 > 127.0.0.1:53")
                self.assertEqual(code, 0, err)
                self.assertIn("20-dns.yaml", out)
                code, out, err = ctpolicy("status")
                self.assertEqual(code, 0, err)
                self.assertIn("folder", out)
                self.assertIn("dns", out)
                SPACE.remove(backend)

    @staticmethod
    def rules():
        """Without the comments, which have the time."""
        return re.sub(r"(?m)^#.*\n", "", SPACE.run(
            "nft list ruleset; iptables-legacy-save"))

    def test_the_record_has_all_files(self):
        """Its digest, and the text that --fallback and watch go by."""
        state = os.path.join(lab.WORK, "state")
        os.mkdir(state, 0o700)
        digests = []
        for text in (DNS, DNS.replace("53", "5353")):
            self.write("20-dns.yaml", text)
            code, _, err = ctpolicy("apply", "--state-dir", state, self.path)
            self.assertEqual(code, 0, err)
            digests.append(self.newest(state))
        self.assertNotEqual(*digests)
        before = self.rules()
        self.write("20-dns.yaml", "version: 1\nuntracked: no\n")
        code, _, err = ctpolicy("apply", "--fallback", "--state-dir",
                                state, self.path)
        self.assertEqual(code, 0, err)
        self.assertIn("20-dns.yaml:2:12", err)
        self.assertEqual(self.rules(), before)
        self.assertIn("5353", before)

    def test_its_contents_are_compared(self):
        """status tells of any fragment that is not as it was applied, and
        counts drift by what was applied, whatever the folder holds now."""
        for backend in lab.BACKENDS:
            state = os.path.join(lab.WORK, "state-" + backend)
            more = ("--state-dir", state)
            self.assertEqual(ctpolicy("apply", *more, "--backend", backend,
                                      self.path)[0], 0)

            def status(code=0):
                said = ctpolicy("status", "--json", "--check", *more)
                self.assertEqual(said[0], code, said)
                return json.loads(said[1])

            def changed(how):
                with self.subTest(backend=backend, how=how):
                    said = status()
                    self.assertIs(said["policy"]["changed"], how != "as it was")
                    self.assertEqual(said["drift"]["rules"], 0)
                    self.assertIn("was changed since" if how != "as it was"
                                  else "folder, applied",
                                  ctpolicy("status", *more)[1])

            changed("as it was")
            old, new = (os.path.join(self.path, name)
                        for name in ("20-dns.yaml", "05-dns.yaml"))
            self.write("20-dns.yaml", DNS.replace("53", "5353"))
            changed("edited")
            self.write("20-dns.yaml", DNS)
            changed("as it was")
            added = self.write("30-more.yaml", "version: 1\n")
            changed("added")
            os.rename(added, os.path.join(lab.WORK, "aside"))
            os.rename(old, new)
            changed("reordered")
            os.rename(new, os.path.join(lab.WORK, "aside"))
            changed("deleted")
            os.rename(os.path.join(lab.WORK, "aside"), old)
            changed("as it was")
            # the services are those of the policy as it was applied
            self.write("20-dns.yaml", DNS.replace("dns", "other"))
            metrics = os.path.join(lab.WORK, "m.prom")
            self.assertEqual(ctpolicy("status", *more, "--prometheus",
                                      metrics)[0], 0)
            with open(metrics) as source:
                self.assertIn("ctpolicy_untracked_share_ratio 1.0",
                              source.read())
            self.write("20-dns.yaml", DNS)
            SPACE.clear()
            self.assertGreater(status(1)["drift"]["rules"], 0)
            SPACE.remove(backend)

    def newest(self, state):
        path = max((os.path.join(folder, name)
                    for folder, _, names in os.walk(state) for name in names
                    if name.isdigit()), key=os.path.getmtime)
        with open(path, "rb") as record:
            text = record.read().decode(errors="replace")
        self.assertIn("name: web", text)
        self.assertIn("name: dns", text)
        return re.search('"policy_digest": *"?([0-9a-f]+)', text)[1]

    def test_order_is_that_of_names(self):
        self.write("05-x.yaml", "version: 1\nbackend: nftables\n")
        self.write("30-y.yaml", "version: 1\nbackend: iptables\n")
        _, _, err = ctpolicy("check", self.path)
        self.assertLess(err.index("30-y.yaml:2:10: error"),
                        err.index("05-x.yaml:2:10: note: first"))

    def test_what_is_not_read(self):
        self.write(".hidden.yaml", "no policy")
        self.write("10-web.yaml~", "no policy")
        self.write("20-dns.yaml.dpkg-old", "no policy")
        code, _, err = ctpolicy("check", self.path)
        self.assertEqual(code, 0, err)
        self.assertNotIn("warning", err)
        self.write("30-more.yml", "no policy")
        code, _, err = ctpolicy("check", self.path)
        self.assertEqual(code, 0, err)
        self.assertRegex(err, r"warning: .*/30-more\.yml is not read.*CT078")

    def test_others_may_write(self):
        os.chmod(os.path.join(self.path, "20-dns.yaml"), 0o646)
        self.refused("CT076", "20-dns.yaml")
        os.chmod(os.path.join(self.path, "20-dns.yaml"), 0o644)
        os.chmod(self.path, 0o757)
        self.refused("CT076", self.path)
        os.chmod(self.path, 0o755)
        # by whatever name
        other = os.path.join(lab.WORK, "open.yaml")
        shutil.copy(os.path.join(self.path, "20-dns.yaml"), other)
        os.chmod(other, 0o666)
        os.unlink(os.path.join(self.path, "20-dns.yaml"))
        os.symlink(other, os.path.join(self.path, "20-dns.yaml"))
        self.refused("CT076", "20-dns.yaml")
        # of a file that is named it is a warning
        named = self.write("../named.yaml", WEB, 0o666)
        code, _, err = ctpolicy("check", named)
        self.assertEqual(code, 0, err)
        self.assertIn(named + ": warning: anybody may write here [CT076]", err)
        for path in (named, other):
            os.chmod(path, 0o664)
        for path in (named, self.path):
            code, _, err = ctpolicy("check", path)
            self.assertEqual((code, "CT076" in err), (0, False), err)
        os.chmod(other, 0o644)
        self.assertEqual(ctpolicy("check", self.path)[0], 0)

    def test_what_is_no_file(self):
        os.mkfifo(os.path.join(self.path, "30.yaml"))
        self.refused("CT002", "30.yaml")
        os.unlink(os.path.join(self.path, "30.yaml"))
        os.mkdir(os.path.join(self.path, "30.yaml"))
        self.refused("CT002", "30.yaml")
        os.rmdir(os.path.join(self.path, "30.yaml"))
        os.symlink("nowhere", os.path.join(self.path, "30.yaml"))
        self.refused("CT001", "30.yaml")
        os.unlink(os.path.join(self.path, "30.yaml"))
        self.write("a\nb.yaml", DNS)
        self.refused("CT002", "line break")

    def test_an_empty_folder(self):
        for name in os.listdir(self.path):
            os.unlink(os.path.join(self.path, name))
        self.refused("CT077", "folder")

    def test_limits_hold_for_all(self):
        """Bytes, values, and files."""
        for name in "abc":
            self.write(name + ".yaml", DNS + "#" * (6 << 20))
        self.refused("CT003", "c.yaml")
        for name in "abc":
            self.write(name + ".yaml", "version: 1\nlists: {x: [%s]}\n" % (
                "1," * 800000))
        self.refused("CT010", "in all")
        for name in "abc":
            os.unlink(os.path.join(self.path, name + ".yaml"))
        for number in range(1001):
            self.write("%d.yaml" % number, "version: 1\n")
        self.refused("CT003", "1000 files")

    def test_one_file_is_one(self):
        """Whatever it begins with."""
        path = os.path.join(lab.WORK, "one.yaml")
        with open(path, "w") as out:
            out.write("\x1d%d /etc/passwd\n%s" % (len(ONE), ONE))
        self.refused("CT005", "one.yaml:1:1", "check", path)


class Default(unittest.TestCase):
    """The folder that configure was told of, with another one mounted there."""

    def setUp(self):
        _, _, err = ctpolicy("check")
        where = err.split(": ")[0]
        self.assertTrue(where.endswith("/ctpolicy/policy.yaml"), err)
        self.root = os.path.dirname(os.path.dirname(where))
        if not os.path.isdir(self.root):
            os.mkdir(self.root)
            self.addCleanup(os.rmdir, self.root)
        self.etc = os.path.join(lab.WORK, "etc")
        shutil.rmtree(self.etc, ignore_errors=True)
        self.path = os.path.join(self.etc, "ctpolicy")
        os.makedirs(os.path.join(self.path, "policy.d"), 0o755)

    def write(self, name, text, mode=0o644):
        with open(os.path.join(self.path, name), "w") as out:
            out.write(text)
        os.chmod(os.path.join(self.path, name), mode)

    def ctpolicy(self, *args):
        """In a mount namespace of its own."""
        return ctpolicy(*args, there=(self.etc, self.root))

    def check(self, want, word):
        code, _, err = self.ctpolicy("check")
        self.assertEqual(code, want, err)
        self.assertIn(word, err)

    def test_both_parts(self):
        self.check(66, "policy.d/*.yaml")
        self.write("policy.yaml", WEB)
        self.check(0, "1 service")
        self.write("policy.d/dns.yaml", DNS)
        self.check(0, "2 services")
        self.write("policy.yaml", ONE)
        self.check(78, "policy.d/dns.yaml:3:12: error: a second service")
        os.unlink(os.path.join(self.path, "policy.yaml"))
        self.check(78, "policy.d/dns.yaml:3:69: error: no list is named")
        self.write("policy.d/10-web.yaml", WEB)
        self.check(0, "2 services")

    def test_a_file_that_is_named_is_all(self):
        self.write("policy.yaml", WEB)
        self.write("policy.d/dns.yaml", "nonsense")
        code, _, err = self.ctpolicy("check", os.path.join(
            self.root, "ctpolicy/policy.yaml"))
        self.assertEqual(code, 0, err)

    def test_commands(self):
        self.write("policy.yaml", WEB)
        self.write("policy.d/dns.yaml", DNS)
        code, out, err = self.ctpolicy("render")
        self.assertEqual(code, 0, err)
        self.assertIn("dns", out)
        self.assertEqual(self.ctpolicy("apply")[0], 0)
        self.assertEqual(self.ctpolicy("diff")[0], 0)
        self.assertIs(self.changed(), False)
        self.write("policy.d/dns.yaml", DNS + "# more\n")
        self.assertIs(self.changed(), True)
        os.unlink(os.path.join(self.path, "policy.yaml"))
        self.write("policy.d/dns.yaml", DNS)
        self.assertIs(self.changed(), True)
        self.write("policy.d/10-web.yaml", WEB)
        self.assertEqual(self.ctpolicy("apply")[0], 0)
        self.assertIs(self.changed(), False)
        self.write("policy.d/20-more.yaml", "version: 1\n")
        self.assertIs(self.changed(), True)
        SPACE.run([lab.CTPOLICY, "remove"])

    def on_the_page(self, *words):
        """The commands that a report shows; each can be given as it stands."""
        path = os.path.join(self.etc, "report.html")
        code, _, err = self.ctpolicy("report", "-o", path, *words)
        self.assertEqual(code, 0, err)
        with open(path) as page:
            found = [html.unescape(command) for command in re.findall(
                "<code>(ctpolicy .*?)</code>", page.read())]
        # of any host, and what made the page
        found = [c for c in found if c not in ("ctpolicy audit FILE",
                                               "ctpolicy report")]
        for command in found:
            code, out, err = self.ctpolicy(*shlex.split(command)[1:])
            self.assertIn(code, (0, 1), (command, out, err))
        return found

    def test_commands_of_a_report(self):
        """Of the default policy, which none of them needs to name."""
        self.write("policy.yaml", WEB)
        self.write("policy.d/dns.yaml", DNS)
        state = os.path.join(lab.WORK, "of-reports")
        for backend in lab.BACKENDS:
            how = ("--backend", backend, "--state-dir", state)
            typed = " ".join(how)
            for asked in how, how[2:]:
                with self.subTest(asked=asked):
                    self.assertEqual(self.ctpolicy("apply", *how)[0], 0)
                    SPACE.clear()
                    # of a policy that was applied, by the backend that it was
                    self.assertIn("ctpolicy diff " + typed,
                                  self.on_the_page(*asked))
                    self.write("policy.d/dns.yaml", DNS + "# edited\n")
                    self.assertIn("ctpolicy diff " + typed,
                                  self.on_the_page(*asked))
                    self.write("policy.d/dns.yaml", DNS)
                    code, _, err = self.ctpolicy(
                        "apply", "--confirm", "1h", *how)
                    self.assertEqual(code, 0, err)
                    # the last one, so it is no trial any more
                    self.assertIn("ctpolicy confirm " + " ".join(asked),
                                  self.on_the_page(*asked))
                    self.assertEqual(self.ctpolicy("status", *how[2:])[0], 0)
                    SPACE.run([lab.CTPOLICY, "remove", *how[2:]])

    def changed(self):
        return json.loads(self.ctpolicy("status", "--json")[1])[
            "policy"]["changed"]

    def test_what_a_boot_refuses(self):
        """`check` finds it, too, whichever way the default is named, where
        the text is right."""
        state = os.path.join(lab.WORK, "fallback")
        os.mkdir(state, 0o700)
        apply = ("apply", "--fallback", "--state-dir", state)
        named = [os.path.join(self.root, "ctpolicy", name) for name in (
            "policy.yaml", "../ctpolicy/policy.yaml", "policy.d",
            "policy.d/20-web.yaml")]
        self.write("policy.yaml", WEB)
        self.write("policy.d/20-web.yaml", HEAD + DNS.split("version: 1\n")[1].replace(
            '"@office"', "10.0.0.0/8"))
        code, _, err = self.ctpolicy(*apply)
        self.assertEqual(code, 0, err)
        for name in "policy.yaml", "policy.d/20-web.yaml", "policy.d", "":
            path = os.path.join(self.path, name)
            right = os.stat(path).st_mode & 0o777
            os.chmod(path, right | 2)
            with self.subTest(spoilt=name):
                code, _, err = self.ctpolicy(*apply)
                self.assertEqual(code, 0, err)
                self.assertIn("[CT840]\n  help: 'ctpolicy check' shows", err)
                for words in [], *([x] for x in named):
                    code, _, err = self.ctpolicy("check", *words)
                    self.assertEqual(code, 66, (words, err))
                    self.assertIn("error: anybody may write here [CT076]", err)
            os.chmod(path, right)
        for words in [], *([x] for x in named):
            code, _, err = self.ctpolicy("check", *words)
            self.assertEqual(code, 0, err)
        SPACE.run([lab.CTPOLICY, "remove", "--state-dir", state])

    def test_others(self):
        """What another user owns, or may write, is not root's policy."""
        self.write("policy.yaml", WEB, 0o666)
        self.check(66, "CT076")
        os.chmod(os.path.join(self.path, "policy.yaml"), 0o644)
        os.chmod(os.path.join(self.path, "policy.d"), 0o777)
        self.check(66, "CT076")
        os.chmod(os.path.join(self.path, "policy.d"), 0o755)
        self.check(0, "1 service")
        # a group is others, too, as with sudo and sshd; a link is as its file
        for name in ("policy.yaml", "policy.d", ""):
            path = os.path.join(self.path, name)
            os.chmod(path, 0o775)
            self.check(0, "1 service")      # root's own
            os.chown(path, 0, 1)
            os.chmod(path, 0o775)
            self.check(66, "its group may write here")
            os.chmod(path, 0o755)
            os.chown(path, 0, 0)
        there = os.path.join(lab.WORK, "elsewhere.yaml")
        shutil.copy(os.path.join(self.path, "policy.yaml"), there)
        os.unlink(os.path.join(self.path, "policy.yaml"))
        os.symlink(there, os.path.join(self.path, "policy.yaml"))
        self.check(0, "1 service")
        os.chown(there, 0, 1)
        os.chmod(there, 0o664)
        self.check(66, "its group may write here")
        os.unlink(os.path.join(self.path, "policy.yaml"))
        os.symlink(there, os.path.join(self.path, "policy.d/link.yaml"))
        self.check(66, "its group may write here")
        os.unlink(os.path.join(self.path, "policy.d/link.yaml"))
        self.write("policy.yaml", WEB)
        # whoever writes here puts another root's file in its place
        os.chmod(self.path, 0o757)
        self.check(66, "CT076")
        os.rename(os.path.join(self.path, "policy.yaml"),
                  os.path.join(self.path, "policy.d/a.yaml"))
        self.check(66, "CT076")
        os.chmod(self.path, 0o755)
        self.check(0, "1 service")
        try:
            os.chown(self.path, 1000, -1)
        except OSError:             # there is one user in this namespace
            return
        self.check(66, "CT076")


if __name__ == "__main__":
    unittest.main()
