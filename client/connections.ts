import { randomUUID } from 'node:crypto';
import { revealConnection, type Settings } from '../config.js';
import { rateRulesOf } from '../connectors/http/rate-settings.js';
import { orAborted } from '../connectors/or-aborted.js';
import { createSourceRegistry } from '../connectors/registry.js';
import type { ResolvedConnection } from '../connectors/source.js';
import { warehouseOfConnection, type WarehouseModule } from '../connectors/warehouse-registry.js';
import { isPipelineError, PipelineError } from '../core/errors/index.js';
import type { JsonObject } from '../core/json.js';
import { limits } from '../core/limits.js';
import type { OpsStore } from '../ops/store.js';
import { createKeyring, type Keyring } from '../security/keyring.js';
import type { OAuthSettings } from '../connectors/oauth/settings.js';

/** The keys of the settings. @throws PipelineError CONFIG_INVALID */
export function keyringOf({ security }: Settings): Keyring {
  return createKeyring(security.keys.map((key) => key.reveal()));
}

/** The operations store as far as connections need it. */
export type ConnectionStores = Pick<OpsStore, 'connections' | 'tokens' | 'rates'>;

/** A connection as people see it: secrets are masked. */
export interface ConnectionView {
  readonly name: string;
  readonly connector: string;
  /** The settings win by name: a stored connection of the same name is hidden. */
  readonly origin: 'settings' | 'store' | 'store, hidden';
  readonly options: JsonObject;
  /** Present for connections with OAuth. */
  readonly login?: { readonly grant: string; readonly state: string; readonly isReady: boolean };
}

/** What a test of one connection found. */
export interface ConnectionTest {
  readonly name: string;
  readonly connector: string;
  readonly isWorking: boolean;
  readonly detail: string;
}

/**
 * A connection for its connector: that of the settings, else that of the operations store. `auth` for OAuth becomes
 * credentials, and `rate` limits; neither is handed on.
 *
 * @throws PipelineError CONNECTION_UNKNOWN, CONNECTION_INVALID, SECRET_*
 */
export async function resolveConnection(
  settings: Settings,
  stores: ConnectionStores,
  name: string | undefined,
): Promise<ResolvedConnection> {
  if (name === undefined) return { options: {} };
  const { rate, ...revealed } = await revealByName(settings, () => Promise.resolve(stores), name);
  const rules = rate === undefined ? undefined : rateRulesOf(name, { rate });
  const declared = rules === undefined ? {} : { rate: rules };
  const oauth = await oauthOf(name, revealed);
  if (oauth === undefined) return { options: revealed, ...declared };
  const { createOAuthCredentials } = await import('../connectors/oauth/credentials.js');
  const { auth: _auth, ...options } = revealed;
  return { options, credentials: createOAuthCredentials(oauth, stores.tokens), ...declared };
}

/** OAuth settings of a connection. @throws PipelineError CONNECTION_UNKNOWN, CONNECTION_INVALID, SECRET_* */
export async function oauthSettingsOf(
  settings: Settings,
  stores: ConnectionStores,
  name: string,
): Promise<OAuthSettings | undefined> {
  return oauthOf(name, await revealByName(settings, () => Promise.resolve(stores), name));
}

/** Every connection of settings and store, by name. */
export async function listConnections(
  settings: Settings,
  stores: ConnectionStores,
): Promise<readonly ConnectionView[]> {
  const ofSettings = Object.entries(settings.connections).map(([name, connection]) => {
    const { connector, ...options } = JSON.parse(JSON.stringify(connection)) as JsonObject;
    return { name, connector: String(connector), origin: 'settings' as const, options };
  });
  const stored = (await stores.connections.list()).map(({ name, connector, options }) => {
    const isHidden = Object.hasOwn(settings.connections, name);
    return { name, connector, origin: isHidden ? ('store, hidden' as const) : ('store' as const), options };
  });
  const views = [...ofSettings, ...stored].sort((a, b) => (a.name < b.name ? -1 : 1));
  return Promise.all(views.map(async (view) => ({ ...view, ...(await loginOf(settings, stores, view)) })));
}

