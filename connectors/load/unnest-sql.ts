import type { ColumnSpec } from '../../core/loading/columns.js';
import { carriedColumns, unnestProblems, type UnnestConfig } from '../../core/dag/unnest.js';
import { withLongNumbersAsText } from '../duckdb/exact-json.js';
import { duckDbTransforms } from '../duckdb/transform-dialect.js';
import { quoteName, quoteText } from '../duckdb/sql-text.js';
import { memberColumn } from './transform-sql.js';
import { systemColumns } from './system-tables.js';

const { position: rowPosition } = systemColumns;

/** An `unnest` as DuckDB's SQL, or everything that is wrong with it. */
export type UnnestPlan =
  | {
      readonly columns: readonly ColumnSpec[];
      /** Rows whose column holds something that is neither an array nor null. */
      refused(source: string): string;
      /** Parents that have elements or none, one a key: the latest, with the elements in a column of their own. */
      parents(source: string): string;
      /** A row for each element of the parents, in their order. */
      elements(parents: string): string;
      /** Parents without elements. */
      emptied(parents: string): string;
      /** A query for one row of whole numbers: `parents`, `emptied` and `elements`. */
      count(parents: string): string;
    }
  | { readonly problems: readonly string[] };

const elementsName = '_millrace_elements';
const elementName = '_millrace_element';
const indexName = '_millrace_index';

/** Meets a declaration with the columns of its rows. */
export function compileUnnest(input: readonly ColumnSpec[], config: UnnestConfig): UnnestPlan {
  const { key, version = [], position, path = '$' } = config;
  const carried = carriedColumns(config);
  const problems = unnestProblems(config);
  const find = (name: string) => input.find((column) => column.name === name);
  const known = input.map(({ name }) => name).join(', ');
  for (const name of new Set([config.column, ...carried]))
    if (find(name) === undefined) problems.push(`there is no column "${name}"; known here: ${known}`);
  const source = find(config.column);
  if (source !== undefined && source.type !== 'json')
    problems.push(`unnest: column "${config.column}" is ${source.type}, not json`);
  if (problems.length > 0) return { problems };

  const members = Object.entries(config.columns).map(([name, { type, path: at }]) => {
    const column = memberColumn(name, type);
    return { column, expression: duckDbTransforms.extract(column, elementName, at) };
  });
  const array = `json_extract(${withLongNumbersAsText(quoteName(config.column))}, ${quoteText(path)})`;
  const isEmpty = `coalesce(len(${elementsName}), 0) = 0`;
  const isRefused = `coalesce(json_type(${array}) NOT IN ('ARRAY', 'NULL'), FALSE)`;
  const order = [...version.map((name) => `${quoteName(name)} DESC NULLS LAST`), `${rowPosition} DESC`].join(
    ', ',
  );
  const isKeyless = key.map((name) => `${quoteName(name)} IS NULL`).join(' OR ');
  const parentColumns = carried.map(quoteName);
  const values = [
    rowPosition,
    ...parentColumns,
    ...(position === undefined ? [] : [`CAST(${indexName} AS BIGINT) AS ${quoteName(position)}`]),
    ...members.map(({ column, expression }) => `${expression} AS ${quoteName(column.name)}`),
  ];
  return {
    columns: [
      ...carried.flatMap((name) => find(name) ?? []),
      ...(position === undefined ? [] : [{ name: position, type: 'int64', nullable: false } as const]),
      ...members.map(({ column }) => column),
    ],
    refused: (rows) => `SELECT * FROM ${rows} WHERE ${isRefused}`,
    parents: (rows) =>
      `SELECT ${[rowPosition, ...parentColumns].join(', ')}, json_extract(CAST(${array} AS VARCHAR), '$[*]') AS ${elementsName} FROM ${rows} WHERE NOT ${isRefused}
       QUALIFY (${isKeyless}) OR row_number() OVER (PARTITION BY ${key.map(quoteName).join(', ')} ORDER BY ${order}) = 1`,
    elements: (parents) =>
      `SELECT ${values.join(', ')} FROM (SELECT *, unnest(${elementsName}) AS ${elementName}, generate_subscripts(${elementsName}, 1) - 1 AS ${indexName} FROM ${parents})
       ORDER BY ${rowPosition}, ${indexName}`,
    emptied: (parents) => `SELECT * FROM ${parents} WHERE ${isEmpty}`,
    count: (parents) =>
      `SELECT count(*) AS parents, count(*) FILTER (${isEmpty}) AS emptied, CAST(coalesce(sum(len(${elementsName})), 0) AS BIGINT) AS elements FROM ${parents}`,
  };
}
