import type { JsonObject, JsonValue } from '../core/json.js';
import { PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';
import type { QuarantineRow } from '../core/quality/quarantine.js';
import { memberAt } from './json-page.js';
import { sliceAt } from './json-slices.js';
import { lineBatch } from './line-batch.js';
import { closedObject, optionProblems } from './option-problems.js';
import type { SourceBatch } from './source.js';

/**
 * Which records are deletions, where a source marks them instead of leaving them out. Paths are names of members, joined by
 * dots.
 */
export interface DeclaredDeletes {
  /** Where a record says that it is deleted. */
  readonly path: string;
  /** The values there that say so; default: any but `null`, `false` and the empty text. */
  readonly equals?: readonly (string | number | boolean)[];
  /** What identifies a record, as the `key` of the load. Of a path the last name is the column. */
  readonly key: readonly string[];
  /** What orders a deletion among the versions of its record, as the `version` of the load; default: what the cursor follows. */
  readonly version?: readonly string[];
}

const path = { type: 'string', pattern: '^[^.]+(\\.[^.]+)*$' };
const paths = { type: 'array', items: path, uniqueItems: true };
const schema: JsonObject = closedObject(
  {
    path,
    equals: { type: 'array', items: { type: ['string', 'number', 'boolean'] }, minItems: 1 },
    key: { ...paths, minItems: 1 },
    version: paths,
  },
  ['path', 'key'],
);

/** What is wrong with the option, a sentence each; an empty list where nothing is, or where it is not given. */
export function deletedProblems(value: JsonValue | undefined, place: string): string[] {
  if (value === undefined) return [];
  const problems = optionProblems(schema, value, place);
  if (problems.length > 0) return problems;
  const { key, version = [] } = value as unknown as DeclaredDeletes;
  const names = [...new Set([...key, ...version])].map(columnOf);
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  return repeated === undefined ? [] : [`${place}: two paths end with "${repeated}", and are one column`];
}

/** All members of a record that the option names. */
export function deletedPaths({ path: mark, key, version = [] }: DeclaredDeletes): readonly string[] {
  return [...new Set([mark, ...key, ...version])];
}

/**
 * Parts what a source delivers: records that the option names as deleted become deletions of key and version, before the rest
 * of their piece. One without a key or version becomes a reject: nobody could tell what it deletes.
 *
 * @param followed path of the cursor, where there is one
 * @throws PipelineError CONFIG_INVALID where nothing says what the version is
 */
export async function* withDeclaredDeletes(
  batches: AsyncIterable<SourceBatch>,
  deleted: DeclaredDeletes | undefined,
  followed: string | undefined,
): AsyncGenerator<SourceBatch> {
  const parts = deleted === undefined ? undefined : partsOf(deleted, followed);
  for await (const batch of batches) {
    const { kind, bytes } = batch;
    if (parts === undefined || kind !== 'rows' || bytes === undefined) yield batch;
    else yield* parted(batch, bytes, parts);
  }
}

/** Quarantined lines, parted the same way; see `Source.reshape`. */
export function reshapeDeletes(
  bytes: Uint8Array,
  deleted: DeclaredDeletes | undefined,
  followed: string | undefined,
): readonly SourceBatch[] | undefined {
  if (deleted === undefined) return undefined;
  return [...parted({ kind: 'rows', rowCount: 0 }, bytes, partsOf(deleted, followed))];
}

interface Parts {
  readonly deleted: DeclaredDeletes;
  readonly mark: readonly string[];
  readonly columns: readonly { readonly name: string; readonly path: readonly string[] }[];
}

function partsOf(deleted: DeclaredDeletes, followed: string | undefined): Parts {
  const version = deleted.version ?? (followed === undefined ? undefined : [followed]);
  if (version === undefined)
    throw new PipelineError('CONFIG_INVALID', {
      problems: ['"deleted" needs "version": a full read has no cursor to take its place'],
    });
  const columns = [...new Set([...deleted.key, ...version])];
  return {
    deleted,
    mark: deleted.path.split('.'),
    columns: columns.map((one) => ({ name: columnOf(one), path: one.split('.') })),
  };
}

function* parted(batch: SourceBatch, bytes: Uint8Array, parts: Parts): Generator<SourceBatch> {
  const rows: Uint8Array[] = [];
  const deletes: Uint8Array[] = [];
  const rejects: Omit<QuarantineRow, 'position'>[] = [...(batch.rejects ?? [])];
  for (const line of linesOf(bytes)) {
    if (!isDeleted(line, parts)) rows.push(line);
    else {
      const deletion = deletionOf(line, parts);
      if ('missing' in deletion) rejects.push(incomplete(line, deletion.missing));
      else deletes.push(deletion.line);
    }
  }
  if (deletes.length > 0) yield lineBatch('deletes', deletes, undefined);
  // The cursor and whatever else the piece carries goes with its last part.
  yield { ...batch, ...lineBatch('rows', rows, undefined), ...(rejects.length > 0 && { rejects }) };
}

/** A line that is no JSON, or longer than a record may be, stays what it is: others judge it. */
function isDeleted(line: Uint8Array, { deleted, mark }: Parts): boolean {
  if (line.length > limits.recordMaxBytes) return false;
  let value: unknown;
  try {
    value = memberAt(JSON.parse(Buffer.from(line).toString('utf8')), mark);
  } catch {
    return false;
  }
  if (deleted.equals !== undefined) return deleted.equals.some((one) => one === value);
  return value !== undefined && value !== null && value !== false && value !== '';
}

function deletionOf(
  line: Uint8Array,
  { columns }: Parts,
): { readonly line: Uint8Array } | { readonly missing: readonly string[] } {
  const pieces: Uint8Array[] = [];
  for (const { name, path: at } of columns) {
    const value = sliceAt(line, at);
    if (value === undefined || isEmpty(value)) return { missing: at };
    pieces.push(Buffer.from(`${pieces.length === 0 ? '{' : ','}${JSON.stringify(name)}:`), value);
  }
  return { line: Buffer.concat([...pieces, Buffer.from('}\n')]) };
}

function isEmpty(value: Uint8Array): boolean {
  return ['null', '""'].includes(Buffer.from(value).toString('latin1'));
}

function incomplete(line: Uint8Array, missing: readonly string[]): Omit<QuarantineRow, 'position'> {
  return {
    code: 'DELETION_INCOMPLETE',
    pointer: `/${missing.join('/')}`,
    message: 'The record says that it is deleted, and lacks a value of its key or version.',
    raw: Buffer.from(line).toString('utf8').trimEnd(),
  };
}

/** Each with its line feed; one without at the end gets it. */
function* linesOf(bytes: Uint8Array): Generator<Uint8Array> {
  const lineFeed = 0x0a;
  for (let at = 0; at < bytes.length;) {
    const feed = bytes.indexOf(lineFeed, at);
    if (feed < 0) yield Buffer.concat([bytes.subarray(at), Buffer.from('\n')]);
    else yield bytes.subarray(at, feed + 1);
    at = feed < 0 ? bytes.length : feed + 1;
  }
}

function columnOf(text: string): string {
  return text.slice(text.lastIndexOf('.') + 1);
}
