#!/usr/bin/env bash
# Checks whether the job can use this machine's GPU, and lists what is missing if not.

set -euo pipefail

# This script's folder, symbolic links resolved (macOS has had no readlink -f for long).
here="${BASH_SOURCE[0]}"
while [[ -L "$here" ]]; do
  link="$(readlink "$here")"
  if [[ "$link" == /* ]]; then here="$link"; else here="$(dirname "$here")/$link"; fi
done
GLM_ROOT="$(cd "$(dirname "$here")/.." && pwd -P)"
GLM_NAME="check-gpu"
# shellcheck source=jobs/lib.sh
. "$GLM_ROOT/jobs/lib.sh"

case "${1:-}" in
  "") ;;
  -h | --help)
    cat <<'TEXT'
Usage: jobs/check-gpu.sh

Checks the NVIDIA driver, the GPU build of the job and the CUDA libraries. Then runs each operation
of the model once on the first GPU and prints what it ran on (fused: a CUDA kernel of the job,
native: libtorch's operations) with the reason. Compares each with libtorch's operations, and a small
edit with that of the CPU. Exits with 0 if the job can use the GPU, with 1 if it cannot. Builds
nothing.
TEXT
    exit 0
    ;;
  *) glm_fail "Unexpected argument: $1" "Usage: jobs/check-gpu.sh" ;;
esac

glm_find_java
missing=()

if ! command -v nvidia-smi >/dev/null; then
  missing+=("the NVIDIA driver: nvidia-smi is not on the PATH (CUDA 13 needs driver 580 or later)")
elif ! gpus="$(nvidia-smi --query-gpu=index,name,driver_version,memory.total --format=csv,noheader 2>&1)" || [[ -z "$gpus" ]]; then
  missing+=("a GPU: nvidia-smi finds none: ${gpus:-no output}")
else
  printf 'GPUs (index, name, driver, memory):\n'
  printf '%s\n' "$gpus" | sed 's/^/  /'
  driver="$(printf '%s\n' "$gpus" | head -n 1 | cut -d, -f3 | tr -d ' ')"
  if [[ "${driver%%.*}" =~ ^[0-9]+$ ]] && ((${driver%%.*} < 580)); then
    missing+=("a newer NVIDIA driver: version $driver is installed, CUDA 13 needs 580 or later")
  fi
fi

jar="$(glm_newest_jar)"
class_path="$(cat "$GLM_ROOT/target/embedded.classpath" 2>/dev/null || true)"
if [[ -z "$jar" || -z "$class_path" ]]; then
  missing+=("the job's GPU build: run mvn -q -DskipTests -Pgpu package")
elif [[ "$class_path" != *-gpu.jar* ]]; then
  missing+=("the job's GPU build (the present build is for the CPU): run mvn -q -DskipTests -Pgpu package")
else
  printf 'libtorch: '
  code=0
  "$GLM_JAVA" "@$GLM_ROOT/target/embedded.options" -cp "${jar%-job.jar}.jar:$class_path" \
    io.glmimage.job.CheckGpu || code=$?
  if ((code != 0)); then
    # JavaCPP has unpacked the libraries by now. The system's loader lists what they lack.
    lacking="$(find "${HOME:-/}/.javacpp/cache" -path '*-gpu/lib*torch*.so*' -exec ldd {} + 2>/dev/null |
      sed -n 's/^[[:space:]]*\(lib[^ ]*\) => not found.*/\1/p' | grep -v torch | sort -u || true)"
    if [[ -n "$lacking" ]]; then
      missing+=("libraries of CUDA 13, cuDNN 9 or NCCL 2:")
      while read -r library; do missing+=("  $library"); done <<<"$lacking"
      missing+=("install them from NVIDIA's repository (Debian and Ubuntu: cuda-libraries-13-1,"
        "  libcudnn9-cuda-13 and so on), or add their folders to LD_LIBRARY_PATH")
    else
      missing+=("see the message above")
    fi
  fi
fi

if ((${#missing[@]} == 0)); then
  printf 'The job can use the GPU.\n'
  exit 0
fi
printf 'The job cannot use a GPU. Missing:\n'
printf '  %s\n' "${missing[@]}"
exit 1
