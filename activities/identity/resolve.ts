import { setTimeout as sleep } from 'node:timers/promises';
import type { IdentityRequest, IdentitySplit, IdentitySplitOutcome } from '../../core/activities.js';
import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import {
  identityTables,
  type IdentityConfig,
  type IdentityOutcome,
  type IdentitySource,
} from '../../core/identity/spec.js';
import type { JsonObject } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import type { ActivityDeps, Stage, StageIo } from '../deps.js';
import { GraphStore } from './graph-store.js';
import { shortHash } from './identifier.js';
import { observe, presentSources } from './observe.js';
import { newLoads, readProgress, type GraphNote, type Progress } from './progress.js';
import { componentsOf, partsOf, readStoredGraph, type StoredGraph } from './read-state.js';
import { instant } from './rows.js';
import { addSizes, resolveSlices, type GraphSize, type ResolveTotals } from './slices.js';
import type { IdentityTable } from './tables.js';
import { spoolsIn, writeGraph } from './write-graph.js';
import { identityFence, type IdentityWriter } from './write-table.js';

type Deps = Pick<ActivityDeps, 'staging' | 'stagedSql' | 'warehouse'>;
type Resolved = IdentityOutcome & { readonly split?: IdentitySplitOutcome };

/**
 * The identity stage: reads what the tables of the warehouse say of identifiers, resolves who is one person, and writes what
 * is new of it. It reads the rows that were loaded since the last resolve, and of the graph what has to do with them; everything
 * where it cannot tell, and with `full`. Both give the same. With `split` it takes a merge back first.
 *
 * @throws PipelineError IDENTITY_INVALID, IDENTITY_TOO_LARGE, IDENTITY_NOT_FOUND, DISK_FULL, WAREHOUSE_*
 */
export function createResolveIdentity(deps: Deps): Stage<IdentityRequest, Resolved> {
  return async (request, io) => {
    for (let turn = 1; ; turn += 1) {
      const startedAt = performance.now();
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
        // Long enough for the other to end, and never as long as the other waits: two would overtake each other again and again.
        await sleep((performance.now() - startedAt) * (1 + Math.random()), undefined, { signal: io.signal });
      }
    }
  };
}

async function resolveOnce(deps: Deps, request: IdentityRequest, io: StageIo): Promise<Resolved> {
  const { context, task, split, full = false } = request;
  const { config } = task;
  const where = `${context.dagId}/${task.id}`;
  const { warehouse } = deps;
  // Claimed before anything is read: whoever begins later makes the loads of this resolve stop.
  const fences = split?.dryRun === true ? noFences : await claimFences(deps, config);
  const writer: IdentityWriter = { deps, io, context, taskId: task.id, config, fences };
  const progress = await readProgress(warehouse, config);
  const sources = await presentSources(warehouse, config, where, io);
  const loads = new Map<string, readonly string[]>();
  let isKnown = true;
  for (const { table } of sources) {
    // Looked at before the rows: a load that comes in between is read again the next time.
    const ids = await newLoads(warehouse, config, table);
    if (ids === undefined) isKnown = false;
    else loads.set(table, ids);
  }
  const found = { writer, request, where, sources, loads, progress };
  const { note } = progress;
  const part = note !== undefined && isKnown && !full ? await resolvePart(found, note) : undefined;
  return part ?? resolveAll(found);
}

/** What a resolve knows before it reads identifiers. */
interface Found {
  readonly writer: IdentityWriter;
  readonly request: IdentityRequest;
  readonly where: string;
  readonly sources: readonly IdentitySource[];
  /** By source: loads that no resolve has read. */
  readonly loads: ReadonlyMap<string, readonly string[]>;
  readonly progress: Progress;
}

/** Resolves what the new rows touch; `undefined` where that is not enough to give what a resolve of everything gives. */
async function resolvePart(found: Found, note: GraphNote): Promise<Resolved | undefined> {
  const { writer, request, where, loads } = found;
  const { deps, config, io } = writer;
  const graph = new GraphStore(where);
  const sources = found.sources.filter(({ table }) => (loads.get(table)?.length ?? 0) > 0);
  await observe(deps.warehouse, config, { sources, isNew: true, task: where }, io, graph);
  const ids = [...graph.ids()];
  const absent = new Set(note.absent);
  // An identifier that comes back may have a key of its own, or a split.
  if (note.absent === null || ids.some((id) => absent.has(id))) return undefined;
  const within = { column: 'identifier_id', values: ids };
  const components = new Set(await componentsOf(deps.warehouse, config, 'identifiers', within));
  if (request.split !== undefined) {
    const merge = { column: 'merge_id', values: [request.split.mergeId] };
    for (const component of await componentsOf(deps.warehouse, config, 'merges', merge))
      components.add(component);
  }
  const stored = await readStoredGraph(deps.warehouse, config, where, graph, [...components]);
  return settle(found, graph, stored, async ({ before, after, newKeys }) => {
    for (const [table, column] of keyColumns) {
      const name = identityTables(config)[table];
      if ((await deps.warehouse.tableColumns(name)) === undefined) continue;
      for (const values of partsOf(newKeys))
        if ((await deps.warehouse.existingValues(name, column, values)).length > 0) return undefined;
    }
    return { size: addSizes(addSizes(note.size, before, -1), after), absent: note.absent };
  });
}

