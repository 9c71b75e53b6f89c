"""Edits the manifest of each night with the Spark operator of Kubernetes.

The image is that of jobs/docker, the account that of jobs/kubernetes/rbac.yaml.
The tasks, variables and connections are those of glm_image_nightly, except: glm_image_kubernetes (type
Kubernetes) replaces glm_image_spark; the variable glm_image_image names the container image and
glm_image_namespace the namespace. Credentials come from the Kubernetes secret glm-image-credentials, if it
exists, as environment variables; no secret is in the specification. The role of a service account needs
another setting, see the page on clusters.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.providers.cncf.kubernetes.operators.spark_kubernetes import SparkKubernetesOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Param

from glm_image_tasks import (
    DEFAULT_ARGS,
    EDIT,
    EDIT_FLAGGED,
    LONGEST,
    VALIDATE,
    check_the_night,
    counts,
    flags_left,
    night_failed,
    rows_left,
)


NAMESPACE = "{{ var.value.get('glm_image_namespace', 'glm-image') }}"

# The settings below are those of jobs/kubernetes/spark-application.yaml.
CACHE = "/var/cache/glm-image"
MOUNTS = [{"name": "weights", "mountPath": CACHE}]
CREDENTIALS = {"envFrom": [{"secretRef": {"name": "glm-image-credentials", "optional": True}}]}

SPARK_CONF = {
    "spark.executor.failuresValidityInterval": "1h",
    "spark.network.timeout": "600s",
    "spark.speculation": "false",
    # Pods do not read the image's spark-defaults.conf.
    "spark.driver.extraJavaOptions": "-Dlog4j2.configurationFile=/opt/glm-image-spark/conf/log4j2.properties",
}

# An executor with a GPU. memoryOverhead is 60g for cards of 40 and 48 GB in bf16.
GPU_EXECUTOR = {
    "cores": 4,
    "memory": "8g",
    "memoryOverhead": "24g",
    "terminationGracePeriodSeconds": 90,
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    "initContainers": [
        {
            "name": "cache-owner",
            "image": "busybox:1.37",
            "command": ["sh", "-c", f"mkdir -p {CACHE} && chown 185:185 {CACHE}"],
            "securityContext": {"runAsUser": 0},
            "volumeMounts": MOUNTS,
        }
    ],
    "volumeMounts": MOUNTS,
}
GPU_CONF = {
    "spark.executor.resource.gpu.amount": "1",
    "spark.executor.resource.gpu.discoveryScript": "/opt/glm-image-spark/conf/getGpusResources.sh",
    "spark.executor.resource.gpu.vendor": "nvidia.com",
    "spark.task.resource.gpu.amount": "0.25",
}

# An executor for tasks that load no model.
CPU_EXECUTOR = {"cores": 2, "memory": "4g", "memoryOverhead": "2g"}


def application(arguments: list[str], executors: int, executor: dict, conf: dict) -> dict:
    """A SparkApplication. Its restart policy is Never: Airflow's retries resume the run."""
    return {
        "apiVersion": "sparkoperator.k8s.io/v1beta2",
        "kind": "SparkApplication",
        "metadata": {"namespace": NAMESPACE},
        "spec": {
            "type": "Java",
            "mode": "cluster",
            "sparkVersion": "3.5.5",
            "image": "{{ var.value.glm_image_image }}",
            "mainClass": "io.glmimage.job.EditImagesJob",
            "mainApplicationFile": "{{ var.value.glm_image_jar }}",
            "arguments": arguments,
            "restartPolicy": {"type": "Never"},
            "sparkConf": {**SPARK_CONF, **conf},
            "volumes": [{"name": "weights", "hostPath": {"path": CACHE, "type": "DirectoryOrCreate"}}],
            "driver": {
                "cores": 2,
                "memory": "4g",
                "memoryOverhead": "4g",
                "serviceAccount": "glm-image",
                **CREDENTIALS,
            },
            "executor": {"instances": executors, **executor, **CREDENTIALS},
        },
    }


def on_gpus(task_id: str, arguments: list[str], executors: int, **more) -> SparkKubernetesOperator:
    """A run that loads the model. The weights stay on the nodes for the next run."""
    arguments = [*arguments, "--weights-cache", CACHE]
    return run(task_id, application(arguments, executors, GPU_EXECUTOR, GPU_CONF), **more)


def on_cpus(task_id: str, arguments: list[str], executors: int, **more) -> SparkKubernetesOperator:
    return run(task_id, application(arguments, executors, CPU_EXECUTOR, {}), **more)


def run(task_id: str, template_spec: dict, **more) -> SparkKubernetesOperator:
    return SparkKubernetesOperator(
        task_id=task_id,
        name=f"glm-image-{task_id.replace('_', '-')}",
        kubernetes_conn_id="glm_image_kubernetes",
        namespace=NAMESPACE,
        template_spec=template_spec,
        **more,
    )


with DAG(
    "glm_image_nightly_kubernetes",
    description="Edits the manifest of each night on Kubernetes",
    schedule="0 22 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=LONGEST,
    on_failure_callback=night_failed,
    default_args=DEFAULT_ARGS,
    params={"date": Param("", type="string", description="Night to edit; default: the logical date")},
    tags=["glm-image"],
    doc_md=__doc__,
) as dag:
    validate = on_cpus("validate", VALIDATE, executors=2, execution_timeout=timedelta(hours=1))
    edit = on_gpus("edit", EDIT, executors=8, execution_timeout=timedelta(hours=12))
    counted = counts()
    branch = rows_left(counted)
    follow_up = on_gpus("follow_up", EDIT, executors=2, execution_timeout=timedelta(hours=4))
    counted_again = counts.override(task_id="counts_again")()
    nothing_left = EmptyOperator(task_id="nothing_left")

    checked = check_the_night(counted, counted_again)
    flags = flags_left(counted, counted_again)
    edit_flagged = on_gpus("edit_flagged", EDIT_FLAGGED, executors=2, execution_timeout=timedelta(hours=4))
    no_flags = EmptyOperator(task_id="no_flags")

    validate >> edit >> counted
    branch >> [follow_up, nothing_left]
    follow_up >> counted_again
    [checked, nothing_left] >> flags
    flags >> [edit_flagged, no_flags]