/** One cheap request through a connection; a failure is a result. @throws PipelineError CONNECTION_UNKNOWN */
export async function testConnection(
  settings: Settings,
  stores: ConnectionStores,
  name: string,
): Promise<ConnectionTest> {
  const connector = await connectorOf(settings, stores, name);
  try {
    const warehouse = await warehouseOfConnection(connector);
    if (warehouse !== undefined) {
      const connection = await revealByName(settings, () => Promise.resolve(stores), name);
      const detail = await testWarehouse(warehouse, { ...settings.warehouse, type: connector }, connection);
      return { name, connector, isWorking: true, detail };
    }
    const resolved = await resolveConnection(settings, stores, name);
    const { options, credentials } = resolved;
    const source = await createSourceRegistry(settings)(connector);
    const { detail } = await throughConnection(stores, { name, dag: '', resolved }, () =>
      source.test(options, {
        signal: AbortSignal.timeout(limits.connectionTestMaxMs),
        ...(credentials !== undefined && { credentials }),
      }),
    );
    return { name, connector, isWorking: true, detail };
  } catch (error) {
    const detail = isPipelineError(error) ? `${error.message} [${error.code}]` : String(error);
    return { name, connector, isWorking: false, detail };
  }
}

/** Work of a command through a connection, whose request budgets it shares with the workers. */
export async function throughConnection<Result>(
  { rates }: Pick<ConnectionStores, 'rates'>,
  {
    name,
    dag,
    resolved,
  }: { readonly name: string; readonly dag: string; readonly resolved: ResolvedConnection },
  work: () => Promise<Result>,
): Promise<Result> {
  // Loaded when it is needed: most commands do without.
  const { inRequestScope } = await import('../connectors/http/request-scope.js');
  const { rate: rules } = resolved;
  const scope = { budgets: rates, connection: name, dag, holder: randomUUID(), isFirstTry: true };
  return inRequestScope({ ...scope, ...(rules !== undefined && { rules }) }, work);
}

/** Logs in and runs a statement that reads nothing. */
async function testWarehouse(
  { connectReader }: WarehouseModule,
  settings: Settings['warehouse'],
  connection: JsonObject,
): Promise<string> {
  const reader = await connectReader({ settings, connection });
  try {
    await orAborted(reader.query('SELECT 1', 1), AbortSignal.timeout(limits.connectionTestMaxMs));
    return JSON.stringify(reader.describe());
  } finally {
    await reader.close();
  }
}

async function connectorOf(settings: Settings, stores: ConnectionStores, name: string): Promise<string> {
  const connector =
    settingsConnection(settings, name)?.connector ?? (await stores.connections.get(name))?.connector;
  if (connector === undefined) throw new PipelineError('CONNECTION_UNKNOWN', { connection: name });
  return connector;
}

/** Connector and options, secrets in the clear; the store is opened where the settings have none of the name. Never log it. */
export async function revealByName(
  settings: Settings,
  stores: () => Promise<Pick<ConnectionStores, 'connections'>>,
  name: string,
): Promise<JsonObject> {
  const configured = settingsConnection(settings, name);
  const revealed =
    configured === undefined ? await (await stores()).connections.reveal(name) : revealConnection(configured);
  if (revealed === undefined) throw new PipelineError('CONNECTION_UNKNOWN', { connection: name });
  return revealed;
}

function settingsConnection({ connections }: Settings, name: string) {
  return Object.hasOwn(connections, name) ? connections[name] : undefined;
}

async function oauthOf(name: string, { auth }: JsonObject): Promise<OAuthSettings | undefined> {
  // Loaded when it is needed: most commands do without.
  if (typeof auth !== 'object') return undefined;
  const { isOAuth, oauthSettings } = await import('../connectors/oauth/settings.js');
  return isOAuth(auth) ? oauthSettings(name, auth) : undefined;
}

async function loginOf(
  settings: Settings,
  stores: ConnectionStores,
  { name, origin }: ConnectionView,
): Promise<Pick<ConnectionView, 'login'>> {
  if (origin === 'store, hidden') return {};
  try {
    const oauth = await oauthSettingsOf(settings, stores, name);
    if (oauth === undefined) return {};
    const tokens = await stores.tokens.read(oauth);
    return { login: { grant: oauth.grant, ...loginState(oauth.grant, tokens) } };
  } catch (error) {
    if (!isPipelineError(error)) throw error;
    return { login: { grant: '-', state: error.code, isReady: false } };
  }
}

function loginState(
  grant: OAuthSettings['grant'],
  tokens: { readonly expiresAt?: string; readonly refreshToken?: unknown } | undefined,
): { readonly state: string; readonly isReady: boolean } {
  if (grant !== 'authorization_code') return { state: 'needs no login', isReady: true };
  if (tokens === undefined) return { state: 'not logged in', isReady: false };
  const hasEnded = tokens.expiresAt !== undefined && Date.parse(tokens.expiresAt) < Date.now();
  const isReady = !hasEnded || tokens.refreshToken !== undefined;
  return { state: isReady ? 'logged in' : 'not logged in', isReady };
}
