import { createPublicKeyFetch } from './fetch-public.js';
import { loadWebhookProvider } from '../connectors/webhook/providers.js';
import type { FetchPublic, WebhookVerifier } from '../connectors/webhook/provider.js';
import { isPipelineError, PipelineError } from '../core/errors/index.js';
import type { JsonObject } from '../core/json.js';
import { compileSchema } from '../schemas/ajv.js';

/** One endpoint as the settings have it, secrets in the clear. */
export interface WebhookOptions {
  /** Folder name of the provider. Default `standard-webhooks`. */
  readonly provider?: string;
  readonly secrets?: readonly string[];
  readonly publicUrl?: string;
  readonly toleranceSeconds?: number;
  readonly options?: JsonObject;
}

/** One endpoint at work. */
export interface WebhookEndpoint {
  readonly source: string;
  readonly provider: string;
  readonly bodyTypes: readonly string[];
  /** Absent while a secret is missing: the endpoint takes nothing. */
  readonly verifier?: WebhookVerifier;
}

const bodyTypes = {
  // SNS sends JSON as text/plain.
  json: ['application/json', 'text/plain'],
  form: ['application/x-www-form-urlencoded'],
} as const;

/**
 * Makes the endpoints of `gateway.webhooks`.
 *
 * @throws PipelineError CONFIG_INVALID with the problems of all of them
 */
export async function createWebhookEndpoints(
  webhooks: Readonly<Record<string, WebhookOptions>>,
  fetchPublic: FetchPublic = createPublicKeyFetch(),
): Promise<ReadonlyMap<string, WebhookEndpoint>> {
  const endpoints = new Map<string, WebhookEndpoint>();
  const problems: string[] = [];
  for (const [source, options] of Object.entries(webhooks)) {
    try {
      endpoints.set(source, await createEndpoint(source, options, fetchPublic));
    } catch (error) {
      if (!isPipelineError(error) || error.code !== 'CONFIG_INVALID') throw error;
      problems.push(...[error.context['problems'] ?? []].flat().map(String));
    }
  }
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
  return endpoints;
}

async function createEndpoint(
  source: string,
  settings: WebhookOptions,
  fetchPublic: FetchPublic,
): Promise<WebhookEndpoint> {
  const { provider: name = 'standard-webhooks', secrets = [], options = {} } = settings;
  const provider = await loadWebhookProvider(name, source);
  const invalid = (problem: string) =>
    new PipelineError('CONFIG_INVALID', { problems: [`gateway.webhooks.${source}${problem}`] });
  if (provider.secret === undefined && secrets.length > 0)
    throw invalid(`.secrets must be left out: provider "${name}" has none`);
  const refusal = compileSchema(provider.options ?? { type: 'object', additionalProperties: false })(options);
  if (refusal !== undefined)
    throw invalid(`.options${refusal.pointer.replaceAll('/', '.')} ${refusal.message}`);
  const isOpen = provider.secret === undefined || secrets.length > 0;
  return {
    source,
    provider: name,
    bodyTypes: bodyTypes[provider.body ?? 'json'],
    ...(isOpen && {
      verifier: provider.createVerifier({
        source,
        secrets,
        options,
        fetchPublic,
        ...(settings.publicUrl !== undefined && { publicUrl: settings.publicUrl }),
        ...(settings.toleranceSeconds !== undefined && { toleranceMs: settings.toleranceSeconds * 1000 }),
      }),
    }),
  };
}
