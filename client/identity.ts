import { WorkflowFailedError, type Client } from '@temporalio/client';
import { ApplicationFailure, TypedSearchAttributes } from '@temporalio/common';
import { readIdentifier } from '../activities/identity/identifier.js';
import type { QueryRow, WarehouseReader } from '../connectors/warehouse.js';
import type { IdentitySplit, IdentitySplitOutcome } from '../core/activities.js';
import type { IdentityTask } from '../core/dag/dag-spec.js';
import { PipelineError } from '../core/errors/index.js';
import { identityWorkflowId } from '../core/ids.js';
import { identityTables, type IdentityOutcome } from '../core/identity/spec.js';
import { limits } from '../core/limits.js';
import type { PinnedSpec, SplitIdentityInput } from '../workflows/messages.js';
import { dagAttribute, getDag, listDags, modeAttribute } from './deployment.js';

/** An identity task of a deployed DAG. */
export interface DeployedIdentity extends PinnedSpec {
  readonly task: IdentityTask;
}

/** The one identity graph of the deployed DAGs, or of the DAG that is named. @throws PipelineError IDENTITY_NOT_FOUND, DAG_NOT_FOUND */
export async function findIdentity(client: Client, dagId: string | undefined): Promise<DeployedIdentity> {
  const ids = dagId === undefined ? (await listDags(client)).map((dag) => dag.dagId) : [dagId];
  const found: DeployedIdentity[] = [];
  for (const id of ids) {
    const { spec, specHash } = await getDag(client, id);
    for (const task of spec.tasks) if (task.kind === 'identity') found.push({ spec, specHash, task });
  }
  const [only, second] = found;
  if (only !== undefined && second === undefined) return only;
  throw new PipelineError('IDENTITY_NOT_FOUND', {
    what: only === undefined ? 'deployed DAG with an identity task' : 'single deployed identity task',
    hint:
      only === undefined
        ? 'Add one to a DAG, and deploy it.'
        : `Say which with --dag: ${found.map(({ spec, task }) => `${spec.id} (${task.config.into})`).join(', ')}.`,
  });
}

/** Takes a merge back, resolves the graph, and waits. @throws PipelineError IDENTITY_NOT_FOUND, IDENTITY_SPLIT_FAILED */
export async function splitMerge(
  client: Client,
  graph: DeployedIdentity,
  split: IdentitySplit,
  taskQueue: string,
): Promise<IdentityOutcome & { readonly split: IdentitySplitOutcome }> {
  try {
    return (await change(client, graph, taskQueue, split)) as IdentityOutcome & {
      split: IdentitySplitOutcome;
    };
  } catch (error) {
    const failure = error instanceof WorkflowFailedError ? applicationFailure(error) : undefined;
    if (failure === undefined) throw error;
    if (failure.type === 'IDENTITY_NOT_FOUND')
      throw new PipelineError('IDENTITY_NOT_FOUND', {
        what: `merge "${split.mergeId}"`,
        hint: 'See "millrace identity merges".',
      });
    const reason = failure.message;
    throw new PipelineError('IDENTITY_SPLIT_FAILED', { merge: split.mergeId, reason }, { cause: error });
  }
}

/** Resolves a graph from everything that its sources and tables hold, and waits. @throws PipelineError IDENTITY_REBUILD_FAILED */
export async function rebuildGraph(
  client: Client,
  graph: DeployedIdentity,
  taskQueue: string,
): Promise<IdentityOutcome> {
  try {
    return await change(client, graph, taskQueue);
  } catch (error) {
    const failure = error instanceof WorkflowFailedError ? applicationFailure(error) : undefined;
    if (failure === undefined) throw error;
    const { into } = graph.task.config;
    throw new PipelineError('IDENTITY_REBUILD_FAILED', { into, reason: failure.message }, { cause: error });
  }
}

function change(
  client: Client,
  { spec, specHash, task }: DeployedIdentity,
  taskQueue: string,
  split?: IdentitySplit,
): Promise<IdentityOutcome> {
  const input: SplitIdentityInput = {
    spec,
    specHash,
    taskId: task.id,
    ...(split !== undefined && { split }),
  };
  return client.workflow.execute('splitIdentity', {
    workflowId: identityWorkflowId(spec.id, new Date().toISOString()),
    taskQueue,
    args: [input],
    typedSearchAttributes: new TypedSearchAttributes([
      { key: dagAttribute, value: spec.id },
      { key: modeAttribute, value: spec.mode },
    ]),
  }) as Promise<IdentityOutcome>;
}

function applicationFailure(error: Error): ApplicationFailure | undefined {
  if (error instanceof ApplicationFailure) return error;
  return error.cause instanceof Error ? applicationFailure(error.cause) : undefined;
}

/** Who somebody is, and by what. */
export interface ShownPerson {
  readonly personKey: string;
  readonly identifiers: readonly QueryRow[];
  /** Links of its identifiers, those that were refused as well. */
  readonly links: readonly QueryRow[];
  /** Merges whose key stands for this person now. */
  readonly merges: readonly QueryRow[];
}

