"""Edits the manifest of each night with the Spark operator of Kubernetes.

The image is that of jobs/docker, the account that of jobs/kubernetes/rbac.yaml.
The tasks, variables and connections are those of glm_image_nightly, except: glm_image_kubernetes (type
Kubernetes) replaces glm_image_spark; the variable glm_image_image names the container image and
glm_image_namespace the namespace. Credentials come from the service account and from the Kubernetes secret
glm-image-credentials; no secret is in the specification.
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


def application(arguments: list[str], executors: int, gpus: int) -> dict:
    """A SparkApplication. Its restart policy is Never: Airflow's retries resume the run."""
    executor = {"instances": executors, "cores": 8, "memory": "16g", "memoryOverhead": "64g"}
    if gpus:
        executor["gpu"] = {"name": "nvidia.com/gpu", "quantity": gpus}
        executor["tolerations"] = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    secret = [{"secretRef": {"name": "glm-image-credentials", "optional": True}}]
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
            "sparkConf": {
                "spark.executor.resource.gpu.amount": str(gpus),
                "spark.executor.resource.gpu.vendor": "nvidia.com",
                "spark.executor.resource.gpu.discoveryScript": "/opt/glm-image-spark/conf/getGpusResources.sh",
                "spark.task.resource.gpu.amount": str(gpus / executor["cores"]),
            }
            if gpus
            else {},
            "driver": {"cores": 2, "memory": "4g", "memoryOverhead": "4g", "serviceAccount": "glm-image", "envFrom": secret},
            "executor": {**executor, "envFrom": secret},
        },
    }


def run(task_id: str, arguments: list[str], executors: int = 8, gpus: int = 1, **more) -> SparkKubernetesOperator:
    return SparkKubernetesOperator(
        task_id=task_id,
        name=f"glm-image-{task_id.replace('_', '-')}",
        kubernetes_conn_id="glm_image_kubernetes",
        namespace=NAMESPACE,
        template_spec=application(arguments, executors, gpus),
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
    validate = run("validate", VALIDATE, executors=2, gpus=0)
    edit = run("edit", EDIT, execution_timeout=timedelta(hours=12))
    counted = counts()
    branch = rows_left(counted)
    follow_up = run("follow_up", EDIT, executors=2, execution_timeout=timedelta(hours=4))
    counted_again = counts.override(task_id="counts_again")()
    nothing_left = EmptyOperator(task_id="nothing_left")

    checked = check_the_night(counted, counted_again)
    flags = flags_left(counted, counted_again)
    edit_flagged = run("edit_flagged", EDIT_FLAGGED, executors=2, execution_timeout=timedelta(hours=4))
    no_flags = EmptyOperator(task_id="no_flags")

    validate >> edit >> counted
    branch >> [follow_up, nothing_left]
    follow_up >> counted_again
    [checked, nothing_left] >> flags
    flags >> [edit_flagged, no_flags]
