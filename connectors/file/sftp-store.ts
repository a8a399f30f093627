import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import ssh2, { type FileEntryWithStats, type SFTPWrapper, type Stats } from 'ssh2';
import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { systemErrorCode } from '../system-error.js';
import type { FileSearch, FileStore, FoundFile } from './file-store.js';

/** Who logs in at a server, and which server it has to be. */
export interface SftpAccess {
  readonly username?: string;
  readonly password?: string;
  /** OpenSSH or PEM. */
  readonly privateKey?: string;
  readonly passphrase?: string;
  /** `SHA256:…`, as `ssh-keygen -l` prints it; several where the key is about to change. */
  readonly hostFingerprint?: string | readonly string[];
}

export interface SftpPlace {
  /** As messages call it. */
  readonly host: string;
  /** What is connected to: the host, or the address that was judged. */
  readonly address: string;
  readonly port: number;
}

/** Status codes of SFTP (draft-ietf-secsh-filexfer-02, section 7). */
const noSuchFile = 2;
const permissionDenied = 3;

/**
 * The files of a server. Connects when it is first asked, and only to a server that shows a host key which the connection
 * names: until then neither name nor password is sent.
 */
export function createSftpStore(place: SftpPlace, access: SftpAccess): FileStore {
  const origin = `sftp://${place.host}${place.port === 22 ? '' : `:${String(place.port)}`}`;
  let session: Promise<Session> | undefined;
  const nameOf = (key: string): string => `${origin}${key}`;
  const failure = (file: string, error: unknown): unknown => sftpFailure(origin, file, error);
  const connected = async (): Promise<SFTPWrapper> => {
    const former = await session?.catch(() => undefined);
    if (former === undefined || !former.isOpen()) session = connect(place, origin, access);
    return (await (session as Promise<Session>)).sftp;
  };
  const found = (key: string, { size, mtime }: Stats): FoundFile => ({
    name: nameOf(key),
    key,
    bytes: size,
    modifiedAtMs: mtime * 1000,
    version: `${String(size)}-${String(mtime)}`,
  });
  const statOf = async (key: string): Promise<Stats> => {
    const sftp = await connected();
    return promisify<string, Stats>(sftp.stat.bind(sftp))(key);
  };
  const head = async (key: string): Promise<FoundFile> => {
    try {
      const stats = await statOf(key);
      if (!stats.isFile())
        throw new PipelineError('SOURCE_FILE', { file: nameOf(key), reason: 'it is no file' });
      return found(key, stats);
    } catch (error) {
      throw failure(nameOf(key), error);
    }
  };
  async function* walk(folder: string, { depth, matches }: FileSearch): AsyncGenerator<FoundFile> {
    let entries: FileEntryWithStats[];
    try {
      const sftp = await connected();
      entries = await promisify<string, FileEntryWithStats[]>(sftp.readdir.bind(sftp))(folder);
    } catch (error) {
      if ((error as { readonly code?: unknown }).code === noSuchFile) return;
      throw failure(nameOf(folder), error);
    }
    for (const { filename, attrs } of entries) {
      const key = `${folder}${filename}`;
      const isFolder = attrs.isDirectory();
      if (isFolder && depth > 0 && filename !== '.' && filename !== '..')
        yield* walk(`${key}/`, { prefix: '', depth: depth - 1, matches });
      // A symbolic link has attributes of its own; those of its file count.
      if (!isFolder && matches(key)) yield attrs.isFile() ? found(key, attrs) : await head(key);
    }
  }
  return {
    opensVersions: false,
    head,
    list: (search) => walk(search.prefix.slice(0, search.prefix.lastIndexOf('/') + 1), search),
    async open({ key, name }, offset) {
      try {
        const sftp = await connected();
        const handle = await new Promise<Buffer>((resolve, reject) => {
          sftp.open(key, 'r', (error, opened) => {
            if (error === undefined) resolve(opened);
            else reject(error);
          });
        });
        return sftp.createReadStream(key, { start: offset, handle });
      } catch (error) {
        throw failure(name, error);
      }
    },
    failure,
    async close() {
      (await session?.catch(() => undefined))?.end();
    },
  };
}

interface Session {
  readonly sftp: SFTPWrapper;
  isOpen(): boolean;
  end(): void;
}

function connect(place: SftpPlace, origin: string, access: SftpAccess): Promise<Session> {
  const { username, password, privateKey, passphrase, hostFingerprint = [] } = access;
  const known = typeof hostFingerprint === 'string' ? [hostFingerprint] : hostFingerprint;
  const client = new ssh2.Client();
  let foreign: string | undefined;
  let isOpen = true;
  return new Promise((resolve, reject) => {
    client.on('error', (error: Error) => {
      isOpen = false;
      reject(
        foreign === undefined
          ? error
          : new PipelineError('SOURCE_HOST_KEY', { host: origin, found: foreign }, { cause: error }),
      );
    });
    client.on('close', () => {
      isOpen = false;
      reject(new Error('the connection was closed'));
    });
    client.on('ready', () => {
      client.sftp((error, sftp) => {
        if (error === undefined) resolve({ sftp, isOpen: () => isOpen, end: () => client.end() });
        else reject(error);
      });
    });
    client.connect({
      host: place.address,
      port: place.port,
      ...(isIP(place.address) === 6 && { forceIPv6: true }),
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...(privateKey !== undefined && { privateKey }),
      ...(passphrase !== undefined && { passphrase }),
      readyTimeout: limits.sftpConnectTimeoutMs,
      keepaliveInterval: limits.sftpKeepAliveMs,
      keepaliveCountMax: limits.sftpKeepAliveMisses,
      hostVerifier: (key: Buffer) => {
        const fingerprint = `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
        if (known.includes(fingerprint)) return true;
        foreign = fingerprint;
        return false;
      },
    });
  });
}

/** The texts of a server are not told; its status is. */
function sftpFailure(origin: string, file: string, error: unknown): unknown {
  if (isPipelineError(error)) return error;
  const { code, level } = error as { readonly code?: unknown; readonly level?: unknown };
  const fail = (reason: string) => new PipelineError('SOURCE_FILE', { file, reason }, { cause: error });
  if (level === 'client-authentication')
    return new PipelineError(
      'SOURCE_AUTH',
      { source: origin, status: 'no way to log in succeeded', connection: 'of the task' },
      { cause: error },
    );
  if (code === noSuchFile) return fail('there is no such file');
  if (code === permissionDenied) return fail('access is denied: the user may not read it');
  const reason =
    systemErrorCode(error) ??
    (typeof code === 'number'
      ? `SFTP status ${String(code)}`
      : typeof level === 'string'
        ? level
        : 'the connection broke');
  return new PipelineError('SOURCE_UNAVAILABLE', { source: file, reason }, { cause: error });
}
