import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ColumnSpec } from '../../core/loading/columns.js';
import { limits } from '../../core/limits.js';
import { bucketOf, rowHash } from '../checksum.js';
import {
  compareBuckets,
  compareKeys,
  contentOf,
  keyColumns,
  linesSql,
  textColumns,
  type ChecksumFiles,
  type WarehouseSide,
} from '../duckdb/compare-checksums.js';
import { refusalOf } from '../duckdb/checksum-sql.js';
import type { StagedSql } from '../duckdb/staged-sql.js';
import { writeRows } from '../load/stage-batch.js';
import { quarantineTable, temporaryPrefix } from '../load/system-tables.js';
import type { StagingStore } from '../staging.js';
import type { ChecksumCompareRequest, ChecksumWarehouse, QueryRow } from '../warehouse.js';
import type { RemoteDialect, RemoteEngine, Statement } from './engine.js';

interface ChecksumDeps {
  readonly engine: RemoteEngine;
  readonly staging: StagingStore;
  readonly stagedSql: StagedSql;
}

/** A query over the table, whose rows come in parts by their bucket. */
interface Lines {
  readonly columns: readonly string[];
  /** Only rows of the request's window. */
  readonly isOfTime: boolean;
  /** The query for the rows that a condition chooses. */
  sql(where: string): string;
}

/**
 * Checksums that a warehouse on the network computes over its own table. Sums by bucket, or hashes by key of the buckets that
 * differ, come to this machine as files, and are compared here with those of the source.
 */
export function createRemoteChecksums(deps: ChecksumDeps): ChecksumWarehouse {
  return {
    refusal: refusalOf,
    compareBuckets: (request) =>
      compared(deps, request, bucketLines(deps.engine, request), (connection, files, side) =>
        compareBuckets(connection, request, files, side),
      ),
    compareKeys: (request) =>
      compared(deps, request, keyLines(deps.engine, request), (connection, files, side) =>
        compareKeys(connection, request, files, side),
      ),
  };
}

function bucketLines({ dialect, checksums }: RemoteEngine, request: ChecksumCompareRequest): Lines {
  const { key, columns, modulus, config } = request;
  const text = dialect.typeOf({ type: 'string' });
  const number = dialect.typeOf({ type: 'decimal', precision: 29, scale: 0 });
  return {
    columns: ['b', 'n', 's'],
    isOfTime: true,
    sql: (where) =>
      `SELECT CAST(b AS ${text}) AS b, CAST(count(*) AS ${text}) AS n, CAST(sum(CAST(h AS ${number})) AS ${text}) AS s
       FROM (SELECT ${bucketOf(checksums, key, modulus)} AS b, ${rowHash(checksums, columns)} AS h FROM ${dialect.table(config.into)}${where}) r GROUP BY b`,
  };
}

function keyLines({ dialect, checksums }: RemoteEngine, request: ChecksumCompareRequest): Lines {
  const { key, version, config } = request;
  const text = dialect.typeOf({ type: 'string' });
  const names = keyColumns(request);
  const values = [...key, ...version].map(
    (column, index) => `${checksums.text(column)} AS ${names[index] ?? ''}`,
  );
  return {
    columns: [...names, 'c'],
    isOfTime: false,
    sql: (where) =>
      `SELECT ${values.join(', ')}, CAST(${rowHash(checksums, contentOf(request))} AS ${text}) AS c
       FROM ${dialect.table(config.into)}${where}`,
  };
}

/** Fetches what the warehouse computes, and compares it. */
async function compared<Result>(
  deps: ChecksumDeps,
  request: ChecksumCompareRequest,
  lines: Lines,
  compare: (
    connection: Parameters<typeof compareBuckets>[0],
    files: ChecksumFiles,
    side: WarehouseSide,
  ) => Promise<Result>,
): Promise<Result> {
  const { engine, staging, stagedSql } = deps;
  const [rows, quarantined] = [staging.temporaryPath('ndjson'), staging.temporaryPath('ndjson')];
  const within = `${temporaryPrefix}compare_${randomBytes(6).toString('hex')}_within`;
  try {
    await fetchLines(deps, request, lines, { path: rows, within });
    await writeLines(quarantined, ['raw'], await setAside(engine, request));
    const [numbers, keys] = [
      { b: 'BIGINT', n: 'BIGINT', s: 'HUGEINT' },
      { ...textColumns(keyColumns(request)), c: 'BIGINT' },
    ];
    const side: WarehouseSide = {
      buckets: linesSql([rows], numbers),
      keys: linesSql([rows], keys),
      quarantined: linesSql([quarantined], { raw: 'VARCHAR' }),
    };
    const source = await Promise.all(request.source.map((file) => staging.localPath(file)));
    return await stagedSql.session((connection) => compare(connection, { source, staging }, side));
  } finally {
    for (const path of [rows, quarantined]) await rm(path, { force: true });
    if (request.within !== undefined) await engine.dropTables([within]).catch(() => undefined);
  }
}

