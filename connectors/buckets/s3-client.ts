import { S3Client } from '@aws-sdk/client-s3';
import { limits } from '../../core/limits.js';

/** How S3, or a server that speaks its protocol, is reached. */
export interface S3Access {
  /** Without one, what the environment and the profile of AWS say. */
  readonly region?: string;
  /** Address of another server than that of AWS. */
  readonly endpoint?: string;
  /** The bucket in the path instead of the host name. */
  readonly forcePathStyle?: boolean;
  /** Without them, the default chain of AWS: environment, profile, web identity, instance. */
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  readonly sessionToken?: string;
}

/** The official client. It tries once: its callers try again, and know from where. */
export function createS3Client(access: S3Access): S3Client {
  const { region, endpoint, forcePathStyle, accessKeyId, secretAccessKey, sessionToken } = access;
  return new S3Client({
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    ...(forcePathStyle !== undefined && { forcePathStyle }),
    ...(accessKeyId !== undefined &&
      secretAccessKey !== undefined && {
        credentials: {
          accessKeyId,
          secretAccessKey,
          ...(sessionToken !== undefined && { sessionToken }),
        },
      }),
    // S3 refuses an upload whose pieces, but for the last one, have less than 8 KiB; an encrypted file begins with less.
    // https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
    requestStreamBufferSize: limits.stagingUploadPieceBytes,
    maxAttempts: 1,
    // Errors tell what the client would log.
    logger: { trace: silent, debug: silent, info: silent, warn: silent, error: silent },
    requestHandler: {
      connectionTimeout: limits.warehouseConnectMaxMs,
      socketTimeout: limits.stagingStallMs,
    },
  });
}

function silent(): void {
  // Nothing is logged past the worker's own log.
}
