import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { pino } from 'pino';
import type { AssetService } from '../../activities/assets/asset-service.js';
import type { ActivityDeps } from '../../activities/deps.js';
import { createActivities } from '../../activities/index.js';
import { embedSchemas } from '../../activities/worker/load-dags.js';
import { createPoolService } from '../../activities/pool-service.js';
import { createFormerRuns } from '../../activities/runs/recall-run.js';
import { addSearchAttributes } from '../../activities/worker/search-attributes.js';
import { installLogging } from '../../activities/worker/sdk-logging.js';
import { createTemporalDags } from '../../activities/runs/temporal-dags.js';
import { createTemporalRuns } from '../../activities/runs/temporal-runs.js';
import { createValueReader } from '../../activities/values.js';
import { workflowCode } from '../../activities/worker/workflow-code.js';
import { createDuckDbWarehouse } from '../../connectors/duckdb/index.js';
import { createStagedSql } from '../../connectors/duckdb/staged-sql.js';
import { createSourceRegistry } from '../../connectors/registry.js';
import { createLocalStaging } from '../../connectors/staging/local.js';
import type { QueryRow } from '../../connectors/warehouse.js';
import type { AssetEvent } from '../../core/assets/asset-event.js';
import type { DagDefinition } from '../../core/dag/dag-definition.js';
import type { DagSpec, TaskState } from '../../core/dag/dag-spec.js';
import type { DataInterval } from '../../core/interval.js';
import { PipelineError } from '../../core/errors/index.js';
import type { JsonObject, JsonValue } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import type { RowCounts } from '../../core/loading/manifest.js';
import type { Decision, RunInput, RunType } from '../../core/run/run.js';
import type { RunResult, TaskError } from '../../core/run/run-result.js';
import type { StateTally } from '../../core/run/state-tally.js';
import { createSchemaRegistry } from '../../schemas/registry.js';
import { fakedFunctions, listenTo, withFakes, type Fakes } from './fakes.js';
import { startTestServer } from './test-server.js';

export interface DagTestEnvironmentOptions {
  /** Folders with record schemas, beside those that come with the package. */
  readonly schemaFolders?: readonly string[];
  /** Settings of connections by name, for tasks that are not faked. */
  readonly connections?: Readonly<Record<string, JsonObject>>;
  onProgress?(line: string): void;
}

export interface DagTestOptions {
  readonly interval?: DataInterval;
  readonly params?: JsonObject;
  readonly runType?: RunType;
  /** What stands in for tasks, by task id. Tasks that are not named really run. */
  readonly fakes?: Fakes;
  /** Other DAGs, as if they were deployed: what `triggerDag` starts really runs. */
  readonly dags?: readonly DagDefinition[];
  /** Events of assets that started the run; those of its inlets are read by `assetEvents`. */
  readonly assetEvents?: readonly AssetEvent[];
  /** The time at which the run says that it started, ISO 8601 UTC. */
  readonly startedAt?: string;
  /** Answers to approval tasks. */
  readonly decisions?: readonly Decision[];
  /** Tasks to run; default: all. */
  readonly tasks?: readonly string[];
}

/** How one task of a tested run ended. */
export interface TestedTask {
  readonly state: TaskState;
  /** What it handed on; of a mapped task, what each instance did, in the order in which they ended. */
  readonly output?: unknown;
  readonly error?: TaskError;
  readonly mapped?: StateTally;
}

/** How a tested run ended. */
export interface TestedRun {
  readonly state: RunResult['state'];
  readonly counts: RowCounts;
  readonly tasks: Readonly<Record<string, TestedTask>>;
  /** Events of assets that it told, in their order. */
  readonly assetEvents: readonly AssetEvent[];
}

/**
 * Runs DAGs in a test: the real workflows and activities, on Temporal's time-skipping test server, with a DuckDB warehouse in a
 * temporary folder. Waits cost no time: the server's clock jumps to the next thing that is due. One run at a time.
 */
