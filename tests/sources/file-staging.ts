import { createHash, randomUUID } from 'node:crypto';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StagedFile } from '../../core/loading/manifest.js';
import type { StagingStore } from '../../connectors/staging.js';
import { createLocalStaging } from '../../connectors/staging/local.js';

/** A staging store of plain files, with what extract needs of it. */
export function createFileStaging(directory: string): StagingStore {
  const pathOf = (file: Pick<StagedFile, 'sha256' | 'format'>): string =>
    join(directory, `${file.sha256}.${file.format}`);
  const adopt: StagingStore['adopt'] = async (path, format, rows) => {
    const sha256 = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    const { size: bytes } = await stat(path);
    await rename(path, pathOf({ sha256, format }));
    return { uri: `staging:${sha256}.${format}`, sha256, bytes, rows, format };
  };
  return {
    ...createLocalStaging({ directory }),
    adopt,
    temporaryPath: (extension) => join(directory, `${randomUUID()}.tmp.${extension}`),
    async write(chunks, rows) {
      const path = join(directory, `${randomUUID()}.tmp.ndjson`);
      await writeFile(path, chunks);
      return adopt(path, 'ndjson', rows);
    },
    localPath: async (file) => pathOf(file),
    sweep: async () => 0,
  };
}
