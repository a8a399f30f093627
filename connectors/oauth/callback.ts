import { createServer, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { finished } from 'node:stream/promises';

/** The loopback address that an authorization server sends the browser back to (RFC 8252 §7.3). */
export interface CallbackServer {
  readonly redirectUri: string;
  close(): Promise<void>;
}

/** What the browser is shown in the end. */
export type CallbackVerdict = 'done' | 'refused' | 'ignored';

const path = '/callback';

const pages: Readonly<Record<CallbackVerdict, readonly [status: number, text: string]>> = {
  done: [200, 'You are logged in. You can close this window.'],
  refused: [400, 'The login did not succeed. The command line says why.'],
  ignored: [400, 'This answer does not belong to the login under way.'],
};

/**
 * Listens on 127.0.0.1 for the redirect. `onCallback` judges each request to it; nothing of the request is shown.
 *
 * @param port 0 takes a free one
 */
export async function startCallbackServer(
  port: number,
  onCallback: (parameters: URLSearchParams) => Promise<CallbackVerdict>,
): Promise<CallbackServer> {
  let host = '';
  const answers = new Set<Promise<void>>();
  const server = createServer((request, response) => {
    // A browser that goes away before the end is no error.
    answers.add(finished(response).catch(() => undefined));
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    if (request.method !== 'GET' || url.pathname !== path || request.headers.host !== host) {
      answer(response, 404, 'There is nothing here.');
      return;
    }
    onCallback(url.searchParams).then(
      (verdict) => {
        answer(response, ...pages[verdict]);
      },
      () => {
        answer(response, ...pages.refused);
      },
    );
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the callback server has no port');
  host = `127.0.0.1:${String(address.port)}`;
  return {
    redirectUri: `http://${host}${path}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      await Promise.all(answers);
      // Browsers keep spare connections open that never ask for anything.
      server.closeAllConnections();
      await closed;
    },
  };
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'content-security-policy': "default-src 'none'",
    connection: 'close',
  });
  response.end(`<!doctype html><title>Millrace</title><p>${text}</p>`);
}
