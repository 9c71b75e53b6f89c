"""Checks the DAGs, and what a night left in Airflow's database, and runs the commands of the page on it.

Usage: check_airflow.py FOLDER PAGE (FOLDER of .ci/airflow.sh)
"""

import json
import os
import re
import shlex
import sqlite3
import sys
import threading
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import yaml
from airflow.cli import cli_parser
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.apache.spark.hooks.spark_submit import SparkSubmitHook
from airflow.sdk.execution_time.context import VariableAccessor

work, page = Path(sys.argv[1]), Path(sys.argv[2])
sys.path.insert(0, str(work / "dags"))  # As Airflow does.


def check_imports():
    bag = DagBag(str(work / "dags"))
    assert bag.import_errors == {}, bag.import_errors
    assert sorted(bag.dags) == ["glm_image_nightly", "glm_image_nightly_kubernetes"], sorted(bag.dags)
    for dag in bag.dags.values():
        for name in ("validate", "edit", "follow_up", "edit_flagged"):
            assert dag.get_task(name).execution_timeout, (dag.dag_id, name)
    arguments = bag.dags["glm_image_nightly"].get_task("edit").application_args
    spec = bag.dags["glm_image_nightly_kubernetes"].get_task("edit").template_spec["spec"]
    # Only Kubernetes mounts a folder of the node for the weights.
    assert spec["arguments"] == [*arguments, "--weights-cache", "/var/cache/glm-image"], spec
    assert spec["restartPolicy"] == {"type": "Never"}, spec


def check_rendering():
    """The templates of both DAGs can be rendered, and Kubernetes gets what the repository's own application has."""
    night = datetime(2026, 1, 5, 22, tzinfo=timezone.utc)
    os.environ["AIRFLOW_VAR_GLM_IMAGE_IMAGE"] = "registry.example.com/glm-image-spark:1"
    rendered = {}
    for dag in DagBag(str(work / "dags")).dags.values():
        context = {
            "params": {"date": ""},
            "run_id": "r1",
            "dag_run": SimpleNamespace(logical_date=night, run_after=night),
            "var": {"value": VariableAccessor(deserialize_json=False)},
        }
        for name in ("validate", "edit", "follow_up", "edit_flagged"):
            task = dag.get_task(name)
            for field in task.template_fields:
                value = task.render_template(getattr(task, field), context, dag.get_template_env())
                assert "{{" not in str(value), (name, field, value)
                rendered[dag.dag_id, name, field] = value
    spec = rendered["glm_image_nightly_kubernetes", "edit", "template_spec"]["spec"]
    assert f"{work}/2026-01-05/edited" in spec["arguments"], spec
    assert spec["arguments"][:-2] == rendered["glm_image_nightly", "edit", "application_args"], spec
    manifest = page.parents[3] / "jobs" / "kubernetes" / "spark-application.yaml"
    ours = yaml.safe_load(manifest.read_text())["spec"]
    for key in ("type", "mode", "mainClass", "sparkVersion", "sparkConf", "volumes", "driver"):
        assert spec[key] == ours[key], (key, spec[key])
    assert f"--weights-cache={spec['arguments'][-1]}" in ours["arguments"], spec
    for name in ("edit", "follow_up", "edit_flagged"):
        executor = rendered["glm_image_nightly_kubernetes", name, "template_spec"]["spec"]["executor"]
        assert {**executor, "instances": ours["executor"]["instances"]} == ours["executor"], (name, executor)
    # validate loads no model, so it asks for no GPU and little memory, and runs on any node.
    small = rendered["glm_image_nightly_kubernetes", "validate", "template_spec"]["spec"]
    assert not [name for name in small["sparkConf"] if ".gpu." in name], small
    assert small["sparkConf"].items() <= ours["sparkConf"].items(), small
    assert (small["executor"]["memory"], small["executor"]["memoryOverhead"]) == ("4g", "2g"), small
    assert "tolerations" not in small["executor"] and "--weights-cache" not in small["arguments"], small


def check_lost_executor():
    """A line about an executor's process is not the exit code of the application."""
    hook = SparkSubmitHook(conn_id="glm_image_spark")
    hook._is_kubernetes = True
    hook._process_spark_submit_log(
        iter(["Lost executor 1 on host: Container from a bad node. Exit status: 137", "exit code: 137", "done"])
    )
    assert hook._spark_exit_code == 0, hook._spark_exit_code


