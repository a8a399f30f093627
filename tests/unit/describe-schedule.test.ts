import { expect, test } from '@jest/globals';
import { ServiceError, type Client, type ScheduleDescription } from '@temporalio/client';
import { describeSchedule } from '../../client/temporal/describe-schedule.js';
import { limits } from '../../core/limits.js';

const deadlineExceeded = 4;
const permissionDenied = 7;

/** Stands in for a server that loses queries, which a real one does by chance only. */
function clientThatLoses(count: number, code: number): { client: Client; asked: () => number } {
  let asked = 0;
  const describe = () => {
    asked += 1;
    if (asked > count) return Promise.resolve({ scheduleId: 'orders' } as ScheduleDescription);
    const cause = Object.assign(new Error('lost'), { code });
    return Promise.reject(new ServiceError('Failed to describe schedule', { cause }));
  };
  return {
    client: { schedule: { getHandle: () => ({ describe }) } } as unknown as Client,
    asked: () => asked,
  };
}

test('a look at a schedule whose answer was lost is taken again', async () => {
  const { client, asked } = clientThatLoses(limits.temporalDescribeMaxTries - 1, deadlineExceeded);
  expect(await describeSchedule(client, 'orders')).toEqual({ scheduleId: 'orders' });
  expect(asked()).toBe(limits.temporalDescribeMaxTries);
});

test('it is not taken for ever', async () => {
  const { client, asked } = clientThatLoses(Number.POSITIVE_INFINITY, deadlineExceeded);
  await expect(describeSchedule(client, 'orders')).rejects.toThrow('Failed to describe schedule');
  expect(asked()).toBe(limits.temporalDescribeMaxTries);
});

test('any other refusal stands at once', async () => {
  const { client, asked } = clientThatLoses(1, permissionDenied);
  await expect(describeSchedule(client, 'orders')).rejects.toThrow('Failed to describe schedule');
  expect(asked()).toBe(1);
});
