#!/usr/bin/env bash
# Runs the job on Kubernetes by spark-submit, in the image of jobs/docker. Waits for the driver and
# prints its exit code.

set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: K8S_MASTER=k8s://https://HOST:PORT IMAGE=REGISTRY/glm-image-spark:TAG jobs/kubernetes/submit.sh ARGUMENT...

The arguments are those of the job, with paths that the cluster can read:
  jobs/kubernetes/submit.sh edit --manifest s3a://bucket/rows.parquet --output s3a://bucket/edited \
    --model s3a://bucket/GLM-Image --weights-cache /var/cache/glm-image

Environment:
  K8S_MASTER         the API server; "kubectl cluster-info" prints it
  IMAGE              image made from jobs/docker/Dockerfile
  SPARK_HOME         Spark installation (default: spark-submit of the PATH), with the version of the image
  SPARK_SUBMIT_ARGS  further arguments of spark-submit, split at spaces
TEXT
}

case "${1:-}" in
  "" | -h | --help)
    usage
    exit 0
    ;;
esac
: "${K8S_MASTER:?Set K8S_MASTER to the API server, such as k8s://https://host:6443}"
: "${IMAGE:?Set IMAGE to the image made from jobs/docker/Dockerfile}"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)"
submit=spark-submit
if [[ -n "${SPARK_HOME:-}" ]]; then submit="$SPARK_HOME/bin/spark-submit"; fi

# shellcheck disable=SC2086 # several arguments in one variable, on purpose
exec "$submit" \
  --properties-file "$here/../../conf/kubernetes-gpu.conf" \
  --master "$K8S_MASTER" \
  --conf "spark.kubernetes.container.image=$IMAGE" \
  --conf "spark.kubernetes.executor.podTemplateFile=$here/executor-pod.yaml" \
  --conf spark.kubernetes.submission.waitAppCompletion=true \
  --class io.glmimage.job.EditImagesJob \
  ${SPARK_SUBMIT_ARGS:-} \
  local:///opt/glm-image-spark/glm-image-spark-job.jar "$@"
