import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

/** An SMTP server that keeps what it is sent, and refuses one recipient. */
export class MailServer {
  readonly mails: { readonly to: string[]; readonly text: string; readonly user: string }[] = [];
  readonly #server: SMTPServer;

  constructor({ refused }: { readonly refused: string }) {
    this.#server = new SMTPServer({
      disabledCommands: ['STARTTLS'],
      onAuth: (auth, _session, callback) => {
        if (auth.username === 'millrace' && auth.password === 'canary-pass')
          callback(null, { user: 'millrace' });
        else callback(new Error('wrong password'));
      },
      onRcptTo: (address, _session, callback) => {
        if (address.address === refused)
          callback(Object.assign(new Error('no such user'), { responseCode: 550 }));
        else callback();
      },
      onData: (stream, session, callback) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          this.mails.push({
            to: session.envelope.rcptTo.map(({ address }) => address),
            text: Buffer.concat(chunks).toString('utf8'),
            user: String(session.user),
          });
          callback();
        });
      },
    });
  }

  /** @returns its address, with user and password */
  async start(): Promise<string> {
    const server = this.#server.listen(0, '127.0.0.1');
    if (!server.listening) await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return `smtp://millrace:canary-pass@127.0.0.1:${String(port)}`;
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
