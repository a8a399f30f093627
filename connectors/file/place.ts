import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { PrivateAddressError, publicAddress } from '../http/public-network.js';
import { systemErrorCode } from '../system-error.js';
import type { FileConnection } from './connection.js';
import type { FileStore } from './file-store.js';
import { createLocalStore } from './local-store.js';

/** An opened store, and the path of the options as a key of it. */
export interface FilePlace {
  readonly store: FileStore;
  /** A key, or a pattern of keys. */
  readonly path: string;
}

interface RemotePlace {
  readonly scheme: 's3' | 'gs' | 'sftp';
  /** Bucket, or host with port. */
  readonly authority: string;
  /** Without the slash that parts it from the authority. */
  readonly path: string;
}

/**
 * Opens the store that a path lies in. Clients are loaded when they are needed; nothing is asked of a server yet, but of the
 * resolver.
 *
 * @throws PipelineError CONFIG_INVALID, SOURCE_PRIVATE_NETWORK, SOURCE_UNAVAILABLE
 */
export async function openPlace(
  path: string,
  connection: FileConnection,
  projectDirectory: string,
): Promise<FilePlace> {
  const remote = remoteOf(path, connection);
  if (remote === undefined)
    return { store: createLocalStore(connection.directory ?? projectDirectory), path };
  const { scheme, authority } = remote;
  if (scheme === 's3') {
    await judge(connection, connection.s3.endpoint);
    const { createS3FileStore } = await import('./s3-store.js');
    return { store: createS3FileStore(authority, connection.s3), path: remote.path };
  }
  if (scheme === 'gs') {
    await judge(connection, connection.gcs.endpoint);
    const { createGcsFileStore } = await import('./gcs-store.js');
    return { store: createGcsFileStore(authority, connection.gcs), path: remote.path };
  }
  const { host, port } = hostOf(authority);
  const address = connection.allowPrivateNetwork ? host : await judged(host);
  const { createSftpStore } = await import('./sftp-store.js');
  return { store: createSftpStore({ host, address, port }, connection.sftp), path: `/${remote.path}` };
}

/** What a path means: an address of its own, or a path below that of the connection; undefined for files of this machine. */
function remoteOf(path: string, { url, directory }: FileConnection): RemotePlace | undefined {
  const isAddress = /^[a-z][a-z0-9]+:\/\//.test(path);
  if (!isAddress && url === undefined) return undefined;
  const refuse = (problem: string): never => {
    throw new PipelineError('CONFIG_INVALID', { problems: [`file source ${path}: ${problem}`] });
  };
  if (isAddress && directory !== undefined) return refuse('its connection has a "directory"');
  const base = url?.replace(/\/*$/, '/');
  if (isAddress && base !== undefined && !path.startsWith(base))
    return refuse(`it does not lie below the "url" of its connection`);
  const whole = isAddress ? path : `${base ?? ''}${path.replace(/^\//, '')}`;
  const parts = /^(s3|gs|sftp):\/\/([^/\s@]+)\/(.*)$/s.exec(whole);
  if (parts === null) return refuse('an address is s3://bucket/key, gs://bucket/key or sftp://host/path');
  const [, scheme, authority = '', rest = ''] = parts;
  if (/(^|\/)\.\.?(\/|$)/.test(rest)) return refuse('"." and ".." are not taken in it');
  return { scheme: scheme as RemotePlace['scheme'], authority, path: rest };
}

function hostOf(authority: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(`ssh://${authority}`);
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: port === '' ? 22 : Number(port) };
}

/** Another server than that of the vendor has to be a public one, unless the connection says otherwise. */
async function judge({ allowPrivateNetwork }: FileConnection, endpoint: string | undefined): Promise<void> {
  if (endpoint === undefined || allowPrivateNetwork) return;
  await judged(new URL(endpoint).hostname.replace(/^\[(.*)\]$/, '$1'));
}

async function judged(host: string): Promise<string> {
  try {
    return await publicAddress(host);
  } catch (error) {
    if (isPipelineError(error)) throw error;
    if (error instanceof PrivateAddressError)
      throw new PipelineError('SOURCE_PRIVATE_NETWORK', { source: 'file', host, connection: 'of the task' });
    const reason = systemErrorCode(error) ?? 'its name has no address';
    throw new PipelineError('SOURCE_UNAVAILABLE', { source: host, reason }, { cause: error });
  }
}
