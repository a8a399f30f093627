import type { DuckDBConnection } from '@duckdb/node-api';
import type {
  BucketComparison,
  ComparedColumn,
  KeyComparison,
  ReconcileWindow,
} from '../../core/reconcile/reconcile.js';
import type { StagedFile } from '../../core/loading/manifest.js';
import type { StagingStore } from '../staging.js';
import type { ChecksumCompareRequest } from '../warehouse.js';
import { differencesByKind } from './compare.js';
import { bucketOf, rowHash } from '../checksum.js';
import { duckDbChecksums } from './checksum-sql.js';
import { rowsOf, timestamp } from './rows.js';
import { quoteName, quoteText } from './sql-text.js';

/** Where differences are staged, and local paths of what the source computed. */
export interface ChecksumFiles {
  readonly source: readonly string[];
  readonly staging: StagingStore;
}

/** What the warehouse computes, as queries of DuckDB. */
export interface WarehouseSide {
  /** Bucket, rows and sum: `b`, `n`, `s`. */
  readonly buckets: string;
  /** Texts of key and version, hash of what is no version: `k0`, …, `v0`, …, `c`. */
  readonly keys: string;
  /** Records in quarantine as they came: `raw`. */
  readonly quarantined: string;
}

/** The side of a table of DuckDB itself. */
export function tableSide(request: ChecksumCompareRequest, within: string | undefined): WarehouseSide {
  const { config, key, version, columns, modulus } = request;
  const chosen =
    request.within === undefined || within === undefined
      ? []
      : [
          `${bucketOf(duckDbChecksums, key, request.within.modulus)} IN (SELECT b FROM (${linesSql([within], { b: 'BIGINT' })}))`,
        ];
  const from = (...conditions: readonly string[]) =>
    `${quoteName(config.into)}${[...chosen, ...conditions].map((one, index) => `${index === 0 ? ' WHERE' : ' AND'} ${one}`).join('')}`;
  const ofTime =
    request.window === undefined ? [] : [inWindow(quoteName(request.window.column.name), request.window)];
  const texts = [...key, ...version].map((column) => duckDbChecksums.text(column));
  const names = keyColumns(request);
  return {
    buckets: `SELECT b, count(*) AS n, sum(CAST(h AS HUGEINT)) AS s FROM (
      SELECT ${bucketOf(duckDbChecksums, key, modulus)} AS b, ${rowHash(duckDbChecksums, columns)} AS h FROM ${from(...ofTime)}) GROUP BY b`,
    keys: `SELECT ${texts.map((text, index) => `${text} AS ${names[index] ?? ''}`).join(', ')},
      ${rowHash(duckDbChecksums, contentOf(request))} AS c FROM ${from()}`,
    quarantined: `SELECT raw FROM _millrace_quarantine WHERE table_name = ${quoteText(config.into)} AND status = 'open'`,
  };
}

/** Names of the columns of a comparison by keys. */
export function keyColumns({ key, version }: Pick<ChecksumCompareRequest, 'key' | 'version'>): string[] {
  return [...key.map((_, index) => `k${String(index)}`), ...version.map((_, index) => `v${String(index)}`)];
}

/** What is no version. */
export function contentOf({
  columns,
  version,
}: Pick<ChecksumCompareRequest, 'columns' | 'version'>): readonly ComparedColumn[] {
  return columns.filter(({ name }) => !version.some((column) => column.name === name));
}

/** Rows and sums by bucket on both sides; the buckets that differ are staged. */
export async function compareBuckets(
  connection: DuckDBConnection,
  _request: ChecksumCompareRequest,
  files: ChecksumFiles,
  side: WarehouseSide,
): Promise<BucketComparison> {
  await connection.run(`CREATE OR REPLACE TEMP TABLE _millrace_buckets AS
    SELECT coalesce(s.b, t.b) AS b, coalesce(s.n, 0) AS source_rows, coalesce(t.n, 0) AS warehouse_rows,
      s.n IS DISTINCT FROM t.n OR s.s IS DISTINCT FROM t.s AS is_different
    FROM (${linesSql(files.source, { b: 'BIGINT', n: 'BIGINT', s: 'HUGEINT' })}) s
    FULL JOIN (${side.buckets}) t ON s.b = t.b`);
  const [totals] = await rowsOf(
    connection,
    `SELECT CAST(sum(source_rows) AS VARCHAR) AS source_rows, CAST(sum(warehouse_rows) AS VARCHAR) AS warehouse_rows,
       CAST(sum(greatest(source_rows, warehouse_rows)) FILTER (is_different) AS VARCHAR) AS differing
     FROM _millrace_buckets`,
  );
  const file = await stageLines(
    connection,
    files.staging,
    'SELECT b FROM _millrace_buckets WHERE is_different ORDER BY b',
  );
  const figure = (name: string) => Number(totals?.[name] ?? 0);
  return {
    file,
    rows: figure('differing'),
    sourceRows: figure('source_rows'),
    warehouseRows: figure('warehouse_rows'),
  };
}

