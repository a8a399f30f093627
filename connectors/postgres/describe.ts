import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { nearestName } from '../nearest-name.js';
import type { DescribedRows, Relation } from '../relational/dialect.js';
import type { PostgresOptions } from './options.js';
import { quoteIdentifier } from './row-sql.js';
import type { Session } from './session.js';
import { readTypes, withModifier, type ColumnForm } from './type-forms.js';

/** What is read, as it stands in the catalog of the server. */
export type Described = DescribedRows<ColumnForm>;

/** @throws PipelineError CONFIG_INVALID where there is no such table, or SOURCE_* */
export async function describe(session: Session, { from, key }: PostgresOptions): Promise<Described> {
  if ('sql' in from) {
    const relation: Relation = { sql: from.sql };
    const found = await session.columnsOf(`SELECT * FROM (\n${from.sql}\n) AS q LIMIT 0`);
    const types = await readTypes(
      session,
      found.map(({ typeOid }) => String(typeOid)),
    );
    refuseRepeats(found.map(({ name }) => name));
    const forms = new Map(
      found.map(({ name, typeOid, typeModifier }) => [
        name,
        withModifier(types(String(typeOid)), typeModifier),
      ]),
    );
    return { relation, forms, columns: [...forms.keys()], notNull: new Set(), key: key ?? [] };
  }
  const { schema, table } = from;
  const found = await session.rows(
    `SELECT a.attname AS name, a.atttypid::text AS type, a.atttypmod::text AS modifier, a.attnotnull AS not_null, array_position(i.indkey::int2[], a.attnum)::text AS position
     FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     LEFT JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indisprimary
     WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
     ORDER BY a.attnum`,
    [schema, table],
  );
  if (found.length === 0) throw await unknownTable(session, schema, table);
  const types = await readTypes(
    session,
    found.map(({ type }) => type ?? ''),
  );
  const forms = new Map(
    found.map(({ name, type, modifier }) => [name ?? '', withModifier(types(type ?? ''), Number(modifier))]),
  );
  const primaryKey = found
    .filter(({ position }) => position !== null)
    .sort((a, b) => Number(a['position']) - Number(b['position']))
    .map(({ name }) => name ?? '');
  return {
    relation: { sql: `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`, isTable: true },
    forms,
    columns: from.columns ?? [...forms.keys()],
    notNull: new Set(found.filter((row) => row['not_null'] === 't').map(({ name }) => name ?? '')),
    key: key ?? primaryKey,
  };
}

function refuseRepeats(names: readonly string[]): void {
  const repeated = [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
  if (repeated.length === 0) return;
  throw new PipelineError('CONFIG_INVALID', {
    problems: repeated.map((name) => `the query has several columns "${name}"; name them apart with AS`),
  });
}

async function unknownTable(session: Session, schema: string, table: string): Promise<PipelineError> {
  const tables = await session.rows(
    `SELECT n.nspname AS schema, c.relname AS name
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
       AND n.nspname NOT LIKE 'pg\\_toast%'
     ORDER BY n.nspname <> $1, 1, 2 LIMIT $2`,
    [schema, limits.postgresListedTables],
  );
  const elsewhere = tables.find((found) => found['name'] === table);
  const own = tables.filter((found) => found['schema'] === schema).map((found) => found['name'] ?? '');
  const hint =
    elsewhere !== undefined
      ? ` (there is one in schema "${elsewhere['schema'] ?? ''}": set "schema")`
      : nearestName(table, own);
  return new PipelineError('CONFIG_INVALID', {
    problems: `there is no table or view "${table}" in schema "${schema}"${hint}`,
  });
}
