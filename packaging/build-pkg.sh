#!/usr/bin/env bash
# Makes the package: a product archive, as MDM services want it, with the agent built without the mock portal.
#
# Usage: packaging/build-pkg.sh [--binary FILE]... [--out FILE]
#
# On a Mac it builds the agent for each architecture whose target rustup has, joins them, and packs with Apple's tools.
# With --binary it takes these programs instead, one an architecture. It signs, notarizes and staples where these are set:
#   MERIDIAN_SIGN_PROGRAM    a "Developer ID Application" identity of the keychain
#   MERIDIAN_SIGN_PACKAGE    a "Developer ID Installer" identity
#   MERIDIAN_NOTARY_PROFILE  a keychain profile of notarytool
# On Linux it wants --binary and packs with packaging/pack-on-linux: the same content for looking inside. NOT FOR SHIPPING.
set -euo pipefail
export LC_ALL=C
umask 022
top=$(cd "$(dirname "$0")/.." && pwd)
identifier=dev.meridian.agent
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$top/Cargo.toml" | head -n 1)
out=$top/target/meridian-$version.pkg
binaries=()
usage() { sed -n '4s/^# //p' "$0"; }
while [ $# -gt 0 ]; do
  case $1:$# in
    --help:* | -h:*)
      usage
      exit 0
      ;;
    --binary:1 | --out:1)
      echo "build-pkg.sh: $1 wants a file" >&2
      exit 2
      ;;
    --binary:*) binaries+=("$2") ;;
    --out:*) out=$2 ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
  shift 2
done
on_mac=false
[ "$(uname)" != Darwin ] || on_mac=true
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

refuse() {
  echo "build-pkg.sh: $1" >&2
  exit 1
}

# Apple's word for the processor of a program: from the header of a Mach-O file. On Linux one of Linux passes, for tests.
architecture() {
  [ -f "$1" ] || refuse "$1 is no file"
  case $(od -An -tx1 -N8 "$1" | tr -d ' \n') in
    cffaedfe0c000001) echo arm64 ;;
    cffaedfe07000001) echo x86_64 ;;
    cafebabe* | cafebabf*) refuse "$1 is a program for several processors; give one for each with --binary" ;;
    7f454c46*) if $on_mac; then refuse "$1 is a program of Linux"; else echo none; fi ;;
    *) refuse "$1 is no program of a Mac" ;;
  esac
}

build() {
  # Read once and whole: a pipe into a command that stops reading may fail.
  local target installed
  installed=$(rustup target list --installed)
  for target in aarch64-apple-darwin x86_64-apple-darwin; do
    case $'\n'$installed$'\n' in *$'\n'"$target"$'\n'*) ;; *) continue ;; esac
    MACOSX_DEPLOYMENT_TARGET=13.0 cargo build --manifest-path "$top/Cargo.toml" --locked --release \
      --no-default-features --bin meridian --target "$target"
    binaries+=("$top/target/$target/release/meridian")
  done
}

# One program for all processors that there is one for.
join() {
  local binary kind kinds=()
  for binary in "${binaries[@]}"; do
    kind=$(architecture "$binary")
    kinds+=("$kind")
  done
  architectures=$(IFS=, && echo "${kinds[*]}")
  if [ "${#binaries[@]}" -eq 1 ]; then
    cp "${binaries[0]}" "$1"
  elif $on_mac; then
    lipo -create "${binaries[@]}" -output "$1"
  else
    "$top/packaging/pack-on-linux" join --out "$1" "${binaries[@]}"
  fi
  chmod 755 "$1"
}

# lay MODE SOURCE TARGET: one file of the payload.
lay() {
  mkdir -p "$(dirname "$payload/$3")"
  cp "$2" "$payload/$3"
  chmod "$1" "$payload/$3"
}

payload=$work/payload
scripts=$work/scripts
lay_payload() {
  local file
  mkdir -p "$payload/opt/meridian/bin"
  join "$payload/opt/meridian/bin/meridian"
  lay 755 "$top/packaging/payload/uninstall" opt/meridian/uninstall
  lay 755 "$top/packaging/payload/job" opt/meridian/libexec/job
  lay 755 "$top/packaging/payload/links" opt/meridian/libexec/links
  for file in "$top"/packaging/made/man/*.1; do lay 644 "$file" "opt/meridian/share/man/man1/${file##*/}"; done
  for file in "$top"/packaging/made/completions/*; do lay 644 "$file" "opt/meridian/share/completions/${file##*/}"; done
  lay 644 "$top/LICENSE" opt/meridian/share/LICENSE
  lay 644 "$top/launchd/$identifier.plist" "Library/LaunchDaemons/$identifier.plist"
  mkdir "$scripts"
  cp "$top"/packaging/scripts/* "$top/packaging/payload/job" "$scripts"
  chmod 755 "$scripts"/*
}

pack_on_mac() {
  local component=$work/meridian.pkg product=$work/product.pkg
  if [ -n "${MERIDIAN_SIGN_PROGRAM:-}" ]; then
    codesign --force --timestamp --options runtime --identifier "$identifier" --sign "$MERIDIAN_SIGN_PROGRAM" \
      "$payload/opt/meridian/bin/meridian"
  fi
  pkgbuild --root "$payload" --scripts "$scripts" --identifier "$identifier" --version "$version" \
    --ownership recommended --install-location / "$component"
  productbuild --distribution "$work/distribution.xml" --package-path "$work" "$product"
  if [ -n "${MERIDIAN_SIGN_PACKAGE:-}" ]; then
    productsign --timestamp --sign "$MERIDIAN_SIGN_PACKAGE" "$product" "$out"
  else
    echo 'not signed: MDM services take a signed package only'
    cp "$product" "$out"
  fi
  if [ -n "${MERIDIAN_NOTARY_PROFILE:-}" ]; then
    xcrun notarytool submit "$out" --keychain-profile "$MERIDIAN_NOTARY_PROFILE" --wait
    xcrun stapler staple "$out"
  fi
}

if [ ${#binaries[@]} -eq 0 ] && $on_mac; then build; fi
if [ ${#binaries[@]} -eq 0 ]; then
  echo 'build-pkg.sh: no program to pack; name one with --binary, or install a target with: rustup target add' >&2
  exit 1
fi
lay_payload
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURES@/$architectures/" "$top/packaging/distribution.xml" >"$work/distribution.xml"
if $on_mac; then
  pack_on_mac
else
  "$top/packaging/pack-on-linux" pack --root "$payload" --scripts "$scripts" --identifier "$identifier" \
    --version "$version" --distribution "$work/distribution.xml" --out "$out"
  echo 'NOT FOR SHIPPING: made on Linux, unsigned, for looking inside. No Mac has opened it.'
fi
echo "$out: $(($(wc -c <"$out") / 1024)) KiB, $architectures"
