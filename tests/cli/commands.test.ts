import { beforeAll, describe, expect, test } from '@jest/globals';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { TestProject } from '../helpers/project.js';

let project: TestProject;

beforeAll(async () => {
  project = await TestProject.create(
    {},
    {
      connections: { shop: { connector: 'shopify', url: 'http://127.0.0.1:9', accessToken: 'canary-token' } },
    },
  );
});

describe('help', () => {
  const commands = [
    ['init'],
    ['dev'],
    ['worker'],
    ['gateway'],
    ['deploy'],
    ['docs'],
    ['query'],
    ['reconcile'],
    ['doctor'],
    ...['list', 'show', 'trigger', 'pause', 'unpause', 'gaps', 'runs'].map((name) => ['dag', name]),
    ['alarms', 'list'],
    ...['list', 'show', 'trigger', 'pause', 'unpause', 'runs', 'grid', 'graph'].map((name) => ['dag', name]),
    ...['list', 'show', 'logs', 'sync'].map((name) => ['run', name]),
    ...['create', 'status', 'pause', 'resume', 'cancel'].map((name) => ['backfill', name]),
    ...['list', 'show', 'replay'].map((name) => ['quarantine', name]),
    ['connections', 'test'],
  ];

  test.each(commands.map((command) => [command.join(' '), command] as const))(
    '%s has an example and --json',
    async (_name, command) => {
      const { code, stdout } = await project.run(...command, '--help');
      expect(code).toBe(0);
      expect(stdout).toMatch(/Examples?:\n {2}\$ /);
      expect(stdout).toContain('--json');
    },
  );
});

describe('a new project', () => {
  test('says that its DAGs are modules, and one that does not is told to', async () => {
    const fresh = await TestProject.create({});
    rmSync(join(fresh.folder, 'package.json'));
    expect((await fresh.run('init')).code).toBe(0);
    // The DAGs are loaded before anybody asks for Temporal.
    expect((await fresh.run('deploy')).stderr).toContain('[TEMPORAL_UNAVAILABLE]');
    fresh.write('package.json', '{}');
    expect((await fresh.run('deploy')).stderr).toMatch(/hello\.ts did not load.*"type": "module"/);
  });
});

describe('exit codes', () => {
  test('2 for a command line that is wrong', async () => {
    expect((await project.runAlone('dag', 'nothing')).code).toBe(2);
    expect((await project.run('backfill', 'create', 'x', '--from', 'soon', '--to', 'later')).code).toBe(2);
  });

  test('69 where Temporal does not answer, with what to do', async () => {
    const outcome = await project.runAlone('dag', 'list');
    expect(outcome.code).toBe(69);
    expect(outcome.stderr).toMatch(/millrace dev.*TEMPORAL_UNAVAILABLE/s);
  });

  test('69 where there is no warehouse yet', async () => {
    expect(await project.runAlone('query', 'SELECT 1', '--json')).toMatchObject({
      code: 69,
      stderr: expect.stringContaining('WAREHOUSE_UNAVAILABLE'),
    });
  });

  test('78 for settings that are wrong, every problem at once', async () => {
    const broken = await TestProject.create({}, { unknown: 1, gateway: { port: 'x' } });
    const outcome = await broken.run('doctor');
    expect(outcome.stderr + outcome.stdout).toMatch(/unknown/);
    expect(outcome.stderr + outcome.stdout).toMatch(/gateway\.port/);
    expect((await broken.run('deploy')).code).toBe(78);
  });

  test('a DAG file that cannot be used is named, with every problem', async () => {
    const wrong = await TestProject.create({
      'wrong.ts': `import { defineDag } from 'millrace';
        export default defineDag({ id: 'not an id', schedule: { cron: '99 * * * *' }, tasks: ({ task }) => { task('a', { run: async () => ({}) }); task('a', { run: async () => ({}) }); } });`,
    });
    await wrong.startTemporal();
    const outcome = await wrong.run('deploy');
    expect(outcome.code).not.toBe(0);
    for (const text of ['not an id', '99 * * * *', '"a"', 'DAG_INVALID'])
      expect(outcome.stderr).toContain(text);
  }, 240_000);
});

test('a connection that does not work is told without its secret', async () => {
  const outcome = await project.run('connections', 'test', 'shop', '--json');
  expect(outcome.code).toBe(1);
  expect(outcome.stdout + outcome.stderr).not.toContain('canary-token');
  expect(outcome.stdout).toContain('shopify');
});
