import { uriOf, type AssetInput } from '../../core/assets/asset.js';
import type { EmittedOutput } from '../../core/assets/asset-event.js';
import { PipelineError } from '../../core/errors/index.js';
import { canonicalJson, type JsonObject } from '../../core/json.js';
import { limits } from '../../core/limits.js';

/** The outlets of one try of a task, and the details that its function attaches to them. */
export class Outlets {
  readonly #taskId: string;
  readonly #declared: readonly string[];
  readonly #extras: Record<string, JsonObject> = {};

  constructor(task: { readonly id: string; readonly outlets?: readonly string[] }) {
    this.#taskId = task.id;
    this.#declared = task.outlets ?? [];
  }

  /** @throws PipelineError ASSET_UNDECLARED, LIMIT_EXCEEDED */
  emit(asset: AssetInput, extra: JsonObject): void {
    const uri = uriOf(asset);
    if (!this.#declared.includes(uri)) {
      const known = this.#declared.length === 0 ? 'it has none' : this.#declared.join(', ');
      throw new PipelineError('ASSET_UNDECLARED', { taskId: this.#taskId, uri, known });
    }
    const all = { ...this.#extras[uri], ...extra };
    assertExtraFits(uri, all);
    this.#extras[uri] = all;
  }

  /** The result of the task, with the details where there are any. */
  join<Output extends EmittedOutput['$output']>(output: Output): Output | EmittedOutput {
    return Object.keys(this.#extras).length === 0 ? output : { $emitted: this.#extras, $output: output };
  }
}

/** @throws PipelineError LIMIT_EXCEEDED */
export function assertExtraFits(uri: string, extra: JsonObject): void {
  const bytes = Buffer.byteLength(canonicalJson(extra), 'utf8');
  if (bytes <= limits.assetExtraMaxBytes) return;
  throw new PipelineError('LIMIT_EXCEEDED', {
    what: `The details of an event of asset "${uri}"`,
    actual: bytes,
    limit: 'assetExtraMaxBytes',
    allowed: limits.assetExtraMaxBytes,
  });
}
