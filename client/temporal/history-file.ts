import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import proto, { type temporal } from '@temporalio/proto';
import { PipelineError } from '../../core/errors/index.js';

const { History } = proto.temporal.api.history.v1;

/** Events of one workflow execution, as Temporal's messages hold them. */
export type HistoryEvents = temporal.api.history.v1.IHistory;

/** The part of protobufjs that reads the JSON form of messages. */
interface ProtoJson {
  fromJson(type: unknown, json: unknown, options: { readonly ignoreUnknownFields: boolean }): HistoryEvents;
}

/**
 * Reads a history from a file: JSON as Temporal's UI and command line write it, or its binary form (`.history`, `.bin`).
 *
 * @throws PipelineError HISTORY_INVALID
 */
export function readHistoryFile(path: string): HistoryEvents {
  try {
    const bytes = readFileSync(path);
    const history = path.endsWith('.json')
      ? fromJson(JSON.parse(bytes.toString('utf8')))
      : History.decode(bytes);
    if ((history.events ?? []).length === 0) throw new Error('it has no events');
    return history;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new PipelineError('HISTORY_INVALID', { file: path, reason }, { cause: error });
  }
}

/**
 * protobufjs compares classes, so the JSON reader must be of the copy that made Temporal's messages. The SDK's own
 * `historyFromJSON` takes whichever copy npm put beside it, and refuses where there are two.
 */
function fromJson(json: unknown): HistoryEvents {
  const ofProto = createRequire(import.meta.resolve('@temporalio/proto'));
  const { fromJson: read } = ofProto('protobufjs/ext/protojson') as ProtoJson;
  const { lookupType } = proto as unknown as { lookupType(name: string): unknown };
  const type = lookupType.call(proto, 'temporal.api.history.v1.History');
  return read(type, json, { ignoreUnknownFields: true });
}
