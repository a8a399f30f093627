import { createOAuthCredentials } from '../../dist/connectors/oauth/credentials.js';
import { oauthSettings } from '../../dist/connectors/oauth/settings.js';
import { limits } from '../../dist/core/limits.js';
import { openOpsStore } from '../../dist/ops/store.js';
import { createKeyring } from '../../dist/security/keyring.js';
import { Secret } from '../../dist/security/secret.js';

/** A process whose token was refused: `place name auth`, its key in the environment. Says how the renewal ended. */
const [place = '{}', name = '', auth = '{}'] = process.argv.slice(2);
const { path, url } = JSON.parse(place);
const store = await openOpsStore({
  ...(url === undefined ? { path } : { url: new Secret(url) }),
  keyring: createKeyring([process.env.TEST_KEY ?? '']),
});
const credentials = createOAuthCredentials(oauthSettings(name, JSON.parse(auth)), store.tokens, {
  turnMs: Number(process.env.TEST_TURN_MS ?? limits.oauthTurnMs),
});
const { signal } = new AbortController();
const refused = await credentials.headers(signal);
process.stdout.write('ready\n');
try {
  await credentials.renew(refused, signal);
  const renewed = await credentials.headers(signal);
  process.stdout.write(renewed.authorization === refused.authorization ? 'same\n' : 'renewed\n');
} catch (error) {
  process.stdout.write(`${error.code ?? String(error)}\n`);
}
await store.close();
