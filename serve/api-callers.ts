import type { IncomingHttpHeaders } from 'node:http';
import { decodeJwt } from 'jose';
import { isSecretText, sha256 } from '../connectors/webhook/check.js';
import { PipelineError } from '../core/errors/index.js';
import { IdentityTokens, type IdentityRule } from './identity-tokens.js';

/** Who may use the API, and for what of it. */
export interface ApiCaller {
  readonly secrets: readonly string[];
  readonly oidc?: IdentityRule;
  /** DAGs that it may start and watch, by id, or `*`. */
  readonly dags?: readonly string[];
  /** Streams that it may send records to, by name, or `*`. */
  readonly streams?: readonly string[];
}

/** A caller that was let in. */
export interface KnownCaller {
  readonly name: string;
  /** @throws PipelineError API_FORBIDDEN */
  assertMayUse(dagId: string): void;
  /** @throws PipelineError API_FORBIDDEN */
  assertMaySend(stream: string): void;
  /** DAGs that it may use; `undefined` for all. */
  readonly dagIds: readonly string[] | undefined;
}

interface Entry extends ApiCaller {
  readonly name: string;
  readonly digests: readonly Buffer[];
}

/** Lets callers in by a secret or an identity token, as a bearer token, password or API key; nobody where none is configured. */
export class ApiCallers {
  readonly #entries: readonly Entry[];
  readonly #tokens = new IdentityTokens();

  constructor(callers: Readonly<Record<string, ApiCaller>>) {
    this.#entries = Object.entries(callers).map(([name, caller]) => ({
      ...caller,
      name,
      digests: caller.secrets.map(sha256),
    }));
  }

  /** @throws PipelineError API_CALLER, GATEWAY_NO_KEY, GATEWAY_UNAVAILABLE where an issuer's keys cannot be had */
  async authenticate(headers: IncomingHttpHeaders): Promise<KnownCaller> {
    if (this.#entries.length === 0)
      throw new PipelineError('GATEWAY_NO_KEY', { what: 'the API', setting: 'gateway.api.callers' });
    const token = bearer(headers.authorization ?? '') ?? apiKey(headers);
    if (token === undefined) throw new PipelineError('API_CALLER', { reason: 'it shows no token' });
    const entry = this.#bySecret(token) ?? (await this.#byIdentity(token));
    const assertIn = (list: 'dags' | 'streams', name: string, what: string) => {
      const allowed = entry[list] ?? [];
      if (!allowed.includes('*') && !allowed.includes(name))
        throw new PipelineError('API_FORBIDDEN', { caller: entry.name, what: `${what} "${name}"`, list });
    };
    return {
      name: entry.name,
      dagIds: entry.dags?.includes('*') === true ? undefined : (entry.dags ?? []),
      assertMayUse: (dagId) => assertIn('dags', dagId, 'DAG'),
      assertMaySend: (stream) => assertIn('streams', stream, 'stream'),
    };
  }

  /** Whether a caller of the settings may use a DAG; false where there is no such caller. */
  mayUse(name: string, dagId: string): boolean {
    const { dags = [] } = this.#entries.find((entry) => entry.name === name) ?? {};
    return dags.includes('*') || dags.includes(dagId);
  }

  /** Looks at every secret, so that the time tells nothing. */
  #bySecret(token: string): Entry | undefined {
    let found: Entry | undefined;
    for (const entry of this.#entries) if (isSecretText(entry.digests, token)) found = entry;
    return found;
  }

  async #byIdentity(token: string): Promise<Entry> {
    const issuer = issuerOf(token);
    let reason = 'its token is unknown';
    for (const entry of this.#entries) {
      if (entry.oidc === undefined || entry.oidc.issuer !== issuer) continue;
      const refusal = await this.#tokens.refusal(token, entry.oidc);
      if (refusal === undefined) return entry;
      reason = refusal;
    }
    throw new PipelineError('API_CALLER', { reason });
  }
}

/** The token of `Bearer`, or the password of Basic authentication, which is all that some schedulers send. */
function bearer(authorization: string): string | undefined {
  const token = /^bearer\s+(\S+)$/i.exec(authorization)?.[1];
  if (token !== undefined) return token;
  const encoded = /^basic\s+([A-Za-z0-9+/=_-]+)$/i.exec(authorization)?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 || colon === text.length - 1 ? undefined : text.slice(colon + 1);
}

/** Some platforms send a key in a header of its own, and nothing else. */
function apiKey({ 'x-api-key': key }: IncomingHttpHeaders): string | undefined {
  return typeof key === 'string' && key !== '' ? key : undefined;
}

/** Who a token says that it is from; only a check of its signature proves it. */
function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}
