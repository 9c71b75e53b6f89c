#!/usr/bin/env bash
# Runs the DAGs of jobs/airflow with Airflow from PyPI on a local Spark: a night whose first run is killed,
# with one row that fails, flagged images and OpenLineage.
# Usage: .ci/airflow.sh SPARK_HOME JOB_JAR; ".ci/airflow.sh install" only installs Airflow.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
work="$root/target/ci/airflow"
venv="$root/target/airflow"
night=2026-01-05

lineage_version=1.53.0
lineage="$root/target/openlineage/openlineage-spark_2.12-$lineage_version.jar"
[[ "$1" == install || -s "$lineage" ]] || mvn -B -q -f "$root/pom.xml" dependency:copy \
  -Dartifact="io.openlineage:openlineage-spark_2.12:$lineage_version" -DoutputDirectory="$root/target/openlineage" >/dev/null &
fetching=$!
if ! "$venv/bin/python" -c "import airflow" 2>/dev/null; then
  python3 -m venv "$venv"
  # The file has all dependencies with their versions.
  "$venv/bin/pip" install --quiet --no-deps --no-compile -r "$root/src/test/python/airflow-requirements.txt"
fi
wait "$fetching"
printf 'airflow.sh: installed after %d s\n' "$SECONDS"
[[ "$1" != install ]] || exit 0
spark_home="$1" jar="$(realpath "$2")"

rm -rf "$work"
mkdir -p "$work/bin" "$work/dags"
cp -r "$root/jobs/airflow/." "$work/dags"

# The spark-submit that Airflow finds: it kills the first run of edit once some of its rows are saved. The
# other runs write OpenLineage's events into a file.
cat >"$work/bin/spark-submit" <<'TEXT'
#!/usr/bin/env bash
if [[ " $* " == *" edit "* && ! -e "$WORK/killed" ]]; then
  touch "$WORK/killed"
  "$SPARK_HOME/bin/spark-submit" "$@" --commit-seconds 0 --batch-size 2 &
  until [[ -n "$(find "$OUTPUT/_run/lines" -type f -size +0 -print -quit 2>/dev/null)" ]]; do
    kill -0 $! || exit 99
    sleep 0.1
  done
  kill -9 $!
  echo "The first run was killed"
  exit 137
fi
flags=()
if [[ " $* " == *" edit "* ]]; then flags=(--min-change 0.9); fi # flags images
exec "$SPARK_HOME/bin/spark-submit" --jars "$LINEAGE" \
  --conf spark.extraListeners=io.openlineage.spark.agent.OpenLineageSparkListener \
  --conf spark.openlineage.transport.type=file --conf "spark.openlineage.transport.location=$WORK/lineage.jsonl" \
  --conf spark.openlineage.namespace=nightly "$@" "${flags[@]}"
TEXT
chmod +x "$work/bin/spark-submit"

export WORK="$work" LINEAGE="$lineage" OUTPUT="$work/$night/edited" SPARK_HOME="$spark_home" SPARK_LOCAL_IP=127.0.0.1
export PATH="$work/bin:$venv/bin:$PATH" LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
export SPARK_SUBMIT_OPTS="-Dlog4j2.configurationFile=$root/conf/log4j2.properties ${SPARK_SUBMIT_OPTS:-}"
export AIRFLOW_HOME="$work" AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__CORE__DAGS_FOLDER="$work/dags"
export GLM_IMAGE_RETRY_SECONDS=1
export AIRFLOW_CONN_GLM_IMAGE_SPARK='{"conn_type": "spark", "host": "local[1]"}'
export AIRFLOW_VAR_GLM_IMAGE_JAR="$jar" AIRFLOW_VAR_GLM_IMAGE_MODEL=demo AIRFLOW_VAR_GLM_IMAGE_STEPS=2
export AIRFLOW_VAR_GLM_IMAGE_MANIFEST="$work/{date}/manifest.parquet"
export AIRFLOW_VAR_GLM_IMAGE_OUTPUT="$work/{date}/edited" AIRFLOW_VAR_GLM_IMAGE_FLAGGED_OUTPUT="$work/{date}/flagged"

airflow db migrate >"$work/migrate.log" 2>&1 &
migrating=$!
"$spark_home/bin/spark-submit" --master 'local[1]' --class io.glmimage.job.EditImagesJob "$jar" \
  example "$work/$night"
wait "$migrating"
printf 'airflow.sh: prepared after %d s\n' "$SECONDS"

airflow dags test glm_image_nightly "$night" >"$work/night.log" 2>&1 || {
  tail -n 100 "$work/night.log"
  exit 1
}
printf 'airflow.sh: the night ended after %d s\n' "$SECONDS"
"$venv/bin/python" -W ignore "$root/src/test/python/check_airflow.py" "$work" "$root/src/site/markdown/operations.md"
printf 'airflow.sh: checked after %d s\n' "$SECONDS"
