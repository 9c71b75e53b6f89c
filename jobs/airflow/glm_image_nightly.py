"""Edits the manifest of each night with spark-submit.

    validate -> edit -> counts -> rows_left -+-> follow_up -> counts_again -> check_the_night -+-> flags_left -+-> edit_flagged
                                             +-> nothing_left ---------------------------------+               +-> no_flags

Connections: glm_image_spark (type Spark: master, deploy mode), glm_image_storage (where the results are,
unless they are in a local or mounted folder), glm_image_alerts (webhook, optional).

Variables: glm_image_jar, glm_image_manifest and glm_image_output (paths with {date}), glm_image_model;
optional: glm_image_flagged_output (a path with {date}), glm_image_steps, glm_image_max_failed_ratio, glm_image_retry_flagged, glm_image_properties_file (settings of Spark on the
worker's disk: a profile of conf/ for GPUs, and credentials, which must not be on a command line).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
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


def run(task_id: str, arguments: list[str], **more) -> SparkSubmitOperator:
    return SparkSubmitOperator(
        task_id=task_id,
        conn_id="glm_image_spark",
        application="{{ var.value.glm_image_jar }}",
        java_class="io.glmimage.job.EditImagesJob",
        application_args=arguments,
        name=f"glm-image {task_id} {{{{ run_id }}}}",
        properties_file="{{ var.value.get('glm_image_properties_file', '') }}",
        **more,
    )


with DAG(
    "glm_image_nightly",
    description="Edits the manifest of each night",
    schedule="0 22 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,  # nights that were missed: airflow backfill create --max-active-runs 1
    max_active_runs=1,  # a run has the GPUs for itself
    dagrun_timeout=LONGEST,
    on_failure_callback=night_failed,
    default_args=DEFAULT_ARGS,
    params={"date": Param("", type="string", description="Night to edit; default: the logical date")},
    tags=["glm-image"],
    doc_md=__doc__,
) as dag:
    validate = run("validate", VALIDATE, execution_timeout=timedelta(hours=1))
    edit = run("edit", EDIT, execution_timeout=timedelta(hours=12))
    counted = counts()
    branch = rows_left(counted)
    follow_up = run("follow_up", EDIT, execution_timeout=timedelta(hours=4))
    counted_again = counts.override(task_id="counts_again")()
    nothing_left = EmptyOperator(task_id="nothing_left")

    checked = check_the_night(counted, counted_again)
    flags = flags_left(counted, counted_again)
    edit_flagged = run("edit_flagged", EDIT_FLAGGED, execution_timeout=timedelta(hours=4))
    no_flags = EmptyOperator(task_id="no_flags")

    validate >> edit >> counted
    branch >> [follow_up, nothing_left]
    follow_up >> counted_again
    [checked, nothing_left] >> flags
    flags >> [edit_flagged, no_flags]
