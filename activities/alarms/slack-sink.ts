import type { AlarmNotice, AlarmSink } from '../../core/alarms.js';
import type { JsonObject } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import { post } from './post.js';

/**
 * Notices for an incoming webhook of Slack, or of a chat that takes the same message (Mattermost, Rocket.Chat).
 * https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
 */
export function createSlackSink(url: URL): AlarmSink {
  return {
    name: 'slack',
    send: (notice, signal) => post('slack', url, notice, slackMessage(notice), signal),
  };
}

/** `text` is what notifications show; `blocks` is what the channel shows. */
export function slackMessage({ alarm, state, at }: AlarmNotice): JsonObject {
  const title =
    state === 'raised' ? `:rotating_light: ${alarm.kind}` : `:white_check_mark: ${alarm.kind} is over`;
  const heading = `*${title}* · ${escape(alarm.dagId)}`;
  const message = escape(alarm.message).slice(0, limits.alarmTextMaxLength);
  return {
    text: `${heading}\n${message}`,
    blocks: [
      { type: 'section', text: { type: 'mrkdwn', text: `${heading}\n${message}` } },
      { type: 'context', elements: [{ type: 'mrkdwn', text: `${at} · ${escape(alarm.id)}` }] },
    ],
  };
}

/** The three characters that Slack's mark-up takes for its own. */
function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
