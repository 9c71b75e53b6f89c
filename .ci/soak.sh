#!/usr/bin/env bash
# Runs the soak test: many rows on a local Spark cluster and an S3 server, with killed executors and
# drivers and network faults, each compared with an undisturbed run. Takes tens of minutes.
# Usage: .ci/soak.sh [options of io.glmimage.job.Soak; --help lists them]
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
cd "$root"
SPARK_HOME="$(.ci/pyspark.sh 3.5.5)"
export SPARK_HOME
mvn -B -q test-compile resources:copy-resources@embedded-jvm-options \
  dependency:build-classpath -Dmdep.outputFile="$root/target/test.classpath" >&2
maven="$(dirname "$(dirname "$(readlink -f "$(command -v mvn)")")")"
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" @target/embedded.options -Xmx768m -Dmaven.home="$maven" \
  -cp "$root/target/classes:$root/target/test-classes:$(cat target/test.classpath)" \
  io.glmimage.job.Soak --folder "$root/target/soak" "$@"
