import { limits } from '../../core/limits.js';

/**
 * Settings of the development server, as arguments of `temporal server start-dev`. `docs/explanation/latency.md` has the
 * measurements behind each, and says what a self-hosted server can set.
 *
 * Names and defaults: `common/dynamicconfig/constants.go` of Temporal server 1.29.
 */
const dynamicConfig: Readonly<Record<string, number | string | boolean>> = {
  // Each hop of a run (a workflow task or an activity that becomes due) is one read of its shard's transfer queue, of
  // which a shard allows 20 in a second. The development server has one shard for all runs.
  'history.transferProcessorMaxPollRPS': limits.temporalQueueMaxReadsPerSecond,
  // A worker that completes a workflow task receives the next activity in the same answer: one hop fewer.
  'system.enableActivityEagerExecution': true,
  // One process gains nothing from spreading a task queue over four partitions, and forwards between them. Pollers still
  // read all four, so that tasks which an earlier start left there are found.
  'matching.numTaskqueueWritePartitions': 1,
  // A timer, and a retry's wait, becomes due this long after its creation at the earliest (default: a second), which
  // allows for clocks of several hosts that differ.
  'history.timerProcessorMaxTimeShift': `${String(limits.temporalTimerMinMs)}ms`,
};

/** Each commit is a sync of the write-ahead log; the default, a rollback journal, syncs several times. */
const sqlitePragmas: Readonly<Record<string, string>> = { journal_mode: 'wal', synchronous: 'full' };

/** Arguments that every start of the development server on the database file has. */
export function devServerSettings(databasePath: string): string[] {
  return [
    ...['--db-filename', databasePath],
    ...Object.entries(sqlitePragmas).flatMap(([name, value]) => ['--sqlite-pragma', `${name}=${value}`]),
    ...Object.entries(dynamicConfig).flatMap(([name, value]) => [
      '--dynamic-config-value',
      `${name}=${JSON.stringify(value)}`,
    ]),
  ];
}
