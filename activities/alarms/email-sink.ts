import { createTransport } from 'nodemailer';
import type { AlarmNotice, AlarmSink } from '../../core/alarms.js';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';

export interface EmailOptions {
  /** `smtp://` or `smtps://` address of the server, with user and password where it asks for them. */
  readonly url: string;
  readonly from: string;
  readonly to: readonly string[];
}

/**
 * Notices as e-mail, over SMTP. Both notices of an alarm belong to one thread; a repeat has the same `Message-ID`.
 *
 * @throws PipelineError ALARM_NOT_SENT
 */
export function createEmailSink({ url, from, to }: EmailOptions): AlarmSink {
  const transport = createTransport({
    url,
    connectionTimeout: limits.alarmTimeoutMs,
    greetingTimeout: limits.alarmTimeoutMs,
    socketTimeout: limits.alarmTimeoutMs,
  });
  return {
    name: 'email',
    send: async (notice) => {
      try {
        await transport.sendMail({ from, to: [...to], ...emailOf(notice) });
      } catch (error) {
        const { code = 'ESMTP', responseCode } = error as { code?: string; responseCode?: number };
        throw new PipelineError('ALARM_NOT_SENT', {
          sink: 'email',
          reason: `the SMTP server ${responseCode === undefined ? `cannot be used (${code})` : `answered ${String(responseCode)}`}`,
        });
      }
    },
  };
}

/** Subject, text and headers of the e-mail for a notice. */
export function emailOf({ id, alarm, state, at }: AlarmNotice): {
  subject: string;
  text: string;
  messageId: string;
  references: string;
  headers: Record<string, string>;
} {
  const over = state === 'recovered' ? ' is over' : '';
  const thread = messageIdOf(alarm.id);
  return {
    subject: `[Millrace] ${alarm.dagId}: ${alarm.kind}${over}`,
    text: `${alarm.message}\n\nAlarm ${alarm.id}, ${state} at ${at}, counts ${String(alarm.count)}.\n`,
    messageId: messageIdOf(id),
    references: thread,
    // RFC 3834: no answer from a machine to a machine.
    headers: { 'Auto-Submitted': 'auto-generated' },
  };
}

function messageIdOf(id: string): string {
  return `<${Buffer.from(id).toString('base64url')}@alarms.millrace>`;
}
