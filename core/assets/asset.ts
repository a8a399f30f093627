import type { JsonObject } from '../json.js';
import { limits } from '../limits.js';

/** What is known of an asset beside its uri; part of a DAG's spec. */
export interface AssetSpec {
  readonly uri: string;
  readonly name?: string;
  readonly group?: string;
  /** Facts about the asset itself; those of an event travel with the event. */
  readonly extra?: JsonObject;
}

/** Something that tasks update and that DAGs wait for: a table, a file, a model. */
export interface Asset extends AssetSpec {
  readonly kind: 'asset';
}

/** An asset, or its uri alone. */
export type AssetInput = Asset | string;

/**
 * Names an asset, such as `duckdb://warehouse/orders`. Its uri is all that counts; Millrace never looks behind it.
 *
 * @param more `name` and `group` for people; `extra` for what tools want to know.
 */
export function asset(uri: string, more: Omit<AssetSpec, 'uri'> = {}): Asset {
  return { kind: 'asset', uri, ...more };
}

export function uriOf(input: AssetInput): string {
  return typeof input === 'string' ? input : input.uri;
}

const uriPattern = /^[A-Za-z][A-Za-z0-9+.-]*:[!#-&(-;=?-[\]_a-z~]+$/;

/** What is wrong with an asset's uri; undefined for a good one. */
export function uriProblem(uri: string): string | undefined {
  if (uri.length > limits.assetUriMaxLength)
    return `asset "${uri.slice(0, 40)}…" is longer than ${String(limits.assetUriMaxLength)} characters`;
  if (!uriPattern.test(uri))
    return `asset "${uri}" is refused: use a uri with a scheme, such as duckdb://warehouse/orders, without spaces and quotes`;
  if (/^[^:]+:\/\/[^/?#]*@/.test(uri))
    return `asset "${uri.replace(/\/\/[^/?#]*@/, '//…@')}" is refused: a uri carries no user name and no password`;
  return undefined;
}

/** Collects the assets that a DAG names, each once. */
export class AssetCollector {
  readonly #byUri = new Map<string, AssetSpec>();
  readonly #problems: string[];

  constructor(problems: string[]) {
    this.#problems = problems;
  }

  /** The uris of these assets; what is known of them is kept. */
  uris(inputs: readonly AssetInput[]): string[] {
    return [...new Set(inputs.map((input) => this.uri(input)))];
  }

  uri(input: AssetInput): string {
    if (typeof input === 'string') return input;
    const { kind: _kind, ...spec } = input;
    const known = this.#byUri.get(spec.uri);
    if (known === undefined) this.#byUri.set(spec.uri, spec);
    else if (known.name !== spec.name || known.group !== spec.group)
      this.#problems.push(`asset "${spec.uri}" has two names or groups; define it once and share it`);
    return spec.uri;
  }

  /** For the DAG's spec: by uri, so that equal DAGs have equal specs. */
  get spec(): { readonly assets?: readonly AssetSpec[] } {
    if (this.#byUri.size === 0) return {};
    return { assets: [...this.#byUri.values()].sort((a, b) => (a.uri < b.uri ? -1 : 1)) };
  }
}
