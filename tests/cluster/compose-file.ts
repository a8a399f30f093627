import { parse } from 'yaml';
import { readText } from '../architecture/source-tree.js';

/** A file or folder of a container that is kept elsewhere. */
export interface Mount {
  readonly type: string;
  readonly source?: string;
  readonly target: string;
  readonly read_only?: boolean;
}

/** What the tests read of a service. */
export interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment: Readonly<Record<string, string | number>>;
  readonly volumes?: readonly (string | Mount)[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly configs?: readonly { readonly source: string }[];
}

/** A compose file, as far as the tests read it. */
export interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, null>>;
  readonly configs: Readonly<Record<string, { readonly content: string }>>;
}

/** A variable as a compose file names it: with a default, with a complaint where it is needed, or neither. */
const variable = /(?<!\$)\$\{(\w+)(?::([-?])([^}]*))?\}/g;

/** The compose file as it is written, aliases followed. */
export function readCompose(): ComposeFile {
  return parse(readText('docker-compose.yml'), { merge: true }) as ComposeFile;
}

/** Variables that the file names: those with a complaint have to be set. */
export function listVariables(): {
  readonly name: string;
  readonly isNeeded: boolean;
  readonly fallback?: string;
}[] {
  return [...readText('docker-compose.yml').matchAll(variable)].map(([, name = '', sign, text = '']) => ({
    name,
    isNeeded: sign === '?',
    ...(sign === '-' && { fallback: text }),
  }));
}

/** The compose file with the variables put in, as `docker compose config` does it. */
export function resolveCompose(values: Readonly<Record<string, string>>): ComposeFile {
  const put = (text: string) =>
    text
      .replaceAll(variable, (_all, name: string, sign?: string, fallback = '') => {
        const value = values[name] ?? '';
        if (value === '' && sign === '?') throw new Error(`${name} is not set`);
        return value === '' ? (fallback as string) : value;
      })
      .replaceAll('$$', '$');
  const walk = (value: unknown): unknown => {
    if (typeof value === 'string') return put(value);
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, walk(member)]));
  };
  return walk(readCompose()) as ComposeFile;
}

/** `.env.example`: what is set, and what it shows in a comment with its default. */
export function readExample(): {
  readonly set: Record<string, string>;
  readonly shown: Record<string, string>;
} {
  const lines = readText('.env.example').split('\n');
  const entries = (pattern: RegExp) =>
    Object.fromEntries(
      lines.flatMap((line) => {
        const match = pattern.exec(line);
        return match === null ? [] : [[match[1] ?? '', match[2] ?? '']];
      }),
    );
  return { set: entries(/^(\w+)=(.*)$/), shown: entries(/^#(\w+)=(.*)$/) };
}
