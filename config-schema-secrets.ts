import { isSecretName } from './security/secret.js';

/** Where a setting may be `{ "env": "NAME" }`. */
export function isSecretPlace([area, second, third, fourth, fifth]: readonly string[]): boolean {
  if (area === 'connections') return true;
  if (area === 'alarms') return isAlarmSecret(second, third);
  if (area === 'ops') return second === 'url';
  if (area === 'security') return second === 'keys';
  if (area === 'staging') return ['secretAccessKey', 'sessionToken', 'credentials'].includes(third ?? '');
  if (area !== 'gateway') return false;
  if (second === 'api') return fifth === 'secrets';
  return second === 'writeKeys' || (second === 'webhooks' && fourth === 'secrets');
}

function isAlarmSecret(sink: string | undefined, member: string | undefined): boolean {
  if (sink === 'email') return member === 'url';
  if (sink === 'pagerduty') return member === 'routingKey';
  return sink === 'webhook' || sink === 'slack';
}

/** Areas whose secret places hold nothing but the secret. */
const secretAreas = ['gateway', 'alarms', 'ops', 'security', 'staging'];

/** Where the text of a setting is a secret. */
export function isSecretText(path: readonly string[]): boolean {
  if (!isSecretPlace(path)) return false;
  return secretAreas.includes(path[0] ?? '') || (path.length > 2 && path.slice(2).some(isSecretName));
}
