import { limits } from '../limits.js';

/** One type of identifier of an identity graph (Segment: external id; RudderStack: id type). */
export interface IdentifierType {
  readonly name: string;
  /** `email`: trimmed and lower-cased before it is compared; nothing else, because providers differ in the rest. */
  readonly kind: 'id' | 'email';
  /** A person has at most this many. */
  readonly limit: number;
  /** The tables hold the SHA-256 of the value instead of the value. */
  readonly hash: boolean;
  /** Patterns of values that identify nobody, beside those that never do; `*` stands for any text. */
  readonly blocked: readonly string[];
  /** Class of personal data (`x-pii`) in the documents of data flows. */
  readonly pii: string;
}

/** A table of the warehouse whose rows are observations: a row with two identifiers links them. */
export interface IdentitySource {
  readonly table: string;
  /** Timestamp or date column: when the row was observed. */
  readonly at: string;
  /** Column → type of the identifier in it. */
  readonly columns: Readonly<Record<string, string>>;
}

export interface IdentityConfig {
  /** Beginning of the names of its tables. */
  readonly into: string;
  /** In order of priority, highest first. */
  readonly identifiers: readonly IdentifierType[];
  readonly sources: readonly IdentitySource[];
}

/** The tables of an identity graph. */
export interface IdentityTables {
  readonly identifiers: string;
  readonly links: string;
  readonly merges: string;
  readonly splits: string;
  /** The loads of the sources that are in the graph, and what the last resolve left. */
  readonly reads: string;
}

export function identityTables({ into }: Pick<IdentityConfig, 'into'>): IdentityTables {
  return {
    identifiers: `${into}_identifiers`,
    links: `${into}_links`,
    merges: `${into}_merges`,
    splits: `${into}_splits`,
    reads: `${into}_reads`,
  };
}

/** What an identity task hands on, and a split reports. */
export type IdentityOutcome = {
  readonly identifiers: number;
  readonly persons: number;
  readonly links: number;
  /** Links that a limit or a split keeps from joining. */
  readonly refusedLinks: number;
  /** Values left out because they identify nobody. */
  readonly blockedValues: number;
  /** Merges that this resolve wrote. */
  readonly newMerges: number;
  /** Rows of the tables that it wrote; zero where nothing was new. */
  readonly changedRows: number;
};

const namePattern = /^[A-Za-z][A-Za-z0-9_]*$/;

/** Everything that is wrong with an identity, a sentence each; empty when all is well. */
export function identityProblems({ into, identifiers, sources }: IdentityConfig): string[] {
  const problems: string[] = [];
  if (!namePattern.test(into))
    problems.push(`into "${into}" is refused: use letters, digits and "_", starting with a letter`);
  if (identifiers.length === 0) problems.push('it has no identifiers');
  if (identifiers.length > limits.identityMaxTypes)
    problems.push(
      `it has ${String(identifiers.length)} identifiers, over ${String(limits.identityMaxTypes)}`,
    );
  for (const { name, limit, blocked } of identifiers) {
    const at = `identifier "${name}"`;
    if (!namePattern.test(name)) problems.push(`${at}: use letters, digits and "_", starting with a letter`);
    if (!Number.isSafeInteger(limit) || limit < 1 || limit > limits.identityMaxPerPerson)
      problems.push(
        `${at}: limit is ${String(limit)}; use a whole number from 1 to ${String(limits.identityMaxPerPerson)}`,
      );
    if (blocked.includes('*')) problems.push(`${at}: blocked has "*", which blocks every value`);
  }
  if (sources.length === 0) problems.push('it has no sources');
  if (sources.length > limits.identityMaxSources)
    problems.push(`it has ${String(sources.length)} sources, over ${String(limits.identityMaxSources)}`);
  const own = Object.values(identityTables({ into }));
  const known = new Set(identifiers.map(({ name }) => name));
  for (const { table, columns } of sources) {
    const at = `source "${table}"`;
    const entries = Object.entries(columns);
    if (own.includes(table)) problems.push(`${at} is a table that the identity itself writes`);
    if (entries.length === 0) problems.push(`${at} names no columns`);
    if (entries.length > limits.identityMaxColumns)
      problems.push(`${at} has ${String(entries.length)} columns, over ${String(limits.identityMaxColumns)}`);
    for (const [column, type] of entries)
      if (!known.has(type))
        problems.push(
          `${at}: column "${column}" is said to hold "${type}", which is no identifier; known: ${[...known].join(', ')}`,
        );
  }
  return problems;
}
