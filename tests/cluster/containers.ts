import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { root } from '../architecture/source-tree.js';
import type { CommandOutcome } from '../helpers/command-process.js';

/** A container as `docker compose ps --format json` tells of it. */
export interface Container {
  readonly ID: string;
  readonly Service: string;
  readonly State: string;
  readonly Health: string;
  readonly ExitCode: number;
}

/** What the client needs of this environment: a setting that is exported here would win over the file of settings. */
const passedOn = /^(PATH|HOME|TMPDIR|SSH_AUTH_SOCK|DOCKER_\w+|BUILDKIT_\w+|\w+_proxy)$/i;

/** Runs the Docker client. */
export async function docker(...args: string[]): Promise<CommandOutcome> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => passedOn.test(name)));
  const child = spawn('docker', args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  await once(child, 'close');
  return { code: child.exitCode, stdout, stderr };
}

/** Runs the Docker client, which has to succeed. */
export async function dockerOutput(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await docker(...args);
  if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}${stdout}`);
  return stdout.trim();
}

/** True where `MILLRACE_TEST_CONTAINERS=1` asks for containers and Docker can run them; says why where it is not. */
export async function hasEngine(tell: (line: string) => void): Promise<boolean> {
  if (process.env['MILLRACE_TEST_CONTAINERS'] !== '1') {
    tell('Skipped: the containers of docker-compose.yml, which MILLRACE_TEST_CONTAINERS=1 builds and runs');
    return false;
  }
  for (const args of [
    ['version', '--format', '{{.Server.Version}}'],
    ['compose', 'version', '--short'],
  ]) {
    const outcome = await docker(...args).catch((error: unknown) => ({ code: 1, stderr: String(error) }));
    if (outcome.code === 0) continue;
    tell(
      `Skipped, for want of a Docker engine with Compose: docker ${args.join(' ')}: ${outcome.stderr.trim()}`,
    );
    return false;
  }
  return true;
}

/** The containers of `docker-compose.yml`, under a name of their own. */
export class ContainerCluster {
  readonly #options: readonly string[];

  /** @param override a further compose file @param envFile takes the place of `.env` */
  constructor(
    readonly name: string,
    { envFile, override }: { readonly envFile: string; readonly override: string },
  ) {
    const files = ['--file', join(root, 'docker-compose.yml'), '--file', override];
    this.#options = ['compose', '--project-name', name, '--env-file', envFile, ...files];
  }

  compose(...args: string[]): Promise<string> {
    return dockerOutput(...this.#options, ...args);
  }

  /** Every container, those that have ended too. */
  async containers(service?: string): Promise<Container[]> {
    const lines = await this.compose('ps', '--all', '--format', 'json');
    const all = lines.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Container]));
    return all.filter((one) => service === undefined || one.Service === service);
  }

  /** A command in a container of a worker, as the guide says to give it. */
  async millrace<Result>(...args: string[]): Promise<Result> {
    return JSON.parse(
      await this.compose('exec', '--no-TTY', 'worker', 'millrace', ...args, '--json'),
    ) as Result;
  }

  /** Removes containers, networks and volumes. */
  async down(): Promise<void> {
    await this.compose('down', '--volumes', '--remove-orphans', '--timeout', '60');
  }

  /** What of it is there still: containers, volumes and networks. */
  async leftovers(): Promise<string> {
    const filter = ['--quiet', '--filter', `label=com.docker.compose.project=${this.name}`];
    const lists = [
      ['ps', '--all'],
      ['volume', 'ls'],
      ['network', 'ls'],
    ];
    return (await Promise.all(lists.map((list) => dockerOutput(...list, ...filter)))).join('');
  }
}

/** The address of this machine that containers reach by `host-gateway`. */
export async function hostAddress(): Promise<string> {
  const gateway = await dockerOutput(
    ...['network', 'inspect', 'bridge', '--format', '{{(index .IPAM.Config 0).Gateway}}'],
  );
  const server = createServer().listen(0, gateway);
  try {
    await once(server, 'listening');
    return gateway;
  } catch {
    // Docker Desktop runs containers in a machine of its own, and hands what they send on to the loopback address.
    return '127.0.0.1';
  } finally {
    server.close();
  }
}

/** Hands connections of containers on to a server that listens on the loopback address. */
export async function relay(address: string, url: string): Promise<Server> {
  const { hostname, port } = new URL(url);
  const server = createServer((inside) => {
    const outside = connect(Number(port), hostname);
    for (const [one, other] of [
      [inside, outside],
      [outside, inside],
    ] as const) {
      one.pipe(other);
      one.on('error', () => other.destroy());
    }
  });
  server.listen(0, address);
  await once(server, 'listening');
  return server;
}

export const portOf = (server: Server): number => (server.address() as AddressInfo).port;
