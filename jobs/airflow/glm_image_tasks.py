"""What the DAGs of this folder share: names, arguments of the job, counts, branches, alerts.

Copy all files of this folder into the DAG folder of Airflow (3.1 or later).
"""

from __future__ import annotations

import json
import logging
import os
import urllib.request
from datetime import timedelta

from airflow.sdk import (
    BaseHook,
    ObjectStoragePath,
    Variable,
    task,
)
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

log = logging.getLogger(__name__)

STORAGE = "glm_image_storage"  # connection: storage of the results, if not a local or mounted folder
ALERTS = "glm_image_alerts"  # connection: a webhook that takes {"text": ...}; optional

# The night that a run belongs to: the parameter "date", else the logical date, else the day of the trigger.
NIGHT = "{{ params.date or ((dag_run.logical_date or dag_run.run_after) | ds) }}"


def per_night(variable: str) -> str:
    """A variable such as s3a://bucket/manifests/{date}.parquet, with the date of the night."""
    return "{{ var.value.%s.replace('{date}', %s) }}" % (variable, NIGHT[2:-2].strip())


MANIFEST = per_night("glm_image_manifest")
OUTPUT = per_night("glm_image_output")
MODEL = "{{ var.value.glm_image_model }}"
MAX_FAILED = "{{ var.value.get('glm_image_max_failed_ratio', '0.1') }}"

FLAGGED_OUTPUT = "{{ var.value.get('glm_image_flagged_output', '').replace('{date}', %s) }}" % NIGHT[2:-2].strip()

# Bad rows leave the task green: the branch deals with them. A manifest or model that cannot be used fails it.
VALIDATE = ["validate", "--manifest", MANIFEST, "--model", MODEL, "--failed-rows-exit-code", "0"]

# The same command is safe to repeat: it edits what is missing, and tries failed rows again.
EDIT = [
    "edit",
    "--manifest",
    MANIFEST,
    "--output",
    OUTPUT,
    "--model",
    MODEL,
    "--steps",
    "{{ var.value.get('glm_image_steps', '50') }}",
    "--failed-rows-exit-code",
    "0",
    "--max-failed-ratio",
    MAX_FAILED,
    "--retry-flagged",
    "{{ var.value.get('glm_image_retry_flagged', '0') }}",
]

# Flagged edited images once more, with another seed, into a folder of their own.
EDIT_FLAGGED = [
    "edit",
    "--manifest",
    OUTPUT,
    "--result-rows",
    "flagged",
    "--output",
    FLAGGED_OUTPUT,
    "--model",
    MODEL,
    "--steps",
    "{{ var.value.get('glm_image_steps', '50') }}",
    "--seed",
    "1",
    "--failed-rows-exit-code",
    "0",
]


def alert(context) -> None:
    """Says which task failed."""
    ti = context["task_instance"]
    # Airflow knows no exception of a task whose process has not come back.
    reason = context.get("exception") or "its process did not start or was lost, see the log of the scheduler"
    send(f"{ti.dag_id}.{ti.task_id} of {context['run_id']} failed: {reason}")


def send(text: str) -> None:
    """Writes to the log, and to the webhook of the connection glm_image_alerts if there is one."""
    log.error(text)
    try:
        webhook = BaseHook.get_connection(ALERTS)
    except AirflowNotFoundException:
        return
    url = webhook.password or webhook.host
    request = urllib.request.Request(
        url, json.dumps({"text": text}).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=30).close()


# A night that takes longer fails, and says so.
LONGEST = timedelta(hours=20)


def night_failed(context) -> None:
    """Says that a night has failed, or has taken too long."""
    run = context["dag_run"]
    send(f"{run.dag_id} of {run.run_id} has failed, or has taken more than {LONGEST}")


# A retry resumes. The delay is longer than the job's --lock-timeout, so a dead run's lock is free.
# Backfills do not keep the DAG's max_active_runs, so edit has the GPUs for itself by a limit of its own.
DEFAULT_ARGS = {
    "max_active_tis_per_dag": 1,
    "retries": 2,
    "retry_delay": timedelta(seconds=int(os.environ.get("GLM_IMAGE_RETRY_SECONDS", "300"))),
    "on_failure_callback": alert,
}


def stored(path: str) -> ObjectStoragePath:
    """A path as Hadoop writes it (file:/x, s3a://bucket/x) for Airflow."""
    if path.startswith("file:"):
        return ObjectStoragePath("file://" + path[len("file:") :].removeprefix("//"))
    if "://" in path:
        return ObjectStoragePath(path.replace("s3a://", "s3://", 1), conn_id=STORAGE)
    return ObjectStoragePath("file://" + path)


def output_of(context) -> str:
    """The output folder of the night."""
    run = context["dag_run"]
    date = context["params"]["date"] or (run.logical_date or run.run_after).strftime("%Y-%m-%d")
    return Variable.get("glm_image_output").replace("{date}", date)


@task
def counts(**context) -> dict:
    """The counts of the last run, from summary.json and metrics.json, as an XCom."""
    output = stored(output_of(context))
    summary = json.loads((output / "summary.json").read_text())
    metrics = json.loads((output / "metrics.json").read_text())
    return {
        "rows": summary["rows"],
        "ok": summary["ok"],
        "failed": summary["failed"],
        "kept": summary["kept"],
        "failed_by_class": summary["failed_by_class"],
        "flagged": sum(summary["flagged"].values()),
        "flagged_by_flag": summary["flagged"],
        "seconds": metrics["seconds"],
        "rows_per_second": metrics["rows_per_second"],
        "results": summary["results"],
    }


def has_rows_to_repeat(counted: dict) -> bool:
    return counted["failed"] > 0


@task.branch
def rows_left(counted: dict) -> str:
    """The follow-up run if rows have failed, otherwise the end."""
    return "follow_up" if has_rows_to_repeat(counted) else "nothing_left"


@task.branch(trigger_rule="none_failed_min_one_success")
def flags_left(first: dict, second: dict | None) -> str:
    """The chain for flagged rows if there are any and the variable glm_image_flagged_output says where to."""
    flagged = (second or first)["flagged"]
    return "edit_flagged" if flagged and Variable.get("glm_image_flagged_output", "") else "no_flags"


@task
def check_the_night(first: dict, second: dict) -> dict:
    """Turns red, without a retry, if more rows than allowed have no edited image: then a person must act."""
    allowed = float(Variable.get("glm_image_max_failed_ratio", "0.1"))
    log.info("After the first run %s, after the follow-up %s", first, second)
    if second["failed"] > allowed * second["rows"]:
        raise AirflowFailException(
            f"{second['failed']} of {second['rows']} rows failed: {second['failed_by_class']};"
            f" see report.html beside {second['results']}"
        )
    return second
