import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import ajvFormats from 'ajv-formats';
import { canonicalJson, type JsonObject } from '../core/json.js';
import { formatRules, matchesFormat } from './formats.js';

/** Vocabulary of Millrace in record schemas: column type, privacy class, purposes, subject key. */
export const vocabulary = ['x-type', 'x-pii', 'x-purpose', 'x-subject-key'] as const;

/** Why a record was refused: the first problem, where, and in which words. */
export interface Refusal {
  /** JSON pointer; empty for the record itself. */
  readonly pointer: string;
  readonly message: string;
}

/** A compiled schema: `undefined` for a good record. */
export type RecordCheck = (record: unknown) => Refusal | undefined;

const compiled = new Map<string, RecordCheck>();
let checker: Ajv2020 | undefined;

/**
 * Compiles a record schema (draft 2020-12) with ajv: strict, without `$data` and without remote references.
 *
 * @throws Error with ajv's reason for a schema that is not valid.
 */
export function compileSchema(document: JsonObject): RecordCheck {
  const key = canonicalJson(document);
  const known = compiled.get(key);
  if (known !== undefined) return known;
  const { $id: _id, $schema: _schema, ...schema } = document;
  // Each schema has an instance of its own, so that what one names inside is nothing to another. One instance checks them
  // all: compiling the schema of schemas takes far longer than compiling any of them.
  checker ??= createAjv({ allErrors: false });
  void checker.validateSchema(schema, true);
  const ajv = createAjv({ allErrors: false, validateSchema: false });
  const validate: ValidateFunction = ajv.compile(schema);
  const check: RecordCheck = (record) => (validate(record) ? undefined : refusal(validate.errors ?? []));
  compiled.set(key, check);
  return check;
}

/**
 * ajv as Millrace uses it everywhere: strict, without `$data`, with Millrace's formats and vocabulary.
 *
 * @param validateSchema false for schemas that are checked already
 */
export function createAjv({
  allErrors,
  validateSchema = true,
}: {
  readonly allErrors: boolean;
  readonly validateSchema?: boolean;
}): Ajv2020 {
  const ajv = new Ajv2020({
    strict: true,
    strictTypes: false,
    strictRequired: false,
    allowUnionTypes: true,
    allErrors,
    validateSchema,
    $data: false,
    unicodeRegExp: true,
  });
  ajvFormats.default(ajv);
  for (const [name, rule] of Object.entries(formatRules)) {
    ajv.addFormat(name, { type: 'string', validate: (text: string) => matchesFormat(rule, text) });
  }
  for (const keyword of vocabulary) ajv.addKeyword(keyword);
  return ajv;
}

function refusal(errors: readonly ErrorObject[]): Refusal {
  const [error] = errors;
  if (error === undefined) return { pointer: '', message: 'the record is not valid' };
  const { missingProperty } = error.params as { missingProperty?: string };
  const pointer =
    missingProperty === undefined
      ? error.instancePath
      : `${error.instancePath}/${missingProperty.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  return { pointer, message: error.message ?? error.keyword };
}
