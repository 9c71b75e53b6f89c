#!/usr/bin/env bash
# Creates a Spark installation below target/ from PyPI's pyspark, and prints its folder, for use as
# SPARK_HOME. Usage: .ci/pyspark.sh [version]
set -euo pipefail
version="${1:-3.5.5}"
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
venv="$root/target/pyspark-$version"

if ! command -v python3 >/dev/null; then
  echo "pyspark.sh: python3 is not on the PATH" >&2
  exit 1
fi
if [[ ! -x "$venv/bin/python" ]]; then
  python3 -m venv "$venv" >&2
fi
if ! "$venv/bin/python" -c "import importlib.metadata as m, sys; sys.exit(m.version('pyspark') != '$version')" 2>/dev/null; then
  # Spark itself needs no other Python package; only Python programs need py4j.
  "$venv/bin/pip" install --quiet --no-deps "pyspark==$version" >&2
fi
"$venv/bin/python" -c "import importlib.util as u, os; print(os.path.dirname(u.find_spec('pyspark').origin))"
