import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { ActivityDeps, StageIo } from '../../activities/deps.js';
import { createValueReader } from '../../activities/values.js';
import { createExtract } from '../../activities/extract.js';
import { createTryLog } from '../../activities/worker/task-log.js';
import { createSourceRegistry } from '../../connectors/registry.js';
import type { ReadRequest, Source, SourceBatch } from '../../connectors/source.js';
import type { TaskFunctions } from '../../core/dag/dag-definition.js';
import type { ExtractConfig, ExtractTask } from '../../core/dag/dag-spec.js';
import type { JsonValue } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import type { RateBudgets } from '../../core/rates/rate-state.js';
import type { StagedFile } from '../../core/loading/manifest.js';
import type { StageRequest } from '../../core/run/run.js';
import { openOpsStore } from '../../ops/store.js';
import { createShopServer } from '../../testing/index.js';
import { shopify } from '../../connectors/shopify/reference.js';
import { createFileStaging } from './file-staging.js';
import { rejection } from './read-all.js';

const interval = { start: '2026-01-01T00:00:00.000Z', end: '2026-02-01T00:00:00.000Z' };
const logger = pino({ level: 'silent' });
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-extract-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

interface Setting {
  readonly source?: Source;
  readonly read?: TaskFunctions['read'];
  readonly committed?: JsonValue;
  readonly quarantined?: readonly string[];
  readonly connection?: ReadRequest['connection'];
  readonly rates?: RateBudgets;
}

function deps(setting: Setting): ActivityDeps {
  const registry = createSourceRegistry({ projectDirectory: directory, dataDirectory: directory });
  const staging = createFileStaging(directory);
  return {
    staging,
    values: createValueReader(staging),
    runs: undefined as never,
    source: async (name) => setting.source ?? registry(name),
    connection: async () => ({ options: setting.connection ?? {} }),
    functions: () => ({ ...(setting.read && { read: setting.read }) }),
    warehouse: {
      latestCursor: async (dagId: string, taskId: string) => {
        expect([dagId, taskId]).toEqual(['demo', 'pull']);
        return setting.committed;
      },
      quarantinedRows: async (ids: readonly string[]) =>
        ids.map((id) => setting.quarantined?.[Number(id)] ?? ''),
    } as unknown as ActivityDeps['warehouse'],
    stagedSql: undefined as never,
    temporalRuns: undefined as never,
    formerRuns: undefined as never,
    pools: undefined as never,
    assets: undefined as never,
    logger,
    ...(setting.rates && { rates: setting.rates }),
  };
}

function request(
  config: Partial<ExtractConfig> = {},
  more: Partial<StageRequest<ExtractTask>> = {},
): StageRequest<ExtractTask> {
  const from = { connector: 'made', stream: 'rows', options: {} };
  return {
    context: {
      dagId: 'demo',
      workflowId: 'w',
      runId: 'r',
      runType: 'scheduled',
      interval,
      startedAt: '2026-01-01T00:00:00.000Z',
      params: {},
    },
    task: { id: 'pull', kind: 'extract', config: { from, read: 'full', ...config } } as ExtractTask,
    ...more,
  };
}

function stageIo(more: Partial<StageIo> = {}): StageIo {
  const { log } = createTryLog(logger);
  return {
    signal: new AbortController().signal,
    heartbeat: () => undefined,
    attempt: 1,
    logger,
    log,
    ...more,
  };
}

function madeOf(batches: readonly SourceBatch[], seen: ReadRequest[] = []): Source {
  return {
    name: 'made',
    async *read(read) {
      seen.push(read);
      yield* batches;
    },
    test: async () => ({ detail: '' }),
  };
}

const rows = (...lines: string[]): SourceBatch => ({
  kind: 'rows',
  bytes: Buffer.from(lines.map((line) => `${line}\n`).join('')),
  rowCount: lines.length,
});

async function content(files: readonly StagedFile[]): Promise<string> {
  const parts = await Promise.all(
    files.map((file) => readFile(join(directory, `${file.sha256}.ndjson`), 'utf8')),
  );
  return parts.join('');
}

