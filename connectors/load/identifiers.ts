import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';

/**
 * Refuses names that no table or column should have. Every name is quoted as well; this keeps out what could be mistaken
 * for something else or what belongs to Millrace.
 *
 * @throws PipelineError IDENTIFIER_REFUSED
 */
export function assertIdentifier(what: 'table' | 'column', name: string): void {
  const reason = refusal(what, name);
  if (reason !== undefined)
    throw new PipelineError('IDENTIFIER_REFUSED', { what, name: JSON.stringify(name.slice(0, 80)), reason });
}

function refusal(what: 'table' | 'column', name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (name.length > limits.identifierMaxLength)
    return `it is longer than ${String(limits.identifierMaxLength)} characters`;
  if (name.toLowerCase().startsWith('_millrace')) return 'names that start with _millrace belong to Millrace';
  if (/[\p{Cc}\p{Cf}\p{Surrogate}]/u.test(name)) return 'it holds control or invisible characters';
  if (what === 'table' && !/^[A-Za-z][A-Za-z0-9_.-]*$/.test(name)) return 'it holds other characters';
  return undefined;
}
