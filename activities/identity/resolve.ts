import type { IdentityRequest, IdentitySplit, IdentitySplitOutcome } from '../../core/activities.js';
import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { identityTables, type IdentityConfig, type IdentityOutcome } from '../../core/identity/spec.js';
import type { JsonObject } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import type { ActivityDeps, Stage, StageIo } from '../deps.js';
import { GraphStore } from './graph-store.js';
import { shortHash } from './identifier.js';
import { observe } from './observe.js';
import { readStoredGraph } from './read-state.js';
import { instant } from './rows.js';
import { resolveSlices } from './slices.js';
import { Spool } from './spool.js';
import type { IdentityTable } from './tables.js';
import { identityFence, writeTable, type IdentityWriter } from './write-table.js';

type Deps = Pick<ActivityDeps, 'staging' | 'stagedSql' | 'warehouse'>;
type Resolved = IdentityOutcome & { readonly split?: IdentitySplitOutcome };

/**
 * The identity stage: reads what the tables of the warehouse say of identifiers, resolves who is one person, and writes what
 * is new of it. It reads everything each time, so that a repeat, late rows or a try that was cut off change nothing that
 * they need not. With `split` it takes a merge back first.
 *
 * @throws PipelineError IDENTITY_INVALID, IDENTITY_TOO_LARGE, IDENTITY_NOT_FOUND, DISK_FULL, WAREHOUSE_*
 */
export function createResolveIdentity(deps: Deps): Stage<IdentityRequest, Resolved> {
  return async (request, io) => {
    for (let turn = 1; ; turn += 1) {
      try {
        return await resolveOnce(deps, request, io);
      } catch (error) {
        if (!isPipelineError(error) || error.code !== 'STALE_FENCE') throw error;
        if (turn >= limits.identityMaxTries)
          throw new PipelineError(
            'WAREHOUSE_CONFLICT',
            { table: identityTables(request.task.config).identifiers },
            { cause: error },
          );
        io.log.info('another resolve of this graph began meanwhile; this one begins again');
      }
    }
  };
}

async function resolveOnce(deps: Deps, request: IdentityRequest, io: StageIo): Promise<Resolved> {
  const spools = { identifiers: new Spool(deps.staging), links: new Spool(deps.staging) };
  const further = { merges: new Spool(deps.staging), splits: new Spool(deps.staging) };
  const all = { ...spools, ...further };
  try {
    return await resolveInto(deps, request, io, all);
  } finally {
    for (const spool of Object.values(all)) await spool.remove();
  }
}

async function resolveInto(
  deps: Deps,
  request: IdentityRequest,
  io: StageIo,
  spools: Readonly<Record<IdentityTable, Spool>>,
): Promise<Resolved> {
  const { context, task, split } = request;
  const { config } = task;
  const where = `${context.dagId}/${task.id}`;
  const { warehouse } = deps;
  const isDry = split?.dryRun === true;
  // Claimed before anything is read: whoever begins later makes the loads of this resolve stop.
  const fences = isDry ? noFences : await claimFences(deps, config);
  const writer: IdentityWriter = { deps, io, context, taskId: task.id, config, fences };
  const graph = new GraphStore(where);
  const stored = await readStoredGraph(warehouse, config, where, graph);
  const revision = stored.revision + 1;
  const splits = new Set(stored.splits);
  let changedRows = 0;
  if (split !== undefined) {
    assertMerge(graph, split);
    if (!isDry && !splits.has(split.mergeId)) {
      await spools.splits.add([splitRow(request, split, revision)]);
      changedRows += await writeTable(writer, 'splits', spools.splits);
    }
    splits.add(split.mergeId);
  }
  await observe(warehouse, config, where, io, graph);
  const rules = {
    limits: config.identifiers.map(({ limit }) => limit),
    ...{ splits, revision, hash: shortHash, isTaken: (key: string) => graph.has(key) },
  };
  const merged = { at: instant(context.startedAt), runId: context.workflowId };
  const totals = await resolveSlices({
    ...{ graph, config, rules, spools },
    mergedAt: (mergeId) => stored.mergedAt.get(mergeId) ?? merged,
    onSlice: () => {
      io.signal.throwIfAborted();
      io.heartbeat(where);
    },
  });
  // Merges before identifiers: a key that no identifier has any more resolves from the first moment on.
  if (!isDry) {
    const gone = graph.gone();
    const goneLinks = gone.links.map(([left, right]) => ({ left_id: left, right_id: right, revision }));
    const goneIdentifiers = gone.identifiers.map((id) => ({ identifier_id: id, revision }));
    changedRows += await writeTable(writer, 'links', spools.links, goneLinks);
    changedRows += await writeTable(writer, 'merges', spools.merges);
    changedRows += await writeTable(writer, 'identifiers', spools.identifiers, goneIdentifiers);
  }
  const { movedIdentifiers, ...outcome } = totals;
  return {
    ...outcome,
    blockedValues: graph.blocked.size,
    changedRows,
    ...(split === undefined
      ? {}
      : {
          split: splitOutcome(graph, split, { movedIdentifiers, wasSplit: stored.splits.has(split.mergeId) }),
        }),
  };
}

const noFences: Readonly<Record<IdentityTable, number>> = { identifiers: 0, links: 0, merges: 0, splits: 0 };

async function claimFences(deps: Deps, config: IdentityConfig): Promise<Record<IdentityTable, number>> {
  const tables = identityTables(config);
  const fences = { ...noFences };
  for (const table of ['splits', 'links', 'merges', 'identifiers'] as const)
    fences[table] = await deps.warehouse.claimFence(tables[table], identityFence);
  return fences;
}

/** @throws PipelineError IDENTITY_NOT_FOUND */
function assertMerge({ merges }: GraphStore, { mergeId }: IdentitySplit): void {
  if (merges.some((merge) => merge.mergeId === mergeId)) return;
  throw new PipelineError('IDENTITY_NOT_FOUND', {
    what: `merge "${mergeId}"`,
    hint: 'See "millrace identity merges".',
  });
}

function splitRow({ context }: IdentityRequest, split: IdentitySplit, revision: number): JsonObject {
  return {
    merge_id: split.mergeId,
    reason: split.reason,
    split_by: split.by,
    split_at: instant(context.startedAt),
    run_id: context.workflowId,
    revision,
  };
}

function splitOutcome(
  { merges }: GraphStore,
  { mergeId, dryRun }: IdentitySplit,
  found: Pick<IdentitySplitOutcome, 'movedIdentifiers' | 'wasSplit'>,
): IdentitySplitOutcome {
  const merge = merges.find((one) => one.mergeId === mergeId);
  return {
    mergeId,
    keptKey: merge?.keptKey ?? '',
    mergedKey: merge?.mergedKey ?? '',
    cutLinks: merge?.links.length ?? 0,
    ...found,
    dryRun,
  };
}
