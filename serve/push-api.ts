import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FileSettings } from '../connectors/file/settings.js';
import { sha256 } from '../connectors/webhook/check.js';
import { PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';
import type { ApiCallers, KnownCaller } from './api-callers.js';
import type { DeliveryCounter } from './delivery-counts.js';
import type { Answer } from './http-answer.js';
import type { Intake } from './intake.js';
import { fileParts, judgeFile, type FileSpool } from './push-file.js';
import {
  arrayOf,
  bodyRecords,
  linesOf,
  ndjsonTypes,
  RecordTally,
  type RecordCounts,
} from './push-records.js';
import { checkBodyHead, decompress } from './read-body.js';
import { BindingConflict } from './seen-events.js';
import { idempotencyKey } from './idempotency-key.js';

export interface PushApiOptions {
  readonly callers: ApiCallers;
  readonly streams: readonly string[];
  readonly intake: Intake;
  readonly spool: FileSpool;
  readonly counter: DeliveryCounter;
}

const encodings = ['identity', 'gzip'];
const recordBody = {
  types: ['application/json', ...ndjsonTypes],
  encodings,
  maxBytes: limits.pushBodyMaxBytes,
};
const fileBody = {
  types: [
    'application/octet-stream',
    'text/csv',
    'text/plain',
    'application/gzip',
    'application/x-gzip',
    ...ndjsonTypes,
  ],
  encodings,
  maxBytes: limits.pushFileMaxBytes,
};

/**
 * Takes what platforms push: `POST /api/streams/STREAM/records` one JSON record, an array of them, or NDJSON;
 * `PUT /api/streams/STREAM/files/NAME` a file of CSV or NDJSON. Nothing is acknowledged before it is in the inbox.
 */
export class PushApi {
  readonly #options: PushApiOptions;

  constructor(options: PushApiOptions) {
    this.#options = options;
  }

  /**
   * Answers a request to an address below `/api/streams/`; `path` is what follows it.
   *
   * @throws PipelineError API_*, GATEWAY_*, PUSH_DIFFERS
   */
  async answer(path: readonly string[], request: IncomingMessage): Promise<Answer> {
    const [stream = '', kind, name, ...rest] = path;
    const isRecords = kind === 'records' && name === undefined;
    const isFile = kind === 'files' && name !== undefined && rest.length === 0;
    if (!isRecords && !isFile) throw new PipelineError('GATEWAY_NOT_FOUND', { what: 'such address' });
    const allowed = isRecords ? ['POST'] : ['PUT', 'POST'];
    if (!allowed.includes(request.method ?? ''))
      throw new PipelineError('GATEWAY_METHOD', { allowed: allowed.join(', ') });
    checkBodyHead(request, isRecords ? recordBody : fileBody);
    const caller = await this.#options.callers.authenticate(request.headers);
    caller.assertMaySend(stream);
    if (!this.#options.streams.includes(stream))
      throw new PipelineError('GATEWAY_NOT_FOUND', { what: `stream "${stream}" in gateway.api.streams` });
    const key = idempotencyKey(request.headers);
    const push = { stream, caller, key };
    return name === undefined ? this.#records(push, request) : this.#file(push, name, request);
  }

  #records(push: Push, request: IncomingMessage): Promise<Answer> {
    const { intake } = this.#options;
    const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
    return intake.withBody(`push/${push.stream}`, request, limits.pushBodyMaxBytes, async (raw) => {
      const bytes = await decompress(raw, request.headers['content-encoding'], limits.pushBodyMaxBytes);
      const { records, counts } = await bodyRecords(bytes, ndjsonTypes.includes(type));
      const hash = sha256(bytes).toString('hex');
      return this.#keep(push, hash, counts, {}, async (head) => {
        await intake.append(`push/${push.stream}`, head, arrayOf(records));
      });
    });
  }

  #file(push: Push, name: string, request: IncomingMessage): Promise<Answer> {
    const { intake, spool } = this.#options;
    const settings = fileSettings(name, request);
    return intake.inTurn(`files of ${push.stream}`, limits.pushFilesMaxInFlight, () =>
      spool.withFile(request, async (file) => {
        const counts = await judgeFile(file, settings);
        return this.#keep(push, file.sha256, counts, { file: name }, async (head) => {
          for await (const { first, records } of fileParts(file, settings, new RecordTally()))
            await intake.append(`push/${push.stream}`, { ...head, first }, arrayOf(records));
        });
      }),
    );
  }

  /** Writes once for one key of one caller; without a key the content stands for itself. */
  async #keep(
    { stream, caller, key }: Push,
    hash: string,
    counts: RecordCounts,
    facts: { readonly file?: string },
    write: (head: Parameters<Intake['append']>[1]) => Promise<void>,
  ): Promise<Answer> {
    const { intake, counter } = this.#options;
    const id = pushIdOf(caller.name, key ?? hash, key === undefined ? (facts.file ?? '') : '');
    const head = {
      source: stream,
      endpoint: 'push',
      eventId: id,
      kept: { caller: caller.name, ...facts },
    };
    try {
      const isRepeat = await intake.keep(`push/${stream}`, [id], () => write(head), hash);
      counter.kept(`push/${stream}`, isRepeat);
      return { status: 200, body: { pushId: id, ...counts, ...(isRepeat && { duplicate: true }) } };
    } catch (error) {
      if (error instanceof BindingConflict) throw new PipelineError('PUSH_DIFFERS', { stream });
      throw error;
    }
  }
}

interface Push {
  readonly stream: string;
  readonly caller: KnownCaller;
  readonly key: string | undefined;
}

/** The same for the same request of the same caller, also after a restart: the keys of tables rest on it. */
function pushIdOf(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 40);
}

/** @throws PipelineError GATEWAY_MEDIA_TYPE, GATEWAY_REQUEST_INVALID */
function fileSettings(name: string, request: IncomingMessage): FileSettings {
  if (!/^[^/\\\p{Cc}]+$/u.test(name) || name.length > limits.pushKeyMaxLength)
    throw new PipelineError('GATEWAY_REQUEST_INVALID', {
      reason: `the name of the file must be 1 to ${String(limits.pushKeyMaxLength)} characters without slashes`,
    });
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const extension = /\.(\w+?)(\.gz)?$/.exec(name.toLowerCase())?.[1] ?? '';
  if (ndjsonTypes.includes(type) || ['ndjson', 'jsonl'].includes(extension)) return linesOf(name);
  if (type !== 'text/csv' && extension !== 'csv')
    throw new PipelineError('GATEWAY_MEDIA_TYPE', {
      what: 'This kind of file',
      supported:
        'text/csv or application/x-ndjson, or a name that ends in .csv, .ndjson or .jsonl, also with .gz',
    });
  const query = new URLSearchParams(request.url?.split('?')[1] ?? '');
  const delimiter = query.get('delimiter') ?? ',';
  if (delimiter.length !== 1)
    throw new PipelineError('GATEWAY_REQUEST_INVALID', { reason: '"delimiter" must be one character' });
  return { ...linesOf(name), format: 'csv', delimiter };
}
