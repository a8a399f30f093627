import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../architecture/source-tree.js';
import { temporaryFolder } from '../helpers/folder.js';
import { productEnv } from '../helpers/product-env.js';
import { waitUntil } from '../helpers/project.js';

const folder = temporaryFolder();
const project = join(folder, 'empty');
const bin = join(project, 'node_modules', '.bin', 'millrace');
const env = productEnv();
const npm = (args: string[], cwd: string) =>
  execFileSync('npm', [...args, '--prefer-offline', '--no-audit', '--no-fund'], {
    cwd,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });

beforeAll(() => {
  const packed = JSON.parse(
    npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root),
  ) as { filename: string }[] | Record<string, { filename: string }>;
  const { filename } = Object.values(packed)[0]!;
  mkdirSync(project);
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({ name: 'empty', private: true, type: 'module' }),
  );
  npm(['install', '--ignore-scripts', join(folder, filename)], project);
}, 300_000);

afterAll(async () => {
  await running?.end();
});

let running: { end(): Promise<void> } | undefined;

const millrace = (...args: string[]) =>
  execFileSync(process.execPath, [bin, ...args], {
    cwd: project,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('the packed package, installed into an empty folder', () => {
  test('carries what it needs and nothing of the workshop', () => {
    const installed = join(project, 'node_modules', 'millrace');
    for (const path of [
      'dist/client.js',
      'dist/workflow-bundle.js',
      'dist/schemas/records/order.v1.schema.json',
      'README.md',
      'LICENSE',
    ])
      expect(existsSync(join(installed, path))).toBe(true);
    for (const path of ['tests', 'dist/tests', 'dist/demo', '.ci', 'dags'])
      expect(existsSync(join(installed, path))).toBe(false);
  });

  test('init writes a project, dev runs it, Ctrl-C leaves no process', async () => {
    expect((JSON.parse(millrace('init', '--json')) as { created: string[] }).created).toContain(
      'dags/hello.ts',
    );
    const dev = spawn(process.execPath, [bin, 'dev', '--json'], {
      cwd: project,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const closed = once(dev, 'close');
    running = {
      end: async () => {
        if (dev.exitCode === null) dev.kill('SIGINT');
        await closed;
      },
    };
    let output = '';
    dev.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
    dev.stderr.on('data', () => undefined);
    await waitUntil('dev is ready', () => output.includes('\n'), 120_000);
    expect(JSON.parse(output)).toMatchObject({ dags: ['hello'] });
    const { pid } = JSON.parse(readFileSync(join(project, '.millrace', 'temporal.json'), 'utf8')) as {
      pid: number;
    };
    await waitUntil(
      'two greetings are loaded',
      () => {
        try {
          return (
            (
              JSON.parse(millrace('query', 'SELECT count(*) AS n FROM greetings', '--json')) as {
                rows: { n: string }[];
              }
            ).rows[0]?.n !== '0'
          );
        } catch {
          return false;
        }
      },
      240_000,
    );
    expect(millrace('dag', 'list')).toContain('hello');
    dev.kill('SIGINT');
    expect((await closed)[0]).toBe(0);
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(join(project, '.millrace', 'temporal.json'))).toBe(false);
  }, 240_000);

  test('init a second time keeps what is there', () => {
    expect(JSON.parse(millrace('init', '--json'))).toMatchObject({ created: [] });
  });
});
