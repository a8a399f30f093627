import { importPKCS8 } from 'jose';
import * as oauth from 'oauth4webapi';
import { PipelineError } from '../../core/errors/index.js';
import type { Secret } from '../../security/secret.js';
import type { OAuthSettings } from './settings.js';

/**
 * How the client shows who it is to the token endpoint: by its secret (RFC 6749 §2.3.1), or by a JWT that it signs
 * (`private_key_jwt`, OpenID Connect Core 1.0 §9, RFC 7523 §2.2).
 *
 * @throws PipelineError CONNECTION_INVALID for a key that cannot sign
 */
export async function clientAuth(
  { connection, clientAuth: kind, clientSecret, clientKey, issuer }: OAuthSettings,
  tokenEndpoint: string,
): Promise<oauth.ClientAuth> {
  if (clientKey !== undefined) {
    const { privateKey, keyId, algorithm, audience } = clientKey;
    const key = await signingKey(connection, 'clientKey', privateKey, algorithm);
    return oauth.PrivateKeyJwt(keyId === undefined ? key : { key, kid: keyId }, {
      [oauth.modifyAssertion]: (header, payload) => {
        header['alg'] = algorithm;
        // The library names the issuer, which nobody told here.
        const named = audience ?? (issuer === undefined ? tokenEndpoint : undefined);
        if (named !== undefined) payload['aud'] = named;
      },
    });
  }
  if (kind === 'none' || clientSecret === undefined) return oauth.None();
  return kind === 'post'
    ? oauth.ClientSecretPost(clientSecret.reveal())
    : oauth.ClientSecretBasic(clientSecret.reveal());
}

/** @throws PipelineError CONNECTION_INVALID for what is no key for the algorithm */
export async function signingKey(connection: string, option: string, privateKey: Secret, algorithm: string) {
  try {
    return await importPKCS8(privateKey.reveal(), algorithm);
  } catch {
    throw new PipelineError('CONNECTION_INVALID', {
      connection,
      problems: `auth.${option}.privateKey is no PKCS #8 key in PEM for ${algorithm}`,
    });
  }
}
