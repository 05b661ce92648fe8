#!/bin/sh
# Kandji custom app, audit: passes while the agent is installed, whatever it is in trouble about; installing it again would not help.
# Name a release in the line below to have any other one replaced by the app's package.
# Exit codes: 0 installed, 1 not installed, or another release, and the package is installed.
# For tests, MERIDIAN_ROOT stands before every path.
set -u
PATH=/usr/bin:/bin:/usr/sbin:/sbin
export PATH
root=${MERIDIAN_ROOT:-}
release=''

meridian() { "$root/opt/meridian/bin/meridian" --root "${root:-/}" "$@" </dev/null; }

if [ ! -f "$root/Library/LaunchDaemons/dev.meridian.agent.plist" ] || [ ! -x "$root/opt/meridian/bin/meridian" ]; then
  echo 'Meridian is not installed.'
  exit 1
fi
if ! found=$(meridian version 2>/dev/null); then
  echo 'Meridian does not run on this Mac.'
  exit 1
fi
if [ -n "$release" ] && [ "$found" != "meridian $release" ]; then
  printf 'Installed is %s, and not %s.\n' "$found" "$release"
  exit 1
fi
printf 'Installed: %s.\n' "$found"
