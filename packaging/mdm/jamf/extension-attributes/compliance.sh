#!/bin/sh
# Jamf Pro extension attribute, data type String.
# How the settings are that the agent keeps: compliant, none where it has none to enforce, or the worst of pending, drifted, failed, violated;
# unknown while the agent does not run, and empty without it.
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
  state=$(field settings.state) || state=unknown
  printf '%s\n' "$state"
}

# Jamf takes it as XML.
printf '<result>%s</result>\n' "$(value | sed -e 's/&/\&amp;/g' -e 's/</\&lt;/g' -e 's/>/\&gt;/g')"
