#!/bin/sh
# Kandji custom script, remediation: starts the agent if it does not run, and lets it check in. The verdict comes last.
# Exit codes: 0 well, 1 not well; what doctor finds then tells why.
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

runs() { meridian status --field health >/dev/null 2>&1; }

if ! installed; then
  echo 'Meridian is not installed; assign its package to this Mac.'
  exit 1
fi
if ! runs; then
  "$root/opt/meridian/libexec/job" restart </dev/null
  left=30
  until runs || [ "$left" -eq 0 ]; do
    left=$((left - 1))
    sleep 1
  done
fi
if ! runs; then
  echo 'Meridian does not start.'
  exit 1
fi
meridian sync --timeout 45
codes=$(trouble)
if [ -n "$codes" ]; then
  meridian doctor
  printf 'Meridian needs attention: %s\n' "$(printf '%s' "$codes" | tr '\n' ' ')"
  exit 1
fi
echo 'Meridian is well.'
