#!/usr/bin/env bash
# Builds the jars of the last commit twice, in folders of different names and with another time zone,
# umask and locale, and compares their digests. Usage: .ci/reproducible.sh [options of Maven]
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
commit="$(git -C "$root" rev-parse HEAD)"

build() {
  local name="$1"
  shift
  git clone -q "$root" "$work/$name"
  git -C "$work/$name" checkout -q "$commit"
  (cd "$work/$name" && mvn -B -q -Dmaven.test.skip=true package "$@") >&2
  (cd "$work/$name/target" && sha256sum -- *.jar) >"$work/$name.sha256"
}

build first "$@"
(
  umask 077
  export TZ=Pacific/Auckland LC_ALL=tr_TR.UTF-8
  build the-second-build "$@"
)
cat "$work/first.sha256"
if ! diff "$work/first.sha256" "$work/the-second-build.sha256" >&2; then
  echo "The two builds differ" >&2
  exit 1
fi
echo "The two builds are equal"
