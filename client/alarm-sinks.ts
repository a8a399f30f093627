import type { Logger } from 'pino';
import { createEmailSink } from '../activities/alarms/email-sink.js';
import { createLogSink } from '../activities/alarms/log-sink.js';
import { createPagerDutySink } from '../activities/alarms/pagerduty-sink.js';
import { createSlackSink } from '../activities/alarms/slack-sink.js';
import { createWebhookSink } from '../activities/alarms/webhook-sink.js';
import type { Settings } from '../config.js';
import type { AlarmSink } from '../core/alarms.js';
import { PipelineError } from '../core/errors/index.js';
import type { Secret } from '../security/secret.js';

/** The sinks of a project, the log first. @throws PipelineError CONFIG_INVALID, naming every problem */
export function createAlarmSinks({ alarms }: Settings, logger: Logger): AlarmSink[] {
  const problems: string[] = [];
  const addressOf = (name: string, secret: Secret, protocols: string, hint: string): string => {
    const address = secret.reveal();
    const isOne = new RegExp(`^(${protocols}):`).test(address) && URL.canParse(address);
    if (!isOne) problems.push(`alarms.${name} is not ${hint}`);
    return isOne ? address : 'http://localhost';
  };
  const { webhook, slack, email, pagerduty, routes } = alarms;
  const http = ['https?', 'an http or https address'] as const;
  const sinks: AlarmSink[] = [
    createLogSink(logger),
    ...(webhook === undefined ? [] : [createWebhookSink(new URL(addressOf('webhook', webhook, ...http)))]),
    ...(slack === undefined ? [] : [createSlackSink(new URL(addressOf('slack', slack, ...http)))]),
    ...(email === undefined
      ? []
      : [
          createEmailSink({
            ...email,
            url: addressOf('email.url', email.url, 'smtps?', 'an smtp or smtps address'),
          }),
        ]),
    ...(pagerduty === undefined
      ? []
      : [createPagerDutySink({ routingKey: pagerduty.routingKey.reveal(), url: new URL(pagerduty.url) })]),
  ];
  const known = new Set(sinks.map(({ name }) => name));
  for (const name of new Set(routes.flatMap((route) => route.sinks)))
    if (!known.has(name)) problems.push(`alarms.routes names the sink "${name}", which is not set up`);
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
  return sinks;
}
