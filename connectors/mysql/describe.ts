import type mysql from 'mysql2';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { nearestName } from '../nearest-name.js';
import type { DescribedRows, Relation } from '../relational/dialect.js';
import type { MysqlOptions } from './options.js';
import { fromSql, quoteIdentifier } from './row-sql.js';
import type { QueryValue, Session } from './session.js';
import { formOf, type ColumnForm } from './type-forms.js';

/** What is read, as the server describes it. */
export interface Described extends DescribedRows<ColumnForm> {
  /** What is bound in the text of the relation. */
  readonly values: readonly QueryValue[];
}

/** @throws PipelineError CONFIG_INVALID where there is no such table, or SOURCE_* */
export async function describe(
  session: Session,
  { from, key, zeroDates }: MysqlOptions,
  database: string,
): Promise<Described> {
  if ('sql' in from) {
    const relation: Relation = { sql: from.sql };
    const fields = await session.columnsOf(`SELECT * FROM ${fromSql(relation)} LIMIT 0`, from.values);
    return { relation, values: from.values, ...formsOf(fields, zeroDates), key: key ?? [] };
  }
  const place = [from.database ?? database, from.table] as const;
  const [found] = await session.rows(
    `SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`,
    place,
  );
  if (found === undefined) throw await unknownTable(session, ...place);
  const relation: Relation = { sql: place.map(quoteIdentifier).join('.'), isTable: true };
  const described = formsOf(
    await session.columnsOf(`SELECT * FROM ${fromSql(relation)} LIMIT 0`, []),
    zeroDates,
  );
  const primaryKey = await session.rows(
    `SELECT COLUMN_NAME AS name FROM information_schema.STATISTICS
     WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX`,
    place,
  );
  return {
    relation,
    values: [],
    ...described,
    columns: from.columns ?? described.columns,
    key: key ?? primaryKey.map(({ name }) => name ?? ''),
  };
}

function formsOf(
  fields: readonly mysql.FieldPacket[],
  zeroDates: MysqlOptions['zeroDates'],
): Pick<Described, 'forms' | 'unreadable' | 'notNull' | 'columns'> {
  const forms = new Map<string, ColumnForm>();
  const unreadable = new Map<string, string>();
  const notNull = new Set<string>();
  for (const field of fields) {
    const form = formOf(field, zeroDates);
    if ('unreadable' in form)
      unreadable.set(
        field.name,
        `column "${field.name}" has type ${form.unreadable}, which is not read: leave it out of "columns", or read text of it in a query (ST_AsText, ST_AsGeoJSON)`,
      );
    else {
      forms.set(field.name, form);
      if (form.isNotNull) notNull.add(field.name);
    }
  }
  return { forms, unreadable, notNull, columns: fields.map(({ name }) => name) };
}

async function unknownTable(session: Session, database: string, table: string): Promise<PipelineError> {
  const tables = await session.rows(
    `SELECT TABLE_SCHEMA AS place, TABLE_NAME AS name FROM information_schema.TABLES
     WHERE TABLE_SCHEMA NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')
     ORDER BY TABLE_SCHEMA <> ?, 1, 2 LIMIT ${String(limits.mysqlListedTables)}`,
    [database],
  );
  const elsewhere = tables.find(({ name }) => name === table);
  const own = tables.filter(({ place }) => place === database).map(({ name }) => name ?? '');
  const hint =
    elsewhere === undefined
      ? nearestName(table, own)
      : ` (there is one in database "${elsewhere['place'] ?? ''}": set "database")`;
  return new PipelineError('CONFIG_INVALID', {
    problems: `there is no table or view "${table}" in database "${database}" that the user may read${hint}`,
  });
}
