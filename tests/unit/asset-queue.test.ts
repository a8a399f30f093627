import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isSatisfied, type AssetCondition } from '../../core/assets/asset-condition.js';
import { fitEvents, runBatch, type AssetEvent } from '../../core/assets/asset-event.js';
import { AssetQueue, newAssetQueue } from '../../core/assets/asset-queue.js';
import { limits } from '../../core/limits.js';

const event = (id: string, uri: string, extra = {}): AssetEvent => ({
  id,
  uri,
  at: '2026-01-01T00:00:00.000Z',
  extra,
});
const both: AssetCondition = {
  kind: 'all',
  of: [
    { kind: 'asset', uri: 'x:a' },
    { kind: 'asset', uri: 'x:b' },
  ],
};
const either: AssetCondition = { ...both, kind: 'any' };

/** Starts what is ready; the ids of the events of each run. */
function drain(queue: AssetQueue): string[][] {
  const runs: string[][] = [];
  for (let batch = queue.begin(); batch !== undefined; batch = queue.begin()) {
    runs.push(batch.events.map(({ id }) => id));
    queue.started(`run ${String(runs.length)}`);
  }
  return runs;
}

describe('the queue of a DAG', () => {
  test('waits for all, and a run takes everything that came', () => {
    const queue = new AssetQueue(newAssetQueue(both));
    queue.deliver([event('1', 'x:a')]);
    queue.deliver([event('2', 'x:a')]);
    expect(drain(queue)).toEqual([]);
    queue.deliver([event('3', 'x:b')]);
    expect(drain(queue)).toEqual([['1', '2', '3']]);
    expect(queue.view).toMatchObject({ queued: [], startedRuns: 1, lastRun: 'run 1' });
  });

  test('any: one run for each delivery, one for events that came together', () => {
    const queue = new AssetQueue(newAssetQueue(either));
    queue.deliver([event('1', 'x:a')]);
    queue.deliver([event('2', 'x:b')]);
    queue.deliver([event('3', 'x:a'), event('4', 'x:b')]);
    expect(drain(queue)).toEqual([['1'], ['2'], ['3', '4']]);
  });

  test('knows a repeat, also after its run was started, and assets that it does not wait for', () => {
    const queue = new AssetQueue(newAssetQueue(either));
    queue.deliver([event('1', 'x:a')]);
    queue.deliver([event('1', 'x:a')]);
    queue.deliver([event('9', 'x:z')]);
    expect(drain(queue)).toEqual([['1']]);
    const next = new AssetQueue(queue.state);
    next.deliver([event('1', 'x:a')]);
    expect(drain(next)).toEqual([]);
    expect(next.view.recent.map(({ id }) => id)).toEqual(['1']);
  });

  test('paused, it gathers; resumed, everything is one run', () => {
    const queue = new AssetQueue(newAssetQueue(either));
    queue.deliver([event('1', 'x:a')]);
    queue.pause();
    queue.deliver([event('2', 'x:a')]);
    queue.deliver([event('3', 'x:b')]);
    expect(drain(queue)).toEqual([]);
    queue.resume();
    expect(drain(queue)).toEqual([['1', '2', '3']]);
  });

  test('a pause while a run is being started neither loses its events nor starts them twice', () => {
    const refused = new AssetQueue(newAssetQueue(either));
    refused.deliver([event('1', 'x:a')]);
    refused.begin();
    refused.pause();
    refused.putBack();
    refused.resume();
    expect(drain(refused)).toEqual([['1']]);

    const begun = new AssetQueue(newAssetQueue(either));
    begun.deliver([event('1', 'x:a')]);
    begun.begin();
    begun.pause();
    begun.started('run');
    begun.resume();
    expect(drain(begun)).toEqual([]);
  });

  test('another condition drops what it does not name, and may hold at once', () => {
    const queue = new AssetQueue(newAssetQueue(both));
    queue.deliver([event('1', 'x:a')]);
    queue.deploy({ kind: 'asset', uri: 'x:b' });
    expect(queue.view.queued).toEqual([]);
    queue.deliver([event('2', 'x:b')]);
    expect(drain(queue)).toEqual([['2']]);
    const waiting = new AssetQueue(newAssetQueue(both));
    waiting.deliver([event('1', 'x:a')]);
    waiting.deploy(either);
    expect(drain(waiting)).toEqual([['1']]);
  });

  test('whatever comes, twice or not, carried over or paused: each event is in one run or in the queue', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('deliver'), n: fc.nat(20), uri: fc.constantFrom('x:a', 'x:b') }),
      fc.record({ do: fc.constantFrom('pause', 'resume', 'start', 'carry', 'refuse') }),
    );
    fc.assert(
      fc.property(fc.constantFrom(both, either), fc.array(step, { maxLength: 60 }), (condition, steps) => {
        let queue = new AssetQueue(newAssetQueue(condition));
        const delivered = new Set<string>();
        const taken: string[] = [];
        for (const one of steps) {
          if ('n' in one) {
            const id = `${one.uri}/${String(one.n)}`;
            delivered.add(id);
            queue.deliver([event(id, one.uri)]);
          } else if (one.do === 'pause') queue.pause();
          else if (one.do === 'resume') queue.resume();
          else if (one.do === 'carry') queue = new AssetQueue(structuredClone(queue.state));
          else {
            const batch = queue.begin();
            if (batch === undefined) continue;
            expect(isSatisfied(condition, new Set(batch.events.map(({ uri }) => uri)))).toBe(true);
            if (one.do === 'refuse') queue.putBack();
            else {
              taken.push(...batch.events.map(({ id }) => id));
              queue.started('run');
            }
          }
        }
        const { queued, pending } = queue.view;
        const left = [...queued, ...pending.flatMap(({ events }) => events)].map(({ id }) => id);
        expect([...taken, ...left].sort()).toEqual([...delivered].sort());
      }),
    );
  });

  test('counts what does not fit, and its state stays far below the server’s bound', () => {
    const queue = new AssetQueue(newAssetQueue(both));
    const extra = { text: 'x'.repeat(limits.assetExtraMaxBytes - 20) };
    const more = limits.assetRememberedIds + 100;
    for (let n = 0; n < more; n += 1) queue.deliver([event(String(n).padStart(40, '0'), 'x:a', extra)]);
    queue.deliver([event('last', 'x:b', extra)]);
    const [batch] = queue.state.pending;
    expect(batch!.events.length + batch!.omitted).toBe(more + 1);
    expect(batch!.events.map(({ uri }) => uri)).toEqual(expect.arrayContaining(['x:a', 'x:b']));
    expect(JSON.stringify(batch).length).toBeLessThan(1.1 * limits.assetEventsMaxBytes);
    for (let n = 0; n < 60; n += 1) {
      queue.deliver([event(`a${String(n)}`, 'x:a', extra)]);
      queue.deliver([event(`b${String(n)}`, 'x:b', extra)]);
    }
    expect(queue.state.pending).toHaveLength(limits.assetPendingRuns);
    expect(JSON.stringify(queue.state).length).toBeLessThan(1_500_000);
  }, 240_000);
});

describe('events that fit', () => {
  test('the newest of each asset first, details before events are left out, in the order in which they came', () => {
    const events = [event('1', 'x:b'), ...['2', '3', '4'].map((id) => event(id, 'x:a'))];
    expect(fitEvents(events, 3, 10_000)).toEqual({ events: [events[0], events[2], events[3]], omitted: 1 });
    const large = events.map((one) => ({ ...one, extra: { text: 'x'.repeat(200) } }));
    const fitted = fitEvents(large, 10, 400);
    expect(fitted.events.map(({ id }) => id)).toEqual(['1', '4']);
    expect(fitted.events.map(({ isExtraOmitted }) => isExtraOmitted)).toEqual([true, undefined]);
    expect(fitted.omitted).toBe(2);
    expect(runBatch({ events, omitted: 5 })).toEqual({ events, omitted: 5 });
  });
});
