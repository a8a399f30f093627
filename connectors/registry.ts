import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { PipelineError } from '../core/errors/index.js';
import type { Source } from './source.js';

/** What a source may need from the process: directories, absolute. */
export interface SourceEnvironment {
  /** Folder that holds `dags/` and the configuration; relative paths of files start here. */
  readonly projectDirectory: string;
  /** Folder of staging, inbox and warehouse. */
  readonly dataDirectory: string;
}

/** What `connectors/<name>/index.ts` exports when the folder is a source: a `source`, or a factory of one. */
interface SourceModule {
  readonly source?: Source;
  readonly createSource?: (environment: SourceEnvironment) => Source;
}

/**
 * Finds sources by folder name: `connectors/<name>/index.ts` that exports `source` or `createSource`. A new source is
 * one folder; nothing here changes. Each module is loaded when it is first asked for, once.
 *
 * @returns a lookup that rejects with PipelineError CONNECTOR_UNKNOWN, naming the sources that exist.
 */
export function createSourceRegistry(environment: SourceEnvironment): (connector: string) => Promise<Source> {
  const loaded = new Map<string, Promise<Source>>();
  return (connector) => {
    const known = loaded.get(connector);
    if (known !== undefined) return known;
    const loading = loadSource(connector, environment);
    loaded.set(connector, loading);
    loading.catch(() => loaded.delete(connector));
    return loading;
  };
}

async function loadSource(connector: string, environment: SourceEnvironment): Promise<Source> {
  const module = hasModule(connector) ? await importModule(connector) : undefined;
  const source = module?.source ?? module?.createSource?.(environment);
  if (source === undefined) {
    throw new PipelineError('CONNECTOR_UNKNOWN', { connector, known: await listSources() });
  }
  return source;
}

/** The name is checked before it becomes a path. */
function hasModule(connector: string): boolean {
  if (!/^[a-z][a-z0-9-]*$/.test(connector)) return false;
  return ['js', 'ts'].some((extension) =>
    existsSync(new URL(`./${connector}/index.${extension}`, import.meta.url)),
  );
}

async function importModule(connector: string): Promise<SourceModule> {
  return (await import(`./${connector}/index.js`)) as SourceModule;
}

async function listSources(): Promise<string[]> {
  const entries = await readdir(fileURLToPath(new URL('.', import.meta.url)), { withFileTypes: true });
  const names: string[] = [];
  for (const entry of entries) {
    if (!entry.isDirectory() || !hasModule(entry.name)) continue;
    const module = await importModule(entry.name);
    if (module.source !== undefined || module.createSource !== undefined) names.push(entry.name);
  }
  return names.sort();
}