/** Writes what a query gives to a file, so many rows at a time that memory holds them. */
async function fetchLines(
  deps: ChecksumDeps,
  request: ChecksumCompareRequest,
  { columns, isOfTime, sql }: Lines,
  { path, within }: { readonly path: string; readonly within: string },
): Promise<void> {
  const { engine } = deps;
  const { dialect, checksums } = engine;
  const ofTime = isOfTime ? timeOf(request, dialect) : noCondition;
  if (request.within === undefined) {
    const statement = { ...ofTime, sql: sql(ofTime.sql === '' ? '' : ` WHERE ${ofTime.sql}`) };
    await writeLines(path, columns, await engine.run(statement, tagOf(request)));
    return;
  }
  await uploadBuckets(deps, request.within, within);
  const bucket = bucketOf(checksums, request.key, request.within.modulus);
  const buckets = `${bucket} IN (SELECT b FROM ${dialect.table(within)})`;
  const chosen = ofTime.sql === '' ? buckets : `${buckets} AND ${ofTime.sql}`;
  const [counted] = await engine.run(
    { ...ofTime, sql: `SELECT count(*) AS n FROM ${dialect.table(request.config.into)} WHERE ${chosen}` },
    tagOf(request),
  );
  const parts = Math.max(1, Math.ceil(Number(counted?.['n'] ?? 0) / limits.checksumRowsAtOnce));
  for (let part = 0; part < parts; part += 1) {
    const ofPart = parts === 1 ? '' : ` AND MOD(${bucket}, ${String(parts)}) = ${String(part)}`;
    const found = await engine.run({ ...ofTime, sql: sql(` WHERE ${chosen}${ofPart}`) }, tagOf(request));
    await writeLines(path, columns, found, part > 0);
  }
}

const noCondition: Statement = { sql: '', binds: [] };

function timeOf({ window }: ChecksumCompareRequest, { name, instant }: RemoteDialect): Statement {
  if (window === undefined) return noCondition;
  const column = name(window.column.name);
  return {
    sql: `${column} >= ${instant} AND ${column} < ${instant}`,
    binds: [window.from, window.to],
  };
}

const tagOf = ({ config }: ChecksumCompareRequest) => ({ table: config.into });

async function uploadBuckets(
  { engine, staging, stagedSql }: ChecksumDeps,
  { file }: NonNullable<ChecksumCompareRequest['within']>,
  table: string,
): Promise<void> {
  const columns: ColumnSpec[] = [{ name: 'b', type: 'int64', nullable: false }];
  await engine.createTemporary([{ name: table, columns }], {});
  const path = staging.temporaryPath(engine.format.extension);
  try {
    const query = linesSql([await staging.localPath(file)], { b: 'BIGINT' });
    const rows = await writeRows({ stagedSql, format: engine.format }, query, columns, path);
    if (rows > 0) await engine.upload(table, { columns, rows, path }, {});
  } finally {
    await rm(path, { force: true, recursive: true });
  }
}

async function setAside(
  engine: RemoteEngine,
  { config }: ChecksumCompareRequest,
): Promise<readonly QueryRow[]> {
  return engine.run({
    sql: `SELECT raw FROM ${engine.dialect.table(quarantineTable.name)} WHERE table_name = ? AND status = 'open' LIMIT ${String(limits.compareMaxKeys)}`,
    binds: [config.into],
  });
}

/** Values as lines, each as text. */
async function writeLines(
  path: string,
  columns: readonly string[],
  rows: readonly QueryRow[],
  isContinued = false,
): Promise<void> {
  const lines = function* () {
    for (const row of rows)
      yield `${JSON.stringify(Object.fromEntries(columns.map((name) => [name, row[name] ?? null])))}\n`;
  };
  await pipeline(Readable.from(lines()), createWriteStream(path, { flags: isContinued ? 'a' : 'w' }));
}
