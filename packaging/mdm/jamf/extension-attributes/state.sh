#!/bin/sh
# Jamf Pro extension attribute, data type String.
# How the agent is: ok, degraded and why, starting, not running, or not installed.
# For tests, MERIDIAN_ROOT stands before every path.
set -u
PATH=/usr/bin:/bin:/usr/sbin:/sbin
export PATH
root=${MERIDIAN_ROOT:-}

installed() { [ -x "$root/opt/meridian/bin/meridian" ]; }
meridian() { "$root/opt/meridian/bin/meridian" --root "${root:-/}" "$@" </dev/null; }
field() { meridian status --field "$1" 2>/dev/null; }

value() {
  if ! installed; then
    echo 'not installed'
    return
  fi
  health=$(field health)
  case $?:$health in
    0:degraded) printf 'degraded: %s\n' "$(field problems.codes)" ;;
    0:*) printf '%s\n' "$health" ;;
    *) echo 'not running' ;;
  esac
}

# Jamf takes it as XML.
printf '<result>%s</result>\n' "$(value | sed -e 's/&/\&amp;/g' -e 's/</\&lt;/g' -e 's/>/\&gt;/g')"
