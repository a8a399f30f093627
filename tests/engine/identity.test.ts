import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { readIdentifier } from '../../activities/identity/identifier.js';
import { MillraceClient } from '../../client/index.js';
import { connectDuckDb } from '../../connectors/duckdb/index.js';
import { TestProject, type RunningProcess } from '../helpers/project.js';

/** Events of a site, customers of a shop and contacts of a CRM, as params of a run; then who is who. */
const dag = `
import { defineDag } from 'millrace';
const reader = (name) => async function* ({ params }) { for (const row of params[name] ?? []) yield row; };
export default defineDag({
  id: 'people', schedule: 'manual', owner: 'crm@shop.test',
  tasks: ({ extract, validate, load, identity }) => {
    const pull = (name, into) =>
      load('load-' + into, validate('check-' + into, extract('pull-' + into, { from: reader(name) }), { schema: name + '.v1' }),
        { into, key: ['id'], version: ['at'] });
    identity('who', {
      after: [pull('event', 'events'), pull('customer', 'customers'), pull('contact', 'contacts')],
      into: 'persons',
      identifiers: {
        user_id: { limit: 1 },
        customer_id: { limit: 1 },
        contact_id: {},
        email: { kind: 'email', hash: true, limit: 3, blocked: ['test@*'] },
        anonymous_id: {},
      },
      sources: [
        { table: 'events', at: 'at', columns: { anonymousId: 'anonymous_id', userId: 'user_id', previousId: 'anonymous_id' } },
        { table: 'customers', at: 'at', columns: { customer: 'customer_id', user: 'user_id', email: 'email' } },
        { table: 'contacts', at: 'at', columns: { contact: 'contact_id', email: 'email' } },
      ],
    });
  },
});`;

const schema = (name: string, ...fields: string[]) =>
  JSON.stringify({
    $id: `${name}.v1`,
    type: 'object',
    required: ['id', 'at'],
    properties: {
      id: { type: 'integer', 'x-pii': 'none', 'x-purpose': 'personalisation' },
      at: { type: 'string', format: 'date-time', 'x-pii': 'none', 'x-purpose': 'personalisation' },
      ...Object.fromEntries(
        fields.map((field) => [
          field,
          { type: ['string', 'null'], 'x-pii': 'pseudonym', 'x-purpose': 'personalisation' },
        ]),
      ),
    },
  });

const day = (date: number) => `2026-03-${String(date).padStart(2, '0')}T08:00:00Z`;
const events = [
  { id: 1, at: day(1), anonymousId: 'laptop' },
  { id: 2, at: day(2), anonymousId: 'laptop', userId: 'ana' },
  { id: 3, at: day(3), anonymousId: 'phone', userId: null },
  // An alias: the phone belongs to whoever has the laptop.
  { id: 4, at: day(4), anonymousId: 'laptop', previousId: 'phone' },
  { id: 5, at: day(5), anonymousId: '00000000-0000-0000', userId: 'ana' },
  { id: 6, at: day(5), anonymousId: 'undefined', userId: 'bo' },
];
const customers = [
  { id: 1, at: day(2), customer: 'c1', user: 'ana', email: ' Ana@Shop.test ' },
  { id: 2, at: day(2), customer: 'c2', user: 'bo', email: 'bo@shop.test' },
  { id: 3, at: day(2), customer: 'c3', email: 'test@shop.test' },
  { id: 4, at: day(2), customer: 'c4', email: 'TEST@other.test' },
];
const contacts = [
  { id: 1, at: day(6), contact: 'h1', email: 'ana@shop.test' },
  { id: 2, at: day(6), contact: 'h2', email: 'cy@shop.test' },
];

let project: TestProject;
let millrace: MillraceClient;
let worker: RunningProcess;

beforeAll(async () => {
  project = await TestProject.create({ 'people.ts': dag });
  project.write('schemas/event.v1.schema.json', schema('event', 'anonymousId', 'userId', 'previousId'));
  project.write('schemas/customer.v1.schema.json', schema('customer', 'customer', 'user', 'email'));
  project.write('schemas/contact.v1.schema.json', schema('contact', 'contact', 'email'));
  await project.startTemporal();
  await project.json('deploy');
  worker = await project.startWorker();
  millrace = await MillraceClient.connect({ project: project.folder, env: project.env });
}, 240_000);

afterAll(async () => {
  await millrace.close();
});

let runs = 0;
async function run(params: object): Promise<Record<string, number>> {
  runs += 1;
  const started = await millrace.triggerRun('people', {
    params: params as never,
    name: `run-${String(runs)}`,
  });
  expect((await project.resultOf(started.workflowId)).state).toBe('success');
  return (await project.results(started.workflowId))['who'] as Record<string, number>;
}

/** Rows of a query, asked of the process that holds the file. */
async function rows(sql: string): Promise<readonly Record<string, unknown>[]> {
  const reader = await connectDuckDb({ path: join(project.folder, '.millrace', 'warehouse.duckdb') });
  return (await reader.query(sql, 1_000)).rows;
}

/** Persons as their identifiers; e-mails, which are hashes, by their type alone. */
async function persons(): Promise<string[]> {
  const found = await rows(
    `SELECT string_agg(CASE identifier_type WHEN 'email' THEN 'email' ELSE identifier_value END, ' ' ORDER BY identifier_type, identifier_value) AS person
     FROM persons_identifiers GROUP BY person_key ORDER BY person`,
  );
  return found.map((row) => String(row['person']));
}
const table = (name: string) => rows(`FROM persons_${name} ORDER BY ALL`);
const keyOf = async (type: string, value: string) =>
  (
    await rows(`SELECT person_key FROM persons_identifiers WHERE identifier_id = '${idOf(type, value)}'`)
  )[0]?.['person_key'];
