import type { Activities } from '../core/activities.js';
import { expandInstances } from '../core/run/expand.js';
import type { JsonValue } from '../core/json.js';
import type { SnapshotEntry } from '../core/run/run-snapshot.js';
import type { ActivityDeps, Stage } from './deps.js';
import { parkValues } from './values.js';

type StageOf<Name extends keyof Activities> = Stage<
  Parameters<Activities[Name]>[0],
  Awaited<ReturnType<Activities[Name]>>
>;

/** Stores the instances of a mapped task. @throws PipelineError MAPPING_INVALID, LIMIT_EXCEEDED, STAGING_*, DISK_FULL */
export function createExpandMapping({ values, staging }: ActivityDeps): StageOf<'expandMapping'> {
  return async ({ taskId, expand, inputs }) => {
    const resolved = new Map<string, JsonValue>();
    for (const [id, input] of Object.entries(inputs)) resolved.set(id, await values.resolve(input));
    const instances = expandInstances(taskId, expand, (id) => resolved.get(id) ?? null);
    return { count: instances.length, file: await parkValues(staging, instances) };
  };
}

/** Stores results and snapshot entries. @throws PipelineError DISK_FULL */
export function createPark({ staging }: ActivityDeps): StageOf<'park'> {
  return ({ values }) => parkValues(staging, values);
}

/** Reads back what `park` stored of a snapshot. @throws PipelineError STAGING_* */
export function createReadSnapshot({ values }: ActivityDeps): StageOf<'readSnapshot'> {
  return async ({ file }) => (await values.lines(file)) as unknown as readonly SnapshotEntry[];
}
