import type { Client } from 'pg';

/** Runs a script of psql that uses no more of psql than `\getenv`, `:'name'` and `\gexec`. */
export async function runSetup(
  client: Client,
  script: string,
  env: Readonly<Record<string, string | number>>,
): Promise<void> {
  const values = new Map<string, string>();
  const text = script
    .replaceAll(/^\\getenv (\w+) (\w+)$/gm, (_line, name: string, variable: string) => {
      values.set(name, String(env[variable] ?? ''));
      return '';
    })
    .replaceAll(/:'(\w+)'/g, (_part, name: string) => client.escapeLiteral(values.get(name) ?? ''));
  for (const [, statement = '', end] of text.matchAll(/([^;\\]*)(;|\\gexec)/g)) {
    const { rows } = await client.query<unknown[]>({ text: statement, rowMode: 'array' });
    if (end === '\\gexec') for (const cell of rows.flat()) await client.query(String(cell));
  }
}
