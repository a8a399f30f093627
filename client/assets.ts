import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { isUnansweredQuery, noWorkerAnswers } from '../activities/worker/no-worker.js';
import { randomUUID } from 'node:crypto';
import { createAssetService } from '../activities/assets/asset-service.js';
import { assertExtraFits } from '../activities/assets/outlets.js';
import { eventId } from '../activities/assets/publish-assets.js';
import { uriProblem, type AssetSpec } from '../core/assets/asset.js';
import { conditionText, conditionUris, missingPart } from '../core/assets/asset-condition.js';
import type { AssetEvent, AssetEventReader } from '../core/assets/asset-event.js';
import { assetQueueNames, newAssetQueue, type AssetQueueView } from '../core/assets/asset-queue.js';
import { assetConditionOf } from '../core/dag/asset-schedule.js';
import { PipelineError } from '../core/errors/index.js';
import { assetQueueWorkflowId } from '../core/ids.js';
import type { JsonObject } from '../core/json.js';
import { getDag, listDags, type DeployedDag } from './deployment.js';

/** An asset as the deployed DAGs name it. */
export interface AssetSummary extends AssetSpec {
  /** `dag/task` of every task that updates it, and of every task that reads it. */
  readonly producers: readonly string[];
  readonly readers: readonly string[];
  /** DAGs that it starts. */
  readonly consumers: readonly string[];
  readonly lastEventAt?: string;
}

/** What waits for the next run of a DAG, and what is missing. */
export interface AssetQueueReport {
  readonly dagId: string;
  readonly condition: string;
  readonly isPaused: boolean;
  readonly queued: readonly AssetEvent[];
  /** Further events of the same assets, of which only the number is known. */
  readonly omitted: number;
  /** What has to come for a run, as a condition and as uris; empty where nothing is missing. */
  readonly waitsFor: string;
  readonly missing: readonly string[];
  /** Runs that are about to be started. */
  readonly pending: number;
  readonly startedRuns: number;
  readonly lastRun?: string;
}

/** Every asset that a deployed DAG names, by uri. @throws PipelineError TEMPORAL_UNAVAILABLE without a worker */
export async function listAssets(client: Client): Promise<AssetSummary[]> {
  const dags = await deployedDags(client);
  const events = queueEventReader(client, dags);
  return Promise.all(
    assetsOf(dags).map(async (summary) => {
      const [last] = summary.consumers.length === 0 ? [] : await events.recent(summary.uri, 1);
      return { ...summary, ...(last === undefined ? {} : { lastEventAt: last.at }) };
    }),
  );
}

/** @throws PipelineError ASSET_UNKNOWN, TEMPORAL_UNAVAILABLE without a worker */
export async function showAsset(
  client: Client,
  uri: string,
): Promise<AssetSummary & { readonly events: readonly AssetEvent[] }> {
  const dags = await deployedDags(client);
  const summary = summaryOf(dags, uri);
  const events = await queueEventReader(client, dags).recent(uri, 5);
  const [last] = events;
  return { ...summary, ...(last === undefined ? {} : { lastEventAt: last.at }), events };
}

/** Past events of an asset, newest first. @throws PipelineError ASSET_UNKNOWN, TEMPORAL_UNAVAILABLE without a worker */
export async function assetEvents(
  client: Client,
  uri: string,
  limit: number,
): Promise<readonly AssetEvent[]> {
  const dags = await deployedDags(client);
  summaryOf(dags, uri);
  return queueEventReader(client, dags).recent(uri, limit);
}

/** @throws PipelineError DAG_NOT_FOUND, USAGE for a DAG that assets do not start, TEMPORAL_UNAVAILABLE without a worker */
export async function showAssetQueue(client: Client, dagId: string): Promise<AssetQueueReport> {
  const { spec, isPaused } = await getDag(client, dagId);
  const wanted = assetConditionOf(spec);
  if (wanted === undefined) {
    throw new PipelineError('USAGE', {
      problem: `DAG "${dagId}" is not started by assets`,
      hint: 'See "millrace asset list" for those that are',
    });
  }
  const view = (await viewOf(client, dagId)) ?? newAssetQueue(wanted);
  const { condition, queued, omitted, pending, startedRuns, lastRun } = view;
  const missing = missingPart(condition, new Set(queued.map(({ uri }) => uri)));
  return {
    dagId,
    condition: conditionText(condition),
    isPaused,
    queued,
    omitted,
    waitsFor: missing === undefined ? '' : conditionText(missing),
    missing: missing === undefined ? [] : conditionUris(missing),
    pending: pending.length,
    startedRuns,
    ...(lastRun === undefined ? {} : { lastRun }),
  };
}

