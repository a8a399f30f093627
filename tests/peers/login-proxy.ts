import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { forward, respond, snowflakeStatement, textOf } from './cut-proxy.js';
import { closeServer, listen, originOf } from '../../testing/listen.js';

/** A door before a server that lets everybody in: it knows the passwords of the moment. */
export interface LoginProxy {
  readonly url: string;
  /** Every login, in order. */
  readonly logins: { readonly password: string; readonly isTaken: boolean }[];
  /** Sessions that their clients ended. */
  ended(): number;
  /** From now on, only these are taken; sessions that stand are left alone. */
  takes(...passwords: string[]): void;
  /** Keeps statements with this text until they are let go. */
  hold(text: string): { readonly arrived: Promise<void>; release(): void };
  close(): Promise<void>;
}

/** What Snowflake answers to a wrong password. Source: snowflake-connector-net, doc and tests, error 390100. */
const wrongPassword = JSON.stringify({
  success: false,
  code: '390100',
  message: 'Incorrect username or password was specified.',
  data: { nextAction: 'RETRY_LOGIN' },
});

export async function startLoginProxy(target: string): Promise<LoginProxy> {
  const logins: LoginProxy['logins'] = [];
  let taken: readonly string[] = [];
  let ended = 0;
  let held: { readonly text: string; readonly let: Promise<void>; readonly arrive: () => void } | undefined;
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const url = new URL(request.url ?? '/', target);
    if (url.pathname === '/session/v1/login-request') {
      const { data } = JSON.parse(textOf(request, body)) as { data: { PASSWORD: string } };
      const isTaken = taken.includes(data.PASSWORD);
      logins.push({ password: data.PASSWORD, isTaken });
      if (!isTaken) return respond(response, 200, wrongPassword);
    }
    if (url.pathname === '/session' && url.searchParams.get('delete') === 'true') ended += 1;
    if (held !== undefined && snowflakeStatement(url, textOf(request, body))?.sql.includes(held.text)) {
      held.arrive();
      await held.let;
    }
    const answer = await forward(url, request, body);
    return respond(response, answer.status, await answer.text());
  };
  const server = createServer((request, response) => {
    handle(request, response).catch(() => request.socket.destroy());
  });
  await listen(server);
  return {
    url: originOf(server),
    logins,
    ended: () => ended,
    takes: (...passwords) => {
      taken = passwords;
    },
    hold: (text) => {
      let release: () => void = () => undefined;
      const released = new Promise<void>((resolve) => (release = resolve));
      const arrived = new Promise<void>((resolve) => {
        held = { text, let: released, arrive: resolve };
      });
      return { arrived, release };
    },
    close: () => closeServer(server),
  };
}
