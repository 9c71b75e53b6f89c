#!/usr/bin/env bash
# Builds the jars and the bill of materials of the last commit twice, and compares their digests. The second
# build has a folder of another name and depth, another time zone, umask, locale and user name, and skips the
# checks of the sources, which must not change the jars. Usage: .ci/reproducible.sh [options of Maven]
# Maven writes the permissions of files into jars, without the bits that the umask 022 removes. So others must
# have the right to read.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
commit="$(git -C "$root" rev-parse HEAD)"

build() {
  local folder="$work/$1"
  shift
  git clone -q "$root" "$folder"
  git -C "$folder" checkout -q "$commit"
  (cd "$folder" && mvn -B -q -Psupply-chain -Dmaven.test.skip=true package \
    org.cyclonedx:cyclonedx-maven-plugin:makeBom "$@") >&2
  (cd "$folder/target" && sha256sum -- *.jar *-sbom.json) >"$folder.sha256"
}

umask 022
build first "$@"
printf 'Commit %s, first build after %d s:\n' "$commit" "$SECONDS"
cat "$work/first.sha256"
(
  umask 002
  # As options of Java, because not every machine has the locale.
  export TZ=Pacific/Auckland
  export JAVA_TOOL_OPTIONS="${JAVA_TOOL_OPTIONS:-} -Duser.language=tr -Duser.country=TR -Duser.name=somebody"
  build another/second-build -Dspotless.check.skip -Dcompiler.checks=-g "$@"
)
printf 'Second build after %d s\n' "$SECONDS"
if ! diff "$work/first.sha256" "$work/another/second-build.sha256" >&2; then
  echo "The two builds differ" >&2
  exit 1
fi
echo "The two builds are equal"
