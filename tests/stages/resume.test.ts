import { describe, expect, test } from '@jest/globals';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import type { StageIo } from '../../activities/deps.js';
import { stageRead } from '../../activities/read/stage-read.js';
import type { ReadRequest, Source, SourceBatch } from '../../connectors/source.js';
import { createLocalStaging } from '../../connectors/staging/local.js';
import { PipelineError } from '../../core/errors/index.js';
import type { JsonValue } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import type { Manifest, StagedFile } from '../../core/loading/manifest.js';
import { rejection } from '../sources/read-all.js';
import { temporaryFolder } from '../helpers/folder.js';

const root = temporaryFolder();
let folders = 0;
const folder = (): string => join(root, String((folders += 1)));
const down = () => new PipelineError('SOURCE_UNAVAILABLE', { source: 'made', reason: 'down' });
const nonsense = () => new PipelineError('SOURCE_PROTOCOL', { source: 'made', reason: 'nonsense' });

const reject = { code: 'RECORD_INVALID', pointer: '/x', message: 'bad', raw: '{"x":1}' } as const;

/** Rows, deletions and a reject, in the order of their pages; each page names its place. */
function pageOf(page: number): SourceBatch {
  const kind = page % 3 === 2 ? 'deletes' : 'rows';
  const lines = [0, 1, 2].map((n) => `{"id":"${String(page)}-${String(n)}"}\n`).join('');
  return {
    kind,
    bytes: Buffer.from(lines),
    rowCount: 3,
    cursor: `c${String(page)}`,
    resume: { next: page + 1, after: 'someone@example.org' },
    ...(page % 4 === 0 && { rejects: [{ ...reject, raw: String(page) }] }),
  };
}

interface World {
  readonly source: Source;
  /** Pages that were asked for. */
  readonly asked: number[];
  /** What happens at a page, once each; in order. */
  readonly faults: { readonly page: number; readonly error: Error }[];
  try(read?: Partial<ReadRequest>): Promise<Manifest>;
  details: unknown;
  /** Between two notes; a try that fails makes one in any case. */
  resumeEveryMs: number;
  readonly logged: string[];
}

const pages = 10;

function world(directory: string, more: Partial<Source> = {}): World {
  const made: World = {
    asked: [],
    faults: [],
    logged: [],
    details: undefined,
    resumeEveryMs: Number.POSITIVE_INFINITY,
    source: {
      name: 'made',
      async *read({ resume }) {
        const first = resume === undefined ? 0 : (resume as { next: number }).next;
        for (let page = first; page < pages; page += 1) {
          made.asked.push(page);
          if (made.faults[0]?.page === page) throw (made.faults.shift() as { error: Error }).error;
          yield pageOf(page);
        }
      },
      test: async () => ({ detail: '' }),
      ...more,
    },
    try(read = {}) {
      const logger = pino({ level: 'silent' });
      const log = (message: string) => void made.logged.push(message);
      const io: StageIo = {
        signal: new AbortController().signal,
        attempt: 1,
        lastDetails: made.details,
        logger,
        log: { debug: log, info: log, warn: log, error: log } as unknown as StageIo['log'],
        heartbeat: (details) => (made.details = JSON.parse(JSON.stringify(details ?? null)) as JsonValue),
      };
      const whole = { stream: 's', options: {}, connection: { token: 'x' }, lagMs: 0, waitMs: 0, ...read };
      const staging = createLocalStaging({ directory });
      return stageRead({
        ...{ source: made.source, connector: 'made', read: whole, staging, io },
        ...{ fileMaxBytes: 100, resumeEveryMs: made.resumeEveryMs },
      });
    },
  };
  return made;
}

const everyPage = Array.from({ length: pages }, (_, page) => page);
const noted = (made: World): StagedFile | undefined =>
  (made.details as { checkpoint?: StagedFile } | undefined)?.checkpoint;

async function undisturbed(): Promise<Manifest> {
  const { ingestedAt: _, ...manifest } = await world(folder()).try();
  return manifest as Manifest;
}

