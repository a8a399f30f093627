import { expect, test } from '@jest/globals';
import { getEventListeners } from 'node:events';
import { pino } from 'pino';
import { startAlarmKeeper } from '../../activities/alarms/keeper.js';

test('looks again and again with one ear for notices, is woken by them, and stops at once', async () => {
  const woken = new EventTarget();
  let looks = 0;
  let onLook = (): void => undefined;
  const look = (count: number) =>
    new Promise<void>((resolve) => {
      onLook = () => {
        if (looks >= count) resolve();
      };
    });
  const keeper = startAlarmKeeper({
    // Another process has the lease: a look ends there.
    store: {
      leases: {
        take: () => {
          looks += 1;
          onLook();
          return Promise.resolve(false);
        },
      },
    } as never,
    ...{ book: undefined as never, sinks: [], definitions: [], logger: pino({ level: 'silent' }) },
    woken,
  });
  await look(looks + 2);
  expect(getEventListeners(woken, 'notice')).toHaveLength(1);
  const before = looks;
  for (let notice = 1; notice <= 20; notice += 1) {
    const next = look(before + notice);
    woken.dispatchEvent(new Event('notice'));
    await next;
  }
  await keeper.stop();
  expect(getEventListeners(woken, 'notice')).toHaveLength(0);
});
