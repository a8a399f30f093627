import { expect, test } from '@jest/globals';
import { defineDag } from '../../core/dag/dag-builder.js';
import { loadsFedBy, ofEveryRun } from '../../core/dag/graph.js';

test('loads of every run are those that nothing before them chooses to leave out', () => {
  const { spec } = defineDag({
    id: 'loads',
    tasks: ({ extract, transform, load, shortCircuit }) => {
      const raw = extract('pull', { from: () => [] });
      load('always', raw, { into: 'all' });
      load('after', transform('shape', raw, { drop: ['x'] }), { into: 'shaped' });
      const isSunday = shortCircuit('sunday', { run: () => false });
      load('weekly', raw, { into: 'weekly', after: [isSunday] });
      load('apart', extract('other', { from: () => [] }), { into: 'apart' });
    },
  });
  const loads = loadsFedBy(spec.tasks, 'pull');
  expect(loads).toEqual(['always', 'after', 'weekly']);
  expect(ofEveryRun(spec.tasks, loads)).toEqual(['always', 'after']);
});
