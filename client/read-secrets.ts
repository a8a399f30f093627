import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';
import type { CommandContext } from './context.js';
import type { Output } from './output.js';

/** Where the secrets of a command come from; never from its arguments, which other processes see. */
export interface SecretSources {
  /** Option paths that are asked for: on a terminal one after another, without an echo; else from standard input. */
  readonly asked: readonly string[];
  /** Option path and environment variable, `path=VARIABLE`. */
  readonly variables: readonly string[];
}

/**
 * Reads secrets. Standard input that is no terminal holds the one secret as it is (one line end at its end is left out), or
 * for several a JSON object of option paths and texts.
 *
 * @throws PipelineError USAGE
 */
export async function readSecrets(
  { asked, variables }: SecretSources,
  { input, output, env }: Pick<CommandContext, 'input' | 'output' | 'env'>,
): Promise<Record<string, string>> {
  const secrets = variables.map((entry): [string, string] => {
    const [path, variable] = splitOnce(entry);
    const text = env[variable] ?? '';
    if (text === '') throw usage(`Environment variable ${variable || '?'} for "${path}" is not set`);
    return [path, text];
  });
  if (asked.length === 0) return Object.fromEntries(secrets);
  if (!input.isTTY) return { ...Object.fromEntries(secrets), ...(await readPiped(asked, input)) };
  return { ...Object.fromEntries(secrets), ...(await readHidden(asked, input, output)) };
}

/** `path=value` at its first `=`; a missing value is empty. */
export function splitOnce(text: string): [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

async function readPiped(
  asked: readonly string[],
  input: NodeJS.ReadStream,
): Promise<Record<string, string>> {
  const chunks: Buffer[] = [];
  const maxBytes = limits.connectionOptionMaxBytes * asked.length;
  let size = 0;
  for await (const chunk of input as AsyncIterable<Buffer | string>) {
    const bytes = Buffer.from(chunk);
    size += bytes.byteLength;
    if (size > maxBytes) throw usage(`Standard input is over ${String(maxBytes)} bytes`);
    chunks.push(bytes);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  const [only] = asked;
  if (asked.length === 1 && only !== undefined) return { [only]: text.replace(/\r?\n$/, '') };
  const given = parseObject(text);
  const isComplete =
    Object.keys(given).sort().join() === [...asked].sort().join() &&
    Object.values(given).every((value) => typeof value === 'string');
  if (!isComplete) throw usage('Standard input does not hold these secrets');
  return given as Record<string, string>;
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** The terminal stops showing what is typed before it asks: a person may type ahead of the question. */
async function readHidden(
  asked: readonly string[],
  input: NodeJS.ReadStream,
  output: Output,
): Promise<Record<string, string>> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: silent, terminal: true, historySize: 0 });
  const typed: Record<string, string> = {};
  try {
    for (const path of asked) {
      output.stderr(`${path}: `);
      typed[path] = await lines.question('');
      output.stderr('\n');
    }
    return typed;
  } finally {
    lines.close();
  }
}

function usage(problem: string): PipelineError {
  return new PipelineError('USAGE', {
    problem,
    hint: 'Give one secret as it is, or several as a JSON object of option paths and texts, on standard input; or name set variables with --secret-env path=VARIABLE',
  });
}
