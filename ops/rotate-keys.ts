import type { Kysely } from 'kysely';
import { PipelineError } from '../core/errors/index.js';
import { keyIdOf, type Keyring } from '../security/keyring.js';
import { hookPlace } from './hook-store.js';
import { tokenPath } from './oauth-tokens.js';
import { oneAtATime } from './one-at-a-time.js';
import type { OpsTables } from './tables.js';

/** What a rotation did. */
export interface KeyRotation {
  /** Id of the key that everything is encrypted with now. */
  readonly keyId: string;
  /** Ciphertexts that were encrypted anew; those that had the key already are not counted. */
  readonly renewed: number;
  readonly unchanged: number;
}

/**
 * Encrypts every secret, every token and every hook's address anew with the first key, all of them or, where one does not open, none. Processes
 * that run go on: they have both keys.
 *
 * @throws PipelineError SECRET_KEYS_MISSING, SECRET_UNREADABLE
 */
export async function rotateKeys(db: Kysely<OpsTables>, keyring: Keyring): Promise<KeyRotation> {
  const keyId = keyring.currentKeyId;
  if (keyId === undefined) throw new PipelineError('SECRET_KEYS_MISSING', { connection: '*' });
  return oneAtATime(db, async (transaction) => {
    const counts = { renewed: 0, unchanged: 0 };
    const renew = (sealed: string, connection: string, path: string): string | undefined => {
      if (keyIdOf(sealed) === keyId) {
        counts.unchanged += 1;
        return undefined;
      }
      counts.renewed += 1;
      return keyring.seal(keyring.open(sealed, { connection, path }), { connection, path });
    };
    const options = await transaction
      .selectFrom('connection_options')
      .select(['connection', 'path', 'sealed'])
      .where('sealed', 'is not', null)
      .execute();
    for (const { connection, path, sealed } of options) {
      const renewed = renew(sealed ?? '', connection, path);
      if (renewed === undefined) continue;
      await transaction
        .updateTable('connection_options')
        .set({ sealed: renewed })
        .where('connection', '=', connection)
        .where('path', '=', path)
        .execute();
    }
    for (const row of await transaction
      .selectFrom('oauth_tokens')
      .select(['connection', 'sealed'])
      .execute()) {
      const renewed = renew(row.sealed, row.connection, tokenPath);
      if (renewed === undefined) continue;
      await transaction
        .updateTable('oauth_tokens')
        .set({ sealed: renewed })
        .where('connection', '=', row.connection)
        .execute();
    }
    for (const { id, sealed } of await transaction.selectFrom('hooks').select(['id', 'sealed']).execute()) {
      const { connection, path } = hookPlace(id);
      const renewed = renew(sealed, connection, path);
      if (renewed === undefined) continue;
      await transaction.updateTable('hooks').set({ sealed: renewed }).where('id', '=', id).execute();
    }
    return { keyId, ...counts };
  });
}
