"""Checks the DAGs, and what a night left in Airflow's database. Usage: check_airflow.py FOLDER (of .ci/airflow.sh)."""

import json
import sqlite3
import sys
from pathlib import Path

from airflow.dag_processing.dagbag import DagBag
from airflow.providers.apache.spark.hooks.spark_submit import SparkSubmitHook

work = Path(sys.argv[1])
sys.path.insert(0, str(work / "dags"))  # As Airflow does.


def check_imports():
    bag = DagBag(str(work / "dags"))
    assert bag.import_errors == {}, bag.import_errors
    assert sorted(bag.dags) == ["glm_image_nightly", "glm_image_nightly_kubernetes"], sorted(bag.dags)
    arguments = {}
    for name, dag in bag.dags.items():
        task = dag.get_task("edit")
        if name == "glm_image_nightly":
            arguments[name] = task.application_args
        else:
            arguments[name] = task.template_spec["spec"]["arguments"]
            assert task.template_spec["spec"]["restartPolicy"] == {"type": "Never"}
    assert len({tuple(a) for a in arguments.values()}) == 1, arguments


def check_lost_executor():
    """A line about an executor's process is not the exit code of the application."""
    hook = SparkSubmitHook(conn_id="glm_image_spark")
    hook._is_kubernetes = True
    hook._process_spark_submit_log(
        iter(["Lost executor 1 on host: Container from a bad node. Exit status: 137", "exit code: 137", "done"])
    )
    assert hook._spark_exit_code == 0, hook._spark_exit_code


def check_night():
    database = sqlite3.connect(work / "airflow.db")
    tasks = dict(database.execute("select task_id, state from task_instance").fetchall())
    assert tasks.pop("nothing_left") == "skipped"
    assert set(tasks.values()) == {"success"} and len(tasks) == 7, tasks
    tries = dict(database.execute("select task_id, try_number from task_instance").fetchall())
    assert tries["edit"] == 2 and tries["follow_up"] == 1, tries
    xcom = {
        task: json.loads(json.loads(value)) if isinstance(json.loads(value), str) else json.loads(value)
        for task, value in database.execute(
            "select task_id, value from xcom where key = 'return_value' and task_id like 'counts%'"
        )
    }
    first, second = xcom["counts"], xcom["counts_again"]
    assert (first["rows"], first["ok"], first["failed"]) == (10, 9, 1), first
    assert first["failed_by_class"] == {"IMAGE_INVALID": 1}, first
    assert first["flagged"] == sum(first["flagged_by_flag"].values()), first
    assert first["kept"] < 10, first  # The first attempt was killed before its end.
    assert (second["ok"], second["failed"], second["kept"]) == (9, 1, 9), second
    print("XCom of counts:", json.dumps(first))


check_imports()
check_lost_executor()
check_night()
