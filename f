*filter
-A OUTPUT -o lo -m owner --uid-owner 1 -j ACCEPT
-A OUTPUT -o lo -m owner --uid-owner 2 -j ACCEPT
-A OUTPUT -o lo -m owner --uid-owner 3 -j ACCEPT
COMMIT
