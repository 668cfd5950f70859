#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Make ./configure from a clone; a release tarball has it already.
cd "$(dirname "$0")" && exec autoreconf --force --install
