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
    '`postgres` and `mysql` do not: their snapshot ends with the connection, and the other half would be of another state of the database.',
    '',
    '## Deletions',
    '',
    '- `shopify`, `hubspot` and `salesforce` ask for what was deleted; `postgres` and `mysql` have `deletedAt` and `deletedWhen`; `rest`, `graphql` and',
    '  `file` have `deleted`, which names the member by which a record says it. Each becomes a tombstone.',
    '- `magento` and `klaviyo` have no API that tells of deletions, and mark no record as deleted. `mailchimp` does not tell of members who',
    '  were deleted for good; its `archived` and `cleaned` members are not deleted: one can come back, the other must stay known so as not',
    '  to be written to, and both come as rows with their status.',
    '- `ga4` and `inbox` bring events, which happened and stay. `function` brings rows.',
    '- From any source: `hardDelete` of a load takes a column that says that its row is gone; a full read that is loaded with the disposition',
    '  `replace` leaves nothing in the table that the source did not have; `millrace reconcile --heal --deletions` takes away what the table',
    '  has too much where it compares by checksums.',
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
