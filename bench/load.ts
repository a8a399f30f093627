import { DuckDBInstance } from '@duckdb/node-api';
import { spawnSync } from 'node:child_process';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import type { ActivityDeps, StageIo } from '../activities/deps.js';
import { createLoad } from '../activities/load.js';
import { createTryLog } from '../activities/worker/task-log.js';
import { createTransform } from '../activities/transform.js';
import { createValidate } from '../activities/validate.js';
import { createDuckDbWarehouse } from '../connectors/duckdb/index.js';
import { createStagedSql } from '../connectors/duckdb/staged-sql.js';
import { createLocalStaging } from '../connectors/staging/local.js';
import { defineDag } from '../core/dag/dag-builder.js';
import type { JsonObject } from '../core/json.js';
import { zeroCounts, type Manifest } from '../core/loading/manifest.js';
import type { StageContext } from '../core/run/run.js';
import { seededRandom } from '../testing/index.js';

/**
 * NDJSON to a validated, deduplicated table: the validate, transform and load stages against one statement of plain
 * DuckDB over the same file, each in a process of its own, in one run; the tables are then compared. `npx tsx bench/load.ts [rows]`
 */
const script = fileURLToPath(import.meta.url);
const [mode = 'measure', folder = '', rowsText = '1000000'] = process.argv.slice(2);
const digestSql = `SELECT count(*) AS n, bit_xor(hash(concat_ws('/', id, email, amount::DECIMAL(38, 2), strftime(updated_at, '%Y-%m-%dT%H:%M:%S.%f'), note)))::VARCHAR AS digest FROM orders`;
const schema = {
  type: 'object',
  required: ['id', 'email', 'amount', 'updated_at'],
  properties: {
    id: { type: 'integer', minimum: 1 },
    email: { type: 'string', minLength: 3, maxLength: 100 },
    amount: { type: 'string', pattern: '^[0-9]+[.][0-9]{2}$', 'x-type': 'decimal' },
    updated_at: { type: 'string', format: 'date-time', 'x-type': 'timestamp' },
    note: { type: 'string' },
  },
} satisfies JsonObject;

if (mode === 'plain') await plain(folder);
else if (mode === 'millrace') await millrace(folder, Number(rowsText));
else await measure(Number(mode === 'measure' ? rowsText : mode));

