import { Storage } from '@google-cloud/storage';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';

/** How Google Cloud Storage is reached. */
export interface GcsAccess {
  readonly projectId?: string;
  /** Address of another server than that of Google; it is spoken to without a token. */
  readonly endpoint?: string;
  /** Key file of a service account, as JSON text. Without it, the application default credentials. */
  readonly credentials?: string;
}

/**
 * The official client. It tries once: its callers try again, and know from where.
 *
 * @param place where `credentials` stands, for the message
 * @throws PipelineError CONFIG_INVALID
 */
export function createGcsClient({ projectId, endpoint, credentials }: GcsAccess, place: string): Storage {
  return new Storage({
    ...(projectId !== undefined && { projectId }),
    ...(endpoint !== undefined && { apiEndpoint: endpoint }),
    ...(credentials !== undefined && { credentials: serviceAccountKey(credentials, place) }),
    retryOptions: { autoRetry: false, maxRetries: 0 },
    timeout: limits.stagingStallMs,
  });
}

function serviceAccountKey(text: string, place: string): { client_email: string; private_key: string } {
  const refused = new PipelineError('CONFIG_INVALID', {
    problems: [
      `${place} is not the key file of a service account: JSON with "client_email" and "private_key"`,
    ],
  });
  let key: { client_email?: unknown; private_key?: unknown };
  try {
    key = JSON.parse(text) as typeof key;
  } catch {
    throw refused;
  }
  if (typeof key.client_email !== 'string' || typeof key.private_key !== 'string') throw refused;
  return { client_email: key.client_email, private_key: key.private_key };
}
