import type { Normalisation } from '../../core/dag/dag-spec.js';
import type { DeferredTransforms } from '../../core/loading/manifest.js';
import { isPipelineError } from '../../core/errors/index.js';
import { noLetters, type LetterTable, type LetterTables } from '../load/letters.js';
import { compileChain } from '../load/transform-chain.js';
import type { TransformDialect } from '../load/transform-dialect.js';
import type { RemoteDialect } from './engine.js';

/** What DuckDB's `trim` takes away: Unicode's space separators. Other engines take the blank only, or every white space. */
const blanks =
  '\u0020\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000';

/** The steps in SQL that warehouses on the network share; what they would do otherwise than the worker is refused. */
export function remoteTransforms(dialect: RemoteDialect, letters: LetterTables): TransformDialect {
  const trim = (text: string) => `TRIM(${text}, ${dialect.text(blanks)})`;
  const translate = (text: string, { from, to }: LetterTable) =>
    `TRANSLATE(${text}, ${dialect.text(from)}, ${dialect.text(to)})`;
  const normalise = (text: string, step: Normalisation): string => {
    switch (step) {
      case 'trim':
        return trim(text);
      case 'lower':
        return translate(text, letters.lower);
      case 'upper':
        return translate(text, letters.upper);
      case 'collapse-space':
        return trim(`REGEXP_REPLACE(${text}, ${dialect.text('[ \t\r\n]+')}, ' ')`);
      case 'empty-to-null':
        return `NULLIF(${text}, '')`;
      case 'email':
        return `NULLIF(${translate(trim(text), letters.lower)}, '')`;
    }
  };
  return {
    name: (column) => dialect.name(column),
    refusedName: (columns) => refusedName(columns, dialect),
    refusedUse: (use, { type }) => {
      if (use === 'extract from') return 'numbers and the order of members come out otherwise there';
      if (type === 'double') return 'floating point is written and grouped otherwise there';
      return type === 'bytes' ? 'bytes are written otherwise there' : undefined;
    },
    // Refused, see above.
    extract: (_column, json) => json,
    constant: (column, value) => `CAST(${dialect.text(value)} AS ${dialect.typeOf(column)})`,
    normalise,
    isOneOf: (expression, column, texts) =>
      `${dialect.asText(expression, column)} IN (${texts.map((text) => dialect.text(text)).join(', ')})`,
  };
}

/** Why a warehouse cannot apply transforms as the worker would, a reason each. */
export function remoteTransformGaps(deferred: DeferredTransforms, dialect: RemoteDialect): readonly string[] {
  const chain = compileChain(deferred, remoteTransforms(dialect, noLetters));
  return 'problems' in chain ? chain.problems : chain.gaps;
}

function refusedName(columns: readonly string[], dialect: RemoteDialect): string | undefined {
  const seen = new Set<string>();
  for (const column of columns) {
    if (seen.has(column.toLowerCase()))
      return `two columns are called "${column}", but for upper and lower case`;
    seen.add(column.toLowerCase());
    try {
      dialect.name(column);
    } catch (error) {
      if (isPipelineError(error)) return error.message;
      throw error;
    }
  }
  return undefined;
}
