import { createHash, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  type Stats,
} from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join, posix } from 'node:path';
import ssh2, { type Attributes, type Connection, type SFTPWrapper } from 'ssh2';

/** An SFTP server on this machine that shows a folder, read-only. */
export interface SftpServer {
  readonly host: string;
  readonly port: number;
  /** `sftp://127.0.0.1:<port>`; its root is the folder. */
  readonly url: string;
  /** `SHA256:…` of its host key. */
  readonly fingerprint: string;
  readonly username: string;
  readonly password: string;
  /** Breaks every connection once so many further bytes of files were sent; `undefined` for never. */
  cutAfter(bytes: number | undefined): void;
  /** Passwords and keys that were tried. */
  attempts(): number;
  /** Called with the path before each read of a piece of a file. */
  onRead(listener: ((path: string, offset: number) => void) | undefined): void;
  close(): Promise<void>;
}

const { STATUS_CODE, OPEN_MODE } = ssh2.utils.sftp;
const bytesPerRead = 64 * 1024;

/** Starts one on a free port. */
export async function startSftpServer(folder: string): Promise<SftpServer> {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  const key = ssh2.utils.parseKey(privateKey);
  if (key instanceof Error) throw key;
  const [username, password] = ['reader', 'fixture-password'];
  const connections = new Set<Connection>();
  let attempts = 0;
  let left: number | undefined;
  let onRead: ((path: string, offset: number) => void) | undefined;
  const server = new ssh2.Server({ hostKeys: [privateKey] }, (client) => {
    connections.add(client);
    client.on('error', () => undefined);
    client.on('close', () => connections.delete(client));
    client.on('authentication', (attempt) => {
      if (attempt.method !== 'none') attempts += 1;
      const isKnown =
        attempt.method === 'password' && attempt.username === username && attempt.password === password;
      if (isKnown) attempt.accept();
      else attempt.reject(['password']);
    });
    client.on('session', (accept) => {
      accept().on('sftp', (acceptSftp) => {
        serve(acceptSftp(), folder, {
          reads: (path, offset) => onRead?.(path, offset),
          maySend(bytes) {
            if (left === undefined) return true;
            left -= bytes;
            if (left >= 0) return true;
            left = undefined;
            client.end();
            return false;
          },
        });
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    host: '127.0.0.1',
    port,
    url: `sftp://127.0.0.1:${String(port)}`,
    fingerprint: `SHA256:${createHash('sha256').update(key.getPublicSSH()).digest('base64').replace(/=+$/, '')}`,
    username,
    password,
    cutAfter(bytes) {
      left = bytes;
    },
    attempts: () => attempts,
    onRead(listener) {
      onRead = listener;
    },
    async close() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
      for (const connection of connections) connection.end();
      await closed;
    },
  };
}

interface Watch {
  reads(path: string, offset: number): void;
  maySend(bytes: number): boolean;
}

/** The requests that a reader sends (draft-ietf-secsh-filexfer-02, section 6). */
function serve(sftp: SFTPWrapper, folder: string, watch: Watch): void {
  const handles = new Map<number, { readonly path: string; readonly fd?: number; isListed?: boolean }>();
  let next = 0;
  const real = (path: string): string => join(folder, posix.join('/', path));
  const answer = (id: number, work: () => void): void => {
    try {
      work();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      sftp.status(id, code === 'ENOENT' ? STATUS_CODE.NO_SUCH_FILE : STATUS_CODE.PERMISSION_DENIED);
    }
  };
  const open = (id: number, entry: { readonly path: string; readonly fd?: number }): void => {
    next += 1;
    handles.set(next, entry);
    const handle = Buffer.alloc(4);
    handle.writeUInt32BE(next);
    sftp.handle(id, handle);
  };
  sftp.on('OPEN', (id, path, flags) => {
    answer(id, () => {
      if ((flags & OPEN_MODE.WRITE) !== 0) return sftp.status(id, STATUS_CODE.PERMISSION_DENIED);
      open(id, { path, fd: openSync(real(path), 'r') });
    });
  });
  sftp.on('READ', (id, handle, offset, length) => {
    answer(id, () => {
      const { fd = -1, path = '' } = handles.get(handle.readUInt32BE()) ?? {};
      watch.reads(path, offset);
      const bytes = Buffer.alloc(Math.min(length, bytesPerRead));
      const count = readSync(fd, bytes, 0, bytes.length, offset);
      if (count === 0) sftp.status(id, STATUS_CODE.EOF);
      else if (watch.maySend(count)) sftp.data(id, bytes.subarray(0, count));
    });
  });
  sftp.on('FSTAT', (id, handle) => {
    answer(id, () => {
      sftp.attrs(id, attributesOf(fstatSync(handles.get(handle.readUInt32BE())?.fd ?? -1)));
    });
  });
  sftp.on('STAT', (id, path) => {
    answer(id, () => {
      sftp.attrs(id, attributesOf(statSync(real(path))));
    });
  });
  sftp.on('LSTAT', (id, path) => {
    answer(id, () => {
      sftp.attrs(id, attributesOf(lstatSync(real(path))));
    });
  });
  sftp.on('OPENDIR', (id, path) => {
    answer(id, () => {
      readdirSync(real(path));
      open(id, { path });
    });
  });
  sftp.on('READDIR', (id, handle) => {
    answer(id, () => {
      const entry = handles.get(handle.readUInt32BE());
      if (entry === undefined || entry.isListed === true) return sftp.status(id, STATUS_CODE.EOF);
      entry.isListed = true;
      const names = readdirSync(real(entry.path)).map((filename) => ({
        filename,
        longname: filename,
        attrs: attributesOf(lstatSync(join(real(entry.path), filename))),
      }));
      if (names.length === 0) sftp.status(id, STATUS_CODE.EOF);
      else sftp.name(id, names);
    });
  });
  sftp.on('CLOSE', (id, handle) => {
    answer(id, () => {
      const number = handle.readUInt32BE();
      const { fd } = handles.get(number) ?? {};
      handles.delete(number);
      if (fd !== undefined) closeSync(fd);
      sftp.status(id, STATUS_CODE.OK);
    });
  });
  sftp.on('REALPATH', (id, path) => {
    sftp.name(id, [
      { filename: posix.join('/', path), longname: path, attrs: attributesOf(statSync(folder)) },
    ]);
  });
  sftp.on('close', () => {
    for (const { fd } of handles.values()) if (fd !== undefined) closeSync(fd);
    handles.clear();
  });
}

function attributesOf({ mode, uid, gid, size, atimeMs, mtimeMs }: Stats): Attributes {
  return { mode, uid, gid, size, atime: Math.floor(atimeMs / 1000), mtime: Math.floor(mtimeMs / 1000) };
}
