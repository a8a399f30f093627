import { afterAll, beforeAll } from '@jest/globals';
import Database from 'libsql';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OpsPlace } from '../../ops/store.js';
import { Secret } from '../../security/secret.js';
import { temporaryFolder } from '../helpers/folder.js';
import { startPostgres, type PostgresServer } from '../helpers/postgres-server.js';

/** Where stores of the tests are, by kind. */
export interface OpsPlaces {
  /** A place without a store. */
  fresh(): Promise<OpsPlace>;
  /** A place whose store, if there is one, is empty; the one of the test before may be emptied for it. */
  empty(): Promise<OpsPlace>;
  /** Statements past the store. */
  sql(place: OpsPlace, text: string): Promise<void>;
  /** Everything that is kept of what was written. */
  contents(place: OpsPlace): Promise<string>;
}

function sqlitePlaces(): OpsPlaces {
  const folder = temporaryFolder();
  let files = 0;
  const fresh = async (): Promise<OpsPlace> => ({ path: join(folder, `ops-${String((files += 1))}.db`) });
  return {
    fresh,
    empty: fresh,
    async sql({ path = '' }, text) {
      const database = new Database(path);
      database.exec(text);
      database.close();
    },
    /** Bytes of the file, and of what SQLite keeps beside it. */
    async contents({ path = '' }) {
      return ['', '-wal', '-shm']
        .map((end) => `${path}${end}`)
        .filter(existsSync)
        .map((file) => readFileSync(file, 'latin1'))
        .join('');
    },
  };
}

const tables = [
  'runs',
  'task_tries',
  'task_logs',
  'leases',
  'marks',
  'connections',
  'connection_options',
  'oauth_tokens',
  'alarms',
  'alarm_notices',
  'batch_profiles',
  'anomalies',
  'table_loads',
  'rate_budgets',
  'hooks',
  'hook_deliveries',
];

/** Databases of one server, which the file's tests share. */
export function postgresPlaces(): OpsPlaces & { server(): PostgresServer } {
  let started: PostgresServer | undefined;
  let databases = 0;
  let shared: OpsPlace | undefined;
  beforeAll(async () => {
    started = await startPostgres();
  }, 240_000);
  afterAll(async () => {
    await started?.stop();
  });
  const serverOf = () => {
    if (started === undefined) throw new Error('the server is not started');
    return started;
  };
  const databaseOf = ({ url }: OpsPlace) => new URL(url?.reveal() ?? '').pathname.slice(1);
  const places: OpsPlaces = {
    async fresh() {
      const name = `ops_${String((databases += 1))}`;
      await serverOf().run(`CREATE DATABASE ${name}`);
      return { url: new Secret(`postgres://postgres@127.0.0.1:${String(serverOf().port)}/${name}`) };
    },
    async empty() {
      shared ??= await places.fresh();
      await places.sql(shared, `TRUNCATE ${tables.join()}`).catch((error: unknown) => {
        if (!String(error).includes('does not exist')) throw error;
      });
      return shared;
    },
    async sql(place, text) {
      const client = await serverOf().client(databaseOf(place));
      await client.query(text).finally(() => client.end());
    },
    async contents(place) {
      const client = await serverOf().client(databaseOf(place));
      const texts: string[] = [];
      for (const table of tables) {
        const { rows } = await client.query<{ text: string | null }>(
          `SELECT string_agg(t::text, ',') AS text FROM ${table} t`,
        );
        texts.push(rows[0]?.text ?? '');
      }
      await client.end();
      return texts.join('\n');
    },
  };
  return { ...places, server: serverOf };
}

/** Every kind of store, for `describe.each`. */
export const kindsOfPlaces: readonly [string, () => OpsPlaces][] = [
  ['SQLite', sqlitePlaces],
  ['Postgres', postgresPlaces],
];

/** A place as text for another process. */
export function placeText({ path, url }: OpsPlace): string {
  return JSON.stringify(url === undefined ? { path } : { url: url.reveal() });
}
