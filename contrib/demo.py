# SPDX-License-Identifier: GPL-2.0-or-later
"""Show a policy at work on real packets: `make demo`.

Runs in the private namespaces that tests/run makes: this one is the server,
a second one, "client", sits at the other end of a cable. Each backend in turn
takes a web server out of the connection-tracking table, and puts it back.
"""
import os
import socket
import subprocess
import sys
import threading

SRC = os.environ["srcdir"]
CTPOLICY = os.environ["CTPOLICY"]
BACKENDS = os.environ["CTPOLICY_BACKENDS"].split()
POLICY = "policies/examples/web-farm.yaml"
COUNT = "/proc/sys/net/netfilter/nf_conntrack_count"
ADDRESSES = ("192.0.2.1", "2001:db8::1")
WEB, OTHER = 80, 8443		# in the policy, and not in it
EACH = 200			# connections a port and family

# A host that filters by state, as most do
NFT_FILTER = """
table inet host {
	chain input {
		type filter hook input priority filter; policy drop;
		iif "lo" accept
		icmpv6 type { 133, 134, 135, 136 } accept
		ct state established,related accept
		ct state invalid drop
		tcp dport { 80, 8443 } ct state new accept
	}
}
"""
IPTABLES_FILTER = """*filter
:INPUT DROP [0:0]
-A INPUT -i lo -j ACCEPT
%s-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -p tcp -m multiport --dports 80,8443 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
"""
ND = "-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type %d -j ACCEPT\n"


def run(*command, text=None):
    p = subprocess.run(command, input=text, text=True, cwd=SRC,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if p.returncode:
        sys.exit("%s: exit %d\n%s" % (" ".join(command), p.returncode,
                                      p.stdout))
    return p.stdout


def show(*args, allow=(0,)):
    """Run ctpolicy in full view."""
    print("\n$ ctpolicy %s" % " ".join(args), flush=True)
    rc = subprocess.run([CTPOLICY, *args], cwd=SRC).returncode
    if rc not in allow:
        sys.exit("exit %d" % rc)


def cable():
    run("ip", "netns", "add", "client")
    run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0",
        "netns", "client")
    for where, last in ((("ip",), "1"), (("ip", "-n", "client"), "2")):
        run(*where, "address", "add", "192.0.2.%s/24" % last, "dev", "eth0")
        run(*where, "address", "add", "2001:db8::%s/64" % last, "dev", "eth0",
            "nodad")
        run(*where, "link", "set", "eth0", "up")


def serve(port):
    s = socket.create_server(("::", port), family=socket.AF_INET6,
                             dualstack_ipv6=True, backlog=512)

    def loop():
        while True:
            with s.accept()[0] as c:
                c.sendall(b"hello\n")
    threading.Thread(target=loop, daemon=True).start()


def client(port):
    """In the client's namespace: connect, read, count."""
    good = 0
    for address in ADDRESSES:
        for _ in range(EACH):
            try:
                with socket.create_connection((address, port), 5) as c:
                    good += c.recv(16) == b"hello\n"
            except OSError as e:
                print("%s: %s" % (address, e), file=sys.stderr)
    print(good)


def entries():
    with open(COUNT) as f:
        return int(f.read())


def keep_entries():
    """Closed connections stay in the table while the demo counts them."""
    for state in ("close", "time_wait", "last_ack"):
        with open("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_" + state,
                  "w") as f:
            f.write("3600")


def traffic(port):
    before = entries()
    good = int(run("ip", "netns", "exec", "client", sys.executable,
                   os.path.abspath(__file__), "client", str(port)))
    return good, entries() - before


def measure(title):
    print("\n%s" % title)
    result = {}
    for port, what in ((WEB, "in the policy"), (OTHER, "not in it")):
        good, new = traffic(port)
        print("  port %-4d (%-13s): %d of %d connections, "
              "%d new entries in the table"
              % (port, what, good, 2 * EACH, new), flush=True)
        result[port] = good, new
    return result


def listing(backend):
    if backend == "nftables":
        return run("nft", "list", "ruleset")
    # the tables that ctpolicy writes, made before so that they compare
    return "".join(run(v + "-legacy-save", "-t", t) for t in ("raw", "filter")
                   for v in ("iptables", "ip6tables"))


def rules(text):
    return [x for x in text.splitlines() if x[:1] not in "#:"]


def filter_host(backend):
    if backend == "nftables":
        run("nft", "-f", "-", text=NFT_FILTER)
    else:
        run("nft", "flush", "ruleset")
        run("iptables-legacy-restore", text=IPTABLES_FILTER % "")
        run("ip6tables-legacy-restore", text=IPTABLES_FILTER % "".join(
            ND % t for t in (133, 134, 135, 136)))


def is_tracked(result):
    """All connected, and nearly each left an entry: a client may use a port
    again, and its entry with it."""
    good, new = result
    return good == 2 * EACH and new > 0.9 * 2 * EACH


def act(backend):
    title = "The %s backend" % backend
    print("\n%s\n%s" % (title, "=" * len(title)))
    filter_host(backend)
    before = listing(backend)
    plain = measure("Without the policy")
    show("diff", POLICY, "--backend", backend, allow=(0, 1))
    show("apply", POLICY, "--backend", backend)
    untracked = measure("With the policy")
    show("apply", POLICY, "--backend", backend)
    show("remove", "--backend", backend)
    same = rules(listing(backend)) == rules(before)
    print("\nThe rules are%s what they were." % ("" if same else " NOT"))
    return (same and is_tracked(plain[WEB]) and is_tracked(plain[OTHER]) and
            untracked[WEB] == (2 * EACH, 0) and is_tracked(untracked[OTHER]))


def main():
    if sys.argv[1:2] == ["client"]:
        return client(int(sys.argv[2]))
    if [name for _, name in socket.if_nameindex() if name == "eth0"]:
        sys.exit("this kernel refuses private namespaces here: try as root")
    cable()
    keep_entries()
    for port in (WEB, OTHER):
        serve(port)
    print("The policy, %s:\n" % POLICY)
    with open(os.path.join(SRC, POLICY)) as f:
        print("".join("    " + line for line in f if line[0] != "#"), end="")
    good = [act(backend) for backend in BACKENDS]
    print("\n%s" % ("Port %d left the table, port %d stayed in it, and none"
                    " of this touched the machine's own rules."
                    % (WEB, OTHER) if all(good) else "That went wrong."))
    return 0 if all(good) else 1


sys.exit(main())