/**
 * Tells of an update that no task of Millrace made.
 *
 * @param options.id names the update: told of twice, it counts once.
 * @throws PipelineError ASSET_INVALID, LIMIT_EXCEEDED
 */
export async function emitAssetEvent(
  client: Client,
  uri: string,
  options: { readonly taskQueue: string; readonly extra: JsonObject; readonly id?: string },
): Promise<{ readonly event: AssetEvent; readonly consumers: readonly string[] }> {
  const problem = uriProblem(uri);
  if (problem !== undefined) throw new PipelineError('ASSET_INVALID', { problem });
  assertExtraFits(uri, options.extra);
  const id = eventId(`told/${options.id ?? randomUUID()}/${uri}`);
  const event: AssetEvent = { id, uri, at: new Date().toISOString(), extra: options.extra };
  const consumers = await createAssetService(client, options.taskQueue).publish([event]);
  return { event, consumers };
}

/** Reads past events from the queues of the DAGs that listen: an asset that starts no DAG has none. */
function queueEventReader(client: Client, dags: readonly DeployedDag[]): AssetEventReader {
  const views = new Map<string, Promise<AssetQueueView | undefined>>();
  const view = (dagId: string) => {
    const known = views.get(dagId) ?? viewOf(client, dagId);
    views.set(dagId, known);
    return known;
  };
  return {
    recent: async (uri, limit) => {
      const byId = new Map<string, AssetEvent>();
      for (const dagId of consumersOf(dags, uri)) {
        for (const event of (await view(dagId))?.recent ?? [])
          if (event.uri === uri) byId.set(event.id, event);
      }
      return [...byId.values()].sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0)).slice(0, limit);
    },
  };
}

async function deployedDags(client: Client): Promise<DeployedDag[]> {
  const dags: DeployedDag[] = [];
  for (const { dagId } of await listDags(client)) dags.push(await getDag(client, dagId));
  return dags;
}

function consumersOf(dags: readonly DeployedDag[], uri: string): string[] {
  return dags.flatMap(({ spec }) => {
    const condition = assetConditionOf(spec);
    return condition !== undefined && conditionUris(condition).includes(uri) ? [spec.id] : [];
  });
}

function assetsOf(dags: readonly DeployedDag[]): AssetSummary[] {
  const uris = dags.flatMap(({ spec }) => {
    const condition = assetConditionOf(spec);
    return [
      ...(condition === undefined ? [] : conditionUris(condition)),
      ...spec.tasks.flatMap(({ outlets = [], inlets = [] }) => [...outlets, ...inlets]),
    ];
  });
  const tasksWith = (name: 'outlets' | 'inlets', uri: string) =>
    dags.flatMap(({ spec }) =>
      spec.tasks.filter((task) => task[name]?.includes(uri) === true).map(({ id }) => `${spec.id}/${id}`),
    );
  return [...new Set(uris)].sort().map((uri) => ({
    uri,
    ...dags.flatMap(({ spec }) => spec.assets ?? []).find((known) => known.uri === uri),
    producers: tasksWith('outlets', uri),
    readers: tasksWith('inlets', uri),
    consumers: consumersOf(dags, uri),
  }));
}

/** @throws PipelineError ASSET_UNKNOWN */
function summaryOf(dags: readonly DeployedDag[], uri: string): AssetSummary {
  const all = assetsOf(dags);
  const found = all.find((summary) => summary.uri === uri);
  if (found !== undefined) return found;
  const known = all.length === 0 ? 'none' : all.map((summary) => summary.uri).join(', ');
  throw new PipelineError('ASSET_UNKNOWN', { uri, known });
}

/** What a queue says; undefined where none has begun. @throws PipelineError TEMPORAL_UNAVAILABLE without a worker */
async function viewOf(client: Client, dagId: string): Promise<AssetQueueView | undefined> {
  const handle = client.workflow.getHandle(assetQueueWorkflowId(dagId));
  try {
    if ((await handle.describe()).status.name !== 'RUNNING') return undefined;
    // A query's answer comes as JSON, which knows no undefined.
    return (await handle.query<AssetQueueView | null | undefined>(assetQueueNames.view)) ?? undefined;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw isUnansweredQuery(error) ? noWorkerAnswers(error) : error;
  }
}