def check_alerts():
    """A failed task and a failed night reach the webhook."""
    import glm_image_tasks

    received = []

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Webhook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/hook"
    os.environ["AIRFLOW_CONN_GLM_IMAGE_ALERTS"] = json.dumps({"conn_type": "http", "password": url})
    run = SimpleNamespace(dag_id="glm_image_nightly", run_id="r1")
    task = SimpleNamespace(dag_id="glm_image_nightly", task_id="edit")
    glm_image_tasks.alert({"task_instance": task, "run_id": "r1", "exception": "exit code 3"})
    glm_image_tasks.night_failed({"dag_run": run})
    glm_image_tasks.alert({"task_instance": task, "run_id": "r2", "exception": None})
    server.shutdown()
    assert received[0] == "glm_image_nightly.edit of r1 failed: exit code 3", received
    assert received[1].startswith("glm_image_nightly of r1 has failed, or has taken more than 20:00:00"), received
    assert received[2].startswith("glm_image_nightly.edit of r2 failed: its process did not start"), received
    bag = DagBag(str(work / "dags"))
    for dag in bag.dags.values():
        assert dag.dagrun_timeout == glm_image_tasks.LONGEST and dag.on_failure_callback, dag
        assert all(t.on_failure_callback for t in dag.tasks), dag


# .ci/airflow.sh runs the night; it has connections and variables in the environment.
RUN_ELSEWHERE = ("airflow dags test ", "airflow variables ", "airflow db migrate", "airflow standalone")


def check_commands():
    """The page's commands work as written. No scheduler runs, so they only change the database."""
    text = re.sub(r"\\\n *", "", page.read_text())
    commands = re.findall(r"^ *(airflow .*)$", text, re.MULTILINE) + re.findall(r"`(airflow [^`]*)`", text)
    parser = cli_parser.get_parser()
    ran = []
    for command in commands:
        arguments = parser.parse_args(shlex.split(command)[1:])
        if not command.startswith(RUN_ELSEWHERE):
            ran.append(" ".join(shlex.split(command)[1:3]))
            print(command, flush=True)
            arguments.func(arguments)
    for name in ("tasks clear", "backfill create", "dags trigger", "dags unpause", "connections add"):
        assert name in ran, ran
    database = sqlite3.connect(work / "airflow.db")
    runs = dict(database.execute("select substr(logical_date, 1, 16), run_type from dag_run").fetchall())
    nights = {f"2026-01-0{day} 22:00": "backfill" for day in range(1, 5)}
    assert runs == {"2026-01-05 00:00": "manual", "2026-01-06 00:00": "manual", **nights}, runs
    night = "from task_instance t join dag_run r using (dag_id, run_id) where r.logical_date like '2026-01-05%'"
    states = dict(database.execute(f"select task_id, t.state {night}").fetchall())
    # edit and the tasks after it are to be run again.
    assert states.pop("validate") == "success" and not any(states.values()), states
    assert database.execute(f"select distinct r.state {night}").fetchall() == [("queued",)]


def check_lineage():
    """The data sets that OpenLineage's listener for Spark sees."""
    inputs, outputs = set(), set()
    for line in (work / "lineage.jsonl").read_text().splitlines():
        event = json.loads(line)
        inputs.update(d["namespace"] + ":" + d["name"] for d in event.get("inputs", []))
        outputs.update(d["namespace"] + ":" + d["name"] for d in event.get("outputs", []))
    print("OpenLineage inputs:", sorted(inputs))
    print("OpenLineage outputs:", sorted(outputs))
    night = str(work / "2026-01-05")
    assert any(name.startswith(f"file:{night}/manifest.parquet") for name in inputs), inputs
    assert {f"file:{night}/edited/results", f"file:{night}/edited/failed-rows"} <= outputs, outputs


def check_night():
    database = sqlite3.connect(work / "airflow.db")
    tasks = dict(database.execute("select task_id, state from task_instance").fetchall())
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
    # The first attempt was killed; the second one kept what it had saved.
    assert 0 < first["kept"] < 10, first
    assert tasks.pop("nothing_left") == "skipped" and tasks.pop("no_flags") == "skipped", tasks
    assert set(tasks.values()) == {"success"} and len(tasks) == 9, tasks
    assert second["flagged"] > 0, second
    flagged = json.loads((work / "2026-01-05" / "flagged" / "summary.json").read_text())
    assert flagged["rows"] == second["flagged"], flagged
    assert (second["ok"], second["failed"], second["kept"]) == (9, 1, 9), second
    print("XCom of counts:", json.dumps(first))


check_imports()
check_rendering()
check_lost_executor()
check_alerts()
check_lineage()
check_night()
check_commands()