describe('the manifest', () => {
  test('carries rows and deletions byte for byte, counts, and the last cursor', async () => {
    const source = madeOf([
      { ...rows('{"id":820982911946154508}', '{"id":2}'), cursor: 'a' },
      { kind: 'deletes', bytes: Buffer.from('{"id":3,"v":1}\n'), rowCount: 1, cursor: 'b' },
      rows('{"id":4}'),
    ]);
    const extract = createExtract(deps({ source }));
    const manifest = await extract(request({ read: 'cursor' }), stageIo());
    expect(await extract(request(), stageIo())).not.toHaveProperty('cursor');
    expect(await content(manifest.files)).toBe('{"id":820982911946154508}\n{"id":2}\n{"id":4}\n');
    expect(await content(manifest.deletes)).toBe('{"id":3,"v":1}\n');
    expect(manifest.counts).toMatchObject({ extracted: 4, quarantined: 0, loaded: 0 });
    expect(manifest).toMatchObject({
      manifestVersion: 1,
      cursor: { taskId: 'pull', value: 'b' },
      rejects: [],
    });
  });

  test('of nothing has no file, and keeps the cursor it started from', async () => {
    const config = { read: 'cursor', cursor: { path: 'u', lagMs: 5 } } as const;
    const extract = createExtract(
      deps({ source: madeOf([rows()]), committed: { taskId: 'pull', value: 'before' } }),
    );
    const manifest = await extract(request(config), stageIo());
    expect(manifest).toMatchObject({
      files: [],
      deletes: [],
      rejects: [],
      cursor: { taskId: 'pull', value: 'before' },
    });
    expect(manifest.counts.extracted).toBe(0);
    expect(await readdir(directory)).toEqual([]);
  });

  test('says which loads have had nothing yet, and from where they lack it', async () => {
    const config = { read: 'cursor', cursor: { path: 'u', lagMs: 5 } } as const;
    const cursorAfter = async (committed: JsonValue | undefined) => {
      const source = madeOf([{ ...rows('{"u":"c"}'), cursor: 'c' }]);
      const extract = createExtract(deps({ source, ...(committed === undefined ? {} : { committed }) }));
      const loads = { loads: ['a', 'b', 'sunday'], loadsOfEveryRun: ['a', 'b'] };
      return (await extract(request(config, loads), stageIo())).cursor;
    };
    expect(await cursorAfter(undefined)).toEqual({ taskId: 'pull', value: 'c', owed: { a: null, b: null } });
    expect(await cursorAfter({ taskId: 'pull', owed: { b: null, sunday: 'b' } })).toEqual({
      taskId: 'pull',
      value: 'c',
      owed: { b: null },
    });
    expect(await cursorAfter({ taskId: 'pull', value: 'b' })).toEqual({ taskId: 'pull', value: 'c' });
  });

  test('equal content has an equal hash; rows and deletions are not the same content', async () => {
    const hashOf = async (...batches: SourceBatch[]) =>
      (await createExtract(deps({ source: madeOf(batches) }))(request(), stageIo())).contentHash;
    const first = await hashOf(rows('1', '2'));
    expect(await hashOf(rows('1'), rows('2'))).toBe(first);
    expect(await hashOf(rows('2', '1'))).not.toBe(first);
    expect(await hashOf({ ...rows('1', '2'), kind: 'deletes' })).not.toBe(first);
  });

  test('files are split by size, in order, and too many of them are refused', async () => {
    const lines = Array.from({ length: 40 }, (_, index) => `{"n":${index}}`);
    const source = madeOf(lines.map((line) => rows(line)));
    const manifest = await createExtract(deps({ source }), { fileMaxBytes: 64 })(request(), stageIo());
    expect(manifest.files.length).toBeGreaterThan(3);
    expect(Math.max(...manifest.files.map((file) => file.bytes))).toBeLessThanOrEqual(64);
    expect(await content(manifest.files)).toBe(lines.map((line) => `${line}\n`).join(''));
    expect(manifest.files.reduce((sum, file) => sum + file.rows, 0)).toBe(40);
    const many = madeOf(
      Array.from({ length: limits.manifestMaxFiles + 1 }, (_, index) => rows(String(1000 + index))),
    );
    expect(
      (await rejection(createExtract(deps({ source: many }), { fileMaxBytes: 5 })(request(), stageIo())))[
        'code'
      ],
    ).toBe('LIMIT_EXCEEDED');
  });

  test('files that are staged already keep their place', async () => {
    const setting = deps({});
    const file = await setting.staging.write([Buffer.from('{"n":2}\n')], 1);
    const source = madeOf([rows('{"n":1}'), { kind: 'rows', file, rowCount: 1 }, rows('{"n":3}')]);
    const manifest = await createExtract({ ...setting, source: async () => source })(request(), stageIo());
    expect(await content(manifest.files)).toBe('{"n":1}\n{"n":2}\n{"n":3}\n');
    expect(manifest.counts.extracted).toBe(3);
  });

  test('a record over the limit goes to quarantine and the rows around it go on', async () => {
    const long = `{"x":"${'y'.repeat(limits.recordMaxBytes)}"}`;
    const source = madeOf([rows('{"n":1}', long, '{"n":2}')]);
    const manifest = await createExtract(deps({ source }))(request(), stageIo());
    expect(await content(manifest.files)).toBe('{"n":1}\n{"n":2}\n');
    expect(manifest.counts).toMatchObject({ extracted: 3, quarantined: 1 });
    const reject = JSON.parse(await content(manifest.rejects)) as Record<string, unknown>;
    expect(reject).toMatchObject({
      code: 'RECORD_TOO_LARGE',
      position: 2,
      raw: long.slice(0, limits.oversizedKeptBytes),
    });
  });
});

