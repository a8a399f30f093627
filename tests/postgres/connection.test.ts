import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { createSource } from '../../connectors/postgres/index.js';
import { postgresFailure } from '../../connectors/postgres/failure.js';
import { createTestCertificate } from '../../testing/index.js';
import { temporaryFolder } from '../helpers/folder.js';
import { startPostgres, type PostgresServer } from '../helpers/postgres-server.js';
import { readAll, rejection } from '../sources/read-all.js';

const folder = temporaryFolder();
const source = createSource({ projectDirectory: folder });
const password = 'p/w:@canary 7f3a';
let server: PostgresServer;

beforeAll(async () => {
  const authority = createTestCertificate({ name: 'Test authority' });
  const certificate = createTestCertificate({ name: 'server', hosts: ['localhost'], authority });
  writeFileSync(join(folder, 'ca.pem'), authority.cert);
  writeFileSync(join(folder, 'other-ca.pem'), createTestCertificate({ name: 'Another' }).cert);
  server = await startPostgres(
    { ssl: 'on' },
    {
      'server.crt': certificate.cert,
      'server.key': certificate.key,
      'pg_hba.conf': [
        'hostssl all reader 127.0.0.1/32 scram-sha-256',
        'host all postgres 127.0.0.1/32 trust',
        'host all reader 127.0.0.1/32 reject',
      ].join('\n'),
    },
  );
  await server.run(
    `CREATE ROLE reader LOGIN PASSWORD '${password}' CONNECTION LIMIT 3`,
    'CREATE TABLE open_table (id int)',
    'CREATE TABLE closed_table (id int)',
    'GRANT SELECT ON open_table TO reader',
    'GRANT CREATE ON SCHEMA public TO reader',
  );
}, 240_000);

afterAll(() => server.stop());

const reader = (more: Record<string, string | number> = {}) =>
  server.connection({
    user: 'reader',
    password,
    host: 'localhost',
    sslMode: 'verify-full',
    caFile: 'ca.pem',
    ...more,
  });
const testOf = (connection: Record<string, string | number>) =>
  source.test(connection, { signal: new AbortController().signal });

/** What a failure says wherever it may be shown, which never is a secret. */
async function failureOf(connection: Record<string, string | number>, table = 'open_table') {
  const error = await rejection(readAll(source, { stream: 'table', options: { table }, connection }));
  expect(JSON.stringify([error.message, error['context'], error.stack])).not.toContain('canary');
  return error;
}

describe('connections test', () => {
  test('tells the version, and whether the user can only read', async () => {
    expect((await testOf(server.connection())).detail).toMatch(
      /^PostgreSQL \d+\.\d+.*, database postgres, no TLS; user postgres can also write/,
    );
    expect((await testOf(reader())).detail).toContain('TLS (verify-full); user reader can also write');
    await server.run('REVOKE CREATE ON SCHEMA public FROM reader');
    expect((await testOf(reader())).detail).toContain('user reader can only read');
    await server.run('GRANT UPDATE ON open_table TO reader');
    expect((await testOf(reader())).detail).toContain('user reader can also write');
    await server.run('REVOKE UPDATE ON open_table FROM reader');
  });

  test('takes a URL with everything in it', async () => {
    const url = `postgres://reader:${encodeURIComponent(password)}@localhost:${String(server.port)}/postgres?sslmode=require`;
    expect((await testOf({ connector: 'postgres', url })).detail).toContain(
      'TLS (require); user reader can only read',
    );
  });
});

