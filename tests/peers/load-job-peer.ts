import { createServer } from 'node:http';
import { closeServer, listen, originOf } from '../../testing/listen.js';

/** A server that takes the files of BigQuery's load jobs, each of which is done at once. */
export interface LoadJobPeer {
  readonly url: string;
  /** Lines of each file, in order. */
  readonly loaded: readonly (readonly string[])[];
  close(): Promise<void>;
}

export async function startLoadJobPeer(): Promise<LoadJobPeer> {
  const loaded: string[][] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method === 'POST') loaded.push(linesOf(Buffer.concat(chunks).toString('utf8')));
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          jobReference: { projectId: 'p', jobId: `j${String(loaded.length)}` },
          status: { state: 'DONE' },
          statistics: { load: { outputRows: String(loaded.at(-1)?.length ?? 0) } },
        }),
      );
    });
  });
  await listen(server);
  return {
    url: originOf(server),
    loaded,
    close: () => closeServer(server),
  };
}

/** The file of an upload, which is the second part of its body. */
function linesOf(body: string): string[] {
  const [, , file = ''] = body.split(/^--.*\r?\n/m);
  const content = file
    .split(/\r?\n\r?\n/)
    .slice(1)
    .join('\n');
  return content.split(/\r?\n/).filter((line) => line.startsWith('{'));
}
