import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import type { ActivityDeps, StageIo } from '../../activities/deps.js';
import { createExtract } from '../../activities/extract.js';
import { createLoad } from '../../activities/load.js';
import { createTryLog } from '../../activities/worker/task-log.js';
import { createValidate } from '../../activities/validate.js';
import { createDuckDbWarehouse } from '../../connectors/duckdb/index.js';
import { createStagedSql } from '../../connectors/duckdb/staged-sql.js';
import { createSource as createPostgres } from '../../connectors/postgres/index.js';
import type { Source } from '../../connectors/source.js';
import { createLocalStaging } from '../../connectors/staging/local.js';
import type { QueryRow } from '../../connectors/warehouse.js';
import type { DagDefinition } from '../../core/dag/dag-definition.js';
import type { JsonObject } from '../../core/json.js';
import type { Manifest } from '../../core/loading/manifest.js';
import type { StageContext } from '../../core/run/run.js';

/** The real stages of a DAG, run one after another in this process, without Temporal. */
export interface Stages {
  run(dag: DagDefinition, documents: Readonly<Record<string, JsonObject>>): Promise<Manifest>;
  /** How long each task of the last run took. */
  readonly tookMs: ReadonlyMap<string, number>;
  /** For stages beside these. */
  readonly deps: ActivityDeps;
  readonly io: StageIo;
  query(sql: string): Promise<readonly QueryRow[]>;
  close(): Promise<void>;
}

/** Stages with a staging folder and a DuckDB file of their own. */
export async function openStages(
  folder: string,
  connection: JsonObject,
  createSource: (environment: { readonly projectDirectory: string }) => Source = createPostgres,
): Promise<Stages> {
  mkdirSync(folder, { recursive: true });
  const staging = createLocalStaging({ directory: join(folder, 'staging') });
  const stagedSql = await createStagedSql();
  const warehouse = createDuckDbWarehouse({ path: join(folder, 'warehouse.duckdb'), staging });
  await warehouse.open();
  const source = createSource({ projectDirectory: folder });
  const logger = pino({ level: 'silent' });
  const deps = {
    staging,
    stagedSql,
    warehouse,
    logger,
    source: async () => source,
    connection: () => Promise.resolve({ options: connection }),
  } as unknown as ActivityDeps;
  const io: StageIo = {
    signal: new AbortController().signal,
    attempt: 1,
    heartbeat: () => undefined,
    logger,
    log: createTryLog(logger).log,
  };
  const stages = {
    extract: createExtract(deps),
    validate: createValidate(deps),
    load: createLoad(deps),
  };
  const tookMs = new Map<string, number>();
  return {
    tookMs,
    deps,
    io,
    async run({ spec }, documents) {
      const context: StageContext = {
        dagId: spec.id,
        workflowId: 'run',
        runId: 'run',
        runType: 'manual',
        startedAt: new Date().toISOString(),
        params: {},
      };
      let input: Manifest | undefined;
      for (const task of spec.tasks) {
        const startedAt = performance.now();
        const before = input === undefined ? {} : { input };
        if (task.kind === 'extract') input = await stages.extract({ context, task }, io);
        if (task.kind === 'validate') {
          const { id } = task.config.schema;
          const schema = { id, document: documents[id] ?? {} };
          input = await stages.validate(
            { context, task: { ...task, config: { ...task.config, schema } }, ...before },
            io,
          );
        }
        if (task.kind === 'load') input = await stages.load({ context, task, ...before }, io);
        tookMs.set(task.id, performance.now() - startedAt);
      }
      if (input === undefined) throw new Error('the DAG has no stage');
      return input;
    },
    query: async (sql) => (await warehouse.query(sql, 10_000)).rows,
    async close() {
      stagedSql.close();
      await warehouse.close();
    },
  };
}
