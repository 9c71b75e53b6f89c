#!/usr/bin/env bash
# Runs the job on Kubernetes by spark-submit, in the image of jobs/docker. Waits for the driver and ends
# with its exit code.

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

Needs kubectl, which reads the driver's exit code. Exit codes are the job's, and two more: 70 means that the
driver was not started. 3 also means that the driver's exit code could not be read; the same command, run
again, continues where the run ended.
TEXT
}

JOB_FAILED=3
NOT_STARTED=70

say() { printf 'submit.sh: %s\n' "$1" >&2; }

fail() {
  say "$2"
  exit "$1"
}

# The namespace as spark-submit reads it: the last such setting, and otherwise the last properties file.
find_namespace() {
  local properties="$here/../../conf/kubernetes-gpu.conf" word option="" value
  namespace=""
  # shellcheck disable=SC2086 # several arguments in one variable, on purpose
  for word in ${SPARK_SUBMIT_ARGS:-}; do
    value="$word"
    case "$word" in
      --conf=* | --properties-file=*)
        option="${word%%=*}"
        value="${word#*=}"
        ;;
    esac
    case "$option $value" in
      "--conf spark.kubernetes.namespace="* | "-c spark.kubernetes.namespace="*) namespace="${value#*=}" ;;
      "--properties-file "*) properties="$value" ;;
    esac
    option="$word"
  done
  if [[ -z "$namespace" && -r "$properties" ]]; then
    namespace="$(sed -n 's/^[[:space:]]*spark\.kubernetes\.namespace[[:space:]=:]\{1,\}\([^[:space:]]*\).*/\1/p' \
      "$properties" | tail -n 1)"
  fi
  if [[ -z "$namespace" ]]; then namespace=default; fi
}

# The name, state, exit code and reason of this run's driver, separated by commas; nothing if there is no such pod.
driver_state() {
  local server="${K8S_MASTER#k8s://}" ended='.status.containerStatuses[?(@.name=="spark-kubernetes-driver")].state.terminated'
  if [[ "$server" != *://* ]]; then server="https://$server"; fi # as Spark does
  kubectl --server "$server" --namespace "$namespace" get pods --selector "glm-image-run=$run,spark-role=driver" \
    --output "jsonpath={range .items[*]}{.metadata.name},{.status.phase},{$ended.exitCode},{.status.reason}{$ended.reason}{'\n'}{end}"
}

# Called on a signal. The driver is in the cluster, and a signal does not reach it.
stopped() {
  kill -TERM "$client" 2>/dev/null || true
  say "stopped waiting; the driver goes on. To stop it: kubectl delete pod -n $namespace -l glm-image-run=$run"
  exit "$1"
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
command -v "$submit" >/dev/null || fail "$NOT_STARTED" "Cannot find $submit: set SPARK_HOME, or add spark-submit to the PATH"
command -v kubectl >/dev/null || fail "$NOT_STARTED" \
  "Cannot find kubectl, which reads the driver's exit code: add kubectl to the PATH"
find_namespace
run="$(date -u +%Y%m%d-%H%M%S)-$$-$RANDOM"

# spark-submit returns 0 even if the driver fails. The label finds the driver's pod afterwards.
# shellcheck disable=SC2086 # several arguments in one variable, on purpose
"$submit" \
  --properties-file "$here/../../conf/kubernetes-gpu.conf" \
  --master "$K8S_MASTER" \
  --conf "spark.kubernetes.container.image=$IMAGE" \
  --conf "spark.kubernetes.driver.podTemplateFile=$here/driver-pod.yaml" \
  --conf "spark.kubernetes.executor.podTemplateFile=$here/executor-pod.yaml" \
  --class io.glmimage.job.EditImagesJob \
  ${SPARK_SUBMIT_ARGS:-} \
  --conf spark.kubernetes.submission.waitAppCompletion=true \
  --conf "spark.kubernetes.driver.label.glm-image-run=$run" \
  local:///opt/glm-image-spark/glm-image-spark-job.jar "$@" &
client=$!
trap 'stopped 143' TERM
trap 'stopped 130' INT
submitted=0
wait "$client" || submitted=$?

where="label glm-image-run=$run, namespace $namespace"
while true; do
  state="$(driver_state)" || fail "$JOB_FAILED" "Cannot read the driver's exit code: kubectl failed, see above ($where)"
  IFS=, read -r pod phase code reason <<<"$state" || true
  # spark-submit stops waiting if it loses its connection.
  [[ -z "$code" && "$phase" =~ ^(Pending|Running)$ ]] || break
  sleep 10
done
if [[ -z "$pod" ]]; then
  if ((submitted != 0)); then fail "$NOT_STARTED" "spark-submit ended with exit code $submitted and started no driver"; fi
  fail "$JOB_FAILED" "Cannot read the driver's exit code: there is no such pod ($where)"
fi
if [[ -z "$code" ]]; then
  fail "$JOB_FAILED" "Cannot read the driver's exit code: the pod $pod has none, its state is $phase${reason:+ ($reason)}"
fi
say "the driver $pod ended with exit code $code${reason:+ ($reason)}"
exit "$code"
