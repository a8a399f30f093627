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
    'Where a worker dies or the source is down for longer than a try, a source that resumes is asked for the pages that are missing. One that',
    'does not is read from the last committed cursor again. In both cases an extract hands on all that it was asked for, or nothing.',
    '`postgres` does not: its snapshot ends with the connection, and the other half would be of another state of the database.',
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
