import { PipelineError } from '../../core/errors/index.js';

const reading = new Set(['select', 'with', 'show', 'describe', 'desc', 'explain']);

/** What a query failed with: a statement that the warehouse refuses is the asker's to correct. */
export function queryFailure(error: unknown): unknown {
  if (!(error instanceof PipelineError)) return error;
  if (error.code !== 'WAREHOUSE_STATEMENT' && error.code !== 'WAREHOUSE_CONFLICT') return error;
  const reason = error.cause instanceof Error ? error.cause.message : error.message;
  return new PipelineError('QUERY_REFUSED', { reason: reason.split('\n')[0] ?? '' }, { cause: error });
}

/**
 * One reading statement, without a semicolon at its end. What follows WITH can only be a query in the dialects of the
 * warehouses on the network; the rights of the connection's role are the wall behind this.
 *
 * @throws PipelineError QUERY_REFUSED for several statements, or one that does not begin as a reading one.
 */
export function readingStatement(sql: string): string {
  const plain = sql.replace(/^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/, '').replace(/[\s;]+$/, '');
  const bare = plain.replace(/'(?:[^'\\]|''|\\.)*'|"(?:[^"]|"")*"|`[^`]*`|--[^\n]*|\/\*[\s\S]*?\*\//g, ' ');
  if (bare.includes(';')) throw new PipelineError('QUERY_REFUSED', { reason: 'it holds several statements' });
  const [word = ''] = /^[(\s]*([a-z]+)/i.exec(bare)?.slice(1) ?? [];
  if (!reading.has(word.toLowerCase()))
    throw new PipelineError('QUERY_REFUSED', { reason: 'it does not only read' });
  return plain;
}
