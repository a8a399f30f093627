/** Names that people give to parts of a project. */
export const name = '^[A-Za-z][A-Za-z0-9_-]{0,127}$';

/** A secret: text, or the environment variable that holds it. */
export const secret = {
  type: ['string', 'object'],
  description: 'Text, or `{ "env": "NAME" }` to take it from an environment variable.',
  minLength: 1,
  required: ['env'],
  additionalProperties: false,
  properties: { env: { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]*$' } },
  'x-secret': true,
} as const;

/** A node of the schema, as far as the loader and the documentation read it. */
export interface SettingSchema {
  readonly type: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly minItems?: number;
  readonly pattern?: string;
  readonly required?: readonly string[];
  readonly propertyNames?: { readonly pattern: string };
  readonly properties?: Readonly<Record<string, SettingSchema>>;
  readonly additionalProperties?: boolean | SettingSchema;
  readonly items?: SettingSchema;
  readonly 'x-env'?: readonly string[];
  readonly 'x-secret'?: boolean;
  readonly 'x-path'?: boolean;
}
