import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { configSchema } from '../../config-schema.js';
import { loadSettings, printable, revealConnection, type LoadSettingsOptions } from '../../config.js';
import { isPipelineError } from '../../core/errors/index.js';
import { Secret } from '../../security/secret.js';

const canary = 'canary-7f3a91';
let project: string;

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'millrace-config-'));
});

afterEach(() => {
  rmSync(project, { recursive: true, force: true });
});

function load(file?: unknown, options: LoadSettingsOptions = {}) {
  if (file !== undefined) {
    writeFileSync(join(project, 'millrace.json'), typeof file === 'string' ? file : JSON.stringify(file));
  }
  return loadSettings({ cwd: project, env: {}, ...options });
}

function problemsOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    if (isPipelineError(error) && error.code === 'CONFIG_INVALID')
      return error.context['problems'] as readonly string[];
    throw error;
  }
  throw new Error('the settings were accepted');
}

test('the schema of the settings is a valid one', () => {
  const ajv = new Ajv({ strict: false });
  expect([ajv.validateSchema(configSchema), ajv.errors]).toEqual([true, null]);
});

describe('where settings come from', () => {
  test('a project without a file has working defaults', () => {
    const settings = load();
    expect(settings).toMatchObject({
      projectDirectory: project,
      dataDirectory: join(project, '.millrace'),
      dagsDirectory: join(project, 'dags'),
      schemasDirectory: join(project, 'schemas'),
      temporal: { namespace: 'default', taskQueue: 'millrace' },
      warehouse: { type: 'duckdb', path: join(project, '.millrace', 'warehouse.duckdb') },
      gateway: { host: '127.0.0.1', writeKeys: [], webhooks: {} },
      connections: {},
      log: { level: 'info' },
    });
    expect(settings.temporal.address).toBeUndefined();
  });

  test('a flag wins over a variable, and a variable over the file', () => {
    const file = { gateway: { port: 1 }, log: { level: 'warn' }, temporal: { namespace: 'of-file' } };
    const env = { MILLRACE_GATEWAY_PORT: '2', MILLRACE_LOG_LEVEL: 'error' };
    const settings = load(file, { env, flags: { 'gateway.port': 3, 'log.level': undefined } });
    expect([settings.gateway.port, settings.log.level, settings.temporal.namespace]).toEqual([
      3,
      'error',
      'of-file',
    ]);
  });

  test('the variables of Temporal count, and the own ones win over them', () => {
    const env = { TEMPORAL_ADDRESS: 'theirs:7233', TEMPORAL_NAMESPACE: 'theirs' };
    expect(load(undefined, { env }).temporal).toMatchObject({ address: 'theirs:7233', namespace: 'theirs' });
    expect(load(undefined, { env: { ...env, MILLRACE_TEMPORAL_ADDRESS: 'ours:1' } }).temporal.address).toBe(
      'ours:1',
    );
  });

  test('paths are taken from the project folder, and absolute ones stay', () => {
    const settings = load({ dataDirectory: 'data', warehouse: { path: '/srv/house.duckdb' } });
    expect(settings.dataDirectory).toBe(join(project, 'data'));
    expect(settings.warehouse.path).toBe('/srv/house.duckdb');
  });

  test('settings are frozen, all the way down', () => {
    const settings = load({ connections: { shop: { connector: 'shopify', tags: ['a'] } } });
    const parts = [
      settings,
      settings.gateway,
      settings.connections['shop'],
      settings.connections['shop']?.['tags'],
    ];
    expect(parts.map((part) => Object.isFrozen(part))).toEqual([true, true, true, true]);
  });
});

