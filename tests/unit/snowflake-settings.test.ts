import { expect, test } from '@jest/globals';
import { snowflakeFailure } from '../../connectors/snowflake/failure.js';
import { snowflakeSettings } from '../../connectors/snowflake/settings.js';

const place = { account: 'a', database: 'd', schema: 's' };

test.each([
  [{ user: 'u', privateKey: 'key' }, 'SNOWFLAKE_JWT'],
  [{ user: 'u', password: 'p' }, 'SNOWFLAKE'],
  [{ token: 't' }, 'OAUTH'],
  [{ user: 'u', authenticator: 'external-browser' }, 'EXTERNALBROWSER'],
  [{ token: 't', authenticator: 'programmatic-access-token' }, 'PROGRAMMATIC_ACCESS_TOKEN'],
] as const)('%j is for the driver %s', (proof, authenticator) => {
  expect(snowflakeSettings({ ...place, ...proof }).driver).toMatchObject({ ...place, authenticator });
});

test.each([
  [{ authenticator: 'key-pair', user: 'u' }, '"privateKey" or "privateKeyPath"'],
  [{ authenticator: 'oauth-client-credentials' }, '"oauthTokenRequestUrl"'],
  [{ password: 'p' }, '"user"'],
  [
    { user: 'u', password: 'p', accessUrl: 'http://elsewhere.example' },
    '"accessUrl" must be an https address',
  ],
])('%j is refused', (proof, problem) => {
  expect(() => snowflakeSettings({ ...place, ...proof })).toThrow(problem);
});

test.each([
  ['390100', '08001', 'WAREHOUSE_AUTH', false],
  ['407002', '08003', 'WAREHOUSE_UNAVAILABLE', true],
  ['000625', '57014', 'WAREHOUSE_CONFLICT', true],
  ['001003', '42000', 'WAREHOUSE_STATEMENT', false],
])("the driver's %s with state %s is %s", (code, sqlState, expected, retryable) => {
  const error = Object.assign(new Error('refused'), { code, sqlState });
  expect(snowflakeFailure(error, 'items')).toMatchObject({ code: expected, retryable });
});
