#!/usr/bin/env bash
# Launcher of the Spark job. --help lists the commands; without a command it edits the images of a manifest.

set -euo pipefail

# This script's folder, with symbolic links resolved (older versions of macOS lack readlink -f).
here="${BASH_SOURCE[0]}"
while [[ -L "$here" ]]; do
  link="$(readlink "$here")"
  if [[ "$link" == /* ]]; then here="$link"; else here="$(dirname "$here")/$link"; fi
done
GLM_ROOT="$(cd "$(dirname "$here")/.." && pwd -P)"
GLM_NAME="edit-images"
# shellcheck source=jobs/lib.sh
. "$GLM_ROOT/jobs/lib.sh"

usage() {
  cat <<'TEXT'
Usage: jobs/edit-images.sh [--embedded] --manifest MANIFEST --output OUTPUT [option...]
       jobs/edit-images.sh [--embedded] COMMAND [option...]

Edits every row of a manifest, or runs another command of the job; COMMAND --help explains it.
All arguments except --embedded go to the job; its commands and the options of edit are listed below.
Uses the spark-submit of SPARK_HOME, otherwise that of the PATH, otherwise runs Spark inside one Java
process on this machine. Builds the job first if it is missing or older than its sources.

  --embedded   run inside one Java process even if there is a spark-submit

Environment:
  JAVA_HOME                JDK 17 to use (default: java of the PATH)
  SPARK_HOME               Spark installation to use (default: spark-submit of the PATH)
  SPARK_SUBMIT_ARGS        further arguments of spark-submit, split at spaces:
                           "--master yarn --num-executors 8 --properties-file spark.conf"
  GLM_IMAGE_EMBEDDED       1: the same as --embedded
  GLM_IMAGE_DRIVER_MEMORY  Java heap of the driver, such as 4g (embedded mode: 2g unless set);
                           native memory of the model is extra
  GLM_IMAGE_CORES          embedded mode: number of Spark task threads (default: all cores);
                           --master local[N] takes precedence
  GLM_IMAGE_JAVA_OPTS      embedded mode: further JVM options, split at spaces
  GLM_IMAGE_CLASS_PATH     embedded mode: further jars, separated by colons, such as those of a catalog
  GLM_IMAGE_MAVEN_ARGS     arguments of the build: -Pgpu, -Pspark-4, -Djavacpp.platform=macosx-arm64
  GLM_IMAGE_JAR            job jar built elsewhere; nothing is built then (spark-submit only)

Without a UTF-8 locale, sets LC_ALL=C.UTF-8. Exit codes are the job's; 70 means that the job could not be started.
TEXT
}

arguments=()
help=0
while (($# > 0)); do
  case "$1" in
    --embedded) export GLM_IMAGE_EMBEDDED=1 ;;
    -h | --help)
      # After a command, it asks for the help of that command.
      if ((${#arguments[@]} == 0)); then help=1; else arguments+=("$1"); fi
      ;;
    --)
      arguments+=("$@")
      break
      ;;
    *) arguments+=("$1") ;;
  esac
  shift
done

if ((help)); then
  usage
  printf '\nThe job:\n\n'
  export GLM_IMAGE_EMBEDDED=1
  glm_run_job --help
  printf '\n'
  glm_run_job edit --help
  exit
fi
GLM_EXEC=1
glm_run_job ${arguments[@]+"${arguments[@]}"}
