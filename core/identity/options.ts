import { limits } from '../limits.js';
import type { TaskOptions } from '../dag/task-options.js';
import type { IdentityConfig, IdentitySource } from './spec.js';

/** What a type of identifier is like. */
export interface IdentifierOptions {
  /** Default: `id`, compared letter by letter after spaces at both ends are taken off. */
  readonly kind?: 'id' | 'email';
  /** A person has at most this many: merge protection. Default: 100. */
  readonly limit?: number;
  /** Keeps the SHA-256 of the value instead of the value. Default: false. */
  readonly hash?: boolean;
  /** Values that identify nobody, such as `test@*`; `*` stands for any text. */
  readonly blocked?: readonly string[];
  /** Class of personal data in `millrace docs`. Default: `contact` for e-mails that are not hashed, else `pseudonym`. */
  readonly pii?: string;
}

/** The identity graph of a DAG: which identifiers there are, and which tables link them. */
export interface IdentityOptions<Type extends string = string> extends TaskOptions {
  /** Beginning of the names of the tables: `persons` gives `persons_identifiers`, `_links`, `_merges` and `_splits`. */
  readonly into: string;
  /** In order of priority: the first is the best name of a person. */
  readonly identifiers: Readonly<Record<Type, IdentifierOptions>>;
  readonly sources: readonly (Omit<IdentitySource, 'columns'> & {
    /** Column → type of the identifier in it. Two columns may hold the same type. */
    readonly columns: Readonly<Record<string, NoInfer<Type>>>;
  })[];
}

/** What an identity task resolves. */
export function readIdentity({ into, identifiers, sources }: IdentityOptions): IdentityConfig {
  return {
    into,
    identifiers: Object.entries<IdentifierOptions>(identifiers).map(([name, options]) => {
      const { kind = 'id', limit = limits.identityDefaultPerPerson, hash = false, blocked = [] } = options;
      const pii = options.pii ?? (kind === 'email' && !hash ? 'contact' : 'pseudonym');
      return { name, kind, limit, hash, blocked, pii };
    }),
    sources: sources.map(({ table, at, columns }) => ({ table, at, columns })),
  };
}