describe('a read that was cut', () => {
  test('goes on behind any page, to the same files, counts, rejects and cursor', async () => {
    const whole = await undisturbed();
    expect(whole.files.length).toBeGreaterThan(1);
    for (const page of everyPage.slice(1)) {
      const made = world(folder());
      if (page % 2 === 1) made.resumeEveryMs = 0;
      made.faults.push({ page, error: down() });
      await rejection(made.try());
      expect(await made.try()).toMatchObject(whole);
      expect(made.asked).toEqual([...everyPage.slice(0, page + 1), ...everyPage.slice(page)]);
    }
  });

  test('and cut again, before it came any further, goes on at the same place', async () => {
    const made = world(folder());
    for (let tries = 0; tries < 2 * limits.resumeIdleTries; tries += 1)
      made.faults.push({ page: 6, error: down() });
    for (let tries = 0; tries < 2 * limits.resumeIdleTries; tries += 1) await rejection(made.try());
    expect(await made.try()).toMatchObject(await undisturbed());
    expect(made.asked.filter((page) => page < 6)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('says where it is by the name of a file alone', async () => {
    const directory = folder();
    const made = world(directory);
    made.faults.push({ page: 4, error: down() });
    await rejection(made.try());
    expect(made.details).toEqual({
      rows: 9,
      deletes: 3,
      idleTries: 0,
      checkpoint: expect.objectContaining({ uri: expect.stringMatching(/^staging:[0-9a-f]{64}\.ndjson$/) }),
    });
    const file = noted(made) as StagedFile;
    const text = await readFile(await createLocalStaging({ directory }).localPath(file), 'utf8');
    expect(text).toContain('someone@example.org');
    expect(text).not.toContain('"token"');
  });
});

describe('a read begins anew', () => {
  test.each<[string, Partial<ReadRequest>]>([
    ['options', { options: { since: 1 } }],
    ['a cursor', { cursor: 'later' }],
    ['an interval', { interval: { start: '2026-01-01T00:00:00.000Z', end: '2026-01-02T00:00:00.000Z' } }],
    ['a connection', { connection: { token: 'y' } }],
  ])('for %s of another read', async (_what, other) => {
    const made = world(folder());
    made.faults.push({ page: 5, error: down() });
    await rejection(made.try());
    expect((await made.try(other)).counts.extracted).toBe(33);
    expect(made.asked.slice(6)).toEqual(everyPage);
    expect(made.logged.join()).toContain('it is of another read');
  });

  test('where the file is gone, or one that it names', async () => {
    for (const isPiece of [false, true]) {
      const directory = folder();
      const made = world(directory);
      made.faults.push({ page: 5, error: down() });
      await rejection(made.try());
      const staging = createLocalStaging({ directory });
      let path = await staging.localPath(noted(made) as StagedFile);
      if (isPiece) {
        const { checkpoint } = JSON.parse(await readFile(path, 'utf8')) as {
          checkpoint: { deletes: { pieces: StagedFile[] } };
        };
        path = await staging.localPath(checkpoint.deletes.pieces[0] as StagedFile);
      }
      await rm(path);
      expect(await made.try()).toMatchObject(await undisturbed());
      expect(made.asked.slice(6)).toEqual(everyPage);
      expect(made.logged.join()).toContain('STAGING_MISSING');
    }
  });

  test('in the same try, where the source does not take the place', async () => {
    const made = world(folder());
    const error = new PipelineError('SOURCE_RESUME', { source: 'made', reason: 'no such page' });
    made.faults.push({ page: 5, error: down() }, { page: 5, error });
    await rejection(made.try());
    expect(await made.try()).toMatchObject(await undisturbed());
    expect(made.asked.slice(6)).toEqual([5, ...everyPage]);
  });

  test(`after ${String(limits.resumeIdleTries)} tries that were answered and came no further`, async () => {
    const made = world(folder());
    for (let tries = 0; tries <= limits.resumeIdleTries; tries += 1)
      made.faults.push({ page: 5, error: nonsense() });
    for (let tries = 0; tries <= limits.resumeIdleTries; tries += 1) await rejection(made.try());
    expect(noted(made)).toBeUndefined();
    expect(await made.try()).toMatchObject(await undisturbed());
    expect(made.asked.filter((page) => page === 0)).toHaveLength(2);
  });

  test('where no place was named, or too large a one', async () => {
    for (const resume of [undefined, 'x'.repeat(limits.resumeMaxBytes)]) {
      const made = world(folder(), {
        async *read() {
          made.asked.push(0);
          const { resume: _, ...page } = pageOf(0);
          yield { ...page, ...(resume !== undefined && { resume }) };
          if (made.asked.length === 1) throw down();
        },
      });
      await rejection(made.try());
      expect(noted(made)).toBeUndefined();
      expect((await made.try()).counts.extracted).toBe(4);
    }
  });
});
