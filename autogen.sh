#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Make ./configure from a clone; a release tarball has it already.
cd "$(dirname "$0")" || exit 1

lacks() { # WHAT PACKAGE
	echo "autogen.sh: $1 is missing; on Debian: apt-get install $2" >&2
	missing=1
}

missing=
command -v autoreconf >/dev/null || lacks autoreconf autoconf
command -v automake >/dev/null || lacks automake automake
# its m4 macros are looked for where aclocal looks
[ -z "$missing" ] && [ ! -f "$(aclocal --print-ac-dir)/pkg.m4" ] &&
	! command -v pkg-config >/dev/null && lacks pkg-config pkg-config
[ -z "$missing" ] || exit 1
exec autoreconf --force --install
