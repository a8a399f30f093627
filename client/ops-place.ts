import type { Settings } from '../config.js';
import { PipelineError } from '../core/errors/index.js';
import type { OpsPlace } from '../ops/store.js';

/** Where the operations store of a project is. @throws PipelineError CONFIG_INVALID */
export function opsPlace({ ops }: Settings): OpsPlace {
  if (ops.url === undefined) return { path: ops.path };
  const address = ops.url.reveal();
  if (!/^postgres(ql)?:\/\/[^/]/.test(address) || !URL.canParse(address)) {
    throw new PipelineError('CONFIG_INVALID', { problems: ['ops.url is not a postgres:// address'] });
  }
  return { url: ops.url };
}
