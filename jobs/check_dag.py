"""Loads `airflow_dag.py` as Airflow's own scheduler does, and says what it found. Exit code 1 where it cannot.

python3 -m venv airflow && airflow/bin/pip install apache-airflow apache-airflow-providers-standard
airflow/bin/python jobs/check_dag.py
"""

import sys
from pathlib import Path

from airflow.dag_processing.dagbag import DagBag

bag = DagBag(str(Path(__file__).with_name("airflow_dag.py")))
for file, error in bag.import_errors.items():
    print(f"{file}: {error}", file=sys.stderr)
if bag.import_errors or list(bag.dags) != ["finner_batch_nightly"]:
    sys.exit(1)
dag = bag.dags["finner_batch_nightly"]
print(f"{dag.dag_id}: {dag.schedule}, tasks {', '.join(dag.task_ids)}, one run at a time: {dag.max_active_runs == 1}")
