"""An Airflow DAG that starts a run of Millrace and waits for its end.

Needs `apache-airflow-providers-http`, and a connection "millrace" of the type HTTP: as host the address of the gateway,
as password the secret of the caller.
"""

from airflow.providers.http.operators.http import HttpOperator
from airflow.providers.http.sensors.http import HttpSensor
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

MILLRACE_DAG = "shop-orders"


def has_succeeded(response):
    """True at the end of the run, False while it runs; a run that failed is not waited for again."""
    state = response.json()["state"]
    if state in ("failed", "cancelled"):
        raise AirflowFailException(f"the run of Millrace ended as {state}: {response.text}")
    return state == "success"


with DAG("millrace_run", schedule=None, catchup=False):
    # The name of Airflow's run names that of Millrace: a retry of this task finds the run and starts no other one.
    start = HttpOperator(
        task_id="start",
        http_conn_id="millrace",
        endpoint=f"/api/dags/{MILLRACE_DAG}/runs",
        headers={"Content-Type": "application/json", "Idempotency-Key": "{{ run_id }}"},
        data='{"params": {{ params | tojson }}}',
        retries=5,
    )
    # Between two looks the task holds no slot of a worker.
    end = HttpSensor(
        task_id="end",
        http_conn_id="millrace",
        endpoint=f"/api/dags/{MILLRACE_DAG}/runs/" + "{{ run_id }}",
        response_check=has_succeeded,
        response_error_codes_allowlist=["429", "503"],
        mode="reschedule",
        poke_interval=10,
        timeout=6 * 60 * 60,
    )
    start >> end
