import { readFile } from 'node:fs/promises';
import type { ReadContext, ReadRequest } from '../../connectors/source.js';
import type { ReconcileRequest } from '../../core/reconcile/reconcile.js';
import type { CheckTask, TransformTask } from '../../core/dag/dag-spec.js';
import type { JsonValue } from '../../core/json.js';
import type { StagedFile } from '../../core/loading/manifest.js';
import type { ActivityDeps, StageIo } from '../deps.js';

/** What a source is asked for when it computes checksums: all of the stream. */
export async function sourceRequest(
  deps: ActivityDeps,
  { dagId, extract }: ReconcileRequest,
): Promise<ReadRequest> {
  const { from, cursor } = extract.config;
  const connection = await deps.connection(from.connection);
  return {
    stream: from.stream,
    options: from.options,
    connection: connection.options,
    ...(connection.credentials !== undefined && { credentials: connection.credentials }),
    ...(cursor !== undefined && { cursorPath: cursor.path }),
    lagMs: 0,
    waitMs: 0,
    reader: `reconcile ${dagId}`,
  };
}

export function checksumContext(deps: ActivityDeps, io: StageIo): ReadContext {
  return {
    signal: io.signal,
    staging: deps.staging,
    heartbeat: (details?: JsonValue) => {
      io.heartbeat(details);
    },
  };
}

/** The names that a column had before the transforms renamed it, newest first. */
export function sourceNames(name: string, transforms: readonly (TransformTask | CheckTask)[]): string[] {
  const names = [name];
  for (const task of [...transforms].reverse()) {
    if (task.kind === 'check') continue;
    const before = Object.entries(task.config.rename ?? {}).find(([, after]) => after === names.at(-1))?.[0];
    if (before !== undefined) names.push(before);
  }
  return names;
}

/** Lines of a small staged file. */
export async function stagedLines(deps: Pick<ActivityDeps, 'staging'>, file: StagedFile): Promise<string[]> {
  const text = await readFile(await deps.staging.localPath(file), 'utf8');
  return text.split('\n').filter((line) => line !== '');
}
