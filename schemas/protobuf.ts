import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import protobuf from 'protobufjs';
import { PipelineError } from '../core/errors/index.js';
import { canonicalJson, type JsonObject } from '../core/json.js';
import { limits } from '../core/limits.js';

/** A message type as a run carries it: its name, and the types that it needs in the JSON form of protobufjs. */
export interface ProtobufMessage {
  readonly message: string;
  readonly root: JsonObject;
}

/** `<file>.proto#<message>`; undefined for the id of another schema. */
export function protobufReference(
  id: string,
): { readonly file: string; readonly message: string } | undefined {
  const [, file, message] = /^(.+\.proto)#([A-Za-z_][\w.]*)$/.exec(id) ?? [];
  return file === undefined || message === undefined ? undefined : { file, message };
}

/**
 * Reads a message type from a `.proto` file below the folders, with what the file imports from there; the common types of
 * Google (`google/protobuf/timestamp.proto` …) need no file.
 *
 * @throws PipelineError SCHEMA_INVALID naming every problem
 */
export function readProtobuf(directories: readonly string[], id: string): ProtobufMessage {
  const { file = '', message = '' } = protobufReference(id) ?? {};
  const problems: string[] = [];
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => {
    if (protobuf.common.get(target) !== null) return target;
    const found = findFile(directories, target);
    if (found === undefined) problems.push(`there is no "${target}" in the schemas folders`);
    else if (!isProto3(readFileSync(found, 'utf8')))
      problems.push(`"${target}" does not say syntax = "proto3"`);
    return found ?? null;
  };
  try {
    root.loadSync(file, { keepCase: true });
    if (problems.length === 0) root.resolveAll();
  } catch (error) {
    if (problems.length === 0) problems.push(error instanceof Error ? error.message : String(error));
  }
  if (problems.length === 0 && !(root.lookup(message) instanceof protobuf.Type))
    problems.push(`"${file}" has no message "${message}"; write it with its package`);
  const json = JSON.parse(JSON.stringify(root.toJSON())) as JsonObject;
  const bytes = Buffer.byteLength(canonicalJson(json));
  if (bytes > limits.protobufTypesMaxBytes)
    problems.push(
      `"${file}" and its imports have ${String(bytes)} bytes of types, over protobufTypesMaxBytes (${String(limits.protobufTypesMaxBytes)}); import less`,
    );
  if (problems.length > 0) throw new PipelineError('SCHEMA_INVALID', { schema: id, problems });
  return { message, root: json };
}

/** A file of the folders: a path that leads out of them is none. */
function findFile(directories: readonly string[], target: string): string | undefined {
  for (const directory of directories) {
    const path = join(directory, target);
    const inside = relative(directory, path);
    if (!inside.startsWith('..') && !isAbsolute(inside) && existsSync(path)) return path;
  }
  return undefined;
}

function isProto3(text: string): boolean {
  const code = text.replace(/\/\*[^]*?\*\/|\/\/.*$/gm, '');
  return /^\s*syntax\s*=\s*["']proto3["']\s*;/.test(code);
}

/** The types of a message, ready to decode. */
export function messageType({ message, root }: ProtobufMessage): protobuf.Type {
  return protobuf.Root.fromJSON(root).resolveAll().lookupType(message);
}

/** Column types of the well-known messages whose JSON form is one value (ProtoJSON, protobuf.dev/programming-guides/json). */
const wellKnown: Readonly<Record<string, JsonObject>> = {
  '.google.protobuf.Timestamp': { type: ['string', 'null'], format: 'date-time' },
  '.google.protobuf.Duration': { type: ['string', 'null'] },
  '.google.protobuf.FieldMask': { type: ['string', 'null'] },
  '.google.protobuf.ListValue': { type: ['array', 'null'] },
  '.google.protobuf.Value': {},
  '.google.protobuf.StringValue': scalarSchema('string'),
  '.google.protobuf.BytesValue': scalarSchema('bytes'),
  '.google.protobuf.BoolValue': scalarSchema('bool'),
  '.google.protobuf.Int32Value': scalarSchema('int32'),
  '.google.protobuf.UInt32Value': scalarSchema('uint32'),
  '.google.protobuf.Int64Value': scalarSchema('int64'),
  '.google.protobuf.UInt64Value': scalarSchema('uint64'),
  '.google.protobuf.FloatValue': scalarSchema('float'),
  '.google.protobuf.DoubleValue': scalarSchema('double'),
};

/** The JSON Schema of a message's JSON form: a property a field, under its JSON name. */
export function protobufDocument(id: string, message: ProtobufMessage): JsonObject {
  const { fieldsArray } = messageType(message);
  const properties = Object.fromEntries(
    fieldsArray.map((field) => [jsonNameOf(field), fieldSchema(field)] as const),
  );
  return { $id: id, type: 'object', properties };
}

/** The name of a field in JSON: `json_name`, else its name in lower camel case. */
export function jsonNameOf(field: protobuf.Field): string {
  return field.jsonName;
}

function fieldSchema(field: protobuf.Field): JsonObject {
  if (field.map) return { type: ['object', 'null'] };
  if (field.repeated) return { type: ['array', 'null'] };
  if (field.resolvedType instanceof protobuf.Enum)
    return { type: ['string', 'integer', 'null'], 'x-type': 'string' };
  if (field.resolvedType instanceof protobuf.Type)
    return wellKnown[field.resolvedType.fullName] ?? { type: ['object', 'null'] };
  return scalarSchema(field.type);
}

function scalarSchema(type: string): JsonObject {
  switch (type) {
    case 'bool':
      return { type: ['boolean', 'null'] };
    case 'string':
      return { type: ['string', 'null'] };
    case 'bytes':
      return { type: ['string', 'null'], contentEncoding: 'base64' };
    case 'float':
    case 'double':
      return { type: ['number', 'null'] };
    case 'int64':
    case 'sint64':
    case 'sfixed64':
      return { type: ['string', 'null'], 'x-type': 'int64' };
    case 'uint64':
    case 'fixed64':
      return { type: ['string', 'null'], 'x-type': 'decimal(20,0)' };
    default:
      return { type: ['integer', 'null'] };
  }
}
