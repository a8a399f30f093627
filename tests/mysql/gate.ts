import type { MysqlServer } from '../helpers/mysql-server.js';
import { waitUntil } from '../helpers/project.js';

/** Holds reads of the view `gated` in the middle of their rows until it is opened. */
export interface Gate {
  /** Waits until a read of the source stands before the gate; returns its thread. */
  waiting(): Promise<number>;
  open(): Promise<void>;
}

/** Rows of `items` before the gate: more than the buffers between server and reader hold. */
export const gateAt = 30_000;
export const itemCount = 40_000;

/** The table `items`, and the view `gated` of it. */
export async function createItems(server: MysqlServer): Promise<void> {
  await server.run(
    `CREATE TABLE items (id int PRIMARY KEY, amount decimal(12,2), updated_at datetime(6) NOT NULL, deleted_at datetime)`,
    `CREATE TABLE digits (d int PRIMARY KEY)`,
    `INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)`,
    `INSERT INTO items SELECT n, n / 100, '2026-01-01' + INTERVAL n SECOND, NULL
     FROM (SELECT 1 + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n
           FROM digits a, digits b, digits c, digits e, digits f WHERE f.d < 4) AS numbers`,
    `CREATE FUNCTION gate() RETURNS int NOT DETERMINISTIC READS SQL DATA
     BEGIN DECLARE got int; SET got = GET_LOCK('gate', 3600); RETURN RELEASE_LOCK('gate'); END`,
    `CREATE VIEW gated AS SELECT id, amount, updated_at, deleted_at, CASE WHEN id = ${String(gateAt)} THEN gate() END AS gate FROM items`,
  );
}

async function threads(server: MysqlServer, condition: string): Promise<number[]> {
  const client = await server.client();
  const [rows] = await client.query(`SELECT ID AS id FROM information_schema.PROCESSLIST WHERE ${condition}`);
  await client.end();
  return (rows as { id: number }[]).map(({ id }) => id);
}

/** Statements of the source that are under way. */
export function readsUnderWay(server: MysqlServer): Promise<number[]> {
  return threads(server, `INFO LIKE '/* millrace%'`);
}

export async function closeGate(server: MysqlServer): Promise<Gate> {
  const client = await server.client();
  await client.query(`SELECT GET_LOCK('gate', 0)`);
  const waiters = () => threads(server, `STATE = 'User lock'`);
  return {
    async waiting() {
      await waitUntil('a read stands before the gate', async () => (await waiters()).length > 0);
      return (await waiters())[0] ?? 0;
    },
    open: async () => {
      await client.end().catch(() => undefined);
    },
  };
}