async function measure(rows: number): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  try {
    await generate(join(work, 'rows.ndjson'), rows);
    const rounds = Array.from({ length: 3 }, () => {
      const [a, b] = ['plain', 'millrace'].map((kind) => {
        const child = spawnSync(process.execPath, ['--import', 'tsx', script, kind, work, String(rows)], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        return JSON.parse(child.stdout) as { ms: number; maxRssMb: number; n: string; digest: string };
      });
      if (a === undefined || b === undefined || a.n !== b.n || a.digest !== b.digest)
        throw new Error(`the tables differ: ${JSON.stringify([a, b])}`);
      process.stdout.write(
        `plain ${String(a.ms)} ms, ${String(a.maxRssMb)} MB · millrace ${String(b.ms)} ms, ${String(b.maxRssMb)} MB · ratio ${(b.ms / a.ms).toFixed(2)} · ${b.n} equal rows\n`,
      );
      return { ratio: b.ms / a.ms, maxRssMb: b.maxRssMb };
    });
    const ratio = rounds.map((round) => round.ratio).sort((x, y) => x - y)[1] ?? 0;
    process.stdout.write(
      `ratio ${ratio.toFixed(2)} (goal: at most 2), memory ${String(Math.max(...rounds.map((round) => round.maxRssMb)))} MB (goal: under 1000)\n`,
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Rows of 279 bytes; one in ten is an older or newer version of another. */
async function generate(path: string, rows: number): Promise<void> {
  const random = seededRandom(1);
  const out = createWriteStream(path);
  for (let index = 0; index < rows; index += 1) {
    const id = random.chance(0.1) ? random.integer(1, Math.max(1, index)) : index + 1;
    const at = new Date(
      Date.UTC(2026, 0, 1) + index * 1_000 - random.integer(0, 86_400) * 1_000,
    ).toISOString();
    const base = `{"id":${String(id)},"email":"person${String(id)}@example.com","amount":"${String(random.integer(1, 9_999))}.${String(random.integer(10, 99))}","updated_at":"${at}","note":"`;
    const line = `${base}${'x'.repeat(Math.max(1, 279 - base.length - 3))}"}\n`;
    if (!out.write(line)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}

async function plain(work: string): Promise<void> {
  const path = join(work, `plain-${String(process.pid)}.duckdb`);
  const instance = await DuckDBInstance.create(path, { memory_limit: '700MB' });
  const connection = await instance.connect();
  await connection.run(`SET TimeZone = 'UTC'`);
  const startedAt = performance.now();
  await connection.run(`CREATE TABLE orders AS SELECT id, email, amount, updated_at, note FROM (
      SELECT *, row_number() OVER () AS position FROM read_json('${join(work, 'rows.ndjson')}', format = 'newline_delimited',
        columns = {id: 'BIGINT', email: 'VARCHAR', amount: 'DECIMAL(38,9)', updated_at: 'TIMESTAMP', note: 'VARCHAR'}))
    WHERE id >= 1 AND length(email) BETWEEN 3 AND 100 AND amount IS NOT NULL AND updated_at IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY updated_at DESC, position DESC) = 1`);
  await finish(connection, performance.now() - startedAt);
}

async function millrace(work: string, rows: number): Promise<void> {
  const own = join(work, `millrace-${String(process.pid)}`);
  const staging = createLocalStaging({ directory: join(own, 'staging') });
  const stagedSql = await createStagedSql();
  const warehouse = createDuckDbWarehouse({ path: join(own, 'warehouse.duckdb'), staging });
  await warehouse.open();
  const { spec } = defineDag({
    id: 'bench',
    schedule: 'manual',
    tasks: ({ extract, validate, transform, load }) => {
      const clean = validate(
        'check',
        extract('pull', {
          from: async function* () {
            yield {};
          },
        }),
        { schema: 'bench.v1' },
      );
      load('store', transform('shape', clean, { normalise: { email: ['email'] } }), {
        into: 'orders',
        key: ['id'],
        version: ['updated_at'],
        disposition: 'merge',
      });
    },
  });
  const deps = {
    staging,
    stagedSql,
    warehouse,
    logger: pino({ level: 'silent' }),
  } as unknown as ActivityDeps;
  const io: StageIo = {
    signal: new AbortController().signal,
    attempt: 1,
    heartbeat: () => undefined,
    logger: deps.logger,
    log: createTryLog(deps.logger).log,
  };
  const context: StageContext = {
    dagId: 'bench',
    workflowId: 'bench',
    runId: 'bench',
    runType: 'manual',
    startedAt: new Date().toISOString(),
    params: {},
  };
  const { copyFile } = await import('node:fs/promises');
  const copy = staging.temporaryPath('ndjson');
  await copyFile(join(work, 'rows.ndjson'), copy);
  const file = await staging.adopt(copy, 'ndjson', rows);
  const input: Manifest = {
    manifestVersion: 1,
    files: [file],
    deletes: [],
    rejects: [],
    counts: { ...zeroCounts, extracted: rows },
    contentHash: file.sha256,
    ingestedAt: new Date().toISOString(),
  };

  const startedAt = performance.now();
  let manifest = input;
  for (const task of spec.tasks) {
    if (task.kind === 'validate')
      manifest = await createValidate(deps)(
        {
          context,
          task: { ...task, config: { ...task.config, schema: { id: 'bench.v1', document: schema } } },
          input: manifest,
        },
        io,
      );
    if (task.kind === 'transform')
      manifest = await createTransform(deps)({ context, task, input: manifest }, io);
    if (task.kind === 'load') manifest = await createLoad(deps)({ context, task, input: manifest }, io);
  }
  const ms = performance.now() - startedAt;
  stagedSql.close();
  await warehouse.close();
  const connection = await (await DuckDBInstance.create(join(own, 'warehouse.duckdb'))).connect();
  await finish(connection, ms);
}

async function finish(connection: Awaited<ReturnType<DuckDBInstance['connect']>>, ms: number): Promise<void> {
  const maxRssMb = Math.round(process.resourceUsage().maxRSS / 1024);
  const [row] = (await connection.runAndReadAll(digestSql)).getRowObjectsJson();
  process.stdout.write(
    JSON.stringify({ ms: Math.round(ms), maxRssMb, n: row?.['n'], digest: row?.['digest'] }),
  );
}
