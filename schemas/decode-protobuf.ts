import protobuf from 'protobufjs';
import protojson from 'protobufjs/ext/protojson.js';
import { jsonNameOf, messageType, type ProtobufMessage } from './protobuf.js';

/** A message as JSON, and the numbers of the fields in it that its type does not know. */
export interface DecodedMessage {
  readonly json: Readonly<Record<string, unknown>>;
  readonly unknownFields: readonly number[];
}

/**
 * Decodes messages of one type into their JSON form (ProtoJSON): integers of 64 bits as text, enums by name, bytes as base64,
 * instants as RFC 3339, where a column holds them cut to its microseconds. A field without presence (proto3 without `optional`) that was not sent has its zero value, as the
 * language has it; one with presence is absent.
 *
 * @returns a function that throws an Error without any content of the message where the bytes are no such message
 */
export function createProtobufDecoder(message: ProtobufMessage): (bytes: Uint8Array) => DecodedMessage {
  const type = messageType(message);
  const zeros = Object.fromEntries(
    type.fieldsArray.flatMap((field) => {
      const zero = zeroOf(field);
      return zero === undefined ? [] : [[jsonNameOf(field), zero] as const];
    }),
  );
  const instants = type.fieldsArray
    .filter(
      ({ repeated, map, resolvedType }) =>
        !repeated && !map && resolvedType?.fullName === '.google.protobuf.Timestamp',
    )
    .map(jsonNameOf);
  return (bytes) => {
    const reader = protobuf.Reader.create(bytes);
    // Kept only to be told of.
    Object.assign(reader, { discardUnknown: false });
    const decoded = type.decode(reader);
    const unknownFields = new Set<number>();
    collectUnknown(decoded, unknownFields);
    const json = protojson.toJson(type, decoded) as Record<string, unknown>;
    for (const name of instants) {
      const text = json[name];
      if (typeof text === 'string') json[name] = text.replace(/(\.\d{6})\d+/, '$1');
    }
    return { json: { ...zeros, ...json }, unknownFields: [...unknownFields] };
  };
}

/** What a field without presence is when it was not sent; undefined for one with presence. */
function zeroOf(field: protobuf.Field): unknown {
  if (field.map) return {};
  if (field.repeated) return [];
  if (field.partOf !== null || field.resolvedType instanceof protobuf.Type) return undefined;
  if (field.resolvedType instanceof protobuf.Enum) return field.resolvedType.valuesById[0];
  switch (field.type) {
    case 'bool':
      return false;
    case 'string':
    case 'bytes':
      return '';
    case 'int64':
    case 'sint64':
    case 'sfixed64':
    case 'uint64':
    case 'fixed64':
      return '0';
    default:
      return 0;
  }
}

/** Numbers of unknown fields, of nested messages too. Each is kept as its bytes, which begin with number and wire type. */
function collectUnknown(value: unknown, found: Set<number>): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
  const { $unknowns } = value as { readonly $unknowns?: readonly Uint8Array[] };
  for (const bytes of $unknowns ?? []) found.add(protobuf.Reader.create(bytes).uint32() >>> 3);
  for (const member of Object.values(value)) collectUnknown(member, found);
}