describe('TLS', () => {
  test('verify-full refuses a certificate of another authority, and of another host', async () => {
    const stranger = await failureOf(reader({ caFile: 'other-ca.pem' }));
    expect(stranger).toMatchObject({ code: 'SOURCE_REFUSED', retryable: false });
    const elsewhere = await failureOf(reader({ host: '127.0.0.1' }));
    expect(elsewhere).toMatchObject({
      code: 'SOURCE_REFUSED',
      context: { status: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    });
    expect((await failureOf(reader({ caFile: 'missing.pem' }))).message).toContain('"caFile" cannot be read');
  });

  test('is never left out by itself: a server without it is refused', async () => {
    const plain = createServer((socket) => socket.once('data', () => socket.end('N'))).listen(0, '127.0.0.1');
    await once(plain, 'listening');
    const { port } = plain.address() as { port: number };
    const error = await failureOf(reader({ port, host: '127.0.0.1' }));
    expect(error).toMatchObject({ code: 'SOURCE_REFUSED', context: { status: 'no TLS' } });
    plain.close();
  });
});

describe('failures', () => {
  test('say whether they pass, and never the password', async () => {
    const wrong = await failureOf(reader({ password: 'canary' }));
    expect(wrong).toMatchObject({ code: 'SOURCE_AUTH', retryable: false, context: { status: '28P01' } });
    expect(wrong.message).toContain(`"reader@localhost:${String(server.port)}/postgres"`);
    expect(await failureOf(reader({ password: '' }))).toMatchObject({
      code: 'SOURCE_AUTH',
      retryable: false,
    });
    expect(await failureOf(reader({ sslMode: 'disable', caFile: undefined as never }))).toMatchObject({
      code: 'SOURCE_AUTH',
      context: { status: '28000' },
    });
    expect(await failureOf(reader(), 'closed_table')).toMatchObject({
      code: 'SOURCE_REFUSED',
      retryable: false,
      context: { status: '42501', reason: 'permission denied for table closed_table' },
    });
    expect(await failureOf(reader({ database: 'nowhere' }))).toMatchObject({ context: { status: '3D000' } });
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as { port: number };
    closed.close();
    await once(closed, 'close');
    expect(await failureOf(reader({ port, host: '127.0.0.1' }))).toMatchObject({
      code: 'SOURCE_UNAVAILABLE',
      retryable: true,
      context: { reason: 'ECONNREFUSED' },
    });
  });

  test('of values tell no value', async () => {
    const sql = `SELECT ('canary' || id)::int AS x FROM generate_series(1, 2) AS g(id)`;
    const error = await rejection(
      readAll(source, { stream: 'query', options: { sql }, connection: server.connection() }),
    );
    expect(error).toMatchObject({ code: 'SOURCE_REFUSED', context: { status: '22P02' } });
    expect(error.message).not.toContain('canary');
  });

  test('for want of connections are tried again', async () => {
    const others = await Promise.all(Array.from({ length: 3 }, () => openAs('reader')));
    expect(await failureOf(reader())).toMatchObject({ code: 'SOURCE_UNAVAILABLE', retryable: true });
    await Promise.all(others.map((close) => close()));
  });

  test.each(['08006', '40001', '40P01', '53300', '55P03', '57P01', '57P02', '57P03', '58030'])(
    '%s passes by itself',
    (code) => {
      const error = Object.assign(new Error('x'), { code, severity: 'ERROR' });
      expect(postgresFailure(error, 'c')).toMatchObject({ code: 'SOURCE_UNAVAILABLE', retryable: true });
    },
  );

  test.each(['28P01', '42P01', '42501', '42703', '22P02', '57014', '3D000', '25006'])(
    '%s does not',
    (code) => {
      const error = Object.assign(new Error('x'), { code, severity: 'ERROR' });
      expect(postgresFailure(error, 'c').retryable).toBe(false);
    },
  );

  test('of settings are told all at once, without a value', async () => {
    const error = await failureOf({
      connector: 'postgres',
      hots: 'x',
      port: 0,
      sslMode: 'prefer',
      password: 'canary',
    });
    for (const part of [
      'no setting "hots" (did you mean "host"?)',
      'needs "host"',
      'needs "database"',
      'needs "user"',
      '"port" must be',
      '"sslMode" must be one of disable, require, verify-full',
    ])
      expect(error.message).toContain(part);
    const url = 'mysql://canary:canary@x/y';
    expect((await failureOf({ connector: 'postgres', url })).message).toContain('"url" must look like');
  });
});

/** A session of a role, held open. */
async function openAs(user: string): Promise<() => Promise<void>> {
  const { default: pg } = await import('pg');
  const ssl = { rejectUnauthorized: false };
  const client = new pg.Client({
    host: '127.0.0.1',
    port: server.port,
    user,
    password,
    database: 'postgres',
    ssl,
  });
  await client.connect();
  return () => client.end();
}
