"""A Prefect flow that starts a run of Millrace and waits for its end.

Reads the address of the gateway from MILLRACE_URL and the secret of the caller from MILLRACE_TOKEN.
"""

import os
import time

import httpx
from prefect import flow, task
from prefect.runtime import flow_run


def client() -> httpx.Client:
    headers = {"Authorization": f"Bearer {os.environ['MILLRACE_TOKEN']}"}
    return httpx.Client(base_url=os.environ["MILLRACE_URL"], headers=headers, timeout=30)


@task(retries=5, retry_delay_seconds=10)
def start(dag: str, run_id: str, params: dict) -> str:
    """A retry finds the run of this name and starts no other one."""
    with client() as millrace:
        answer = millrace.post(
            f"/api/dags/{dag}/runs", headers={"Idempotency-Key": run_id}, json={"params": params}
        )
    answer.raise_for_status()
    return answer.json()["runId"]


@task(retries=5, retry_delay_seconds=10)
def wait_for_end(dag: str, run_id: str, every_seconds: float) -> dict:
    with client() as millrace:
        while True:
            answer = millrace.get(f"/api/dags/{dag}/runs/{run_id}")
            answer.raise_for_status()
            run = answer.json()
            if run["state"] != "running":
                return run
            time.sleep(every_seconds)


@flow
def millrace_run(dag: str = "shop-orders", params: dict | None = None, every_seconds: float = 10) -> dict:
    """The id of Prefect's flow run names the run of Millrace."""
    run_id = start(dag, str(flow_run.id), params or {})
    run = wait_for_end(dag, run_id, every_seconds)
    if run["state"] != "success":
        raise RuntimeError(f"the run of Millrace ended as {run['state']}: {run}")
    return run


if __name__ == "__main__":
    print(millrace_run())
