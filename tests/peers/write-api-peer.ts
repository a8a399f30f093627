import { protos } from '@google-cloud/bigquery-storage';
import {
  Server,
  ServerCredentials,
  status,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import 'protobufjs/ext/descriptor.js';

const v1 = protos.google.cloud.bigquery.storage.v1;
type AppendRequest = protos.google.cloud.bigquery.storage.v1.AppendRowsRequest;
type AppendResponse = protos.google.cloud.bigquery.storage.v1.IAppendRowsResponse;

export type WriteMethod =
  'CreateWriteStream' | 'AppendRows' | 'FinalizeWriteStream' | 'BatchCommitWriteStreams' | 'GetWriteStream';

/** What happens to a request, once. */
export type WriteFate =
  /** It is not carried out and answered with this status of gRPC. */
  | { readonly code: status; readonly message: string }
  /** It is not carried out, and answered within the stream. */
  | { readonly embedded: number; readonly message: string }
  /** It is carried out; the connection ends before the answer. */
  | 'lose answer'
  /** It is never answered. */
  | 'hang';

interface Stream {
  readonly table: string;
  readonly rows: Readonly<Record<string, unknown>>[];
  isFinal: boolean;
  isCommitted: boolean;
}

/** A server of BigQuery's Storage Write API for streams of the kind PENDING: offsets, finalize and commit as documented. */
export interface WriteApiPeer {
  readonly url: string;
  /** Methods that were asked for, in order. */
  readonly asked: WriteMethod[];
  /** The fate of the next request of a method, `after` others of it. */
  strike(method: WriteMethod, fate: WriteFate, after?: number): void;
  /** Rows that can be read in a table. */
  rows(table: string): readonly Readonly<Record<string, unknown>>[];
  /** Rows that arrived, committed or not. */
  arrived(): number;
  stop(): void;
}

export async function startWriteApiPeer(): Promise<WriteApiPeer> {
  const streams = new Map<string, Stream>();
  const strikes: { readonly method: WriteMethod; readonly fate: WriteFate; after: number }[] = [];
  const asked: WriteMethod[] = [];

  const fateOf = (method: WriteMethod): WriteFate | undefined => {
    asked.push(method);
    const index = strikes.findIndex((strike) => strike.method === method);
    const strike = strikes[index];
    if (strike === undefined) return undefined;
    strike.after -= 1;
    if (strike.after >= 0) return undefined;
    strikes.splice(index, 1);
    return strike.fate;
  };
  const unary =
    <Request, Response>(method: WriteMethod, work: (request: Request) => Response) =>
    ({ request }: ServerUnaryCall<Request, Response>, answer: sendUnaryData<Response>) => {
      const fate = fateOf(method);
      if (fate === 'hang') return;
      if (typeof fate === 'object' && 'code' in fate) {
        answer({ code: fate.code, details: fate.message });
        return;
      }
      try {
        const response = work(request);
        if (fate === 'lose answer') answer({ code: status.UNAVAILABLE, details: 'connection lost' });
        else answer(null, response);
      } catch (error) {
        answer({ code: status.FAILED_PRECONDITION, details: error instanceof Error ? error.message : '' });
      }
    };
  const streamOf = (name: string): Stream => {
    const stream = streams.get(name);
    if (stream === undefined) throw new Error(`no stream ${name}`);
    return stream;
  };

  const server = new Server();
  server.addService(service, {
    createWriteStream: unary(
      'CreateWriteStream',
      ({ parent, writeStream }: protos.google.cloud.bigquery.storage.v1.CreateWriteStreamRequest) => {
        const name = `${parent}/streams/s${String(streams.size)}`;
        streams.set(name, { table: parent, rows: [], isFinal: false, isCommitted: false });
        return { name, type: writeStream?.type ?? null };
      },
    ),
    getWriteStream: unary(
      'GetWriteStream',
      ({ name }: protos.google.cloud.bigquery.storage.v1.GetWriteStreamRequest) => ({
        name,
        ...(streamOf(name).isCommitted && { commitTime: { seconds: 1 } }),
      }),
    ),
    finalizeWriteStream: unary(
      'FinalizeWriteStream',
      ({ name }: protos.google.cloud.bigquery.storage.v1.FinalizeWriteStreamRequest) => {
        const stream = streamOf(name);
        stream.isFinal = true;
        return { rowCount: stream.rows.length };
      },
    ),
    batchCommitWriteStreams: unary(
      'BatchCommitWriteStreams',
      ({ writeStreams }: protos.google.cloud.bigquery.storage.v1.BatchCommitWriteStreamsRequest) => {
        for (const name of writeStreams) {
          const stream = streamOf(name);
          if (!stream.isFinal) throw new Error('the stream is not final');
          if (stream.isCommitted)
            return { streamErrors: [{ code: 2, entity: name, errorMessage: 'already committed' }] };
          stream.isCommitted = true;
        }
        return { commitTime: { seconds: 1 } };
      },
    ),
    appendRows: (call: ServerDuplexStream<AppendRequest, AppendResponse>) => {
      let type: protobuf.Type | undefined;
      call.on('data', (request: AppendRequest) => {
        const fate = fateOf('AppendRows');
        if (fate === 'hang') return;
        if (typeof fate === 'object' && 'code' in fate) {
          call.emit('error', { code: fate.code, details: fate.message });
          return;
        }
        if (typeof fate === 'object') {
          call.write({ error: { code: fate.embedded, message: fate.message } });
          return;
        }
        const descriptor = request.protoRows?.writerSchema?.protoDescriptor;
        if (descriptor)
          type = (
            protobuf.Type as unknown as { fromDescriptor(descriptor: unknown): protobuf.Type }
          ).fromDescriptor(descriptor);
        const answer = append(streamOf(request.writeStream), request, type);
        if (fate === 'lose answer')
          call.emit('error', { code: status.UNAVAILABLE, details: 'connection lost' });
        else call.write(answer);
      });
      call.on('end', () => {
        call.end();
      });
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return {
    url: `http://127.0.0.1:${String(port)}`,
    asked,
    strike: (method, fate, after = 0) => {
      strikes.push({ method, fate, after });
    },
    rows: (table) =>
      [...streams.values()]
        .filter((stream) => stream.isCommitted && stream.table.endsWith(`/tables/${table}`))
        .flatMap(({ rows }) => rows),
    arrived: () => [...streams.values()].reduce((sum, { rows }) => sum + rows.length, 0),
    stop: () => {
      server.forceShutdown();
    },
  };
}

function append(stream: Stream, request: AppendRequest, type: protobuf.Type | undefined): AppendResponse {
  const offset = Number(request.offset?.value ?? stream.rows.length);
  if (stream.isFinal) return { error: { code: 3, message: 'the stream is final' } };
  if (offset < stream.rows.length) return { error: { code: 6, message: 'offset is taken' } };
  if (offset > stream.rows.length) return { error: { code: 11, message: 'offset is beyond the end' } };
  if (type === undefined) return { error: { code: 3, message: 'no schema in the first request' } };
  for (const row of request.protoRows?.rows?.serializedRows ?? [])
    stream.rows.push(type.toObject(type.decode(row), { longs: String, bytes: String }));
  return { appendResult: { offset: { value: offset } } };
}

interface Message {
  decode(bytes: Uint8Array): unknown;
  encode(message: object): { finish(): Uint8Array };
  fromObject(object: object): object;
}

const method = (name: WriteMethod, request: Message, response: Message, isStream = false) => ({
  path: `/google.cloud.bigquery.storage.v1.BigQueryWrite/${name}`,
  requestStream: isStream,
  responseStream: isStream,
  requestSerialize: (message: object) => Buffer.from(request.encode(message).finish()),
  requestDeserialize: (bytes: Buffer) => request.decode(bytes),
  responseSerialize: (message: object) => Buffer.from(response.encode(response.fromObject(message)).finish()),
  responseDeserialize: (bytes: Buffer) => response.decode(bytes),
});

const service: ServiceDefinition = {
  createWriteStream: method('CreateWriteStream', v1.CreateWriteStreamRequest, v1.WriteStream),
  getWriteStream: method('GetWriteStream', v1.GetWriteStreamRequest, v1.WriteStream),
  finalizeWriteStream: method(
    'FinalizeWriteStream',
    v1.FinalizeWriteStreamRequest,
    v1.FinalizeWriteStreamResponse,
  ),
  batchCommitWriteStreams: method(
    'BatchCommitWriteStreams',
    v1.BatchCommitWriteStreamsRequest,
    v1.BatchCommitWriteStreamsResponse,
  ),
  appendRows: method('AppendRows', v1.AppendRowsRequest, v1.AppendRowsResponse, true),
};