describe('what the source is asked for', () => {
  const ask = async (
    config: Partial<ExtractConfig>,
    setting: Setting = {},
  ): Promise<ReadRequest | undefined> => {
    const seen: ReadRequest[] = [];
    await createExtract(deps({ source: madeOf([], seen), ...setting }))(request(config), stageIo());
    return seen[0];
  };
  const cursor = { path: 'updated_at', lagMs: 120_000, initialValue: '2026-01-01' };

  test('interval, cursor or everything', async () => {
    expect(await ask({ read: 'interval' })).toMatchObject({ interval });
    expect(await ask({ read: 'full' }, { committed: { taskId: 'pull', value: 'c' } })).not.toHaveProperty(
      'cursor',
    );
    const byCursor = await ask({ read: 'cursor', cursor }, { committed: { taskId: 'pull', value: 'c' } });
    expect(byCursor).toMatchObject({ cursor: 'c', cursorPath: 'updated_at', lagMs: 120_000 });
    expect(byCursor).not.toHaveProperty('interval');
    const ofAnother = { taskId: 'other', value: 'c' };
    expect(await ask({ read: 'cursor', cursor }, { committed: ofAnother })).toMatchObject({
      cursor: '2026-01-01',
    });
    expect(await ask({ read: 'cursor', cursor })).toMatchObject({ cursor: '2026-01-01' });
  });

  test('a read by interval in a run without one is refused', async () => {
    const { interval: _, ...context } = request().context;
    const extract = createExtract(deps({ source: madeOf([]) }));
    expect((await rejection(extract({ ...request({ read: 'interval' }), context }, stageIo())))['code']).toBe(
      'USAGE',
    );
  });

  test('an unknown connector names those that exist', async () => {
    const registry = createSourceRegistry({ projectDirectory: directory, dataDirectory: directory });
    for (const name of ['nothing', '../core', 'duckdb', 'http']) {
      const error = await rejection(registry(name));
      expect(error['code']).toBe('CONNECTOR_UNKNOWN');
      expect(error.message).toMatch(/file.*shopify/);
    }
    expect((await registry('shopify')).name).toBe('shopify');
  });
});

