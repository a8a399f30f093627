import { fork, type ChildProcess } from 'node:child_process';
import { createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto';
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  write,
  writeSync,
} from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import type { startGateway as StartGateway } from '../serve/run-gateway.js';

/**
 * Webhook acknowledgements a second: the gateway, which verifies, writes and syncs each delivery, against a bare
 * `node:http` that reads the body. Rounds alternate in one run. `npm run build && npx tsx bench/ack.ts`
 *
 * `PARTS=1` runs hand-written servers beside them, each with one more part of what the gateway has to do, in the fewest
 * steps: what they cost shows what a gateway on `node:http` can reach at best.
 */
const connections = Number(process.env['CONNECTIONS'] ?? 256);
const kinds =
  process.env['PARTS'] === '1' ? ['bare', 'signed', 'parsed', 'durable', 'gateway'] : ['bare', 'gateway'];
const requestsPerRound = 20_000;
const rounds = 5;
const key = randomBytes(24);
const secret = `whsec_${key.toString('base64')}`;

if (process.argv[2] === 'server') await serve(process.argv[3] ?? '', process.argv[4] ?? '');
else await measure();

/** The server under test, in a process of its own. */
async function serve(kind: string, folder: string): Promise<void> {
  let port: number;
  if (kind !== 'gateway') {
    const work = workOf(kind, folder);
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () =>
        work(request.headers, chunks, () =>
          response.writeHead(200, { 'content-type': 'application/json' }).end('{"accepted":true}'),
        ),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  } else {
    const logger = pino({ level: 'silent' });
    // The built code, as it runs in production.
    const built = new URL('../dist/serve/run-gateway.js', import.meta.url).href;
    const { startGateway } = (await import(built)) as { startGateway: typeof StartGateway };
    const options = {
      host: '127.0.0.1',
      port: 0,
      inboxDirectory: folder,
      writeKeys: [],
      webhooks: { bench: { secrets: [secret] } },
      logger,
    };
    const gateway = await startGateway({
      ...options,
      webhooks: { bench: { secrets: [process.env['BENCH_SECRET'] ?? secret] } },
    });
    port = gateway.port;
    process.on('message', (asked) => {
      if (asked === 'close') void gateway.close().then(() => process.send?.({ closed: true }));
    });
  }
  process.on('message', (asked) => {
    if (asked === 'cpu') process.send?.({ cpu: process.cpuUsage() });
  });
  process.send?.({ port });
}

type Work = (headers: IncomingHttpHeaders, chunks: readonly Buffer[], done: () => void) => void;

/** What a hand-written server does with a request before it answers; each kind does what the one before does, too. */
function workOf(kind: string, folder: string): Work {
  if (kind === 'bare') return (_headers, _chunks, done) => done();
  const secretKey = createSecretKey(Buffer.from((process.env['BENCH_SECRET'] ?? '').slice(6), 'base64'));
  const check = (headers: IncomingHttpHeaders, chunks: readonly Buffer[]): Buffer => {
    const body = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
    const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature } = headers;
    const signed = `${String(id)}.${String(at)}.`;
    const mac = createHmac('sha256', secretKey).update(signed).update(body).digest();
    if (!timingSafeEqual(mac, Buffer.from(String(signature).slice(3), 'base64')))
      throw new Error('not signed');
    if (kind !== 'signed') JSON.parse(body.toString('utf8'));
    return body;
  };
  if (kind !== 'durable')
    return (headers, chunks, done) => {
      check(headers, chunks);
      done();
    };
  const file = openSync(join(folder, 'durable.ndjson'), 'w');
  let waiting: { readonly body: Buffer; readonly done: () => void }[] = [];
  let isBusy = false;
  const flush = () => {
    if (waiting.length === 0) return void (isBusy = false);
    const batch = waiting;
    waiting = [];
    write(file, Buffer.concat(batch.flatMap(({ body }) => [body, lineEnd])), (failure) => {
      if (failure) throw failure;
      fdatasync(file, (refused) => {
        if (refused) throw refused;
        for (const { done } of batch) done();
        flush();
      });
    });
  };
  return (headers, chunks, done) => {
    waiting.push({ body: check(headers, chunks), done });
    if (isBusy) return;
    isBusy = true;
    setImmediate(flush);
  };
}

const lineEnd = Buffer.from('\n');