describe('what is refused', () => {
  test.each<[string, unknown, RegExp]>([
    ['an unknown key', { gatway: {} }, /unknown key "gatway"/],
    ['an unknown key further in', { gateway: { prot: 1 } }, /gateway has the unknown key "prot"/],
    ['a wrong type', { gateway: { port: 'x' } }, /gateway\.port must be integer/],
    ['a number out of range', { gateway: { port: 70_000 } }, /gateway\.port must be <= 65535/],
    ['a value outside the list', { log: { level: 'loud' } }, /log\.level must be one of trace, debug/],
    ['a warehouse whose name is no name', { warehouse: { type: '../duckdb' } }, /warehouse\.type must match/],
    ['an area that is no object', { gateway: 5 }, /gateway must be object/],
    ['a connection without connector', { connections: { shop: {} } }, /connections\.shop .*'connector'/],
    [
      'a webhook source without a secret',
      { gateway: { webhooks: { shop: { secrets: [] } } } },
      /fewer than 1 items/,
    ],
    ['an empty secret', { gateway: { writeKeys: [''] } }, /gateway\.writeKeys\.0 .*fewer than 1/],
    [
      'an empty secret option',
      { connections: { a: { connector: 'b', accessToken: '' } } },
      /accessToken is empty/,
    ],
    ['an address without port', { temporal: { address: 'localhost' } }, /temporal\.address must match/],
    [
      'a key that reaches for the prototype',
      '{"connections":{"__proto__":{"connector":"a"}}}',
      /name "__proto__"/,
    ],
    ['a list instead of an object', [], /must hold a JSON object/],
  ])('%s', (_name, file, expected) => {
    expect(problemsOf(() => load(file)).join('\n')).toMatch(expected);
  });

  test('a file that is no JSON, without quoting it', () => {
    const problems = problemsOf(() => load('{"writeKeys": s3cr3t}'));
    expect(problems.join()).toMatch(/millrace\.json is not valid JSON/);
    expect(problems.join()).not.toContain('s3cr3t');
  });

  test('every problem at once, with the place that it came from', () => {
    const problems = problemsOf(() =>
      load(
        { gatway: 1, log: { level: 'loud' } },
        { env: { MILLRACE_GATEWAY_PORT: 'x', MILLRACE_TYPO: '1' }, flags: { 'temporal.namespace': 5 } },
      ),
    );
    expect(problems).toHaveLength(5);
    expect(problems.join('\n')).toMatch(/gateway\.port \(MILLRACE_GATEWAY_PORT\)/);
    expect(problems.join('\n')).toMatch(/MILLRACE_TYPO is not a setting/);
    expect(problems.join('\n')).toMatch(/temporal\.namespace \(flag\)/);
  });

  test('an empty variable, which is never taken for a value', () => {
    expect(problemsOf(() => load(undefined, { env: { TEMPORAL_NAMESPACE: '' } })).join()).toMatch(
      /TEMPORAL_NAMESPACE is empty/,
    );
  });
});

describe('secrets', () => {
  const file = {
    gateway: { writeKeys: [{ env: 'KEY' }], webhooks: { shop: { secrets: [{ env: 'HOOK' }] } } },
    connections: {
      shop: { connector: 'shopify', shop: 'example', accessToken: { env: 'MILLRACE_SHOP_TOKEN' } },
      plain: {
        connector: 'http',
        headers: { 'x-api-key': canary },
        auth: { password: canary },
        url: 'https://a.example',
      },
    },
  };
  const env = {
    KEY: canary,
    HOOK: canary,
    MILLRACE_SHOP_TOKEN: canary,
    MILLRACE_SECURITY_KEYS: `new:${canary},old:${canary}`,
  };

  test('are taken from the named variable, and only reveal() shows them', () => {
    const settings = load(file, { env });
    expect(settings.gateway.writeKeys[0]?.reveal()).toBe(canary);
    expect(settings.gateway.webhooks['shop']?.secrets?.[0]?.reveal()).toBe(canary);
    expect(settings.connections['shop']?.['accessToken']).toBeInstanceOf(Secret);
    expect(settings.security.keys.map((key) => key.reveal())).toEqual([`new:${canary}`, `old:${canary}`]);
    for (const shown of [
      JSON.stringify(settings),
      inspect(settings, { depth: null }),
      JSON.stringify(printable(settings)),
    ]) {
      expect(shown).not.toContain(canary);
      expect(shown).toContain('[secret]');
    }
    expect(printable(settings)).toMatchObject({ connections: { plain: { url: 'https://a.example' } } });
  });

  test('a connector receives its connection in the clear', () => {
    const shop = load(file, { env }).connections['shop'];
    expect(shop && revealConnection(shop)).toEqual({
      connector: 'shopify',
      shop: 'example',
      accessToken: canary,
    });
  });

  test.each([
    ['is not set', {}],
    ['is empty', { KEY: '' }],
  ])('a variable that %s stops the start, and never becomes empty text', (state, given) => {
    const problems = problemsOf(() => load({ gateway: { writeKeys: [{ env: 'KEY' }] } }, { env: given }));
    expect(problems).toEqual([`gateway.writeKeys.0 needs environment variable KEY, which ${state}`]);
  });

  test('no problem text holds a value', () => {
    const problems = problemsOf(() =>
      load({
        temporal: { address: canary },
        gateway: { port: canary, writeKeys: [{ env: 'KEY', also: canary }] },
      }),
    );
    expect(problems.length).toBeGreaterThanOrEqual(3);
    expect(problems.join()).not.toContain(canary);
  });
});
