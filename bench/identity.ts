import { spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { GraphStore } from '../activities/identity/graph-store.js';
import { shortHash } from '../activities/identity/identifier.js';
import { resolveSlices } from '../activities/identity/slices.js';
import { Spool } from '../activities/identity/spool.js';
import { Groups } from '../core/identity/graph.js';
import { readIdentity } from '../core/identity/options.js';
import {
  addObservations,
  resolveGraph,
  type IdentifierRow,
  type IdentityState,
  type LinkRow,
} from '../core/identity/resolve.js';
import { seededRandom } from '../testing/seeded-random.js';

/**
 * Identity: 1 M identifiers and 0.8 M links resolved the first time and once more with nothing new, against the same links
 * in a plain union-find, and against the same resolve of the whole graph as rows in memory. Each in a process of its own;
 * all must have the same persons, the last two the same keys. `npx tsx bench/identity.ts [identifiers]`
 */
const [part = '1000000', given = part] = process.argv.slice(2);
const count = Number(given);
const limit = 10_000;
const options = { user: { limit }, email: { limit }, device: { limit } };
const sources = [{ table: 't', at: 'at', columns: { user: 'user' as const } }];
const config = readIdentity({ into: 'persons', identifiers: options, sources });
const rulesOf = (revision: number) => ({
  limits: [limit, limit, limit],
  splits: new Set<string>(),
  hash: shortHash,
  revision,
});
const seenAt = (at: string) => ({ firstSeen: at, lastSeen: at, source: 't' });
/** A name of 32 hexadecimal digits, in no order. */
const idOf = (index: number): string =>
  Buffer.alloc(16, Buffer.from([index >>> 16, index >>> 8, index, index >>> 4])).toString('hex');

/** Neighbours belong together in groups of some five; the instants differ, as they do in events. */
function* pairs(): Generator<readonly [number, number, string]> {
  const random = seededRandom(7);
  for (let index = 1; index < count; index += 1) {
    const at = new Date(Date.UTC(2026, 0, 1) + Math.floor(random.next() * 86_400_000)).toISOString();
    if (random.chance(0.8)) yield [index - 1, index, at];
    if (random.chance(0.2)) yield [index - 1, index, at];
  }
}

interface Measured {
  readonly cpuMs: readonly number[];
  readonly maxRssMb: number;
  /** Of who is in which person, and of the keys. */
  readonly persons: string;
  readonly keys: string;
}

async function measured(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** What identifies the outcome: every identifier with the least one of its person, and with its key. */
function digestOf(keyOf: (index: number) => string): Pick<Measured, 'persons' | 'keys'> {
  const [persons, keys] = [createHash('sha256'), createHash('sha256')];
  const least = new Map<string, number>();
  for (let index = 0; index < count; index += 1) {
    const key = keyOf(index);
    const first = least.get(key) ?? index;
    least.set(key, first);
    persons.update(`${String(first)} `);
    keys.update(key);
  }
  return { persons: persons.digest('hex'), keys: keys.digest('hex') };
}

const maxRssMb = () => Math.round(process.resourceUsage().maxRSS / 1024);

async function plain(): Promise<Measured> {
  const groups = new Groups(count);
  const cpuMs = await measured(() => {
    for (const [a, b] of pairs()) {
      const [x, y] = [groups.find(a), groups.find(b)];
      if (x !== y) groups.join(x, y);
    }
  });
  return { cpuMs: [cpuMs], maxRssMb: maxRssMb(), ...digestOf((index) => String(groups.find(index))) };
}

async function whole(): Promise<Measured> {
  let state: IdentityState = { identifiers: [], links: [], merges: [] };
  const cpuMs: number[] = [];
  for (const revision of [1, 2]) {
    const work = () => {
      const ids = Array.from({ length: count }, (_, index) => idOf(index));
      const identifiers = ids.map((id, index): IdentifierRow => ({
        ...{ id, type: index % 3, value: id, ...seenAt('2026-01-01 00:00:00') },
      }));
      const links = [...pairs()].map(([a, b, at]): LinkRow => ({
        ...{ left: ids[a] ?? '', right: ids[b] ?? '', ...seenAt(at) },
      }));
      state = resolveGraph(addObservations(state, { identifiers, links }), rulesOf(revision));
    };
    cpuMs.push(await measured(work));
  }
  const rss = maxRssMb();
  const keys = new Map(state.identifiers.map(({ id, key = '' }) => [id, key]));
  return { cpuMs, maxRssMb: rss, ...digestOf((index) => keys.get(idOf(index)) ?? '') };
}

async function slices(): Promise<Measured> {
  const folder = join(tmpdir(), randomUUID());
  const spoolOf = () => new Spool({ temporaryPath: (extension) => `${folder}.${randomUUID()}.${extension}` });
  const tables = { identifiers: spoolOf(), links: spoolOf(), merges: spoolOf() };
  const again = { identifiers: spoolOf(), links: spoolOf(), merges: spoolOf() };
  try {
    const cpuMs = [];
    for (const [revision, spools] of [tables, again].entries())
      cpuMs.push(
        await measured(async () => {
          const graph = new GraphStore('bench');
          if (revision > 0) await readBack(graph, tables);
          for (let index = 0; index < count; index += 1) {
            const id = idOf(index);
            graph.observe([{ id, type: index % 3, value: id }], seenAt('2026-01-01 00:00:00'));
          }
          for (const [a, b, at] of pairs()) {
            const found = [a, b].map((index) => ({ id: idOf(index), type: index % 3, value: '' }));
            graph.observe(found, seenAt(at));
          }
          const mergedAt = () => ({ at: '', runId: '' });
          const rules = { ...rulesOf(revision + 1), isTaken: (key: string) => graph.has(key) };
          await resolveSlices({ graph, config, rules, spools, mergedAt, onSlice: () => undefined });
        }),
      );
    const rss = maxRssMb();
    const keys = new Map<string, string>();
    for await (const row of linesOf(tables.identifiers))
      keys.set(String(row['identifier_id']), String(row['person_key']));
    if (again.identifiers.rows > 0) throw new Error('keys changed');
    return { cpuMs, maxRssMb: rss, ...digestOf((index) => keys.get(idOf(index)) ?? '') };
  } finally {
    for (const spool of [tables, again].flatMap((spools) => Object.values(spools))) {
      await spool.end();
      rmSync(spool.path, { force: true });
    }
  }
}

async function* linesOf(spool: Spool): AsyncGenerator<Record<string, unknown>> {
  await spool.end();
  if (spool.rows === 0) return;
  for await (const line of createInterface({ input: createReadStream(spool.path) }))
    yield JSON.parse(line) as Record<string, unknown>;
}

/** What was written, as it is read from the tables the next time. */
async function readBack(graph: GraphStore, tables: Readonly<Record<'identifiers' | 'links', Spool>>) {
  const seenOf = (row: Record<string, unknown>) => ({
    firstSeen: String(row['first_seen']),
    lastSeen: String(row['last_seen']),
    source: String(row['source']),
  });
  for await (const row of linesOf(tables.identifiers))
    graph.addStored(
      {
        id: String(row['identifier_id']),
        type: config.identifiers.findIndex(({ name }) => name === row['identifier_type']),
        value: String(row['identifier_value']),
        key: String(row['person_key']),
        keyedIn: Number(row['person_key_revision']),
        ...seenOf(row),
      },
      String(row['component']),
    );
  for await (const row of linesOf(tables.links))
    graph.addStoredLink(
      {
        ...{ left: String(row['left_id']), right: String(row['right_id']), status: 'linked' },
        ...seenOf(row),
      },
      String(row['component']),
    );
}

function inChild(name: string): Measured {
  const child = spawnSync(
    process.execPath,
    ['--max-old-space-size=6144', '--import', 'tsx', fileURLToPath(import.meta.url), name, String(count)],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const result = JSON.parse(child.stdout) as Measured;
  const times = result.cpuMs.map((ms) => `${ms.toFixed(0)} ms`).join(', once more ');
  console.log(`${name}: ${times} of CPU, at most ${String(result.maxRssMb)} MB resident`);
  return result;
}

const parts: Readonly<Record<string, () => Promise<Measured>>> = { plain, whole, slices };
const mine = parts[part];
if (mine !== undefined) {
  process.stdout.write(JSON.stringify(await mine()));
} else {
  console.log(`${String(count)} identifiers`);
  const [base, before, now] = [inChild('plain'), inChild('whole'), inChild('slices')];
  if (new Set([base.persons, before.persons, now.persons]).size > 1) throw new Error('the persons differ');
  if (before.keys !== now.keys) throw new Error('the keys differ');
  const ratio = (index: number, other: Measured) =>
    ((now.cpuMs[index] ?? 0) / (other.cpuMs[index] ?? other.cpuMs[0] ?? 0)).toFixed(2);
  console.log(
    `slices / plain ${ratio(0, base)}, once more ${ratio(1, base)}; slices / whole ${ratio(0, before)}, once more ${ratio(1, before)}`,
  );
}
