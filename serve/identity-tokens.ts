import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { allowInsecureRequests, discoveryRequest, processDiscoveryResponse } from 'oauth4webapi';
import { PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';

/** Which identity tokens stand for a caller. */
export interface IdentityRule {
  /** `https`, or `http` on this machine. */
  readonly issuer: string;
  readonly audience: string;
  /** At least one of the two is given; each that is has to fit. */
  readonly email?: string;
  readonly subject?: string;
}

/** Asymmetric signatures only: with the others, who knows a public key could sign. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'EdDSA'];

/**
 * Checks identity tokens (OpenID Connect Core 1.0, 3.1.3.7) with the keys that their issuers publish. Google Cloud Scheduler
 * sends such a token, with the issuer `https://accounts.google.com` and the service account as a verified `email`
 * (https://cloud.google.com/scheduler/docs/http-target-auth).
 */
export class IdentityTokens {
  readonly #keys = new Map<string, Promise<JWTVerifyGetKey>>();

  /** Why a token does not stand for the caller; `undefined` where it does. @throws PipelineError GATEWAY_UNAVAILABLE */
  async refusal(token: string, rule: IdentityRule): Promise<string | undefined> {
    try {
      const { payload } = await jwtVerify(token, await this.#keysOf(rule.issuer), {
        issuer: rule.issuer,
        audience: rule.audience,
        algorithms,
        clockTolerance: limits.oidcClockToleranceMs / 1_000,
        requiredClaims: ['exp', 'sub'],
      });
      return mismatch(payload, rule);
    } catch (error) {
      if (isOfToken(error)) return `the identity token is refused (${error.code})`;
      throw new PipelineError(
        'GATEWAY_UNAVAILABLE',
        { reason: `the keys of ${rule.issuer} cannot be had` },
        { cause: error },
      );
    }
  }

  /** A failed look is made again with the next token. */
  #keysOf(issuer: string): Promise<JWTVerifyGetKey> {
    const known = this.#keys.get(issuer);
    if (known !== undefined) return known;
    const keys = discoverKeys(issuer);
    this.#keys.set(issuer, keys);
    keys.catch(() => this.#keys.delete(issuer));
    return keys;
  }
}

async function discoverKeys(issuer: string): Promise<JWTVerifyGetKey> {
  const url = new URL(issuer);
  const response = await discoveryRequest(url, {
    signal: AbortSignal.timeout(limits.oidcFetchMaxMs),
    [allowInsecureRequests]: url.protocol === 'http:',
  });
  const { jwks_uri: address } = await processDiscoveryResponse(url, response);
  if (address === undefined) throw new TypeError(`${issuer} publishes no keys`);
  return createRemoteJWKSet(new URL(address), { timeoutDuration: limits.oidcFetchMaxMs });
}

/** What is wrong with the token itself, not with the way to the keys. */
function isOfToken(error: unknown): error is errors.JOSEError {
  return (
    error instanceof errors.JOSEError &&
    !(error instanceof errors.JWKSTimeout) &&
    !(error instanceof errors.JWKSInvalid) &&
    error.code !== errors.JOSEError.code
  );
}

function mismatch(payload: JWTPayload, { email, subject }: IdentityRule): string | undefined {
  if (subject !== undefined && payload.sub !== subject) return 'the identity token names another subject';
  if (email === undefined) return undefined;
  const isVerified = payload['email_verified'] === true || payload['email_verified'] === 'true';
  return payload['email'] === email && isVerified
    ? undefined
    : 'the identity token names another e-mail address, or one that is not verified';
}
