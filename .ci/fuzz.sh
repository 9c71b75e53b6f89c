#!/usr/bin/env bash
# Searches for inputs that break a fuzz target: coverage-guided, with Jazzer.
# Usage: .ci/fuzz.sh <target>|all <seconds per target>
# The targets are the constants of src/test/java/io/glmimage/fuzz/FuzzTarget.java: png, json-lines, ...
# New inputs are kept in target/fuzz/<target>/corpus, findings in target/fuzz/<target>/findings.
# Exits non-zero if there is a finding. Copy it to src/test/resources/fuzz/<target>, where FuzzTest reads it, and fix the cause.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
cd "$root"
if [[ $# -ne 2 || ! "$2" =~ ^[0-9]+$ ]]; then
  sed -n '2,7s/^# //p' "${BASH_SOURCE[0]}" >&2
  exit 2
fi
seconds="$2"
targets=("$1")
if [[ "$1" == all ]]; then
  mapfile -t targets < <(find src/test/resources/fuzz -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort)
fi

mvn -B -q -Pfuzz test-compile dependency:build-classpath \
  -Dmdep.outputFile="$root/target/fuzz.classpath" >&2

# seeds <target> <folder>: copies the images of the decoder's tests.
seeds() {
  local extensions=()
  case "$1" in
    png | webp | gif | bmp) extensions=("$1") ;;
    jpeg) extensions=(jpg) ;;
    tiff) extensions=(tif) ;;
    image-header) extensions=(png webp gif bmp jpg tif) ;;
  esac
  for extension in "${extensions[@]}"; do
    find src/test/resources/images src/test/resources/colours -name "*.$extension" -exec cp {} "$2" \;
  done
}

# Not libtorch's classes: Jazzer would take minutes to read them.
code='io.glmimage.**:com.twelvemonkeys.**:com.fasterxml.jackson.core.**'
failed=()
for target in "${targets[@]}"; do
  work="target/fuzz/$target"
  mkdir -p "$work/corpus" "$work/findings"
  seeds "$target" "$work/corpus"
  # The heap is small, so that an allocation that the input does not justify is a finding. Jazzer's
  # own sanitizers look for other faults, such as injections, and are off.
  OMP_NUM_THREADS=1 "${JAVA_HOME:+$JAVA_HOME/bin/}java" -Xmx512m -XX:+UseSerialGC -Djava.awt.headless=true \
    -cp "target/classes:target/test-classes:$(cat target/fuzz.classpath)" com.code_intelligence.jazzer.Jazzer \
    --target_class=io.glmimage.fuzz.FuzzDriver --target_args="$target" \
    --disabled_hooks='com.code_intelligence.jazzer.sanitizers.*' \
    --instrumentation_includes="$code" --custom_hook_includes="$code" \
    --reproducer_path="$work/findings" -artifact_prefix="$work/findings/" \
    -timeout=20 -rss_limit_mb=4000 -max_len="${FUZZ_MAX_LEN:-4096}" -max_total_time="$seconds" -print_final_stats=1 \
    "$work/corpus" "src/test/resources/fuzz/$target" >"$work/log.txt" 2>&1 || failed+=("$target")
  printf '%s: %s inputs\n' "$target" "$(sed -n 's/^stat::number_of_executed_units: //p' "$work/log.txt")"
done
for target in "${failed[@]}"; do
  grep -a -A 12 -E '^== Java Exception|ERROR: libFuzzer' "target/fuzz/$target/log.txt" | head -n 14
  printf '== %s has a finding: target/fuzz/%s/findings; output: target/fuzz/%s/log.txt\n' "$target" "$target" "$target"
done
[[ ${#failed[@]} -eq 0 ]]
