"""An Airflow DAG (3.x): every night at 2:15 UTC what is new in the landing folder of /srv/finner.

The task's log has the program's log, and as its last line the summary, which is the task's return value too. Exit code
4 (another run is at work) skips the task; any other but 0 fails it and it is tried again: a run that was killed goes on
where it stopped, and one in which documents failed (3) then finds nothing new and is done.
"""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

COMMAND = "cd /srv/finner && exec .venv/bin/finner-batch run --config jobs/nightly.toml"

with DAG(
    dag_id="finner_batch_nightly",
    description="Reads new EDGAR filings into /srv/finner/results",
    schedule="15 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
) as dag:
    BashOperator(task_id="run", bash_command=COMMAND, skip_on_exit_code=4)
