import { readdirSync, readFileSync } from 'node:fs';
import pg from 'pg';

/** Reads the CPU time, in ms, that the Postgres server at a port of this machine has used in all its processes. */
export async function serverCpu(port: number): Promise<() => number> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' });
  await client.connect();
  const { rows } = await client.query<{ pid: string }>(
    "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1) AS pid",
  );
  await client.end();
  return () => cpuMsOf(rows[0]?.pid);
}

/** CPU time of a process and its children, those that have ended included, from /proc (proc(5): ticks of 10 ms). */
function cpuMsOf(pid: string | undefined): number {
  let ticks = 0;
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    let fields: string[];
    try {
      fields = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    } catch {
      continue;
    }
    const own = Number(fields[11]) + Number(fields[12]);
    if (name === pid) ticks += own + Number(fields[13]) + Number(fields[14]);
    else if (fields[1] === pid) ticks += own;
  }
  return ticks * 10;
}
