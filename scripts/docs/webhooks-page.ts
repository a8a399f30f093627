import type { WebhookProvider } from '../../connectors/webhook/provider.js';
import { loadWebhookProvider, listWebhookProviders } from '../../connectors/webhook/providers.js';
import { emailEventTypes } from '../../connectors/webhook/email-event.js';
import { limits } from '../../core/limits.js';

interface OptionSchema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly items?: OptionSchema;
  readonly description?: string;
}

/** `docs/reference/webhooks.md`: every webhook provider with its options. */
export async function webhooksPage(): Promise<string> {
  const providers: (WebhookProvider & { readonly name: string })[] = [];
  for (const name of await listWebhookProviders())
    providers.push({ name, ...(await loadWebhookProvider(name, 'docs')) });
  const rows = providers.map(({ name, title, checks, secret, needsPublicUrl, emailEvents }) =>
    [
      `\`${name}\``,
      title,
      checks,
      secret ?? 'none',
      needsPublicUrl === true ? 'yes' : '',
      emailEvents === undefined ? '' : 'yes',
    ].join(' | '),
  );
  const options = providers.flatMap(({ name, options: schema }) => {
    const { properties = {}, required = [] } = (schema ?? {}) as {
      properties?: Record<string, OptionSchema>;
      required?: string[];
    };
    return Object.entries(properties).map(([option, { description, ...type }]) =>
      [
        `\`${name}\``,
        `\`${option}\``,
        typeText(type),
        required.includes(option) ? 'yes' : '',
        description ?? '',
      ].join(' | '),
    );
  });
  return [
    '# Webhooks',
    '',
    'Generated from the providers under `connectors/` by `npm run docs`. How to set one up: [guide](../guides/webhooks.md).',
    '',
    '| provider | who | what is checked | `secrets` | needs `publicUrl` | e-mail events |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows.map((row) => `| ${row} |`),
    '',
    '## Options',
    '',
    '| provider | option | type | needed | meaning |',
    '| --- | --- | --- | --- | --- |',
    ...options.map((row) => `| ${row} |`),
    '',
    '## Rules for all',
    '',
    '- The check runs over the bytes as sent, before anything looks into them, and compares in constant time.',
    `- A signed time may be ${String(limits.webhookToleranceMs / 60_000)} minutes away, before or after; an SNS message, which keeps its time while it is sent again, may be ${String(limits.webhookSnsToleranceMs / 3_600_000)} hours old. \`toleranceSeconds\` changes it.`,
    `- At most ${String(limits.webhookMaxSignatures)} signatures of one delivery are tried, each with every secret.`,
    '- Without a secret that it needs, an endpoint answers 503 and takes nothing.',
    '- A refused delivery gets 401, is counted, and leaves nothing in the inbox.',
    '',
    '## E-mail events',
    '',
    `Types of \`email-event.v2\`: ${emailEventTypes.map((type) => `\`${type}\``).join(', ')}.`,
    '',
  ].join('\n');
}

function typeText({ type, enum: values, items }: OptionSchema): string {
  if (values !== undefined) return values.map((value) => `\`${value}\``).join(', ');
  return items === undefined ? (type ?? '') : `list of ${typeText(items)}`;
}
