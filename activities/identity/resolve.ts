import type { IdentityRequest, IdentitySplit, IdentitySplitOutcome } from '../../core/activities.js';
import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import {
  addObservations,
  resolveGraph,
  type IdentifierRow,
  type IdentityState,
  type LinkRow,
  type MergeRow,
} from '../../core/identity/resolve.js';
import { pairKey } from '../../core/identity/graph.js';
import { identityTables, type IdentityConfig, type IdentityOutcome } from '../../core/identity/spec.js';
import type { JsonObject } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import type { ActivityDeps, Stage, StageIo } from '../deps.js';
import { shortHash } from './identifier.js';
import { observe } from './observe.js';
import { readStoredGraph, type StoredGraph } from './read-state.js';
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
  const { context, task, split } = request;
  const { config } = task;
  const where = `${context.dagId}/${task.id}`;
  const { warehouse } = deps;
  const isDry = split?.dryRun === true;
  // Claimed before anything is read: whoever begins later makes the loads of this resolve stop.
  const fences = isDry ? noFences : await claimFences(deps, config);
  const writer: IdentityWriter = { deps, io, context, taskId: task.id, config, fences };
  const stored = await readStoredGraph(warehouse, config, where);
  const revision = stored.revision + 1;
  const splits = new Set(stored.splits);
  let changedRows = 0;
  if (split !== undefined) {
    assertMerge(stored, split);
    if (!isDry && !splits.has(split.mergeId))
      changedRows += await writeTable(writer, 'splits', [splitRow(request, split, revision)]);
    splits.add(split.mergeId);
  }
  const observed = await observe(warehouse, config, where, io);
  const known = addObservations(stored.state, observed);
  assertRoom(known, where);
  const state = withoutBlocked(known, observed.blocked);
  const rules = { limits: config.identifiers.map(({ limit }) => limit), splits, revision, hash: shortHash };
  const resolved = resolveGraph(state, rules);
  const changes = changesOf(request, stored, resolved, { revision, blocked: observed.blocked });
  // Merges before identifiers: a key that no identifier has any more resolves from the first moment on.
  if (!isDry) {
    changedRows += await writeTable(writer, 'links', changes.links, changes.goneLinks);
    changedRows += await writeTable(writer, 'merges', changes.merges);
    changedRows += await writeTable(writer, 'identifiers', changes.identifiers, changes.goneIdentifiers);
  }
  const former = new Set(stored.state.merges.map(({ mergeId }) => mergeId));
  return {
    identifiers: resolved.identifiers.length,
    persons: new Set(resolved.identifiers.map(({ key }) => key)).size,
    links: resolved.links.length,
    refusedLinks: resolved.links.filter(({ status }) => status !== 'linked').length,
    blockedValues: observed.blocked.size,
    newMerges: resolved.merges.filter(({ mergeId }) => !former.has(mergeId)).length,
    changedRows,
    ...(split === undefined ? {} : { split: splitOutcome(stored, resolved, split) }),
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
function assertMerge({ state }: StoredGraph, { mergeId }: IdentitySplit): void {
  if (state.merges.some((merge) => merge.mergeId === mergeId)) return;
  throw new PipelineError('IDENTITY_NOT_FOUND', {
    what: `merge "${mergeId}"`,
    hint: 'See "millrace identity merges".',
  });
}

function assertRoom({ identifiers, links }: IdentityState, task: string): void {
  for (const [what, count, limit] of [
    ['identifiers', identifiers.length, 'identityMaxIdentifiers'],
    ['links', links.length, 'identityMaxLinks'],
  ] as const)
    if (count > limits[limit])
      throw new PipelineError('IDENTITY_TOO_LARGE', { task, what, limit, allowed: limits[limit] });
}

/** The graph without values that identify nobody, and without links whose ends it does not hold. */
function withoutBlocked(state: IdentityState, blocked: ReadonlySet<string>): IdentityState {
  const identifiers = state.identifiers.filter(({ id }) => !blocked.has(id));
  const ids = new Set(identifiers.map(({ id }) => id));
  const links = state.links.filter(({ left, right }) => ids.has(left) && ids.has(right));
  return { ...state, identifiers, links };
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
  stored: StoredGraph,
  resolved: Required<IdentityState>,
  { mergeId, dryRun }: IdentitySplit,
): IdentitySplitOutcome {
  const merge = resolved.merges.find((one) => one.mergeId === mergeId);
  const before = new Map(stored.state.identifiers.map(({ id, key }) => [id, key]));
  const back = resolved.identifiers.filter(({ id, key }) => key !== before.get(id));
  return {
    mergeId,
    keptKey: merge?.keptKey ?? '',
    mergedKey: merge?.mergedKey ?? '',
    cutLinks: merge?.links.length ?? 0,
    movedIdentifiers: back.length,
    wasSplit: stored.splits.has(mergeId),
    dryRun,
  };
}

/** The rows of each table that are not there yet as they should be. */
function changesOf(
  { context, task: { config } }: IdentityRequest,
  stored: StoredGraph,
  resolved: Required<IdentityState>,
  { revision, blocked }: { readonly revision: number; readonly blocked: ReadonlySet<string> },
) {
  const before = {
    identifiers: new Map(stored.state.identifiers.map((row) => [row.id, identifierRow(row, config)])),
    links: new Map(stored.state.links.map((row) => [pairKey(row.left, row.right), linkRow(row)])),
    merges: new Map(stored.state.merges.map((row) => [row.mergeId, mergeRow(row)])),
  };
  const differs = (row: JsonObject, old: JsonObject | undefined) =>
    old === undefined || Object.entries(row).some(([name, value]) => old[name] !== value);
  const isGone = (id: string) => blocked.has(id);
  return {
    identifiers: resolved.identifiers
      .map((row) => identifierRow(row, config))
      .filter((row) => differs(row, before.identifiers.get(String(row['identifier_id']))))
      .map((row) => ({ ...row, revision })),
    goneIdentifiers: stored.state.identifiers
      .filter(({ id }) => isGone(id))
      .map(({ id }) => ({ identifier_id: id, revision })),
    links: resolved.links
      .filter((row) => differs(linkRow(row), before.links.get(pairKey(row.left, row.right))))
      .map((row) => ({ ...linkRow(row), revision })),
    goneLinks: stored.state.links
      .filter(({ left, right }) => isGone(left) || isGone(right))
      .map(({ left, right }) => ({ left_id: left, right_id: right, revision })),
    merges: resolved.merges
      .filter((row) => differs(mergeRow(row), before.merges.get(row.mergeId)))
      .map((row) => {
        const { at, runId } = stored.mergedAt.get(row.mergeId) ?? {
          at: instant(context.startedAt),
          runId: context.workflowId,
        };
        return { ...mergeRow(row), merged_at: at, run_id: runId, revision };
      }),
  };
}

function identifierRow(row: IdentifierRow, { identifiers }: IdentityConfig): JsonObject {
  return {
    identifier_id: row.id,
    identifier_type: identifiers[row.type]?.name ?? '',
    identifier_value: row.value,
    person_key: row.key ?? '',
    person_key_revision: row.keyedIn ?? 0,
    first_seen: row.firstSeen,
    last_seen: row.lastSeen,
    source: row.source,
  };
}

function linkRow(row: LinkRow): JsonObject {
  return {
    left_id: row.left,
    right_id: row.right,
    first_seen: row.firstSeen,
    last_seen: row.lastSeen,
    source: row.source,
    status: row.status ?? 'linked',
  };
}

function mergeRow(row: MergeRow): JsonObject {
  const [[left, right] = ['', '']] = row.links;
  return {
    merge_id: row.mergeId,
    merged_key: row.mergedKey,
    kept_key: row.keptKey,
    resolves_to: row.resolvesTo ?? row.keptKey,
    status: row.status ?? 'merged',
    left_id: left,
    right_id: right,
    links: JSON.stringify(row.links),
    merged_anchor_id: row.mergedAnchor,
    kept_anchor_id: row.keptAnchor,
    merged_key_revision: row.mergedKeyedIn,
    merged_in: row.revision,
  };
}

/** An ISO instant as a TIMESTAMP in UTC is written. */
function instant(iso: string): string {
  return iso.replace('T', ' ').replace('Z', '');
}
