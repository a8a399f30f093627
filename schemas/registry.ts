import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PipelineError } from '../core/errors/index.js';
import { canonicalJson, type JsonObject } from '../core/json.js';
import { compileSchema } from './ajv.js';
import { protobufDocument, protobufReference, readProtobuf, type ProtobufMessage } from './protobuf.js';

/** A record schema: its id, the hash of its canonical JSON, and the document. */
export interface RecordSchema {
  readonly id: string;
  readonly hash: string;
  readonly document: JsonObject;
  /** Where records hold messages of this type: the document is that of its JSON form. */
  readonly protobuf?: ProtobufMessage;
}

export interface SchemaRegistry {
  /**
   * `order.v1`, or `order.proto#shop.Order` for a message of a `.proto` file.
   * @throws PipelineError SCHEMA_UNKNOWN, SCHEMA_INVALID (a `.proto` file)
   */
  get(id: string): RecordSchema;
  list(): readonly RecordSchema[];
}

/**
 * Reads every `*.schema.json` below the folders. A schema id names one document for ever: the same id with another
 * document is refused; a change is a new version (`order.v2`).
 *
 * @throws PipelineError SCHEMA_INVALID naming every problem of every file at once.
 */
export function createSchemaRegistry(directories: readonly string[]): SchemaRegistry {
  const schemas = new Map<string, RecordSchema & { readonly file: string }>();
  const problems: string[] = [];
  for (const directory of directories) {
    for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()) {
      if (!name.endsWith('.schema.json') || name.includes('node_modules')) continue;
      const schema = readSchema(join(directory, name), name, problems);
      if (schema === undefined) continue;
      const other = schemas.get(schema.id);
      if (other === undefined) schemas.set(schema.id, { ...schema, file: name });
      else if (other.hash !== schema.hash)
        problems.push(
          `${name} and ${other.file} both define "${schema.id}", differently; give the newer one a new version`,
        );
    }
  }
  if (problems.length > 0)
    throw new PipelineError('SCHEMA_INVALID', { schema: 'in the schemas folders', problems });
  return {
    get(id) {
      if (protobufReference(id) !== undefined) return protobufSchema(directories, id);
      const schema = schemas.get(id);
      if (schema === undefined)
        throw new PipelineError('SCHEMA_UNKNOWN', {
          schema: id,
          known: [...schemas.keys()].join(', ') || 'none',
        });
      return schema;
    },
    list: () => [...schemas.values()],
  };
}

/** @throws PipelineError SCHEMA_INVALID */
function protobufSchema(directories: readonly string[], id: string): RecordSchema {
  const protobuf = readProtobuf(directories, id);
  const document = protobufDocument(id, protobuf);
  const hash = createHash('sha256').update(canonicalJson({ document, root: protobuf.root }));
  return { id, document, protobuf, hash: hash.digest('hex') };
}

function readSchema(path: string, name: string, problems: string[]): RecordSchema | undefined {
  let document: JsonObject;
  try {
    document = JSON.parse(readFileSync(path, 'utf8')) as JsonObject;
    compileSchema(document);
  } catch (error) {
    problems.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
  const id = document['$id'];
  if (typeof id !== 'string' || !name.endsWith(`${id}.schema.json`)) {
    problems.push(`${name}: its "$id" must be the name of the file without .schema.json`);
    return undefined;
  }
  if (document['type'] !== 'object') {
    problems.push(`${name}: a record schema has "type": "object"`);
    return undefined;
  }
  return { id, document, hash: createHash('sha256').update(canonicalJson(document)).digest('hex') };
}
