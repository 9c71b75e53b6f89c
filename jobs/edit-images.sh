#!/usr/bin/env bash
# A launcher for the Spark job, whose commands are listed by --help; without one it edits the images of a manifest.

set -euo pipefail

# This script's folder, symbolic links resolved (macOS has had no readlink -f for long).
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

Edits every row of a manifest, or runs another of the job's commands; COMMAND --help explains one.
All arguments but --embedded go to the job; its commands and the options of edit are listed below.
Takes the spark-submit of SPARK_HOME, or else of the PATH, or else runs Spark inside one Java
process on this machine. Builds the job first where it is missing or older than its sources.

  --embedded   run inside one Java process even where there is a spark-submit

Environment:
  JAVA_HOME                the JDK 17 to use (default: java of the PATH)
  SPARK_HOME               the Spark installation to use (default: spark-submit of the PATH)
  SPARK_SUBMIT_ARGS        more arguments of spark-submit, split at spaces:
                           "--master yarn --num-executors 8 --properties-file spark.conf"
  GLM_IMAGE_EMBEDDED       1: the same as --embedded
  GLM_IMAGE_DRIVER_MEMORY  Java heap of the driver, such as 4g (embedded: 2g where not set);
                           native memory of the model comes on top
  GLM_IMAGE_CORES          embedded mode: number of Spark task threads (default: all cores)
  GLM_IMAGE_JAVA_OPTS      embedded mode: more JVM options, split at spaces
  GLM_IMAGE_MAVEN_ARGS     arguments of the build: -Pgpu, -Pspark-4, -Djavacpp.platform=macosx-arm64
  GLM_IMAGE_JAR            a job jar built elsewhere; nothing is built then (spark-submit only)

Exit codes are the job's; 70 means that the job could not be started.
TEXT
}

arguments=()
help=0
while (($# > 0)); do
  case "$1" in
    --embedded) export GLM_IMAGE_EMBEDDED=1 ;;
    -h | --help)
      # After a command it asks for that command's options.
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
glm_run_job ${arguments[@]+"${arguments[@]}"}
