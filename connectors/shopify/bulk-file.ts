import { limits } from '../../core/limits.js';
import { readLines } from '../file/lines.js';
import { httpDownload, protocolFailure, publicNetwork } from '../http/index.js';
import { toRecord, type PageRecord } from '../json-page.js';
import type { BulkResult } from './bulk.js';
import type { ShopifyNode } from './shape.js';

/** An object of a bulk file, with those that lie below it. */
export interface BulkNode extends ShopifyNode {
  readonly record: PageRecord;
}

/** Objects of a bulk file, and how many of its lines they and those before them take. */
export interface BulkPiece {
  readonly nodes: readonly BulkNode[];
  readonly lines: number;
}

/**
 * The objects of a bulk file, some at a time. Each line is an object; those of a nested connection follow the object they
 * belong to, and name it as `__parentId`.
 *
 * @param skipLines lines that came already
 * @throws PipelineError SOURCE_PROTOCOL where the file is not what the operation has written
 */
export async function* readBulkFile(
  shop: URL,
  { url, objectCount }: BulkResult,
  signal: AbortSignal,
  skipLines = 0,
): AsyncGenerator<BulkPiece> {
  if (url === undefined) return;
  let parent:
    { readonly record: PageRecord; readonly id: unknown; readonly children: Uint8Array[] } | undefined;
  let lineCount = 0;
  let wholeLines = skipLines;
  let nodes: BulkNode[] = [];
  const end = (): void => {
    if (parent !== undefined) nodes.push({ ...parent, bytes: parent.record.bytes });
    parent = undefined;
  };
  const chunks = httpDownload({ source: 'shopify', signal, ...fileAt(shop, url) });
  for await (const lines of readLines(chunks, limits.recordMaxBytes)) {
    for (const { bytes } of lines) {
      lineCount += 1;
      if (lineCount <= skipLines) continue;
      const parsed = parseLine(bytes, lineCount);
      const parentId = parsed['__parentId'];
      if (parentId === undefined) {
        end();
        wholeLines = lineCount - 1;
        parent = { record: toRecord(bytes, parsed), id: parsed['id'], children: [] };
      } else if (parent !== undefined && parentId === parent.id) parent.children.push(bytes);
      else
        throw protocolFailure(
          'shopify',
          `line ${String(lineCount)} of the bulk file does not lie below its parent`,
        );
    }
    if (nodes.length < limits.recordsPerChunk) continue;
    yield { nodes, lines: wholeLines };
    nodes = [];
  }
  end();
  if (lineCount !== objectCount)
    throw protocolFailure(
      'shopify',
      `the bulk file has ${String(lineCount)} lines, and the operation wrote ${String(objectCount)} objects`,
    );
  if (nodes.length > 0) yield { nodes, lines: lineCount };
}

/** The file lies on a storage host, to which no token is sent. A shop on this machine has its files there too. */
function fileAt(shop: URL, text: string) {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:') return { url, network: publicNetwork };
  if (url !== undefined && shop.protocol === 'http:' && url.origin === shop.origin) return { url };
  throw protocolFailure('shopify', 'the bulk file has no https address');
}

function parseLine(bytes: Uint8Array, number: number): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (typeof parsed === 'object' && parsed !== null && bytes.length <= limits.recordMaxBytes)
      return parsed as Record<string, unknown>;
  } catch {
    // Said below, for every line that is no object.
  }
  throw protocolFailure('shopify', `line ${String(number)} of the bulk file is no JSON object, or too long`);
}
