#!/usr/bin/env bash
# Demonstrates the job: edits ten example rows with the embedded model, on this machine.

set -euo pipefail

# This script's folder, with symbolic links resolved (older versions of macOS lack readlink -f).
here="${BASH_SOURCE[0]}"
while [[ -L "$here" ]]; do
  link="$(readlink "$here")"
  if [[ "$link" == /* ]]; then here="$link"; else here="$(dirname "$here")/$link"; fi
done
GLM_ROOT="$(cd "$(dirname "$here")/.." && pwd -P)"
GLM_NAME="demo"
# shellcheck source=jobs/lib.sh
. "$GLM_ROOT/jobs/lib.sh"

case "${1:-}" in
  -h | --help)
    cat <<'TEXT'
Usage: jobs/demo.sh [OUT]

Writes an example manifest, edits its images with the embedded model and leaves images/*.png,
results/ (Parquet) and contact-sheet.png in OUT (default: target/demo of the clone). Runs inside one
Java process; with GLM_IMAGE_EMBEDDED=0 it uses spark-submit as jobs/edit-images.sh does. The
environment variables are those of jobs/edit-images.sh (see its --help).
TEXT
    exit 0
    ;;
  -*)
    glm_fail "Unknown option: $1" "Usage: jobs/demo.sh [OUT]"
    ;;
esac
(($# <= 1)) || glm_fail "Too many arguments: expected one folder, got $#" "Usage: jobs/demo.sh [OUT]"

out="${1:-$GLM_ROOT/target/demo}"
# The PATH may have a Spark of any version, and the demo must run everywhere.
export GLM_IMAGE_EMBEDDED="${GLM_IMAGE_EMBEDDED:-1}"

glm_find_java
glm_find_spark
SECONDS=0
glm_build
built=$SECONDS
if ((built > 1)); then printf 'demo: built in %d s\n' "$built" >&2; fi

printf 'demo: one of the ten rows has a corrupt source image on purpose, to show a failure\n' >&2
SECONDS=0
code=0
glm_run_job demo "$out" || code=$?
((code == 0)) || exit "$code"
printf 'demo: finished in %d s; contact sheet: %s\n' "$SECONDS" "$out/contact-sheet.png" >&2