const idOf = (name: string, value: string) => {
  const kind = name === 'email' ? ('email' as const) : ('id' as const);
  return readIdentifier({ name, kind, hash: kind === 'email', limit: 1, blocked: [], pii: '' }, value).id;
};

test('events, customers and contacts become persons', async () => {
  const outcome = await run({ event: events, customer: customers, contact: contacts });
  expect(await persons()).toEqual(['c2 email bo', 'c3', 'c4', 'h2 email', 'laptop phone h1 c1 email ana']);
  expect(outcome).toMatchObject({ persons: 5, newMerges: 0, refusedLinks: 0 });
}, 240_000);

test('a second run, redelivery and late rows in another order change nothing that they need not', async () => {
  const before = [await table('identifiers'), await table('links')];
  expect(await run({ event: [...events].reverse(), customer: customers, contact: contacts })).toMatchObject({
    changedRows: 0,
  });
  expect([await table('identifiers'), await table('links')]).toEqual(before);
  // Older than everything: the laptop was somebody else's first, and is not given back.
  const late = [{ id: 90, at: '2026-02-01T08:00:00Z', anonymousId: 'laptop', userId: 'bo' }];
  expect(await run({ event: late })).toMatchObject({ persons: 5, refusedLinks: 1, newMerges: 0 });
  expect(await persons()).toEqual(['c2 email bo', 'c3', 'c4', 'h2 email', 'laptop phone h1 c1 email ana']);
  const keys = (found: readonly Record<string, unknown>[] = []) =>
    new Map(found.map((row) => [row['identifier_id'], row['person_key']]));
  expect(keys(await table('identifiers'))).toEqual(keys(before[0]));
}, 240_000);

interface Person {
  readonly personKey: string;
  readonly identifiers: { readonly identifier_type: string }[];
}
const merges = () =>
  rows('SELECT merge_id, merged_key, kept_key, resolves_to, status FROM persons_merges ORDER BY merge_id');

/** The e-mail that two people share. */
const shared = { contact: 'h2', email: 'c3@shop.test' };

test('a merge keeps the older key, a split brings the other one back and holds, wherever the worker dies', async () => {
  const cy = await keyOf('email', 'Cy@shop.test');
  await run({ customer: [{ id: 51, at: day(8), customer: 'c3', email: 'c3@shop.test' }] });
  const c3 = await keyOf('customer_id', 'c3');

  // The worker dies between the load of the merges and that of the identifiers.
  await worker.end();
  worker = await project.startWorker('after-commit@3');
  const killed = { contact: [{ id: 50, at: day(9), ...shared }] };
  const { workflowId } = await millrace.triggerRun('people', { params: killed, name: 'killed' });
  await worker.ended;
  worker = await project.startWorker();
  expect((await project.resultOf(workflowId)).state).toBe('success');

  const [merge] = await merges();
  const mergeId = String(merge?.['merge_id']);
  expect(merge).toMatchObject({ status: 'merged', resolves_to: merge?.['kept_key'] });
  expect([merge?.['merged_key'], merge?.['kept_key']].sort()).toEqual([cy, c3].sort());
  for (const [type, value] of [
    ['email', ' CY@shop.test'],
    ['person', String(merge?.['merged_key'])],
  ]) {
    const person = await project.json<Person>('identity', 'show', type ?? '', value ?? '');
    expect(person.personKey).toBe(merge?.['kept_key']);
    expect(person.identifiers.map((row) => row.identifier_type).sort()).toEqual([
      'contact_id',
      'customer_id',
      'email',
      'email',
    ]);
  }

  const split = ['identity', 'split', mergeId, '--reason', 'one mailbox, two people', '--by', 'ana'];
  const before = await table('identifiers');
  expect(await project.json(...split, '--dry-run')).toMatchObject({
    changedRows: 0,
    split: { mergedKey: merge?.['merged_key'], cutLinks: 1, dryRun: true },
  });
  expect(await table('identifiers')).toEqual(before);
  await project.json(...split);
  expect([await keyOf('email', 'cy@shop.test'), await keyOf('customer_id', 'c3')]).toEqual([cy, c3]);
  // The same link, seen again and later than everything.
  expect(await run({ contact: [{ id: 52, at: day(20), ...shared }] })).toMatchObject({ newMerges: 0 });
  expect([await keyOf('email', 'cy@shop.test'), await keyOf('customer_id', 'c3')]).toEqual([cy, c3]);
  expect(await project.json('identity', 'merges', '--all')).toMatchObject({
    merges: [{ status: 'split', reason: 'one mailbox, two people', split_by: 'ana' }],
  });
  // Everything read anew is what was there.
  expect(await project.json('identity', 'rebuild')).toMatchObject({ changedRows: 0, newMerges: 0 });
  expect(await project.run('identity', 'split', 'none', '--reason', 'x')).toMatchObject({
    code: 78,
    stderr: expect.stringContaining('IDENTITY_NOT_FOUND'),
  });
}, 400_000);

test('the documents of data flows tag what names a person', async () => {
  const { dags } = await project.json<{
    dags: { tables: { table: string; fields: { name: string; pii: string }[] }[] }[];
  }>('docs', '--out', 'flows');
  const written = dags[0]?.tables.find(({ table: name }) => name === 'persons_identifiers');
  expect(written?.fields.find(({ name }) => name === 'identifier_value')?.pii).toBe('pseudonym');
});