async function measure(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const servers = await Promise.all(kinds.map((kind) => startServer(kind, folder)));
  const rates: Record<string, number[]> = Object.fromEntries(kinds.map((kind) => [kind, []]));
  const costs: Record<string, number[]> = Object.fromEntries(kinds.map((kind) => [kind, []]));
  let sent = 0;
  try {
    for (let round = 0; round < rounds; round += 1) {
      const requests = makeRequests(round);
      for (const { kind, port, child } of servers) {
        const before = await cpuOf(child);
        const rate = await drive(port, requests);
        const cost = ((await cpuOf(child)) - before) / requests.length;
        rates[kind]?.push(rate);
        costs[kind]?.push(cost);
        process.stdout.write(
          `round ${String(round + 1)} ${kind.padEnd(8)} ${rate.toFixed(0)} requests/s, ${cost.toFixed(0)} µs of processor each\n`,
        );
      }
      sent += requests.length;
    }
    const gateway = servers.find(({ kind }) => kind === 'gateway');
    await new Promise<void>((resolve) => {
      gateway?.child.once('message', () => resolve());
      gateway?.child.send('close');
    });
    const kept = countLines(join(folder, 'webhooks', 'bench'));
    const ratio = median(rates['gateway']) / median(rates['bare']);
    for (const kind of kinds)
      process.stdout.write(
        `${kind.padEnd(8)} ${median(costs[kind]).toFixed(1)} µs of processor, ${(median(rates[kind]) / median(rates['bare'])).toFixed(2)} of the bare server's rate, ${(median(costs['bare']) / median(costs[kind])).toFixed(2)} by processor\n`,
      );
    process.stdout.write(
      `kept ${String(kept)} of ${String(sent)} deliveries\none sync takes ${syncMs(folder).toFixed(1)} ms here\nratio gateway/bare: ${ratio.toFixed(2)} (goal: at least 0.85)\n`,
    );
    process.exitCode = kept === sent ? 0 : 1;
  } finally {
    for (const { child } of servers) child.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Processor time that a process has used, all its threads, in microseconds. */
async function cpuOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once('message', (message) => {
      const { user, system } = (message as { cpu: NodeJS.CpuUsage }).cpu;
      resolve(user + system);
    });
    child.send('cpu');
  });
}

/** How long the disk takes to make 64 KiB durable: the median of some tries. */
function syncMs(folder: string): number {
  const file = openSync(join(folder, 'sync'), 'w');
  const times = Array.from({ length: 50 }, () => {
    writeSync(file, Buffer.alloc(64 * 1024));
    const startedAt = performance.now();
    fdatasyncSync(file);
    return performance.now() - startedAt;
  });
  closeSync(file);
  return median(times);
}

async function startServer(kind: string, folder: string) {
  const child = fork(fileURLToPath(import.meta.url), ['server', kind, folder], {
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, BENCH_SECRET: secret },
  });
  const { port } = await new Promise<{ port: number }>((resolve) =>
    child.once('message', (message) => resolve(message as { port: number })),
  );
  return { kind, child, port };
}

/** Signed deliveries of about 300 bytes, made before the clock starts. */
function makeRequests(round: number): Buffer[] {
  const timestamp = String(Math.floor(Date.now() / 1000));
  return Array.from({ length: requestsPerRound }, (_, index) => {
    const id = `msg_${String(round)}_${String(index)}`;
    const body = JSON.stringify({
      type: 'email.opened',
      timestamp: new Date().toISOString(),
      data: { email_id: id, subject: 'x'.repeat(200) },
    });
    const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
    return Buffer.from(
      `POST /webhooks/bench HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: ${String(body.length)}\r\nwebhook-id: ${id}\r\nwebhook-timestamp: ${timestamp}\r\nwebhook-signature: v1,${signature}\r\n\r\n${body}`,
    );
  });
}

/** Requests a second over keep-alive connections, each with one request under way. */
async function drive(port: number, requests: readonly Buffer[]): Promise<number> {
  let next = 0;
  const startedAt = performance.now();
  await Promise.all(
    Array.from(
      { length: connections },
      () =>
        new Promise<void>((resolve, reject) => {
          const socket = connect(port, '127.0.0.1');
          socket.setNoDelay(true);
          const send = () => {
            const request = requests[next];
            next += 1;
            if (request === undefined) socket.end();
            else socket.write(request);
          };
          socket.on('connect', send);
          socket.on('data', (chunk) => {
            if (!chunk.toString('latin1').startsWith('HTTP/1.1 200'))
              reject(new Error(chunk.toString('utf8').slice(0, 300)));
            else send();
          });
          socket.on('error', reject);
          socket.on('close', () => resolve());
        }),
    ),
  );
  return (requests.length / (performance.now() - startedAt)) * 1000;
}

function countLines(folder: string): number {
  return readdirSync(folder).reduce(
    (sum, name) => sum + readFileSync(join(folder, name), 'utf8').split('\n').length - 1,
    0,
  );
}

function median(values: readonly number[] = []): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
