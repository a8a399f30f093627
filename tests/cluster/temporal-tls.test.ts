import { inspect } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connectTemporal } from '../../client/temporal/connect.js';
import { loadSettings } from '../../config.js';
import { createTestCertificate } from '../../testing/webhooks/certificate.js';
import { startTlsFront, type TlsFront } from '../helpers/tls-front.js';
import { TestProject } from '../helpers/project.js';
import { rowSchema } from '../engine/dag-files.js';

const authority = createTestCertificate({ name: 'authority' });
const server = createTestCertificate({ name: 'server', hosts: ['temporal.test'], authority });
const worker = createTestCertificate({ name: 'worker', authority });
const stranger = createTestCertificate({
  name: 'stranger',
  authority: createTestCertificate({ name: 'other' }),
});
const apiKey = 'key-5d2c61.canary';

const dag = `
import { defineDag } from 'millrace';
export default defineDag({ id: 'etl', schedule: 'manual', tasks: ({ extract, validate, load }) => {
  const raw = extract('pull', { from: async function* () {
    for (let n = 0; n < 3; n += 1) yield { id: 'row-' + n, value: n, at: '2026-01-01T00:00:00Z' };
  } });
  load('store', validate('check', raw, { schema: 'row.v1' }), { into: 'numbers', key: ['id'], version: ['at'] });
} });`;

let project: TestProject;
let mutual: TlsFront;
let keyed: TlsFront;
let environment: { mutual: Record<string, string>; keyed: Record<string, string> };

beforeAll(async () => {
  project = await TestProject.create({ 'etl.ts': dag });
  project.write('schemas/row.v1.schema.json', rowSchema);
  await project.startTemporal();
  const { cert, key } = server;
  mutual = await startTlsFront(project.temporalPort, {
    ...{ cert, key, ca: authority.cert, requestCert: true, rejectUnauthorized: true },
  });
  keyed = await startTlsFront(project.temporalPort, { cert, key }, apiKey);
  project.write('ca.pem', authority.cert);
  project.write('worker.pem', worker.cert);
  project.write('worker.key', worker.key);
  const trust = {
    MILLRACE_TEMPORAL_TLS_SERVER_NAME: 'temporal.test',
    MILLRACE_TEMPORAL_TLS_SERVER_CA_FILE: 'ca.pem',
  };
  environment = {
    mutual: { ...trust, MILLRACE_TEMPORAL_ADDRESS: `127.0.0.1:${String(mutual.port)}` },
    keyed: { ...trust, MILLRACE_TEMPORAL_ADDRESS: `127.0.0.1:${String(keyed.port)}` },
  };
}, 300_000);
afterAll(async () => {
  await project.close();
  await mutual.close();
  await keyed.close();
});

const files = {
  MILLRACE_TEMPORAL_TLS_CLIENT_CERT_FILE: 'worker.pem',
  MILLRACE_TEMPORAL_TLS_CLIENT_KEY_FILE: 'worker.key',
};

/** Runs a command and returns how it ended and what it said. */
async function run(args: readonly string[], env: Record<string, string>) {
  const running = project.spawnProduct([...args], env);
  await running.ended;
  return { code: running.child.exitCode, text: running.stderr() };
}

test('command line and worker speak mutual TLS, and a run loads', async () => {
  const env = { ...environment.mutual, ...files };
  expect(await run(['deploy'], env)).toMatchObject({ code: 0 });
  // The same certificate as text, as secrets of a platform come.
  const texts = {
    MILLRACE_TEMPORAL_TLS_CLIENT_CERT: worker.cert,
    MILLRACE_TEMPORAL_TLS_CLIENT_KEY: worker.key,
  };
  const running = await project.startWorker(undefined, { ...environment.mutual, ...texts });
  expect(running.stderr()).toContain('worker: ready');
  expect(await run(['dag', 'trigger', 'etl', '--wait'], env)).toMatchObject({ code: 0 });
  expect(await project.rows('SELECT count(*) AS n FROM numbers')).toEqual([{ n: '3' }]);
  await running.end();
}, 300_000);

test('whatever does not fit is refused with its reason, and no secret is told', async () => {
  const at = (port: number) => ({ MILLRACE_TEMPORAL_ADDRESS: `127.0.0.1:${String(port)}` });
  const withStranger = {
    MILLRACE_TEMPORAL_TLS_CLIENT_CERT: stranger.cert,
    MILLRACE_TEMPORAL_TLS_CLIENT_KEY: stranger.key,
  };
  const elsewhere = { MILLRACE_TEMPORAL_TLS_SERVER_NAME: 'elsewhere.test' };
  const tls = { MILLRACE_TEMPORAL_TLS: 'true', MILLRACE_TEMPORAL_TLS_SERVER_NAME: 'temporal.test' };
  const cases: [Record<string, string>, RegExp][] = [
    [environment.mutual, /it may want a client certificate: set temporal\.tls\.client/],
    [{ ...environment.mutual, ...withStranger }, /not trust the client certificate/],
    [{ ...at(keyed.port), ...tls }, /signed by an unknown authority: set temporal\.tls\.serverCaFile/],
    [{ ...environment.mutual, ...files, ...elsewhere }, /has another name: set temporal\.tls\.serverName/],
    [at(keyed.port), /speaks TLS and the settings do not/],
    [{ ...at(project.temporalPort), ...tls }, /no TLS connection to 127/],
    [environment.keyed, /refused the client .*set temporal\.apiKey/],
    [{ ...environment.keyed, MILLRACE_TEMPORAL_API_KEY: 'wrong-canary' }, /refused the API key/],
  ];
  const refusals = cases.map(async ([env, reason]) => {
    const settings = loadSettings({ cwd: project.folder, env });
    const text = await connectTemporal(settings).then(
      () => 'connected',
      (error: unknown) => inspect(error, { depth: 5 }),
    );
    expect(text).toMatch(/code: 'TEMPORAL_UNAVAILABLE'/);
    expect(text).toMatch(reason);
    expect(text).not.toMatch(/PRIVATE KEY|canary/);
  });
  await Promise.all(refusals);
  const command = await run(['dag', 'list'], environment.mutual);
  expect(command).toMatchObject({ code: 69, text: expect.stringMatching(/want a client certificate/) });
}, 300_000);

test('an API key goes along with each call, and shows nowhere', async () => {
  const env = { ...environment.keyed, MILLRACE_TEMPORAL_API_KEY: apiKey, MILLRACE_LOG_LEVEL: 'trace' };
  const listed = await run(['dag', 'list', '--json'], env);
  expect(listed).toMatchObject({ code: 0 });
  expect(listed.text).toContain('"etl"');
  const doctor = await run(['doctor'], env);
  expect(doctor.text).toContain('TLS, API key, namespace default');
  const running = await project.startWorker(undefined, { ...env, MILLRACE_DATA_DIRECTORY: 'keyed' });
  expect(running.stderr()).toContain('worker: ready');
  expect(await run(['dag', 'trigger', 'etl', '--wait'], env)).toMatchObject({ code: 0 });
  await running.end();
  for (const text of [listed.text, doctor.text, running.stderr()]) expect(text).not.toContain('canary');
}, 300_000);

test('a worker says why it cannot connect, too', async () => {
  const running = await project.startWorker(undefined, environment.mutual);
  await running.ended;
  expect(running.stderr()).toMatch(/it may want a client certificate/);
}, 300_000);
