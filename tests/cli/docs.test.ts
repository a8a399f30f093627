import { beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../architecture/source-tree.js';
import { TestProject } from '../helpers/project.js';

const dag = `
import { defineDag, file } from 'millrace';
export default defineDag({ id: 'people', tasks: ({ extract, validate, load }) => {
  const raw = extract('read', { from: file.records({ path: 'people.ndjson', format: 'ndjson' }), read: 'full' });
  load('store', validate('check', raw, { schema: 'person.v1' }), { into: 'people', disposition: 'append' });
} });
`;
const schema = {
  $id: 'person.v1',
  type: 'object',
  properties: {
    id: { type: 'string', 'x-pii': 'pseudonym', 'x-purpose': 'service' },
    name: { type: 'string' },
  },
};

let project: TestProject;

beforeAll(async () => {
  project = await TestProject.create({ 'people.ts': dag });
  project.write('schemas/person.v1.schema.json', JSON.stringify(schema));
});

describe('millrace docs', () => {
  test('writes its pages, and with --check fails for what is missing', async () => {
    const outcome = await project.run('docs', '--out', 'pages', '--check');
    expect(outcome).toMatchObject({
      code: 1,
      stderr: [
        'millrace: DAG "people" has no owner',
        'millrace: schema "person.v1": field "name" has no x-pii',
        'millrace: schema "person.v1": field "name" has no x-purpose',
        '',
      ].join('\n'),
    });
    const read = (name: string) => readFileSync(join(project.folder, 'pages', name), 'utf8');
    expect(read('index.md')).toContain('[people](people.md)');
    expect(read('people.md')).toContain('| id | string | id | pseudonym | service |');
    const { dags } = JSON.parse(read('data-flows.json')) as { dags: unknown[] };
    expect(dags).toEqual([expect.objectContaining({ dagId: 'people', owner: null })]);
  });

  test('the DAGs of the demo have owners, schemas and tags', () => {
    const { status, stdout } = spawnSync(
      process.execPath,
      [join(root, 'dist/client.js'), 'docs', '--check', '--json'],
      { cwd: root, env: project.env, encoding: 'utf8' },
    );
    const { dags, problems } = JSON.parse(stdout) as { dags: unknown[]; problems: string[] };
    expect(problems).toEqual([]);
    expect(dags.length).toBeGreaterThanOrEqual(3);
    expect(status).toBe(0);
  });
});
