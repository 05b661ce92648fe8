#!/bin/sh
# Fleet script: lets the agent look at everything and check in with the portal now; ends within a minute.
# Exit codes: 0 checked in, 1 it failed or the agent is not installed, 5 the agent does not run.
# For tests, MERIDIAN_ROOT stands before every path.
set -u
PATH=/usr/bin:/bin:/usr/sbin:/sbin
export PATH
root=${MERIDIAN_ROOT:-}

installed() { [ -x "$root/opt/meridian/bin/meridian" ]; }
meridian() { "$root/opt/meridian/bin/meridian" --root "${root:-/}" "$@" </dev/null; }

if ! installed; then
  echo 'meridian: not installed' >&2
  exit 1
fi

meridian sync --timeout 45
