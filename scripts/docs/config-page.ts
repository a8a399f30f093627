import type { SettingSchema } from '../../config-schema-parts.js';
import { configSchema, otherVariables } from '../../config-schema.js';

/** `docs/reference/config.md`: every setting of the configuration schema. */
export function configPage(): string {
  const rows = [...listSettings(configSchema, [])].map(({ path, schema }) =>
    [
      `\`${path}\``,
      typeText(schema),
      schema.default === undefined ? '' : `\`${JSON.stringify(schema.default)}\``,
      (schema['x-env'] ?? []).map((name) => `\`${name}\``).join(', '),
      schema.description ?? '',
    ].join(' | '),
  );
  return [
    '# Configuration',
    '',
    'Generated from `config-schema.ts` by `npm run docs`.',
    '',
    'Settings come from `millrace.json` in the project folder, then from environment variables, then from command line flags;',
    'the later wins. An unknown key, an unknown `MILLRACE_` variable and an empty variable are errors, and all of them are',
    'reported at once (`CONFIG_INVALID`). Paths are taken from the project folder.',
    '',
    'A secret is text or `{ "env": "NAME" }`. A variable that is not set stops the start. In a connection, options whose name',
    'ends in `token`, `secret`, `password`, `passphrase`, `key` or `credentials` are secrets too when they are plain text.',
    'Secrets are masked wherever settings are shown.',
    '',
    '| setting | type | default | variables | meaning |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map((row) => `| ${row} |`),
    '',
    '## Other variables',
    '',
    ...Object.entries(otherVariables).map(([name, meaning]) => `- \`${name}\`: ${meaning}`),
    '',
    '## Example',
    '',
    '```json',
    JSON.stringify(example, undefined, 2),
    '```',
    '',
  ].join('\n');
}

/** Shown in the page; a test loads it. */
export const example = {
  temporal: { namespace: 'default' },
  warehouse: { type: 'duckdb', memoryLimitMb: 2048 },
  gateway: {
    writeKeys: [{ env: 'SITE_WRITE_KEY' }],
    webhooks: { shop: { secrets: [{ env: 'SHOP_WEBHOOK_SECRET' }] } },
  },
  connections: { shop: { connector: 'shopify', shop: 'my-shop', accessToken: { env: 'SHOP_TOKEN' } } },
};

function* listSettings(
  schema: SettingSchema,
  path: readonly string[],
): Generator<{ path: string; schema: SettingSchema }> {
  const children = Object.entries(schema.properties ?? {});
  const named = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
  if (path.length > 0 && (children.length === 0 || schema.description !== undefined))
    yield { path: path.join('.'), schema };
  for (const [key, child] of children) yield* listSettings(child, [...path, key]);
  if (named !== undefined) yield* listSettings(named, [...path, '<name>']);
}

function typeText(schema: SettingSchema): string {
  if (schema['x-secret'] === true) return 'secret';
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (schema.items !== undefined) return `list of ${typeText(schema.items)}`;
  const range = [schema.minimum, schema.maximum].filter((value) => value !== undefined).join('–');
  const type = [schema.type].flat().join(' or ');
  return range === '' ? type : `${type}, ${schema.maximum === undefined ? 'at least ' : ''}${range}`;
}
