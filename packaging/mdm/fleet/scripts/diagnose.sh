#!/bin/sh
# Fleet script: looks for trouble, and ends with how the agent is. Fleet keeps the end of what a script prints.
# Exit codes: 0 all is well, 1 there is trouble or the agent is not installed, 5 the agent does not run.
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

meridian doctor
found=$?
meridian status
answered=$?
if [ "$answered" -ne 0 ]; then
  exit "$answered"
fi
exit "$found"
