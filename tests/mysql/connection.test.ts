import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import driver from 'mysql2/promise';
import { mysqlFailure } from '../../connectors/mysql/failure.js';
import { createSource } from '../../connectors/mysql/index.js';
import { createTestCertificate, type TestCertificate } from '../../testing/index.js';
import { temporaryFolder } from '../helpers/folder.js';
import { givenUrl, mysqlProgram, startMysql, type MysqlServer } from '../helpers/mysql-server.js';
import { readAll, rejection } from '../sources/read-all.js';

const password = 'p/w:@canary 7f3a';
const tlsFlags = ['--ssl-cert=../server.crt', '--ssl-key=../server.key'];
/** Another server, for as long as the work takes. */
async function withServer(
  flags: readonly string[],
  files: Readonly<Record<string, string>>,
  work: (port: number) => Promise<void>,
): Promise<void> {
  const another = await startMysql(flags, files);
  try {
    await work(another.port);
  } finally {
    await another.stop();
  }
}

const suite = mysqlProgram === undefined || givenUrl !== undefined ? describe.skip : describe;

suite('a connection', () => {
  const folder = temporaryFolder();
  const source = createSource({ projectDirectory: folder });
  let server: MysqlServer;
  let stranger: TestCertificate;
  let database = '';

  beforeAll(async () => {
    const authority = createTestCertificate({ name: 'Test authority' });
    const certificate = createTestCertificate({ name: 'server', hosts: ['localhost'], authority });
    stranger = createTestCertificate({ name: 'server', hosts: ['elsewhere.example'], authority });
    writeFileSync(join(folder, 'ca.pem'), authority.cert);
    writeFileSync(join(folder, 'other-ca.pem'), createTestCertificate({ name: 'Another' }).cert);
    server = await startMysql(tlsFlags, {
      'server.crt': certificate.cert,
      'server.key': certificate.key,
    });
    database = String(server.connection().database);
    await server.run(
      `CREATE USER reader@'%' IDENTIFIED BY '${password}' WITH MAX_USER_CONNECTIONS 3`,
      'CREATE TABLE open_table (id int)',
      'CREATE TABLE closed_table (id int)',
      `GRANT SELECT ON ${database}.open_table TO reader@'%'`,
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

  test('that is tested tells the version, and whether the user can only read', async () => {
    expect((await testOf(server.connection())).detail).toMatch(
      /^MariaDB \d+\.\d+.*, database t_.*, no TLS; user root can also write/,
    );
    expect((await testOf(reader())).detail).toContain('TLS (verify-full); user reader can only read');
    await server.run(`GRANT UPDATE ON ${database}.open_table TO reader@'%'`);
    expect((await testOf(reader())).detail).toContain('user reader can also write');
    await server.run(`REVOKE UPDATE ON ${database}.open_table FROM reader@'%'`);
    const url = `mysql://reader:${encodeURIComponent(password)}@localhost:${String(server.port)}/${database}?sslmode=require`;
    expect((await testOf({ connector: 'mysql', url })).detail).toContain(
      'TLS (require); user reader can only read',
    );
  });

  test('is refused where the certificate is of another authority or host, and never goes on without TLS', async () => {
    expect(await failureOf(reader({ caFile: 'other-ca.pem' }))).toMatchObject({
      code: 'SOURCE_REFUSED',
      retryable: false,
      context: { status: 'ERR_TLS_CERT' },
    });
    expect((await failureOf(reader({ caFile: 'missing.pem' }))).message).toContain('"caFile" cannot be read');
    expect((await failureOf(reader({ host: '127.0.0.1' }))).message).toContain(
      'needs the name of the server',
    );

    await withServer(tlsFlags, { 'server.crt': stranger.cert, 'server.key': stranger.key }, async (port) => {
      expect(await failureOf(reader({ port }))).toMatchObject({ context: { status: 'ERR_TLS_CERT' } });
    });
    await withServer(['--skip-ssl'], {}, async (port) => {
      expect(await failureOf(reader({ port }))).toMatchObject({
        code: 'SOURCE_REFUSED',
        context: { status: 'no TLS' },
      });
    });
  });

  test('that fails says whether it passes, and never the password', async () => {
    const wrong = await failureOf(reader({ password: 'canary' }));
    expect(wrong).toMatchObject({
      code: 'SOURCE_AUTH',
      retryable: false,
      context: { status: 'ER_ACCESS_DENIED_ERROR' },
    });
    expect(wrong.message).toContain(`"reader@localhost:${String(server.port)}/${database}"`);
    expect(await failureOf(reader({ password: '' }))).toMatchObject({
      code: 'SOURCE_AUTH',
      retryable: false,
    });
    expect((await failureOf(reader(), 'closed_table')).message).toContain(
      'there is no table or view "closed_table"',
    );
    expect(await failureOf(reader({ database: 'nowhere' }))).toMatchObject({
      code: 'SOURCE_REFUSED',
      retryable: false,
    });
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as { port: number };
    closed.close();
    await once(closed, 'close');
    expect(await failureOf(reader({ port }))).toMatchObject({
      code: 'SOURCE_UNAVAILABLE',
      retryable: true,
      context: { reason: 'ECONNREFUSED' },
    });
    const others = await Promise.all(
      Array.from({ length: 3 }, () =>
        driver.createConnection({ host: '127.0.0.1', port: server.port, user: 'reader', password }),
      ),
    );
    expect(await failureOf(reader())).toMatchObject({ code: 'SOURCE_UNAVAILABLE', retryable: true });
    await Promise.all(others.map((other) => other.end()));
  });

  test('ends a statement that takes longer than the connection allows', async () => {
    const request = { stream: 'query', options: { sql: 'SELECT SLEEP(600) AS id' } };
    const connection = server.connection({ statementTimeoutMs: 200 });
    expect(await rejection(readAll(source, { ...request, connection }))).toMatchObject({
      code: 'SOURCE_REFUSED',
      retryable: false,
      context: { status: '1969' },
    });
  });

  test('that repeats a value in what it says does not', async () => {
    const sql = `SELECT EXTRACTVALUE('<a/>', CONCAT('canary', REPEAT('[', 3))) AS id`;
    const error = await rejection(
      readAll(source, { stream: 'query', options: { sql }, connection: server.connection() }),
    );
    expect(error['code']).toBe('SOURCE_REFUSED');
    expect(error.message).not.toContain('canary');
  });

  test.each([1040, 1053, 1203, 1205, 1213, 1226, 1317, 1412, 1927])('%s passes by itself', (errno) => {
    const error = Object.assign(new Error('x'), { errno, sqlState: 'HY000' });
    expect(mysqlFailure(error, 'c')).toMatchObject({ code: 'SOURCE_UNAVAILABLE', retryable: true });
  });

  test.each([1044, 1045, 1054, 1064, 1142, 1146, 1792, 1969, 3024])('%s does not', (errno) => {
    const error = Object.assign(new Error('x'), { errno, sqlState: 'HY000' });
    expect(mysqlFailure(error, 'c').retryable).toBe(false);
  });

  test('with wrong settings tells them all at once, without a value', async () => {
    const error = await failureOf({
      connector: 'mysql',
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
    const url = 'postgres://canary:canary@x/y';
    expect((await failureOf({ connector: 'mysql', url })).message).toContain('"url" must look like');
  });
});
