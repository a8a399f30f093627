import { createHash } from 'node:crypto';

/** A payload of a provider and what it means. */
export interface EmailSample {
  /** Name of the event at its provider. */
  readonly name: string;
  readonly payload: unknown;
  /** Members of the canonical event that must be so. */
  readonly meaning: {
    readonly type: string;
    readonly recipient?: string;
    readonly messageId?: string;
    readonly occurredAt?: string;
    readonly bounceClass?: string;
    readonly openVia?: string;
    readonly isMachineOpen?: boolean;
    readonly isScannerClick?: boolean;
    readonly url?: string;
  };
}

export const recipient = 'ada@example.com';
export const second = 1_769_940_000;
/** The same moment as `second`. */
export const secondIso = '2026-02-01T10:00:00.000Z';
export const link = 'https://shop.example.com/spring?utm=mail';
export const mailProgram = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) Thunderbird/128.0';
export const appleProxy = 'Mozilla/5.0';
export const gmailProxy =
  'Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)';
export const linkScanner = 'Mozilla/5.0 (compatible; Barracuda Sentinel (EE))';

/** A short text that is the same for the same members. */
export function markOf(members: object): string {
  return createHash('sha256').update(JSON.stringify(members)).digest('hex').slice(0, 12);
}
