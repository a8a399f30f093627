import { JWT, OAuth2Client, type AuthClient } from 'google-auth-library';
import { isThisMachine, type BigQuerySettings } from './settings.js';

/** Rights that a client asks for; which of them it has, roles decide. */
const scopes = ['https://www.googleapis.com/auth/bigquery'];

/**
 * The key of a service account; nothing on this machine, which asks for no token; else the application default
 * credentials, which the client finds by itself.
 */
export function authOf(
  credentials: BigQuerySettings['credentials'],
  endpoint: string | undefined,
): { authClient?: AuthClient } {
  if (credentials !== undefined) {
    const { clientEmail: email, privateKey: key } = credentials;
    return { authClient: new JWT({ email, key, scopes }) };
  }
  if (endpoint === undefined || !isThisMachine(new URL(endpoint).hostname)) return {};
  const client = new OAuth2Client();
  client.setCredentials({ access_token: 'none', expiry_date: Number.MAX_SAFE_INTEGER });
  return { authClient: client };
}
