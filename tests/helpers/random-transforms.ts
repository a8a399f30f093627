import fc from 'fast-check';
import { stringify } from 'lossless-json';
import type { ColumnSpec } from '../../core/loading/columns.js';
import type { LoadConfig, Normalisation, TransformConfig } from '../../core/dag/dag-spec.js';
import type { JsonObject } from '../../core/json.js';

/** The record schema of the random records. */
export const document: JsonObject = {
  type: 'object',
  properties: {
    id: { type: ['integer', 'null'] },
    email: { type: ['string', 'null'] },
    name: { type: ['string', 'null'], maxLength: 60 },
    amount: { type: ['string', 'null'], 'x-type': 'decimal(18,2)' },
    score: { type: ['number', 'null'] },
    is_open: { type: ['boolean', 'null'] },
    at: { type: ['string', 'null'], format: 'date-time' },
    day: { type: ['string', 'null'], format: 'date' },
    details: {},
  },
};

/** Texts with blanks, letters and signs that engines treat in ways of their own. */
export const oddTexts = [
  '',
  ' ',
  '  Ada \t Lovelace\r\n',
  'ÉCOLE Ǆ ǅ',
  'İSTANBUL ß ŉ ﬁ',
  'ΑΣ Σας',
  '\u00a0x\u3000\u2003',
  '\u0085y\u200b',
  '12',
  '007',
  '1e5',
  '-0',
  'true',
  'null',
  "O'Brien",
  'back\\slash \\n',
  '"quoted", `ticked` ?',
  '🦆 𐐀𐐨 e\u0301',
  ' Ada@Example.COM ',
  'ada@example.com',
  'line\nbreak',
  '$$ {{x}} %s :y @z',
];
const pools = {
  id: [0, 1, 2, 3, -1],
  email: oddTexts,
  name: oddTexts,
  amount: ['0.00', '12.50', '-0.10', '12.5', '9999999999999999.99', '0.005', 'x'],
  score: [0.1, -1.5, 3, 1e-7],
  is_open: [true, false],
  at: [
    '2026-01-01T00:00:00Z',
    '2026-01-01T02:00:00+02:00',
    '1969-12-31T23:59:59.999999Z',
    '2026-03-29T01:30:00.5-05:30',
    '9999-12-31T23:59:59Z',
  ],
  day: ['2024-02-29', '0001-01-01', '2026-12-31', '2026-02-30'],
  details: [{ b: [1, null, 'é'], a: { c: '1' } }, [], 'text', 12, true, { n: 12345678901234567890n }],
} as const;

/** A line of JSON; a member may be absent or null, and whole numbers keep their digits. */
const record: fc.Arbitrary<string> = fc
  .record({
    id: fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...pools.id) }, fc.bigInt(-(2n ** 63n), 2n ** 64n)),
    email: fc.oneof(fc.constantFrom(...pools.email), fc.string({ unit: 'grapheme', maxLength: 8 })),
    name: fc.oneof(fc.constantFrom(...pools.name), fc.string({ unit: 'grapheme', maxLength: 8 })),
    amount: fc.constantFrom(...pools.amount),
    score: fc.oneof(fc.constantFrom(...pools.score), fc.double({ noNaN: true, noDefaultInfinity: true })),
    is_open: fc.constantFrom(...pools.is_open),
    at: fc.constantFrom(...pools.at),
    day: fc.constantFrom(...pools.day),
    details: fc.oneof(fc.constantFrom(...pools.details), fc.jsonValue({ maxDepth: 2 })),
    absent: fc.subarray(Object.keys(pools)),
    isSparse: fc.boolean(),
  })
  .map(({ absent, isSparse, ...members }) => {
    const left = isSparse ? absent : absent.slice(0, 1);
    const parts = Object.entries(members).flatMap(([name, value], index) => {
      if (!left.includes(name)) return [`${JSON.stringify(name)}:${exactJson(value)}`];
      return index % 2 === 0 ? [`${JSON.stringify(name)}:null`] : [];
    });
    return `{${parts.join(',')}}`;
  });

