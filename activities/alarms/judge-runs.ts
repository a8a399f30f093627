import type { AlarmBook } from '../../core/alarms.js';
import { eventsOfRun, type HookEvent } from '../../core/hooks.js';
import type { RunLedger, RunRecord } from '../../core/run/ledger.js';
import { limits } from '../../core/limits.js';

/**
 * Raises an alarm for each DAG whose run failed, and ends it with a run that succeeds. Each ended run of the ledger is
 * judged once, in the order of the ends; those that became known too late raise nothing. Hooks are told of the same runs,
 * before they count as judged: a process that dies in between tells of them again.
 */
export async function judgeRuns(
  ledger: Pick<RunLedger, 'unjudgedRuns' | 'markJudged'>,
  book: AlarmBook,
  hooks: { offer(events: readonly HookEvent[]): Promise<void> },
): Promise<void> {
  const oldest = new Date(Date.now() - limits.alarmRunMaxAgeMs).toISOString();
  for (const run of await ledger.unjudgedRuns(limits.alarmLookRuns)) {
    if ((run.endedAt ?? '') >= oldest) {
      await judge(run, book);
      await hooks.offer(eventsOfRun(run));
    }
    await ledger.markJudged(run, new Date().toISOString());
  }
}

async function judge(run: RunRecord, book: AlarmBook): Promise<void> {
  const { dagId, workflowId, runId, state, endedAt = run.startedAt } = run;
  if (state === 'success') await book.recover({ dagId, kind: 'run-failed', at: endedAt });
  if (state !== 'failed') return;
  await book.raise({
    dagId,
    kind: 'run-failed',
    at: endedAt,
    occurrence: `${workflowId}/${runId}`,
    message: `DAG "${dagId}": run ${workflowId} failed; "millrace run show ${workflowId}" says why`,
  });
}
