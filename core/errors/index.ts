export { catalogue, type ErrorCode } from './catalogue.js';
export type { ErrorDefinition, ErrorKind } from './definition.js';
export {
  isPipelineError,
  PipelineError,
  type ErrorContext,
  type PipelineErrorOptions,
} from './pipeline-error.js';
