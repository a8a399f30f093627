import type { Kysely } from 'kysely';
import type { Keyring } from '../security/keyring.js';
import { Secret } from '../security/secret.js';
import type { OAuthTokens, TokenOwner, TokenStore } from '../security/token-store.js';
import type { Leases } from './leases.js';
import { oneAtATime } from './one-at-a-time.js';
import type { OpsTables } from './tables.js';

/** Place of a connection's tokens for their encryption; no option path has this name. */
export const tokenPath = '$tokens';

/** Tokens of OAuth in the operations store, encrypted; turns are leases. */
export function createTokenStore(db: Kysely<OpsTables>, keyring: Keyring, leases: Leases): TokenStore {
  return {
    checkKeys(connection) {
      keyring.seal('', { connection, path: tokenPath });
    },

    async read({ connection, fingerprint }) {
      const row = await db
        .selectFrom('oauth_tokens')
        .selectAll()
        .where('connection', '=', connection)
        .where('fingerprint', '=', fingerprint)
        .executeTakeFirst();
      if (row === undefined) return undefined;
      const tokens = JSON.parse(keyring.open(row.sealed, { connection, path: tokenPath })) as SealedTokens;
      return {
        accessToken: new Secret(tokens.accessToken),
        ...(tokens.refreshToken !== undefined && { refreshToken: new Secret(tokens.refreshToken) }),
        obtainedAt: row.obtained_at,
        ...(row.expires_at !== null && { expiresAt: row.expires_at }),
        ...(tokens.instanceUrl !== undefined && { instanceUrl: tokens.instanceUrl }),
        version: row.version,
      };
    },

    async save(owner, tokens, replaces) {
      const { connection, fingerprint } = owner;
      const values = {
        fingerprint,
        sealed: keyring.seal(JSON.stringify(revealed(tokens)), { connection, path: tokenPath }),
        obtained_at: tokens.obtainedAt,
        expires_at: tokens.expiresAt ?? null,
      };
      return oneAtATime(db, async (transaction) => {
        const stored = await transaction
          .selectFrom('oauth_tokens')
          .select(['version', 'fingerprint'])
          .where('connection', '=', connection)
          .executeTakeFirst();
        if (replaces !== undefined && replaces !== versionFor(owner, stored)) return false;
        const version = (stored?.version ?? 0) + 1;
        await transaction
          .insertInto('oauth_tokens')
          .values({ connection, ...values, version })
          .onConflict((conflict) => conflict.column('connection').doUpdateSet({ ...values, version }))
          .execute();
        return true;
      });
    },

    async remove(connection) {
      const removed = await db
        .deleteFrom('oauth_tokens')
        .where('connection', '=', connection)
        .returning('connection')
        .executeTakeFirst();
      return removed !== undefined;
    },

    takeTurn: (connection, holder, durationMs) => leases.take(leaseOf(connection), holder, durationMs),
    endTurn: (connection, holder) => leases.release(leaseOf(connection), holder),
  };
}

interface SealedTokens {
  readonly accessToken: string;
  readonly refreshToken?: string;
  readonly instanceUrl?: string;
}

function revealed({ accessToken, refreshToken, instanceUrl }: OAuthTokens): SealedTokens {
  return {
    accessToken: accessToken.reveal(),
    ...(refreshToken !== undefined && { refreshToken: refreshToken.reveal() }),
    ...(instanceUrl !== undefined && { instanceUrl }),
  };
}

/** The version that the owner sees: tokens of other settings are none. */
function versionFor(
  { fingerprint }: TokenOwner,
  stored: { readonly version: number; readonly fingerprint: string } | undefined,
): number {
  return stored?.fingerprint === fingerprint ? stored.version : 0;
}

function leaseOf(connection: string): string {
  return `oauth-tokens:${connection}`;
}
