import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PipelineError } from '../core/errors/index.js';

/**
 * Keeps a second gateway of this machine away from an inbox: two writers would seal each other's segments. The lock is a
 * listening local socket, which the system removes with the process, also after SIGKILL. On Linux its name is abstract
 * (unix(7)) and leaves no file.
 *
 * @returns how to release it
 * @throws PipelineError INBOX_LOCKED
 */
export async function lockInbox(directory: string): Promise<() => Promise<void>> {
  const id = createHash('sha256')
    .update(await realpath(directory))
    .digest('hex')
    .slice(0, 32);
  const name = `millrace-inbox-${id}`;
  const path = process.platform === 'linux' ? `\0${name}` : socketPath(name);
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? new PipelineError('INBOX_LOCKED', { directory }) : error);
    });
    server.listen(path, resolve);
  });
  server.unref();
  return () => new Promise((resolve) => void server.close(() => resolve()));
}

function socketPath(name: string): string {
  return process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(tmpdir(), `${name}.sock`);
}