type Reader = Pick<WarehouseReader, 'query'>;

/**
 * The person that has an identifier; type `person` takes a person key, also one that was merged. No value is in a
 * statement: identifiers are looked up by their id, which is a hash.
 *
 * @throws PipelineError IDENTITY_NOT_FOUND, QUERY_REFUSED
 */
export async function showPerson(
  reader: Reader,
  { task: { config } }: Pick<DeployedIdentity, 'task'>,
  type: string,
  value: string,
): Promise<ShownPerson> {
  const tables = identityTables(config);
  const personKey =
    type === 'person' ? await livingKey(reader, config, value) : await keyOf(reader, config, type, value);
  const ofPerson = `SELECT identifier_id FROM ${tables.identifiers} WHERE person_key = '${personKey}'`;
  return {
    personKey,
    identifiers: await rowsOf(
      reader,
      `SELECT identifier_type, identifier_value, first_seen, last_seen, source, identifier_id FROM ${tables.identifiers}
       WHERE person_key = '${personKey}' ORDER BY identifier_type, first_seen, identifier_id`,
    ),
    links: await rowsOf(
      reader,
      `SELECT left_id, right_id, first_seen, last_seen, source, status FROM ${tables.links}
       WHERE left_id IN (${ofPerson}) OR right_id IN (${ofPerson}) ORDER BY last_seen DESC, left_id, right_id`,
    ),
    merges: await mergesWhere(reader, config, `resolves_to = '${personKey}'`),
  };
}

/** Merges of a graph, newest first; those that were taken back with who did it and why. @throws PipelineError QUERY_REFUSED */
export async function listMerges(
  reader: Reader,
  { task: { config } }: Pick<DeployedIdentity, 'task'>,
  all: boolean,
): Promise<readonly QueryRow[]> {
  const merges = await mergesWhere(reader, config, all ? '1 = 1' : `status = 'merged'`);
  if (!merges.some((row) => row['status'] === 'split')) return merges;
  const splits = await rowsOf(
    reader,
    `SELECT merge_id, reason, split_by, split_at FROM ${identityTables(config).splits}`,
  );
  return merges.map((row) => ({ ...row, ...splits.find((split) => split['merge_id'] === row['merge_id']) }));
}

type Config = IdentityTask['config'];

async function mergesWhere(reader: Reader, config: Config, where: string): Promise<readonly QueryRow[]> {
  const { merges } = identityTables(config);
  try {
    return await rowsOf(
      reader,
      `SELECT merge_id, merged_key, kept_key, resolves_to, status, left_id, right_id, merged_at, run_id FROM ${merges}
       WHERE ${where} ORDER BY merged_at DESC, merge_id`,
    );
  } catch (error) {
    // The table is made by the first merge.
    const columns = await reader.query(`SELECT * FROM ${identityTables(config).identifiers}`, 1);
    if (columns.rows.length > 0) return [];
    throw error;
  }
}

async function keyOf(reader: Reader, config: Config, type: string, value: string): Promise<string> {
  const spec = config.identifiers.find(({ name }) => name === type);
  if (spec === undefined)
    throw new PipelineError('IDENTITY_NOT_FOUND', {
      what: `identifier type "${type}"`,
      hint: `Known: ${[...config.identifiers.map(({ name }) => name), 'person'].join(', ')}.`,
    });
  const { id, isBlocked } = readIdentifier(spec, value);
  const [row] = isBlocked
    ? []
    : await rowsOf(
        reader,
        `SELECT person_key FROM ${identityTables(config).identifiers} WHERE identifier_id = '${id}'`,
      );
  if (row !== undefined) return String(row['person_key']);
  throw new PipelineError('IDENTITY_NOT_FOUND', {
    what: `person with this ${type}`,
    hint: isBlocked
      ? 'The value is blocked: it identifies nobody.'
      : 'No source has had it at the last resolve.',
  });
}

/** A person key, or the living one that an alias stands for. */
async function livingKey(reader: Reader, config: Config, key: string): Promise<string> {
  const unknown = new PipelineError('IDENTITY_NOT_FOUND', {
    what: 'person with this key',
    hint: 'Look up an identifier instead.',
  });
  if (!/^[0-9a-f]{32}$/.test(key)) throw unknown;
  const { identifiers } = identityTables(config);
  const [alive] = await rowsOf(
    reader,
    `SELECT person_key FROM ${identifiers} WHERE person_key = '${key}' LIMIT 1`,
  );
  if (alive !== undefined) return key;
  const [alias] = await mergesWhere(reader, config, `merged_key = '${key}' AND status = 'merged'`);
  if (alias === undefined) throw unknown;
  return String(alias['resolves_to']);
}

async function rowsOf(reader: Reader, sql: string): Promise<readonly QueryRow[]> {
  return (await reader.query(sql, limits.identityShownRows)).rows;
}
