#!/bin/sh
# Intune shell script: gives the license of Parallels Desktop back, once for each name of an order; ends within a minute.
# Name the order in the line below; a script that runs again under the same name does nothing.
# Name another one to give the license back again.
# Exit codes: 0 done, or done before; 1 not done, and the last line says whether the agent tries again;
# 2 the order has no name.
# For tests, MERIDIAN_ROOT stands before every path.
set -u
PATH=/usr/bin:/bin:/usr/sbin:/sbin
export PATH
root=${MERIDIAN_ROOT:-}

installed() { [ -x "$root/opt/meridian/bin/meridian" ]; }
meridian() { "$root/opt/meridian/bin/meridian" --root "${root:-/}" "$@" </dev/null; }

order=''
if [ -z "$order" ]; then
  echo 'meridian: the order has no name; see the beginning of this script' >&2
  exit 2
fi
if ! installed; then
  echo 'meridian: not installed' >&2
  exit 1
fi

meridian deactivate-license --id "$order" --timeout 45
