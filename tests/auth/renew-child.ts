import { oauthSettings } from '../../connectors/oauth/settings.js';
import { createOAuthCredentials } from '../../connectors/oauth/credentials.js';
import { openOpsStore } from '../../ops/store.js';
import type { JsonObject } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import { createKeyring } from '../../security/keyring.js';

/** A process whose token was refused: `path name auth`, the key in the environment. Prints the hash of the new token. */
const [path = '', name = '', auth = '{}'] = process.argv.slice(2);
const store = await openOpsStore({ path, keyring: createKeyring([process.env['TEST_KEY'] ?? '']) });
const settings = oauthSettings(name, JSON.parse(auth) as JsonObject);
const credentials = createOAuthCredentials(settings, store.tokens, {
  turnMs: Number(process.env['TEST_TURN_MS'] ?? limits.oauthTurnMs),
});
const { signal } = new AbortController();
const refused = await credentials.headers(signal);
process.stdout.write('ready\n');
try {
  await credentials.renew?.(refused, signal);
  const renewed = await credentials.headers(signal);
  process.stdout.write(renewed['authorization'] === refused['authorization'] ? 'same\n' : 'renewed\n');
} catch (error) {
  process.stdout.write(`${(error as { code?: string }).code ?? String(error)}\n`);
}
await store.close();
