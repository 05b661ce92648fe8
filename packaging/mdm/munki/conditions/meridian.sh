#!/bin/sh
# Munki condition: what predicates may ask of Meridian. Lay it into /usr/local/munki/conditions, executable.
# meridian_state       ok, degraded, starting, not running, not installed
# meridian_policy      the policy in force, none, or unknown before the agent ran
# meridian_compliance  compliant, none, pending, drifted, violated, failed, or unknown
# meridian_vm_count    how many virtual machines there are, -1 while nobody knows
# For tests, MERIDIAN_ROOT stands before every path, and MERIDIAN_PATH is searched for the system's tools.
set -u
PATH=${MERIDIAN_PATH:-/usr/bin:/bin:/usr/sbin:/sbin}
export PATH
root=${MERIDIAN_ROOT:-}

field() { "$root/opt/meridian/bin/meridian" --root "${root:-/}" status --field "$1" </dev/null 2>/dev/null; }

state='not installed' policy=none compliance=unknown count=
if [ -x "$root/opt/meridian/bin/meridian" ]; then
  state=$(field health) || state='not running'
  # Without the daemon the last known name comes with an exit code of its own.
  policy=$(field policy.name) || policy=${policy:-unknown}
  compliance=$(field settings.state) || compliance=unknown
  count=$(field vms.count)
fi

folder=$(defaults read "$root/Library/Preferences/ManagedInstalls" ManagedInstallDir 2>/dev/null) ||
  folder='/Library/Managed Installs'
items="$root$folder/ConditionalItems"
defaults write "$items" meridian_state -string "$state"
defaults write "$items" meridian_policy -string "${policy:-none}"
defaults write "$items" meridian_compliance -string "$compliance"
defaults write "$items" meridian_vm_count -int "${count:--1}"
# Other conditions write to it, too, and some of them read text only.
plutil -convert xml1 "$items.plist"
