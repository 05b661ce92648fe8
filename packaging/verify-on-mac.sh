#!/bin/bash
# Asks a Mac with Parallels Desktop the facts that Meridian takes from elsewhere: what was inferred, what comes from the
# OpenVZ fork of Parallels' tools, and what was seen in one version only. Prints a report to paste into an issue.
#
# It only reads: no setting is changed, nothing is started or stopped, no file is written. Names, serial numbers,
# addresses, ids and license keys are replaced; look the report over before you paste it all the same.
#
# Usage: sudo bash verify-on-mac.sh        (without sudo it asks about your own virtual machines only)
#
# Runs on the bash 3.2 of macOS. Here-documents are avoided, since that bash writes them to a file.
# For tests, VERIFY_ROOT stands before the paths of Parallels and macOS, and VERIFY_PATH is searched for the system's tools.
set -u
PATH=${VERIFY_PATH:-/usr/bin:/bin:/usr/sbin:/sbin}
export PATH LC_ALL=C
root=${VERIFY_ROOT:-}
app="$root/Applications/Parallels Desktop.app"
prlctl="$app/Contents/MacOS/prlctl"
prlsrvctl="$app/Contents/MacOS/prlsrvctl"
preferences="$root/Library/Preferences/Parallels"
managed="$root/Library/Managed Preferences"
requirement='=anchor apple generic and certificate leaf[subject.OU] = "4C6364ACXT"'
nobody=00000000-0000-4000-8000-000000000000
private_names=$(dscl . -list /Users UniqueID 2>/dev/null | awk '$NF >= 500 { sub(/[ \t]+-?[0-9]+$/, ""); print }'; hostname 2>/dev/null)

# --- The report ---------------------------------------------------------------------------------------------------

section() { printf '\n## %s\n' "$1"; }
say() { printf '%s\n' "- $*"; }
indented() { sed 's/^/      /'; }

# Takes out of free text what names a person, a Mac or a license.
masked() {
  sed -E \
    -e 's/[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}/<uuid>/g' \
    -e 's/([0-9A-Za-z*]{6}-){4}[0-9A-Za-z*]{6}/<license key>/g' \
    -e 's/([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}/<mac>/g' \
    -e 's/[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+/<address>/g' \
    -e 's#/Users/[^/":]*#/Users/<user>#g' \
    -e 's/([0-9]{1,3}\.){3}[0-9]{1,3}/<ip>/g' \
    -e 's/([0-9A-Fa-f]{1,4}:){2,}[0-9A-Fa-f:]*/<ip>/g' |
    NAMES=$private_names awk '
      BEGIN { count = split(ENVIRON["NAMES"], names, "\n") }
      {
        for (i = 1; i <= count; i++) {
          if (length(names[i]) < 3) continue
          rest = $0; line = ""
          while ((at = index(rest, names[i])) > 0) {
            line = line substr(rest, 1, at - 1) "<name>"
            rest = substr(rest, at + length(names[i]))
          }
          $0 = line rest
        }
        print substr($0, 1, 200)
      }'
}

# --- Asking -------------------------------------------------------------------------------------------------------

# Runs a command as the agent does, with nothing on standard input, for at most a minute.
limited() { perl -e 'alarm shift; exec { $ARGV[0] } @ARGV or exit 127' 60 "$@" </dev/null; }

# The same, or a call of as_user, which brings its own limit.
call() { if [ "$1" = as_user ]; then "$@"; else limited "$@"; fi; }

# Runs a command for what it prints: sets out, code and took (seconds).
ask() {
  local started=$SECONDS
  out=$(call "$@" 2>/dev/null)
  code=$?
  took=$((SECONDS - started))
}

# Tells how a call ends that is meant to fail, or did: exit code and complaint.
ending() {
  local label=$1 words
  shift
  words=$(call "$@" 2>&1 >/dev/null)
  code=$?
  say "$label: exit code $code; standard error: $(printf '%s\n' "${words:-(nothing)}" | head -n 2 | masked | tr '\n' ' ')"
  if [ -z "$words" ] && [ "$code" != 0 ]; then
    printf '%s\n' "$(call "$@" 2>/dev/null | head -n 2 | masked)" | sed 's/^/      standard output: /'
  fi
}

