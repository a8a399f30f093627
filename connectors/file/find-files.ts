import picomatch from 'picomatch';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { ReadContext } from '../source.js';
import type { FileStore, FoundFile } from './file-store.js';

/** Names that are looked at between two signs of life. */
const namesPerHeartbeat = 1_000;

/** Whether a path is a pattern: it has one of `*`, `?`, `[` and `{`. */
export function isPattern(path: string): boolean {
  return /[*?[{]/.test(path);
}

/**
 * The files that a path means: itself, or those that a pattern matches. Names that begin with a dot match a pattern only where
 * it has the dot.
 *
 * @throws PipelineError SOURCE_*, LIMIT_EXCEEDED (`fileMaxFound`)
 */
export async function findFiles(
  store: FileStore,
  path: string,
  { signal, heartbeat }: Pick<ReadContext, 'signal' | 'heartbeat'>,
): Promise<FoundFile[]> {
  if (!isPattern(path)) return [await store.head(path)];
  const prefix = path.slice(0, path.search(/[*?[{]/));
  const rest = path.slice(prefix.lastIndexOf('/') + 1);
  const matches = picomatch(path.replaceAll(/[()|]/g, '\\$&'), { nonegate: true, noextglob: true });
  const depth = rest.includes('**') ? limits.fileMaxDepth : rest.split('/').length - 1;
  const found: FoundFile[] = [];
  let seen = 0;
  const isWanted = (key: string): boolean => {
    seen += 1;
    if (seen % namesPerHeartbeat === 0) {
      signal.throwIfAborted();
      heartbeat();
    }
    return matches(key);
  };
  for await (const file of store.list({ prefix, depth, matches: isWanted })) {
    found.push(file);
    if (found.length > limits.fileMaxFound)
      throw new PipelineError('LIMIT_EXCEEDED', {
        what: `The number of files that ${path} matches`,
        actual: `more than ${String(limits.fileMaxFound)}`,
        limit: 'fileMaxFound',
        allowed: limits.fileMaxFound,
      });
  }
  return found;
}
