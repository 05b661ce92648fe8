#!/bin/sh
# Jamf Pro extension attribute, data type String.
# The policy in force and its revision, or none; unknown before the agent ran, and empty without the agent.
# For tests, MERIDIAN_ROOT stands before every path.
set -u
PATH=/usr/bin:/bin:/usr/sbin:/sbin
export PATH
root=${MERIDIAN_ROOT:-}

installed() { [ -x "$root/opt/meridian/bin/meridian" ]; }
meridian() { "$root/opt/meridian/bin/meridian" --root "${root:-/}" "$@" </dev/null; }
field() { meridian status --field "$1" 2>/dev/null; }

value() {
  installed || return 0
  name=$(field policy.name)
  case $?:$name in
    0:) echo none ;;
    *:) echo unknown ;;
    *) printf '%s (revision %s)\n' "$name" "$(field policy.revision)" ;;
  esac
}

# Jamf takes it as XML.
printf '<result>%s</result>\n' "$(value | sed -e 's/&/\&amp;/g' -e 's/</\&lt;/g' -e 's/>/\&gt;/g')"
