import { catalogue } from '../../core/errors/catalogue.js';
import type { ErrorDefinition } from '../../core/errors/definition.js';

/** `docs/reference/errors.md`: one section for each code of the catalogue. */
export function errorsPage(): string {
  const sections = Object.entries(catalogue).map(([code, definition]: [string, ErrorDefinition]) =>
    [
      `## ${code}`,
      '',
      `${definition.kind}; ${definition.retryable ? 'tried again by itself' : 'not tried again'}.`,
      '',
      `> ${definition.message.replaceAll(/[<>|]/g, '\\$&').replaceAll(/\{(\w+)\}/g, '`{$1}`')}`,
      '',
    ].join('\n'),
  );
  return [
    '# Errors',
    '',
    'Generated from `core/errors/catalogue.ts` by `npm run docs`. Match on the code, never on the text. Places in braces are',
    'filled when the error is raised. In Temporal the code is the `type` of the failure.',
    '',
    ...sections,
  ].join('\n');
}
