#!/bin/sh
# Kandji custom script, audit: passes while the agent runs and has no trouble that somebody has to look at.
# Exit codes: 0 well, 1 not well, and the remediation runs.
# For tests, MERIDIAN_ROOT stands before every path.
set -u
PATH=/usr/bin:/bin:/usr/sbin:/sbin
export PATH
root=${MERIDIAN_ROOT:-}

installed() { [ -x "$root/opt/meridian/bin/meridian" ]; }
meridian() { "$root/opt/meridian/bin/meridian" --root "${root:-/}" "$@" </dev/null; }

# Parallels' service is stopped whenever nobody uses Parallels Desktop; that is no trouble.
trouble() {
  meridian status --field problems.codes 2>/dev/null | tr ' ' '\n' | grep -v -x -e service-stopped -e ''
}

if ! installed; then
  echo 'Meridian is not installed.'
  exit 1
fi
if ! meridian status --field health >/dev/null 2>&1; then
  echo 'Meridian does not run.'
  exit 1
fi
codes=$(trouble)
if [ -n "$codes" ]; then
  printf 'Meridian needs attention: %s\n' "$(printf '%s' "$codes" | tr '\n' ' ')"
  exit 1
fi
echo 'Meridian is well.'
