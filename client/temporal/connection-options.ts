import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { TemporalSettings } from '../../config-settings.js';
import { PipelineError } from '../../core/errors/index.js';

/** TLS as the SDK takes it. Holds a private key: never log it. */
export interface TemporalTls {
  readonly serverNameOverride?: string;
  readonly serverRootCACertificate?: Buffer;
  readonly clientCertPair?: { readonly crt: Buffer; readonly key: Buffer };
}

/**
 * How a Temporal server is reached: what `Connection` of `@temporalio/client` and `NativeConnection` of `@temporalio/worker`
 * both take. Holds secrets: never log it.
 */
export interface TemporalConnection {
  readonly address: string;
  readonly tls?: TemporalTls;
  readonly apiKey?: string;
}

/**
 * Connection options by the settings, secrets revealed and files read.
 *
 * @param fallback address of the development server, where the settings name none
 * @throws PipelineError CONFIG_INVALID naming everything that contradicts or cannot be read, never a value
 */
export function temporalConnection(settings: TemporalSettings, fallback: string): TemporalConnection {
  const problems: string[] = [];
  const { enabled, ...others } = settings.tls;
  const apiKey = readApiKey(settings, problems);
  const named = Object.keys(others).map((name) => `temporal.tls.${name}`);
  if (settings.apiKey !== undefined) named.push('temporal.apiKey');
  if (enabled === false && named.length > 0)
    problems.push(`${named.join(', ')} need TLS, which temporal.tls.enabled switches off`);
  const isTls = enabled ?? named.length > 0;
  if (isTls && settings.address === undefined)
    problems.push('TLS and API keys need temporal.address; the development server has neither');
  const tls = readTls(settings.tls, problems);
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
  return {
    address: settings.address ?? fallback,
    ...(isTls && { tls }),
    ...(apiKey !== undefined && { apiKey }),
  };
}

/** A key travels in a header; what no header may hold would be quoted by whoever refuses it. */
function readApiKey({ apiKey }: TemporalSettings, problems: string[]): string | undefined {
  const text = apiKey?.reveal().trim();
  if (text === undefined || /^[\x21-\x7e]+$/.test(text)) return text;
  problems.push('temporal.apiKey has spaces or characters that no API key has');
  return undefined;
}

function readTls(tls: TemporalSettings['tls'], problems: string[]): TemporalTls {
  const serverCa = readPem('serverCa', tls.serverCaFile, tls.serverCa, problems);
  const crt = readPem('clientCert', tls.clientCertFile, tls.clientCert, problems);
  const key = readPem('clientKey', tls.clientKeyFile, tls.clientKey?.reveal(), problems);
  const hasCert = tls.clientCertFile !== undefined || tls.clientCert !== undefined;
  const hasKey = tls.clientKeyFile !== undefined || tls.clientKey !== undefined;
  if (hasCert !== hasKey)
    problems.push(
      hasCert
        ? 'temporal.tls has a client certificate without its key; set clientKeyFile or clientKey'
        : 'temporal.tls has a client key without its certificate; set clientCertFile or clientCert',
    );
  if (serverCa !== undefined) readCertificate('serverCa', serverCa, problems);
  const certificate = crt && readCertificate('clientCert', crt, problems);
  const privateKey = key && readKey(key, problems);
  if (certificate && privateKey && !certificate.checkPrivateKey(privateKey))
    problems.push('temporal.tls.clientKey is not the key of temporal.tls.clientCert');
  return {
    ...(tls.serverName !== undefined && { serverNameOverride: tls.serverName }),
    ...(serverCa && { serverRootCACertificate: serverCa }),
    ...(crt && key && { clientCertPair: { crt, key } }),
  };
}

function readPem(
  name: string,
  file: string | undefined,
  text: string | undefined,
  problems: string[],
): Buffer | undefined {
  if (file !== undefined && text !== undefined) {
    problems.push(`temporal.tls has both ${name}File and ${name}; leave one out`);
    return undefined;
  }
  if (file === undefined) return text === undefined ? undefined : Buffer.from(text);
  try {
    return readFileSync(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    problems.push(`temporal.tls.${name}File cannot be read (${code})`);
    return undefined;
  }
}

function readCertificate(name: string, pem: Buffer, problems: string[]): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    problems.push(`temporal.tls.${name} is not a PEM certificate`);
    return undefined;
  }
}

function readKey(pem: Buffer, problems: string[]): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    problems.push('temporal.tls.clientKey is not a PEM private key without a passphrase');
    return undefined;
  }
}
