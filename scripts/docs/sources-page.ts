import { sourceFeatures, sources, type SourceFeature } from './source-features.js';

/** `docs/reference/sources.md`: what each source can, and the test that shows it. */
export function sourcesPage(): string {
  const columns = Object.keys(sourceFeatures) as SourceFeature[];
  return [
    '# Sources',
    '',
    'Generated from `scripts/docs/source-features.ts` by `npm run docs`. A test of the documentation holds each ✓ to the test that it',
    'names. What webhooks check: [webhooks](webhooks.md).',
    '',
    `| source | ${columns.join(' | ')} |`,
    `| --- | ${columns.map(() => ':-:').join(' | ')} |`,
    ...sources.map(
      ({ source, features }) =>
        `| \`${source}\` | ${columns.map((column) => (features[column] === undefined ? '–' : '✓')).join(' | ')} |`,
    ),
    '',
    ...columns.map((column) => `- **${column}**: ${sourceFeatures[column]}`),
    '',
    'No source resumes in the midst of a read: an extract stages all that it was asked for, or nothing. A read that was cut begins',
    'again at the last committed cursor, and the merge makes one row of what comes twice.',
    '',
    '## Shown by',
    '',
    '| source | what | test |',
    '| --- | --- | --- |',
    ...sources.flatMap(({ source, features }) =>
      columns.flatMap((column) => {
        const shown = features[column];
        return shown === undefined
          ? []
          : [`| \`${source}\` | ${column} | \`${shown.test}\` › ${shown.title} |`];
      }),
    ),
    '',
  ].join('\n');
}
