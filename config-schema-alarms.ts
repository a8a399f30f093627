import { secret, type SettingSchema } from './config-schema-parts.js';
import { alarmKinds } from './core/alarms.js';

/** The part of the schema about alarms. */
export const alarmsSchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  properties: {
    webhook: {
      ...secret,
      description: 'Address that alarm notices are POSTed to as JSON. The log gets them in any case.',
      'x-env': ['MILLRACE_ALARMS_WEBHOOK'],
    },
    slack: {
      ...secret,
      description: 'Address of an incoming webhook of Slack, or of a chat that takes the same messages.',
      'x-env': ['MILLRACE_ALARMS_SLACK'],
    },
    email: {
      type: 'object',
      description: 'Alarm notices as e-mail.',
      additionalProperties: false,
      required: ['url', 'from', 'to'],
      properties: {
        url: {
          ...secret,
          description:
            'SMTP server: `smtps://user:password@host:465`, or `smtp://…:587`, which uses TLS where the server offers it.',
          'x-env': ['MILLRACE_ALARMS_EMAIL_URL'],
        },
        from: { type: 'string', description: 'Address of the sender.', pattern: '^[^\\r\\n]+@[^\\r\\n]+$' },
        to: {
          type: 'array',
          description: 'Addresses that every notice goes to.',
          minItems: 1,
          items: { type: 'string', pattern: '^[^\\s,@]+@[^\\s,@]+$' },
        },
      },
    },
    pagerduty: {
      type: 'object',
      description: 'Alarms as incidents of PagerDuty (Events API v2).',
      additionalProperties: false,
      required: ['routingKey'],
      properties: {
        routingKey: {
          ...secret,
          description: 'Integration key of the service.',
          'x-env': ['MILLRACE_ALARMS_PAGERDUTY_ROUTING_KEY'],
        },
        url: {
          type: 'string',
          description: 'Where events go; accounts in Europe: `https://events.eu.pagerduty.com/v2/enqueue`.',
          pattern: '^https?://[^\\s]+$',
          default: 'https://events.pagerduty.com/v2/enqueue',
        },
      },
    },
    routes: {
      type: 'array',
      description:
        'Which notices go to which sinks: those of every route that fits, or all sinks where none does. A route without `kinds` or `dags` fits all of them.',
      default: [],
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['sinks'],
        properties: {
          kinds: {
            type: 'array',
            description: 'Kinds of alarms.',
            minItems: 1,
            items: { type: 'string', enum: alarmKinds },
          },
          dags: { type: 'array', description: 'Ids of DAGs.', minItems: 1, items: { type: 'string' } },
          sinks: {
            type: 'array',
            description: 'Sinks beside the log; none keeps the notices in the log.',
            items: { type: 'string', enum: ['webhook', 'slack', 'email', 'pagerduty'] },
          },
        },
      },
    },
    quarantineOver: {
      type: 'number',
      description:
        'Share of the rows of a load (0 to 1) that may be quarantined before the alarm `quarantine-rate`.',
      minimum: 0,
      maximum: 1,
      default: 0.05,
    },
  },
} as const satisfies SettingSchema;
