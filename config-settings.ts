import type { AlarmRoute } from './core/alarms.js';
import type { Secret } from './security/secret.js';

/** How the Temporal server is reached. */
export interface TemporalSettings {
  /** host:port; undefined means the project's own development server. */
  readonly address?: string;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly apiKey?: Secret;
  readonly tls: {
    readonly enabled?: boolean;
    readonly serverName?: string;
    /** An absolute path, as the other files. */
    readonly serverCaFile?: string;
    /** PEM text, as the other texts. */
    readonly serverCa?: string;
    readonly clientCertFile?: string;
    readonly clientCert?: string;
    readonly clientKeyFile?: string;
    readonly clientKey?: Secret;
  };
}

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