/** Where a key may be that was ever given out. */
const keyColumns = [
  ['identifiers', 'person_key'],
  ['merges', 'merged_key'],
  ['merges', 'kept_key'],
] as const;

async function resolveAll(found: Found): Promise<Resolved> {
  const { writer, where, sources } = found;
  const { deps, config, io } = writer;
  const graph = new GraphStore(where);
  const stored = await readStoredGraph(deps.warehouse, config, where, graph);
  await observe(deps.warehouse, config, { sources, isNew: false, task: where }, io, graph);
  const resolved = await settle(found, graph, stored, ({ after }) => {
    const absent = [...graph.absent()].sort();
    return Promise.resolve({
      size: after,
      absent: absent.length > limits.identityMaxAbsentIds ? null : absent,
    });
  });
  if (resolved === undefined) throw new Error('a resolve of everything came to no end');
  return resolved;
}

type Settled = Pick<GraphNote, 'size' | 'absent'>;

/** Resolves what a graph holds and writes what changed; `undefined`, and nothing written, where `judge` says so. */
async function settle(
  found: Found,
  graph: GraphStore,
  stored: StoredGraph,
  judge: (totals: ResolveTotals) => Promise<Settled | undefined>,
): Promise<Resolved | undefined> {
  const { writer, request, where, progress } = found;
  const { context, split } = request;
  const { config, io, deps } = writer;
  const revision = progress.revision + 1;
  const splits = new Set(stored.splits);
  const wasSplit = split !== undefined && splits.has(split.mergeId);
  if (split !== undefined) {
    assertMerge(graph, split);
    splits.add(split.mergeId);
  }
  const rules = {
    limits: config.identifiers.map(({ limit }) => limit),
    ...{ splits, revision, hash: shortHash, isTaken: (key: string) => graph.has(key) },
  };
  const merged = { at: instant(context.startedAt), runId: context.workflowId };
  const spools = spoolsIn(deps.staging);
  try {
    const totals = await resolveSlices({
      ...{ graph, config, rules, spools },
      mergedAt: (mergeId) => stored.mergedAt.get(mergeId) ?? merged,
      onSlice: () => {
        io.signal.throwIfAborted();
        io.heartbeat(where);
      },
    });
    const settled = await judge(totals);
    if (settled === undefined) return undefined;
    assertRoom(settled.size, where);
    if (split !== undefined && !wasSplit) await spools.splits.add([splitRow(request, split, revision)]);
    const changedRows =
      split?.dryRun === true ? 0 : await writeGraph({ ...found, graph, spools, totals, settled, revision });
    return {
      ...settled.size,
      newMerges: totals.newMerges,
      blockedValues: graph.blocked.size,
      changedRows,
      ...(split === undefined
        ? {}
        : { split: splitOutcome(graph, split, { movedIdentifiers: totals.movedIdentifiers, wasSplit }) }),
    };
  } finally {
    for (const spool of Object.values(spools)) await spool.remove();
  }
}

function assertRoom({ identifiers, links }: GraphSize, task: string): void {
  for (const [what, count, limit] of [
    ['identifiers', identifiers, 'identityMaxIdentifiers'],
    ['links', links, 'identityMaxLinks'],
  ] as const)
    if (count > limits[limit])
      throw new PipelineError('IDENTITY_TOO_LARGE', { task, what, limit, allowed: limits[limit] });
}

const noFences: Readonly<Record<IdentityTable, number>> = {
  ...{ identifiers: 0, links: 0, merges: 0, splits: 0, reads: 0 },
};

async function claimFences(deps: Deps, config: IdentityConfig): Promise<Record<IdentityTable, number>> {
  const tables = identityTables(config);
  const fences = { ...noFences };
  for (const table of ['splits', 'links', 'merges', 'identifiers', 'reads'] as const)
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
