#!/usr/bin/env bash
# Runs the notebooks from top to bottom. Usage: .ci/notebooks.sh SPARK_HOME JOB_JAR
# SPARK_HOME is the folder that .ci/pyspark.sh prints. The executed notebooks: target/ci/notebooks/.
# ".ci/notebooks.sh install" only installs what they need.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
venv="$root/target/notebooks-python"
requirements="$root/src/test/python/notebooks-requirements.txt"

if ! cmp -s "$requirements" "$venv/installed.txt"; then
  python3 -m venv --clear "$venv"
  install=("$venv/bin/pip" install --quiet --no-deps --no-compile -r "$requirements")
  # Once more after a failed download.
  "${install[@]}" || "${install[@]}"
  cp "$requirements" "$venv/installed.txt"
fi
printf 'notebooks.sh: installed after %d s\n' "$SECONDS"
[[ "$1" != install ]] || exit 0
spark_home="$1" jar="$(realpath "$2")"

# PySpark itself is that of SPARK_HOME.
packages="$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
dirname "$spark_home" >"$packages/pyspark.pth"

export GLM_IMAGE_JAR="$jar" SPARK_LOCAL_IP=127.0.0.1 LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
export PYSPARK_PYTHON="$venv/bin/python" MPLCONFIGDIR="$root/target/ci/matplotlib" IPYTHONDIR="$root/target/ci/ipython"
export JUPYTER_PLATFORM_DIRS=1 HF_HUB_OFFLINE=1
"$venv/bin/python" "$root/src/test/python/run_notebooks.py" "$root/notebooks" "$root/target/ci/notebooks"
