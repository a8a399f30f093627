import { waitUntil } from '../helpers/project.js';
import type { PostgresServer } from '../helpers/postgres-server.js';

/** Holds reads of the view `gated` in the middle of their rows until it is opened. */
export interface Gate {
  /** Waits until a read of the source stands before the gate; returns its backend. */
  waiting(): Promise<number>;
  open(): Promise<void>;
}

/** Rows of `items` before the gate: more than the buffers between server and reader hold. */
export const gateAt = 30_000;
export const itemCount = 40_000;

/** The table `items`, and the view `gated` of it. */
export async function createItems(server: PostgresServer): Promise<void> {
  await server.run(
    `CREATE TABLE items (id int PRIMARY KEY, amount numeric(12,2), updated_at timestamptz NOT NULL, deleted_at timestamptz)`,
    `INSERT INTO items SELECT g, g / 100.0, '2026-01-01T00:00:00Z'::timestamptz + g * interval '1 s' FROM generate_series(1, ${String(itemCount)}) g`,
    `CREATE FUNCTION gate() RETURNS text LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(42); RETURN NULL; END'`,
    `CREATE VIEW gated AS SELECT id, amount, updated_at, deleted_at, CASE WHEN id = ${String(gateAt)} THEN gate() END AS gate FROM items`,
  );
}

/** Statements of the source that are under way. */
export async function readsUnderWay(server: PostgresServer): Promise<number[]> {
  const client = await server.client();
  const { rows } = await client.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE state = 'active' AND application_name LIKE 'millrace%'`,
  );
  await client.end();
  return rows.map(({ pid }) => pid);
}

export async function closeGate(server: PostgresServer): Promise<Gate> {
  const client = await server.client();
  await client.query('SELECT pg_advisory_lock(42)');
  const waiters = async (): Promise<number[]> => {
    const { rows } = await client.query<{ pid: number }>(
      `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`,
    );
    return rows.map(({ pid }) => pid);
  };
  return {
    async waiting() {
      await waitUntil('a read stands before the gate', async () => (await waiters()).length > 0);
      return (await waiters())[0] ?? 0;
    },
    open: () => client.end(),
  };
}