describe('failure', () => {
  test('in the middle leaves no file and no manifest', async () => {
    const source: Source = {
      ...madeOf([]),
      async *read() {
        yield rows('{"n":1}');
        throw new Error('cut');
      },
    };
    expect((await rejection(createExtract(deps({ source }))(request(), stageIo()))).message).toBe('cut');
    expect(await readdir(directory)).toEqual([]);
  });

  test('a truncated page of the shop fails the try, and another one stages all', async () => {
    const server = await createShopServer({ seed: 3, orders: 40 });
    try {
      const connection = { url: server.url, accessToken: server.accessToken };
      const extract = createExtract(deps({ connection }));
      const config = { from: shopify.orders({ connection: 'shop', options: { pageSize: 8 } }) };
      server.failNext({ kind: 'none' }, ...Array.from({ length: 3 }, () => ({ kind: 'truncated' as const })));
      expect((await rejection(extract(request(config), stageIo())))['code']).toBe('SOURCE_PROTOCOL');
      const manifest = await extract(request(config), stageIo());
      expect(manifest.counts.extracted).toBe(server.truth().length);
    } finally {
      await server.close();
    }
  });

  test('the tries of a task and the repeats of its requests add up', async () => {
    const server = await createShopServer({ seed: 3, orders: 40 });
    const store = await openOpsStore({ path: join(directory, 'ops.db') });
    try {
      const connection = { url: server.url, accessToken: server.accessToken };
      const extract = createExtract(deps({ connection, rates: store.rates }));
      const config = { from: shopify.orders({ connection: 'shop' }) };
      server.failNext(...Array.from({ length: 50 }, () => ({ kind: 'status' as const, status: 503 })));
      for (const attempt of [1, 2, 3, 4])
        expect((await rejection(extract(request(config), stageIo({ attempt }))))['code']).toBe(
          'SOURCE_UNAVAILABLE',
        );
      expect(server.requests().length).toBe(2 + 4);
      expect((await store.rates.views('shop')).map(({ bucket, held }) => [bucket, held])).toEqual([
        ['requests', 0],
      ]);
    } finally {
      await store.close();
      await server.close();
    }
  });

  test('cancelling stops between batches', async () => {
    const controller = new AbortController();
    const source: Source = {
      ...madeOf([]),
      async *read() {
        yield rows('{"n":1}');
        controller.abort(new Error('stop now'));
        yield rows('{"n":2}');
      },
    };
    const io = stageIo({ signal: controller.signal });
    expect((await rejection(createExtract(deps({ source }))(request(), io))).message).toBe('stop now');
    expect(await readdir(directory)).toEqual([]);
  });

  test('a connector that miscounts is a bug, told as such', async () => {
    const source = madeOf([{ ...rows('1', '2'), rowCount: 3 }]);
    expect((await rejection(createExtract(deps({ source }))(request(), stageIo())))['code']).toBe('INTERNAL');
  });
});

describe('readers of the DAG file', () => {
  const from = { connector: 'function', stream: 'pull', options: {} };

  test('records become lines; big integers keep their digits; the cursor follows its path', async () => {
    const read: TaskFunctions['read'] = async function* (context) {
      expect(context).toMatchObject({ dagId: 'demo', taskId: 'pull', attempt: 1, interval });
      yield { id: 820982911946154508n as unknown as number, meta: { at: '2026-01-05T10:00:00+02:00' } };
      yield { id: 2, meta: { at: '2026-01-05T09:00:00Z' } };
    };
    const extract = createExtract(deps({ read }));
    const manifest = await extract(
      request({ from, read: 'cursor', cursor: { path: 'meta.at', lagMs: 0 } }),
      stageIo(),
    );
    expect(await content(manifest.files)).toMatch(/^\{"id":820982911946154508,.*\}\n\{"id":2,.*\}\n$/);
    expect(manifest.cursor).toEqual({ taskId: 'pull', value: '2026-01-05T09:00:00Z' });
  });

  test('a plain list works; a task without a function is FUNCTION_MISSING', async () => {
    const manifest = await createExtract(deps({ read: () => [{ a: 1 }, { a: 2 }] }))(
      request({ from }),
      stageIo(),
    );
    expect(await content(manifest.files)).toBe('{"a":1}\n{"a":2}\n');
    expect((await rejection(createExtract(deps({}))(request({ from }), stageIo())))['code']).toBe(
      'FUNCTION_MISSING',
    );
  });
});

test('a replay delivers quarantined rows as they first came, instead of the source', async () => {
  const quarantined = ['{"id":820982911946154508}', 'not json', '{"a":\n1}'];
  const extract = createExtract(deps({ source: madeOf([rows('{"never":1}')]), quarantined }));
  const config = { read: 'cursor', cursor: { path: 'u', lagMs: 0 } } as const;
  const manifest = await extract(request(config, { replayQuarantineIds: ['2', '0', '1'] }), stageIo());
  expect(await content(manifest.files)).toBe('{"a": 1}\n{"id":820982911946154508}\nnot json\n');
  expect(manifest).not.toHaveProperty('cursor');
});