export class DagTestEnvironment {
  readonly #temporal: TestWorkflowEnvironment;
  readonly #worker: Worker;
  readonly #working: Promise<void>;
  readonly #deps: ActivityDeps;
  readonly #folder: string;
  readonly #options: DagTestEnvironmentOptions;
  readonly #outputs = new Map<string, unknown[]>();
  readonly #assetEvents = new Map<string, AssetEvent>();
  #definition: DagDefinition | undefined;
  #others: readonly DagDefinition[] = [];
  #fakes: Fakes = {};
  #runs = 0;

  private constructor(
    temporal: TestWorkflowEnvironment,
    worker: Worker,
    deps: ActivityDeps,
    folder: string,
    options: DagTestEnvironmentOptions,
  ) {
    this.#temporal = temporal;
    this.#worker = worker;
    this.#working = worker.run();
    this.#deps = deps;
    this.#folder = folder;
    this.#options = options;
  }

  /** Starts a server and a worker. Close it when the tests are done. @throws Error where no test server can be had */
  static async create(options: DagTestEnvironmentOptions = {}): Promise<DagTestEnvironment> {
    const logger = pino({ level: 'silent' });
    installLogging(logger);
    const temporal = await startTestServer({
      env: process.env,
      onProgress: options.onProgress ?? ((line) => process.stderr.write(`${line}\n`)),
    });
    const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'));
    const staging = createLocalStaging({ directory: join(folder, 'staging') });
    const warehouse = createDuckDbWarehouse({ path: join(folder, 'warehouse.duckdb'), staging });
    await warehouse.open();
    const { client } = temporal;
    await addSearchAttributes(client);
    // Functions and fakes are those of the run under way; the environment comes into being after its parts.
    const current: Current = {};
    const deps: ActivityDeps = {
      staging,
      warehouse,
      stagedSql: await createStagedSql({}),
      values: createValueReader(staging),
      runs: {
        ...createTemporalDags(client),
        deployed: async (dagId) => environmentOf(current).deployed(dagId),
      },
      temporalRuns: createTemporalRuns(client),
      formerRuns: createFormerRuns(client),
      pools: createPoolService(client, taskQueue, {}),
      assets: {
        ...noListeners,
        publish: async (events) => {
          environmentOf(current).hearEvents(events);
          return [];
        },
      },
      source: createSourceRegistry({ projectDirectory: folder, dataDirectory: folder }),
      connection: async (name) => ({
        options: name === undefined ? {} : (options.connections?.[name] ?? {}),
      }),
      functions: (dagId, taskId) => environmentOf(current).functionsOf(dagId, taskId),
      logger,
    };
    const worker = await Worker.create({
      connection: temporal.nativeConnection,
      taskQueue,
      activities: listenTo(createActivities(deps), (workflowId, taskId, result) =>
        environmentOf(current).hear(workflowId, taskId, result),
      ),
      sinks: { ledger: { recordRun: { fn: ignore }, recordTask: { fn: ignore } } },
      ...workflowCode(),
    });
    current.environment = new DagTestEnvironment(temporal, worker, deps, folder, options);
    return current.environment;
  }

