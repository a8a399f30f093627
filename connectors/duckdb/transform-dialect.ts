import type { Normalisation } from '../../core/dag/dag-spec.js';
import type { TransformDialect } from '../load/transform-dialect.js';
import { fromText } from './column-sql.js';
import { jsonOfMember, textOfMember, withLongNumbersAsText } from './exact-json.js';
import { quoteName, quoteText } from './sql-text.js';

/** DuckDB: what a transform means. Others have to give the same. */
export const duckDbTransforms: TransformDialect = {
  name: quoteName,
  refusedName: () => undefined,
  refusedUse: () => undefined,
  extract: (column, json, path) => {
    const exact = withLongNumbersAsText(json);
    return column.type === 'json' ? jsonOfMember(exact, path) : fromText(column, textOfMember(exact, path));
  },
  constant: (column, value) => fromText(column, quoteText(value)),
  normalise,
  isOneOf: (expression, _column, texts) =>
    `CAST(${expression} AS VARCHAR) IN (${texts.map(quoteText).join(', ')})`,
};

function normalise(text: string, step: Normalisation): string {
  switch (step) {
    case 'trim':
      return `trim(${text})`;
    case 'lower':
      return `lower(${text})`;
    case 'upper':
      return `upper(${text})`;
    case 'collapse-space':
      return `trim(regexp_replace(${text}, '[ \\t\\r\\n]+', ' ', 'g'))`;
    case 'empty-to-null':
      return `nullif(${text}, '')`;
    case 'email':
      return `nullif(lower(trim(${text})), '')`;
  }
}
