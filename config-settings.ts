import type { AlarmRoute } from './core/alarms.js';
import type { Secret } from './security/secret.js';

/** Where alarm notices go, beside the log, and what raises some of them. */
export interface AlarmSettings {
  readonly webhook?: Secret;
  readonly slack?: Secret;
  readonly email?: { readonly url: Secret; readonly from: string; readonly to: readonly string[] };
  readonly pagerduty?: { readonly routingKey: Secret; readonly url: string };
  readonly routes: readonly AlarmRoute[];
  readonly quarantineOver: number;
}

/** Where staged files are kept, and how the bucket is reached. */
export interface StagingSettings {
  /** An absolute folder, or the address of a bucket. */
  readonly url: string;
  /** Days, such as `30d`. */
  readonly retention?: string;
  readonly cachePath: string;
  readonly cacheMaxMb?: number;
  readonly s3: {
    readonly region?: string;
    readonly endpoint?: string;
    readonly forcePathStyle?: boolean;
    readonly accessKeyId?: string;
    readonly secretAccessKey?: Secret;
    readonly sessionToken?: Secret;
    readonly serverSideEncryption?: 'AES256' | 'aws:kms' | 'aws:kms:dsse';
    readonly kmsKeyId?: string;
  };
  readonly gcs: {
    readonly projectId?: string;
    readonly endpoint?: string;
    readonly credentials?: Secret;
    readonly kmsKeyName?: string;
  };
}