const exactJson = (value: unknown): string => stringify(value) ?? 'null';

type Kind = 'rename' | 'normalise' | 'constant' | 'keep' | 'dedupe' | 'select' | 'drop' | 'extract';
interface Gene {
  readonly kind: Kind;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

export const normalisations: readonly Normalisation[] = [
  'trim',
  'lower',
  'upper',
  'collapse-space',
  'empty-to-null',
  'email',
];
const strange = ['renamed', 'Ünïcode', 'with space', 'CamelCase', 'order'];
const constants = ["it's ? \\ \n ü", '', 7, -3.25, 1e21, true, '12'];

const at = <Item>(items: readonly Item[], index: number): Item => {
  const item = items[index % items.length];
  if (item === undefined) throw new RangeError('nothing to choose from');
  return item;
};

interface Column {
  readonly name: string;
  readonly type: string;
  /** Whose values it has; absent for what a step made. */
  readonly from?: keyof typeof pools;
}

/** A transform that fits the columns which reach it, made step by step. */
class TransformDraft {
  readonly config: { -readonly [Name in keyof TransformConfig]: TransformConfig[Name] } = {};
  columns: readonly Column[];
  readonly #withGaps: boolean;

  constructor(columns: readonly Column[], withGaps: boolean) {
    this.columns = columns;
    this.#withGaps = withGaps;
  }

  /** Columns that this transform leaves. */
  get left(): readonly Column[] {
    const { select, drop = [] } = this.config;
    return this.columns.filter(({ name }) => (select?.includes(name) ?? true) && !drop.includes(name));
  }

