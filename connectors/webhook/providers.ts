import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { PipelineError } from '../../core/errors/index.js';
import type { WebhookProvider } from './provider.js';

const connectors = new URL('../', import.meta.url);

/**
 * The webhook provider of a folder: `connectors/<name>/webhook.ts` that exports `webhook`. A new provider is one folder;
 * nothing here changes.
 *
 * @throws PipelineError CONFIG_INVALID naming the providers that exist
 */
export async function loadWebhookProvider(name: string, source: string): Promise<WebhookProvider> {
  const provider = hasModule(name) ? await importProvider(name) : undefined;
  if (provider !== undefined) return provider;
  const known = (await listWebhookProviders()).join(', ');
  throw new PipelineError('CONFIG_INVALID', {
    problems: [`gateway.webhooks.${source}.provider "${name}" is not known; known: ${known}`],
  });
}

/** Names of all webhook providers, sorted. */
export async function listWebhookProviders(): Promise<string[]> {
  const entries = await readdir(fileURLToPath(connectors), { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && hasModule(entry.name))
    .map((entry) => entry.name)
    .sort();
}

/** The name is checked before it becomes a path. */
function hasModule(name: string): boolean {
  if (!/^[a-z][a-z0-9-]*$/.test(name)) return false;
  return ['js', 'ts'].some((extension) => existsSync(new URL(`${name}/webhook.${extension}`, connectors)));
}

async function importProvider(name: string): Promise<WebhookProvider> {
  return ((await import(`../${name}/webhook.js`)) as { webhook: WebhookProvider }).webhook;
}
