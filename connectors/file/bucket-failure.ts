import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { systemErrorCode } from '../system-error.js';
import { statusOf } from '../buckets/status.js';

/** Names that AWS gives to keys and tokens that it does not take (Amazon S3 API reference, "Error responses"). */
const badCredentials =
  /InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken|TokenRefreshRequired|CredentialsProviderError|Could not load the default|Could not refresh|invalid_grant/i;

/**
 * An error of a client of a bucket as one of the catalogue.
 *
 * @param file address of the file or of what was listed
 * @param asked `list` needs another right than `read`
 */
export function bucketFailure(file: string, error: unknown, asked: 'list' | 'read'): unknown {
  if (isPipelineError(error)) return error;
  const { name = '', message = '' } = error as Partial<Error>;
  const status = statusOf(error);
  const fail = (code: 'SOURCE_FILE' | 'SOURCE_FILE_CHANGED', reason: string) =>
    new PipelineError(code, { file, reason }, { cause: error });
  const text = `${name} ${message}`;
  if (status === 401 || badCredentials.test(text))
    return new PipelineError(
      'SOURCE_AUTH',
      { source: file, status: status ?? name, connection: 'of the task' },
      { cause: error },
    );
  // A prefix without objects is an empty list.
  if (status === 404 && (asked === 'list' || /NoSuchBucket|bucket does not exist/i.test(text)))
    return fail('SOURCE_FILE', 'there is no such bucket');
  if (status === 404) return fail('SOURCE_FILE', 'there is no such object');
  if (status === 403)
    return fail('SOURCE_FILE', `access is denied (403): the credentials may not ${asked} objects there`);
  if (status === 412) return fail('SOURCE_FILE_CHANGED', '');
  if (status === 301)
    return fail('SOURCE_FILE', 'the bucket is in another region (301); set "s3.region" of the connection');
  if (mayPass(status))
    return new PipelineError(
      'SOURCE_UNAVAILABLE',
      { source: file, reason: String(status ?? systemErrorCode(error) ?? name) },
      { cause: error },
    );
  return fail('SOURCE_FILE', `the server answers ${String(status)} ${name}`);
}

/** No answer, and answers of a server that has too much to do, or is not well. */
function mayPass(status: number | undefined): boolean {
  return status === undefined || status === 408 || status === 429 || (status >= 500 && status !== 501);
}