# As the agent runs a tool for a user: as_user UID COMMAND…
as_user() {
  local uid=$1
  shift
  if [ "$(id -u)" = "$uid" ]; then
    limited "$@"
  else
    limited launchctl asuser "$uid" sudo -n -H -u "#$uid" -- "$@"
  fi
}

# --- The shape of JSON, without its values ------------------------------------------------------------------------

# Reads JSON from standard input; prints one line a path: its types and forms, how often each. Of values only
# words of a fixed vocabulary are shown. Names that a person chose are replaced, in keys too. The argument is a pattern of paths.
# shellcheck disable=SC2016 # The dollar signs are JavaScript's.
shape_script='
ObjC.import("Foundation");
var free = { "Host Shared Folders": 1, "Guest Shared Folders": 1, "Hardware info": 1, "Shared Profile": 1 };
var shown = {};
["Autostart", "Autostop", "Startup view", "On shutdown", "On window close", "State", "state", "status", "Type", "type",
 "card", "mode", "OS", "TPM type", "Hypervisor type", "BIOS type", "Memory limit", "Minimal security level",
 "Manage settings for new users", "External device auto connect", "MNG_SETTINGS", "Require password to"
].forEach(function (key) { shown[key] = 1; });

function form(key, value) {
  if (value === null) return "null";
  if (typeof value === "boolean") return "boolean " + value;
  if (typeof value === "number") return "number";
  if (/^(on|off|yes|no|auto|true|false|enabled|disabled)$/.test(value)) return JSON.stringify(value);
  if (shown[key] && /^[a-z][a-z0-9 _.-]{0,30}$/i.test(value)) return JSON.stringify(value);
  if (value === "") return "empty text";
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value)) return "UUID, lower case";
  if (/^[{][0-9a-fA-F-]{36}[}]$/.test(value)) return "UUID in braces";
  if (/^[0-9a-fA-F-]{36}$/.test(value)) return "UUID";
  if (/^[0-9]+$/.test(value)) return "digits as text";
  if (/^[0-9]+[KMG]b$/.test(value)) return "size such as 8192" + value.slice(-2);
  if (/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(value)) return "date YYYY-MM-DD";
  if (/^[0-9]{4}-[0-9]{2}-[0-9]{2}./.test(value)) return "date YYYY-MM-DD and more";
  if (/^([0-9]{1,3}[.]){3}[0-9]{1,3}$|^[0-9a-f]{0,4}:[0-9a-f:]*:[0-9a-f.]*$/i.test(value)) return "IP address";
  if (/^(Desktop )?[0-9]+([.-][0-9]+)+$/.test(value)) return "version such as " + value.replace(/[0-9]+/g, "1");
  if (/[0-9]{4}/.test(value) && /[0-9]{1,2}[\/.-][0-9]{1,2}/.test(value) && value.length < 24) return "another date or number";
  if (/^([0-9A-Za-z*]{6}-){4}[0-9A-Za-z*]{6}$/.test(value)) return value.indexOf("*") < 0 ? "license key, clear" : "license key, masked";
  if (/^[\/~]/.test(value)) return "path" + (/\/$/.test(value) ? " with / at its end" : "");
  if (/@/.test(value)) return "text with @";
  return "text";
}

function name(key, parent) {
  if (free[parent] && key !== "enabled") return "<name>";
  if (/[\/@{}<>\n]|[0-9a-f]{8}-|[0-9]{4}/i.test(key) || key.length > 60) return "<key>";
  return key;
}

function walk(value, key, path, seen) {
  if (Array.isArray(value)) {
    note(seen, path, value.length === 0 ? "empty list" : "list");
    value.forEach(function (member) { walk(member, key, path + "[]", seen); });
  } else if (value !== null && typeof value === "object") {
    if (Object.keys(value).length === 0) note(seen, path, "empty object");
    Object.keys(value).forEach(function (member) {
      var called = name(member, key);
      walk(value[member], called, path === "" ? called : path + "." + called, seen);
    });
  } else {
    note(seen, path, form(key, value));
  }
}