/** Keys whose rows differ, by kind; those that are not in flight are staged for a targeted extract. */
export async function compareKeys(
  connection: DuckDBConnection,
  request: ChecksumCompareRequest & { readonly inFlightSince: string },
  files: ChecksumFiles,
  side: WarehouseSide,
): Promise<KeyComparison> {
  const { key, version } = request;
  const keys = key.map((_, index) => `k${String(index)}`);
  const versions = version.map((_, index) => `v${String(index)}`);
  await connection.run(`CREATE OR REPLACE TEMP TABLE _millrace_differences AS
    SELECT ${keys.map((name) => `coalesce(s.${name}, t.${name}) AS ${name}`).join(', ')},
      ${versions.map((name) => `coalesce(t.${name}, s.${name}) AS ${name},`).join(' ')}
      CASE WHEN t.c IS NULL THEN 'missing' WHEN s.c IS NULL THEN 'extra' WHEN s.c = t.c THEN 'timestampOnly' ELSE 'changed' END AS kind,
      ${inFlightSql(request)} AS is_in_flight
    FROM (${linesSql(files.source, { ...textColumns(keyColumns(request)), c: 'BIGINT' })}) s
    FULL JOIN (${side.keys}) t
    ON ${keys.map((name) => `s.${name} IS NOT DISTINCT FROM t.${name}`).join(' AND ')}
    WHERE (${['c', ...versions].map((name) => `s.${name} IS DISTINCT FROM t.${name}`).join(' OR ')})${windowSql(request)}`);
  await setQuarantinedAside(connection, request, keys, side.quarantined);
  const counts = await rowsOf(
    connection,
    `SELECT CASE WHEN is_in_flight THEN 'inFlight' ELSE kind END AS kind, count(*)::INTEGER AS n FROM _millrace_differences GROUP BY 1`,
  );
  const samples = async (kind: string): Promise<string[]> =>
    (
      await rowsOf(
        connection,
        `SELECT CAST(to_json([${keys.join(', ')}]) AS VARCHAR) AS text FROM _millrace_differences
         WHERE kind = ${quoteText(kind)} AND NOT is_in_flight ORDER BY text LIMIT ${String(request.maxSamples)}`,
      )
    ).map((row) => String(row['text']));
  return {
    ...(await differencesByKind(counts, samples)),
    differences: await stageLines(
      connection,
      files.staging,
      `SELECT [${keys.join(', ')}] AS "key", CAST([${versions.join(', ')}] AS VARCHAR[]) AS "version"
       FROM _millrace_differences WHERE NOT is_in_flight ORDER BY ALL`,
    ),
  };
}

/** Records in quarantine are no difference. */
async function setQuarantinedAside(
  connection: DuckDBConnection,
  { key, keyNames }: ChecksumCompareRequest,
  keys: readonly string[],
  quarantined: string,
): Promise<void> {
  const raw = key.map(({ name }, index) => {
    const paths = (keyNames[index] ?? [name]).map(
      (alias) => `json_extract_string(raw, ${quoteText(`$."${alias}"`)})`,
    );
    return `coalesce(${paths.join(', ')}) AS q${String(index)}`;
  });
  await connection.run(`DELETE FROM _millrace_differences d USING (
      SELECT DISTINCT ${raw.join(', ')} FROM (${quarantined}) WHERE json_valid(raw)) q
    WHERE ${keys.map((name, index) => `d.${name} = q.q${String(index)}`).join(' AND ')}`);
}

/** A row belongs to the time where either side's version does: the other side may have an older or a later one. */
function windowSql({ window }: ChecksumCompareRequest): string {
  if (window === undefined) return '';
  const sides = ['s.v0', 't.v0'].map((text) => inWindow(`TRY_CAST(${text} AS TIMESTAMP)`, window));
  return ` AND (${sides.map((side) => `coalesce(${side}, FALSE)`).join(' OR ')})`;
}

function inWindow(value: string, { from, to }: ReconcileWindow): string {
  return `(${value} >= ${timestamp(from)} AND ${value} < ${timestamp(to)})`;
}

/** True where the later of the two versions is younger than the tolerance. */
function inFlightSql({
  version: [first],
  inFlightSince,
}: ChecksumCompareRequest & { readonly inFlightSince: string }): string {
  if (first?.type.type !== 'timestamp') return 'FALSE';
  return `coalesce(greatest(TRY_CAST(s.v0 AS TIMESTAMP), TRY_CAST(t.v0 AS TIMESTAMP)) >= ${timestamp(inFlightSince)}, FALSE)`;
}

export function textColumns(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, 'VARCHAR']));
}

/** Lines of staged files as columns, numbers from their text. */
export function linesSql(paths: readonly string[], columns: Readonly<Record<string, string>>): string {
  const names = Object.entries(columns);
  const values = names.map(([name, type]) => `CAST(${name} AS ${type}) AS ${name}`).join(', ');
  return paths.length === 0
    ? `SELECT ${names.map(([name, type]) => `CAST(NULL AS ${type}) AS ${name}`).join(', ')} WHERE FALSE`
    : `SELECT ${values} FROM read_json([${paths.map(quoteText).join(', ')}], format = 'newline_delimited', columns = {${names.map(([name]) => `${name}: 'VARCHAR'`).join(', ')}})`;
}

async function stageLines(
  connection: DuckDBConnection,
  staging: StagingStore,
  sql: string,
): Promise<StagedFile> {
  const path = staging.temporaryPath('ndjson');
  const { rowsChanged } = await connection.run(`COPY (${sql}) TO ${quoteText(path)} (FORMAT json)`);
  return staging.adopt(path, 'ndjson', rowsChanged);
}