  readonly steps: Readonly<Record<Kind, (gene: Gene) => void>> = {
    extract: ({ a, b, c }) => {
      const documents = this.columns.filter(({ type }) => type === 'json');
      if (!this.#withGaps || documents.length === 0) return;
      const type = at(['string', 'int64', 'json'] as const, b);
      const name = `taken${String(c % 3)}`;
      if (name in (this.config.extract ?? {})) return;
      const path = at(['$.b', '$.a.c', '$.n', '$[0]'], c);
      this.config.extract = { ...this.config.extract, [name]: { from: at(documents, a).name, path, type } };
      this.#put({ name, type });
    },
    rename: ({ a, b }) => {
      const { name } = at(this.columns, a);
      const next = at(strange, b);
      const { rename = {} } = this.config;
      const isTaken = this.columns.some((other) => other.name.toLowerCase() === next.toLowerCase());
      // All renames of a transform look at the names of before.
      if (isTaken || name in rename || Object.values(rename).includes(name)) return;
      this.config.rename = { ...rename, [name]: next };
      this.columns = this.columns.map((other) => (other.name === name ? { ...other, name: next } : other));
    },
    normalise: ({ a, b, c }) => {
      const found = this.columns.filter(({ type }) => type === 'string');
      if (found.length === 0) return;
      const list = [at(normalisations, b), at(normalisations, c)];
      this.config.normalise = { ...this.config.normalise, [at(found, a).name]: list };
    },
    constant: ({ a, b, c }) => {
      const value = at(constants, b);
      const name = c % 3 === 0 ? at(this.columns, a).name : 'fixed';
      const ofNumber = Number.isSafeInteger(value) ? 'int64' : 'double';
      this.config.constant = { ...this.config.constant, [name]: value };
      this.#put({ name, type: typeof value === 'number' ? ofNumber : typeof value });
    },
    keep: ({ a, b, c }) => {
      const column = at(this.columns, a);
      if (!this.#withGaps && column.type === 'double') return;
      const pool: readonly unknown[] = column.from === undefined ? constants : pools[column.from];
      const values = [at(pool, b), at(pool, c), at(pool, b + c)].map(keptValue);
      this.config.keep = { ...this.config.keep, [column.name]: c % 2 === 0 ? [...values, null] : values };
    },
    dedupe: ({ a, b, c }) => {
      const found = this.columns.filter(({ type }) => this.#withGaps || type !== 'double');
      if (found.length === 0) return;
      this.config.dedupe = { key: [at(found, a).name], version: c % 3 === 0 ? [] : [at(found, b).name] };
    },
    select: ({ a, b }) => {
      const isKept = (index: number) => (a >> index) % 2 === 0 || index === b % this.columns.length;
      this.config.select = this.columns.filter((_other, index) => isKept(index)).map(({ name }) => name);
    },
    drop: ({ a }) => {
      this.config.drop = [at(this.columns, a).name];
      if (this.left.length === 0) delete this.config.drop;
    },
  };

  #put(made: Column): void {
    const isThere = this.columns.some(({ name }) => name === made.name);
    this.columns = isThere
      ? this.columns.map((other) => (other.name === made.name ? made : other))
      : [...this.columns, made];
  }
}

/** Reads genes as transforms that follow one another. */
function transformsOf(groups: readonly (readonly Gene[])[], withGaps: boolean): TransformConfig[] {
  let columns: readonly Column[] = sourceColumns;
  return groups.map((genes) => {
    const draft = new TransformDraft(columns, withGaps);
    for (const kind of order)
      for (const gene of genes.filter((candidate) => candidate.kind === kind)) draft.steps[kind](gene);
    columns = draft.left;
    return draft.config;
  });
}

/** The order in which the steps of one transform are applied. */
const order: readonly Kind[] = [
  'extract',
  'rename',
  'normalise',
  'constant',
  'keep',
  'dedupe',
  'select',
  'drop',
];
const sourceColumns: readonly Column[] = [
  { name: 'id', type: 'int64', from: 'id' },
  { name: 'email', type: 'string', from: 'email' },
  { name: 'name', type: 'string', from: 'name' },
  { name: 'amount', type: 'decimal', from: 'amount' },
  { name: 'score', type: 'double', from: 'score' },
  { name: 'is_open', type: 'boolean', from: 'is_open' },
  { name: 'at', type: 'timestamp', from: 'at' },
  { name: 'day', type: 'date', from: 'day' },
  { name: 'details', type: 'json', from: 'details' },
];

/** A value as a DAG file names it, and as the staged column's text has it for the common ones. */
function keptValue(value: unknown): string | number | boolean {
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value !== 'string') return JSON.stringify(exactJson(value));
  return /^\d{4}-\d{2}-\d{2}T/.test(value) ? value.replace('T', ' ').replace(/Z$/, '') : value;
}

/** A random batch with random transforms. */
export interface TransformCase {
  readonly lines: readonly string[];
  readonly transforms: readonly TransformConfig[];
  readonly loads: number;
}

/** @param withGaps with steps and types too that warehouses on the network leave to the worker */
export function transformCases(withGaps: boolean): fc.Arbitrary<TransformCase> {
  const number = fc.nat({ max: 1_000 });
  const gene: fc.Arbitrary<Gene> = fc.record({
    kind: fc.constantFrom<Kind>(...order),
    ...{ a: number, b: number, c: number },
  });
  return fc.record({
    lines: fc.array(record, { minLength: 1, maxLength: 25 }),
    transforms: fc
      .array(fc.array(gene, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 3 })
      .map((groups) => transformsOf(groups, withGaps)),
    loads: number,
  });
}

/** A load that fits the columns; one of each strategy in turn. */
export function loadOf(columns: readonly ColumnSpec[], choice: number): Partial<LoadConfig> {
  const keys = columns.filter(({ type }) => type !== 'double');
  const key = keys[choice % Math.max(keys.length, 1)];
  const version = columns
    .filter(({ type, name }) => type !== 'double' && name !== key?.name)
    .slice(0, choice % 2);
  if (key === undefined || choice % 7 === 0) return { disposition: 'append', key: [], version: [] };
  if (choice % 7 === 1) return { disposition: 'replace', key: [], version: [] };
  const merge = { disposition: 'merge', key: [key.name], version: version.map(({ name }) => name) } as const;
  const isHard = columns.find(({ type }) => type === 'boolean');
  if (choice % 7 === 2) return { ...merge, strategy: 'delete-insert' };
  return { ...merge, ...(choice % 7 === 3 && isHard !== undefined && { hardDelete: isHard.name }) };
}
