import { stat } from 'node:fs/promises';
import { PipelineError } from '../../core/errors/index.js';
import type { FileConnection } from './connection.js';
import { openPlace } from './place.js';

/** Looks whether the place of a connection is there and may be listed. @throws PipelineError */
export async function testPlace(
  connection: FileConnection,
  projectDirectory: string,
): Promise<{ readonly detail: string }> {
  const { url, directory = projectDirectory } = connection;
  if (url === undefined) {
    const found = await stat(directory).catch(() => undefined);
    if (found?.isDirectory() === true) return { detail: 'the directory exists' };
    throw new PipelineError('SOURCE_FILE', {
      file: 'directory of the connection',
      reason: 'it is no directory',
    });
  }
  const { store, path } = await openPlace('', connection, projectDirectory);
  try {
    let files = 0;
    for await (const _file of store.list({ prefix: path, depth: 0, matches: () => true })) {
      files += 1;
      if (files === 1_000) break;
    }
    return {
      detail: `${url} can be listed: ${files === 1_000 ? '1000 or more' : String(files)} files right there`,
    };
  } finally {
    await store.close();
  }
}
