import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { temporalConnection } from '../../client/temporal/connection-options.js';
import { loadSettings, printable } from '../../config.js';
import { isPipelineError } from '../../core/errors/index.js';
import { createTestCertificate } from '../../testing/webhooks/certificate.js';

const canary = 'canary-40c7e1';
const client = createTestCertificate({ name: 'client' });
const other = createTestCertificate({ name: 'other' });
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-temporal-'));
  writeFileSync(join(folder, 'client.pem'), client.cert);
  writeFileSync(join(folder, 'client.key'), client.key);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const settingsOf = (env: Record<string, string>) => loadSettings({ cwd: folder, env });
const connectionOf = (env: Record<string, string>) =>
  temporalConnection(settingsOf(env).temporal, '127.0.0.1:7233');

function problemsOf(env: Record<string, string>): string {
  try {
    connectionOf(env);
  } catch (error) {
    expect(inspect(error, { depth: 9 })).not.toMatch(/canary|PRIVATE KEY/);
    if (isPipelineError(error) && error.code === 'CONFIG_INVALID')
      return (error.context['problems'] as string[]).join('\n');
    throw error;
  }
  return '';
}

const address = { MILLRACE_TEMPORAL_ADDRESS: 'temporal.test:7233' };

test('without settings there is no TLS, and the development server is meant', () => {
  expect(connectionOf({})).toEqual({ address: '127.0.0.1:7233' });
  expect(connectionOf(address)).toEqual({ address: 'temporal.test:7233' });
});

test('names of Temporal’s own tools are understood; files are read relative to the project', () => {
  const env = {
    ...{ TEMPORAL_ADDRESS: 'cloud.test:7233', TEMPORAL_TLS_CLIENT_CERT_PATH: 'client.pem' },
    ...{ TEMPORAL_TLS_CLIENT_KEY_PATH: 'client.key', TEMPORAL_TLS_SERVER_CA_CERT_DATA: other.cert },
  };
  const { tls, ...rest } = connectionOf(env);
  expect(rest).toEqual({ address: 'cloud.test:7233' });
  expect(tls?.clientCertPair?.crt.toString()).toBe(client.cert);
  expect(tls?.clientCertPair?.key.toString()).toBe(client.key);
  expect(tls?.serverRootCACertificate?.toString()).toBe(other.cert);
});

test('an API key switches TLS on, and is masked in what settings print', () => {
  const env = { ...address, MILLRACE_TEMPORAL_API_KEY: canary, MILLRACE_TEMPORAL_TLS_CLIENT_KEY: canary };
  expect(connectionOf({ ...address, MILLRACE_TEMPORAL_API_KEY: canary })).toEqual({
    ...{ address: 'temporal.test:7233', tls: {}, apiKey: canary },
  });
  expect(JSON.stringify(printable(settingsOf(env)))).not.toContain('canary');
  expect(inspect(settingsOf(env), { depth: 9 })).not.toContain('canary');
});

test.each<[string, Record<string, string>, RegExp]>([
  [
    'a key without TLS',
    { MILLRACE_TEMPORAL_API_KEY: canary, MILLRACE_TEMPORAL_TLS: 'false' },
    /apiKey need TLS/,
  ],
  ['an API key of two lines', { MILLRACE_TEMPORAL_API_KEY: `${canary}\n${canary}` }, /apiKey has spaces/],
  ['a certificate without its key', { MILLRACE_TEMPORAL_TLS_CLIENT_CERT: client.cert }, /without its key/],
  [
    'a key without its certificate',
    { MILLRACE_TEMPORAL_TLS_CLIENT_KEY: client.key },
    /without its certificate/,
  ],
  [
    'the key of another certificate',
    { MILLRACE_TEMPORAL_TLS_CLIENT_CERT: client.cert, MILLRACE_TEMPORAL_TLS_CLIENT_KEY: other.key },
    /clientKey is not the key of/,
  ],
  ['a key that is none', { MILLRACE_TEMPORAL_TLS_CLIENT_KEY: canary }, /clientKey is not a PEM private key/],
  [
    'a file that is not there',
    { MILLRACE_TEMPORAL_TLS_SERVER_CA_FILE: 'no.pem' },
    /serverCaFile cannot be read \(ENOENT\)/,
  ],
  [
    'an authority that is none',
    { MILLRACE_TEMPORAL_TLS_SERVER_CA: canary },
    /serverCa is not a PEM certificate/,
  ],
  [
    'a file and a text',
    { MILLRACE_TEMPORAL_TLS_SERVER_CA_FILE: 'client.pem', MILLRACE_TEMPORAL_TLS_SERVER_CA: client.cert },
    /both serverCaFile and serverCa/,
  ],
])('%s is refused', (_what, env, problem) => {
  expect(problemsOf({ ...address, ...env })).toMatch(problem);
});

test('every problem is named at once, TLS without an address among them', () => {
  const problems = problemsOf({
    MILLRACE_TEMPORAL_TLS_SERVER_CA_FILE: 'no.pem',
    MILLRACE_TEMPORAL_TLS_CLIENT_CERT: client.cert,
  });
  expect(problems.split('\n')).toHaveLength(3);
  expect(problems).toMatch(/need temporal\.address/);
});