function note(seen, path, what) {
  seen[path] = seen[path] || {};
  seen[path][what] = (seen[path][what] || 0) + 1;
}

function parsed(text) {
  var repairs = [
    ["as it is", function (t) { return t; }],
    ["from its first bracket", function (t) { return t.slice(Math.max(0, t.search(/[\[{]/))); }],
    ["without control characters", function (t) { return t.slice(Math.max(0, t.search(/[\[{]/))).replace(/[\u0000-\u001f]/g, ""); }],
    ["with escaped quotes repaired", function (t) { return t.slice(Math.max(0, t.search(/[\[{]/))).replace(/\\"/g, "\""); }]
  ];
  for (var i = 0; i < repairs.length; i++) {
    try { return { value: JSON.parse(repairs[i][1](text)), how: repairs[i][0] }; } catch (error) { }
  }
  return null;
}

function run(argv) {
  var data = $.NSFileHandle.fileHandleWithStandardInput.readDataToEndOfFile;
  var text = ObjC.unwrap($.NSString.alloc.initWithDataEncoding(data, 4));
  if (typeof text !== "string") return "not UTF-8";
  var read = parsed(text);
  if (read === null) return "no JSON, also after repair; " + text.length + " characters";
  var lines = ["parses " + read.how + "; slashes are " + (text.indexOf("\\/") < 0 ? "not " : "") + "escaped"];
  if (Array.isArray(read.value)) lines.push("a list of " + read.value.length);
  var tops = {};
  (Array.isArray(read.value) ? read.value : [read.value]).forEach(function (member) {
    if (member !== null && typeof member === "object") Object.keys(member).forEach(function (key) { tops[name(key, "")] = 1; });
  });
  lines.push("keys: " + Object.keys(tops).join(", "));
  var seen = {}, wanted = new RegExp(argv[0] || ".");
  walk(read.value, "", "", seen);
  Object.keys(seen).filter(function (path) { return wanted.test(path); }).forEach(function (path) {
    lines.push(path + ": " + Object.keys(seen[path]).map(function (what) { return what + " x" + seen[path][what]; }).join(", "));
  });
  return lines.join("\n");
}'

shape() { osascript -l JavaScript -e "$shape_script" "${1:-.}" 2>&1 | indented; }

# --- What is asked ------------------------------------------------------------------------------------------------

versions() {
  section 'Versions'
  say "macOS $(plist_value "$root/System/Library/CoreServices/SystemVersion.plist" ProductVersion), processor $(uname -m)"
  say "Info.plist: $(plist_value "$app/Contents/Info.plist" CFBundleShortVersionString), build $(plist_value "$app/Contents/Info.plist" CFBundleVersion)"
  ask "$prlctl" --version
  say "prlctl --version: exit code $code, $(printf '%s\n' "$out" | head -n 1 | masked)"
}

plist_value() { "$root/usr/libexec/PlistBuddy" -c "Print :$2" "$1" 2>/dev/null || echo '(not shown)'; }

tools() {
  section "Parallels' tools"
  local tool folder
  for tool in "$prlctl" "$prlsrvctl"; do
    say "$(basename "$tool")"
    stat -f '%Su:%Sg %Sp %HT' "$tool" 2>&1 | masked | indented
    codesign -dv "$tool" 2>&1 | grep -E '^(Identifier|TeamIdentifier|Format)=' | indented
    codesign --verify --strict -R "$requirement" "$tool" >/dev/null 2>&1
    say "  satisfies the requirement that the agent makes: exit code $?"
    say "  /usr/local/bin leads to: $(readlink "$root/usr/local/bin/$(basename "$tool")" 2>/dev/null | masked)"
  done
  for folder in "$app/Contents/MacOS" "$app/Contents" "$app" "$root/Applications"; do
    say "${folder#"$root"}: $(stat -f '%Su:%Sg %Sp' "$folder" 2>&1 | masked)"
  done
}

# The lines of a help text that name each flag: flags HELP FLAG…
flags() {
  local text=$1 flag lines
  shift
  for flag in "$@"; do
    lines=$(printf '%s\n' "$text" | grep -F -e "$flag" | sort -u | head -n 4)
    if [ -z "$lines" ]; then
      say "$flag: NOT SHOWN"
    else
      say "$flag"
      printf '%s\n' "$lines" | indented
    fi
  done
}

help_texts() {
  section 'Flags (what the help says)'
  local text
  text=$(limited "$prlsrvctl" --help 2>&1; limited "$prlsrvctl" set --help 2>&1)
  say "prlsrvctl: $(printf '%s\n' "$text" | wc -l | tr -d ' ') lines of help"
  flags "$text" --require-pwd create-vm add-vm remove-vm clone-vm --lock-edit-settings --cep \
    --allow-attach-screenshots --host-admin
  text=$(limited "$prlctl" --help 2>&1; limited "$prlctl" set --help 2>&1)
  say "prlctl: $(printf '%s\n' "$text" | wc -l | tr -d ' ') lines of help"
  flags "$text" --lock-edit-settings --show-dev-tools --tools-autoupdate --autostart start-host --startup-view headless \
    --device-set --device-connect --device-disconnect host-only bridged --lock-on-suspend --isolate-vm --require-pwd \
    exit-fullscreen change-vm-state manage-snapshots change-guest-pwd --expiration
}

service() {
  section "prlsrvctl info"
  ask "$prlsrvctl" info
  say "text: exit code $code, $took s; each title and the form of its value:"
  printf '%s\n' "$out" | awk -F ': ' '
    /^[A-Z][A-Za-z ]*: / {
      title = $1; value = substr($0, length(title) + 3)
      if (title == "License") {
        key = value !~ /key=/ ? "no key" : value ~ /[*]/ ? "a key masked by Parallels" : "a key in clear"
        state = match(value, /state=.[a-z ]*./) ? substr(value, RSTART, RLENGTH) : "no state"
        restricted = match(value, /restricted=.[a-z]*./) ? substr(value, RSTART, RLENGTH) : "no restricted"
        value = state ", " restricted ", " key
      } else if (title == "Require password to") {
        if (value !~ /^[a-z, -]*$/) value = "<another form>"
      } else if (value ~ /^[{][0-9A-Fa-f-]+[}]$/) {
        value = "<UUID in braces>"
      } else if (value !~ /^(Desktop [0-9.-]+|on|off|yes|no|auto|allow|deny|ask|low|normal|high|external|mac|vm)$/) {
        value = "<text>"
      }
      print title ": " value
    }' | indented
  ask "$prlsrvctl" info --json
  say "JSON: exit code $code, $took s"
  printf '%s' "$out" | shape '^(?!Hardware info)'
  say "  Require password to, as printed: $(printf '%s\n' "$out" | tr -d '\n' | sed -n 's/.*"Require password to"\([^]]*]\).*/\1/p' | tr -cd 'a-z",: \\[]-')"
}

# Short names that Parallels knows and that are local accounts, with their user ids: "UID NAME" lines.
known_users() {
  limited "$prlsrvctl" user list -j 2>/dev/null | grep -o '"NAME"[^"]*"[^"]*"' |
    sed -e 's/^"NAME"[^"]*"//' -e 's/"$//' -e 's/@[^@]*$//' | sort -u | while IFS= read -r name; do
    dscl . -list /Users UniqueID 2>/dev/null </dev/null |
      NAME=$name awk '{ uid = $NF; sub(/[ \t]+-?[0-9]+$/, "") } $0 == ENVIRON["NAME"] && uid >= 500 { print uid, $0 }'
  done
}

users() {
  section 'Users'
  ask "$prlsrvctl" user list -j
  say "prlsrvctl user list -j: exit code $code, $took s"
  printf '%s' "$out" | shape
  ask dscl . -list /Users UniqueID
  say "dscl . -list /Users UniqueID: exit code $code; lines that are no name and number: $(printf '%s\n' "$out" | grep -cvE '^[^ ]+ +-?[0-9]+$')"
  local uid name home
  known_users | while read -r uid name; do
    home=$(dscl . -read "/Users/$name" NFSHomeDirectory 2>/dev/null </dev/null)
    case $home in
      *": /Users/$name") say "a user that both know: home is /Users/NAME" ;;
      *) say "a user that both know: home is NOT /Users/NAME" ;;
    esac
  done
}

# The paths that the agent reads, and any that might show what it cannot see yet.
vm_paths='^\[\]\.(ID|Name|State|OS|Template|Uptime|Home|GuestTools|Startup and Shutdown|Security|Require password to|Expiration|Hardware\.(cpu|memory|net)|Network|Advanced|Optimization\.Hypervisor type|BIOS type)|[Ee]xpir|[Ll]ock|[Ii]solat|[Pp]assw|[Uu]pdate'

virtual_machines() {
  section 'Virtual machines, for each user whom Parallels knows'
  local uid name first
  if [ "$(id -u)" = 0 ]; then
    ask "$prlctl" list -a -j
    say "root's own list: exit code $code; it holds $(printf '%s' "$out" | grep -c '"uuid"') virtual machines"
  fi
  known_users | while read -r uid name; do
    if [ "$(id -u)" != 0 ] && [ "$(id -u)" != "$uid" ]; then
      say "another user: not asked without sudo"
      continue
    fi
    ask as_user "$uid" "$prlctl" list -a -i -j
    say "a user: prlctl list -a -i -j through launchctl asuser and sudo: exit code $code, $took s"
    if [ "$code" != 0 ]; then
      ending 'the same again' as_user "$uid" "$prlctl" list -a -i -j
      continue
    fi
    printf '%s' "$out" | shape "$vm_paths"
    say "  Require password to, as printed: $(printf '%s' "$out" | tr -d '\n' | grep -o '"Require password to"[^]]*]' | sort -u | tr -cd 'A-Za-z",: \\[]\n-' | head -n 5 | tr '\n' ' ')"
    first=$(printf '%s\n' "$out" | sed -n 's/.*"ID": *"\([0-9A-Fa-f-]*\)".*/\1/p' | head -n 1)
    if [ -n "$first" ]; then
      ask as_user "$uid" "$prlctl" list "$first" -a -i -j
      say "  prlctl list UUID -a -i -j of the first one: exit code $code"
      printf '%s' "$out" | shape '^\[\]\.(Home|Expiration|Security|Require)'
    fi
  done
}

endings() {
  section 'How calls end'
  ending 'prlctl with an unknown verb' "$prlctl" no-such-verb
  ending 'prlsrvctl with an unknown verb' "$prlsrvctl" no-such-verb
  ending 'prlctl list of a virtual machine that does not exist' "$prlctl" list "$nobody" -a -i -j
  ending 'prlctl status of the same' "$prlctl" status "$nobody"
  ask "$prlsrvctl" info
  if [ "$code" != 0 ]; then ending "prlsrvctl info (253 means that the service is stopped)" "$prlsrvctl" info; fi
}

sessions() {
  section "A user's session"
  if [ "$(id -u)" != 0 ]; then
    say 'not asked without sudo'
    return
  fi
  local uid name state
  dscl . -list /Users UniqueID 2>/dev/null | awk '$NF >= 500 { print $NF }' | while read -r uid; do
    state='not logged in'
    if launchctl print "gui/$uid" >/dev/null 2>&1 </dev/null; then state='logged in'; fi
    ending "a user, $state: true through launchctl asuser and sudo" as_user "$uid" /usr/bin/true
  done
  ending 'a user id that does not exist' launchctl asuser 59999 /usr/bin/true
}

# The files of Parallels' service: time, size, file number, digest and name, one a line.
service_files() {
  local file
  for file in "$preferences"/*; do
    if [ -f "$file" ]; then
      printf '%s %s %s\n' "$(stat -f '%m %z %i' "$file" 2>/dev/null)" "$(shasum "$file" 2>/dev/null | cut -c1-40)" "$(basename "$file")"
    fi
  done
}

# Tells which files change while a command runs, and what of them: touches LABEL COMMAND…
touches() {
  local label=$1 before after
  shift
  before=$(service_files)
  limited "$@" >/dev/null 2>&1
  after=$(service_files)
  say "$label: $(BEFORE=$before AFTER=$after awk 'BEGIN {
    count = split(ENVIRON["BEFORE"], lines, "\n")
    for (i = 1; i <= count; i++) { split(lines[i], was, " "); time[was[5]] = was[1]; number[was[5]] = was[3]; digest[was[5]] = was[4] }
    count = split(ENVIRON["AFTER"], lines, "\n")
    for (i = 1; i <= count; i++) {
      split(lines[i], is, " "); file = is[5]
      if (!(file in time)) { result = result " " file " (new)"; continue }
      what = ""
      if (time[file] != is[1]) what = what " time"
      if (number[file] != is[3]) what = what " replaced"
      if (digest[file] != is[4]) what = what " content"
      if (what != "") result = result " " file " (" substr(what, 2) ")"
    }
    print result == "" ? "touches nothing" : "touches" result
  }' | masked)"
}

touched_files() {
  section "Files in /Library/Preferences/Parallels"
  say "they are: $(service_files | awk '{ print $NF }' | masked | tr '\n' ' ')"
  touches 'waiting a second' sleep 1
  touches 'prlsrvctl info --json' "$prlsrvctl" info --json
  touches 'prlsrvctl user list -j' "$prlsrvctl" user list -j
  touches 'prlctl list -a -i -j' "$prlctl" list -a -i -j
  touches 'prlctl --version' "$prlctl" --version
}

host_facts() {
  section 'The Mac'
  local key
  ask ioreg -rd1 -c IOPlatformExpertDevice -a
  for key in IOPlatformSerialNumber IOPlatformUUID model; do
    say "ioreg: $key is shown as $(printf '%s\n' "$out" | grep -A 1 "<key>$key</key>" | sed -n 's/^[[:space:]]*<\([a-z]*\)>.*/\1/p' | tail -n 1)"
  done
  say "ioreg: the outermost element is $(printf '%s\n' "$out" | sed -n -e 's/^<array>.*/array/p' -e 's/^<dict>.*/dict/p' | head -n 1)"
  ask sysctl -n hw.optional.arm64
  say "sysctl -n hw.optional.arm64: exit code $code, ${out:-(nothing)}"
  ask sysctl -n kern.hostname
  say "sysctl -n kern.hostname: exit code $code, $(printf '%s\n' "$out" | awk '{ print /\./ ? "a name with a dot" : (length($0) ? "a name without a dot" : "nothing") }')"
}

# The keys of a property list with the types of their values.
plist_keys() {
  plutil -convert xml1 -o - "$1" 2>/dev/null |
    awk '/<key>/ { key = $0; gsub(/^[ \t]*<key>|<\/key>.*/, "", key); next }
         key != "" { type = $0; gsub(/^[ \t]*<|[ \/>].*/, "", type); print key ": " type; key = "" }' | masked | indented
}

# What golden images rely on.
images() {
  section 'Golden images'
  local verb
  for verb in pack unpack register; do
    say "prlctl knows $verb: $("$prlctl" 2>&1 | grep -q -w "$verb" && echo yes || echo 'not by its help')"
  done
  ask pmset -g batt
  say "pmset -g batt: exit code $code, $(printf '%s\n' "$out" | head -n 1)"
  ask pmset -g systemstate
  say "pmset -g systemstate: exit code $code"
  printf '%s\n' "$out" | masked | indented
}

managed_preferences() {
  section 'Managed preferences'
  if [ ! -d "$managed" ]; then
    say 'there is no such folder'
    return
  fi
  say "the folder: $(stat -f '%Su:%Sg %Sp' "$managed")"
  say "$(find "$managed" -maxdepth 1 -name '*.plist' | wc -l | tr -d ' ') files at device scope, $(find "$managed" -mindepth 1 -maxdepth 1 -type d | wc -l | tr -d ' ') folders of users"
  local domain file start
  for domain in com.parallels.desktop.managedprefs com.parallels.dektop.managedprefs dev.meridian.agent complete; do
    for file in "$managed/$domain.plist" "$managed"/*/"$domain.plist"; do
      if [ ! -f "$file" ]; then continue; fi
      start=$(head -c 6 "$file" | tr -d '\0')
      say "$domain, $([ "$file" = "$managed/$domain.plist" ] && echo device || echo user) scope: $(stat -f '%Su:%Sg %Sp' "$file"), $([ "$start" = bplist ] && echo binary || echo XML)"
      if [ "$domain" != complete ]; then plist_keys "$file"; fi
    done
  done
}

# The preferences about updates of whoever runs the script: with sudo, of the user who did.
update_preferences() {
  section 'Preferences about updates'
  local key own="limited"
  if [ -n "${SUDO_USER:-}" ]; then own="limited sudo -n -H -u $SUDO_USER --"; fi
  for key in 'Application preferences.Check for updates' 'Application preferences.Download updates automatically'; do
    say "$key: $($own defaults read-type 'com.parallels.Parallels Desktop' "$key" 2>&1 | masked) $($own defaults read 'com.parallels.Parallels Desktop' "$key" 2>/dev/null | masked)"
  done
  say "other keys with \"update\" in them: $($own defaults export 'com.parallels.Parallels Desktop' - 2>/dev/null | sed -n 's/.*<key>\(.*[Uu]pdate.*\)<\/key>.*/\1/p' | masked | tr '\n' ',')"
  say "export of a domain that nobody wrote to: exit code $($own defaults export dev.meridian.no-such-domain - >/dev/null 2>&1; echo $?), $($own defaults export dev.meridian.no-such-domain - 2>&1 | tr -d '\n' | cut -c1-200 | masked)"
}

# What doctor reads, and where the log's warnings arrive.
management() {
  section 'Management and logs'
  ask profiles status -type enrollment
  say "profiles status: exit code $code, took $took s"
  printf '%s\n' "$out" | sed -E 's#https?://.*#<address>#' | masked | indented
  ask scutil --proxy
  say "scutil --proxy: exit code $code, keys:"
  printf '%s\n' "$out" | sed -n 's/^ *\([A-Za-z0-9]*\) : .*/\1/p' | indented
  ask launchctl print system/dev.meridian.agent
  say "launchctl print of the job: exit code $code"
  ask launchctl print system/dev.meridian.none
  say "launchctl print of no job: exit code $code"
  ask launchctl print-disabled system
  say "launchctl print-disabled: exit code $code, the form: $(printf '%s\n' "$out" | grep '=>' | head -n 1 | sed 's/"[^"]*"/"<label>"/')"
  if [ "$(id -u)" -eq 0 ]; then
    ask sfltool dumpbtm
    say "sfltool dumpbtm: exit code $code, took $took s, an item of a daemon:"
    printf '%s\n' "$out" | awk '/^ *#[0-9]+:/ { item = "" } { item = item $0 "\n" } /URL:.*LaunchDaemons/ { printf "%s", item; exit }' | masked | indented
  fi
  ask log show --last 1d --style compact --predicate 'process == "logger" AND eventMessage CONTAINS "meridian: "'
  say "log show: exit code $code, $(printf '%s\n' "$out" | grep -c 'meridian: ') lines of the agent through logger"
}

unasked() {
  section 'What reading cannot answer'
  say 'the words in which a change is refused under a custom password, and when a configuration is locked'
  say 'the exit codes 253 (service stopped) and 254 (virtual machine frozen), unless they show above'
  say 'whether each flag takes the value that the agent gives it'
  say 'where a packed virtual machine that was registered has its home, and what unpacking makes of it; whether unpacking asks for a password'
  say 'the words in which the privacy control of macOS refuses a folder'
  say 'whether 1, 2 and 3 of "Check for updates" are daily, weekly and monthly: set each in the window and read it again'
  say 'whether lock on suspend, isolation and the automatic update of Parallels Tools show anywhere: see the paths above'
}

if [ ! -x "$prlsrvctl" ]; then
  echo 'Parallels Desktop is not installed in /Applications.' >&2
  exit 1
fi
printf '# Meridian: facts asked of a Mac\n'
versions
tools
help_texts
service
users
virtual_machines
endings
sessions
touched_files
host_facts
images
managed_preferences
update_preferences
management
unasked