  /** Runs a DAG to its end. @throws PipelineError SCHEMA_UNKNOWN, DAG_INVALID */
  async run(definition: DagDefinition, options: DagTestOptions = {}): Promise<TestedRun> {
    const { fakes = {}, startedAt, decisions = [], interval, params, tasks, assetEvents } = options;
    this.#definition = definition;
    this.#others = options.dags ?? [];
    this.#fakes = fakes;
    this.#outputs.clear();
    this.#assetEvents.clear();
    this.#runs += 1;
    const input: RunInput = {
      spec: withFakes(this.#embedded(definition), fakes),
      specHash: 'test',
      runType: options.runType ?? 'manual',
      ...(interval === undefined ? {} : { interval }),
      ...(params === undefined ? {} : { params }),
      ...(tasks === undefined ? {} : { tasks }),
      ...(assetEvents === undefined ? {} : { assetEvents: { events: assetEvents, omitted: 0 } }),
      carried: {
        startedAt: startedAt ?? new Date(await this.#temporal.currentTimeMs()).toISOString(),
        decisions,
        slots: [],
      },
    };
    return this.#tested(await this.#execute(input));
  }

  /** Rows of a query over the warehouse. */
  async query(sql: string): Promise<readonly QueryRow[]> {
    return (await this.#deps.warehouse.query(sql, limits.queryMaxRows)).rows;
  }

  /** Ends worker and server, and removes what they left on the disk. */
  async close(): Promise<void> {
    this.#worker.shutdown();
    await this.#working;
    await this.#deps.warehouse.close();
    this.#deps.stagedSql.close();
    await this.#temporal.teardown();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** @internal */
  functionsOf(dagId: string, taskId: string): ReturnType<ActivityDeps['functions']> {
    const isTested = dagId === this.#definition?.spec.id;
    const definition = isTested ? this.#definition : this.#others.find(({ spec }) => spec.id === dagId);
    return fakedFunctions(definition?.functions[taskId] ?? {}, isTested ? this.#fakes[taskId] : undefined);
  }

  /** @internal @throws PipelineError DAG_NOT_FOUND */
  deployed(dagId: string): { readonly spec: DagSpec; readonly specHash: string } {
    const definition = this.#others.find(({ spec }) => spec.id === dagId);
    if (definition !== undefined) return { spec: this.#embedded(definition), specHash: 'test' };
    const known = this.#others.map(({ spec }) => spec.id).join(', ');
    throw new PipelineError('DAG_NOT_FOUND', {
      dagId,
      known: known === '' ? 'none; the test names them as `dags`' : known,
    });
  }

  /** @internal */
  hear(workflowId: string, taskId: string, result: unknown): void {
    if (workflowId !== this.#workflowId) return;
    this.#outputs.set(taskId, [...(this.#outputs.get(taskId) ?? []), result]);
  }

  /** @internal */
  hearEvents(events: readonly AssetEvent[]): void {
    for (const event of events) this.#assetEvents.set(event.id, event);
  }

  get #workflowId(): string {
    return `${this.#definition?.spec.id ?? ''}-${String(this.#runs)}`;
  }

  #embedded({ spec }: DagDefinition): DagSpec {
    return embedSchemas(spec, createSchemaRegistry([builtInSchemas, ...(this.#options.schemaFolders ?? [])]));
  }

  async #execute(input: RunInput): Promise<RunResult> {
    try {
      return (await this.#temporal.client.workflow.execute('runDag', {
        taskQueue,
        workflowId: this.#workflowId,
        args: [input],
      })) as RunResult;
    } catch (error) {
      const cause = error instanceof WorkflowFailedError ? error.cause : undefined;
      if (!(cause instanceof ApplicationFailure) || cause.type !== 'RUN_FAILED') throw error;
      const [result] = (cause.details ?? []) as RunResult[];
      if (result === undefined) throw error;
      return result;
    }
  }

  #tested({ state, counts, tasks }: RunResult): TestedRun {
    return {
      state,
      counts,
      assetEvents: [...this.#assetEvents.values()],
      tasks: Object.fromEntries(
        tasks.map(({ taskId, state: taskState, error, mapped }) => {
          const outputs = this.#outputs.get(taskId);
          const output = mapped === undefined ? outputs?.at(-1) : outputs;
          return [
            taskId,
            {
              state: taskState,
              ...(output === undefined ? {} : { output: output as JsonValue }),
              ...(error === undefined ? {} : { error }),
              ...(mapped === undefined ? {} : { mapped }),
            },
          ];
        }),
      ),
    };
  }
}

interface Current {
  environment?: DagTestEnvironment;
}

/** Work comes after the environment. */
function environmentOf({ environment }: Current): DagTestEnvironment {
  if (environment === undefined) throw new Error('a task runs before there is an environment');
  return environment;
}

const taskQueue = 'millrace-test';
const ignore = (): void => undefined;
/** Nothing is deployed to a test server, so no DAG listens to what the tested one emits. */
const noListeners: Omit<AssetService, 'publish'> = {
  start: async () => ({ kind: 'gone' }),
  conditionOf: async () => null,
};
const builtInSchemas = fileURLToPath(new URL('../../schemas/records', import.meta.url));
