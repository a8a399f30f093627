import { describe, expect, test } from '@jest/globals';
import { layersOf, renderGraph, renderMermaid } from '../../client/dag-graph.js';
import { defineDag } from '../../core/dag/dag-builder.js';
import type { DagSpec, TaskState } from '../../core/dag/dag-spec.js';

const { spec } = defineDag({
  id: 'shape',
  tasks: ({ task }) => {
    const run = async () => ({});
    const left = task('left', { run });
    const right = task('right', { run });
    const join = task('join', { after: [left, right], run });
    task('alarm', { after: [join], triggerRule: 'one_failed', run });
  },
});
const plain = { isAscii: false, hasColour: false };
const states: Record<string, TaskState> = { left: 'success', right: 'failed', join: 'upstream_failed' };

/** The spec with tasks in groups, as a task group will write it. */
function grouped(groups: Readonly<Record<string, string>>): DagSpec {
  const tasks = spec.tasks.map((task) => {
    const group = groups[task.id];
    return group === undefined ? task : { ...task, group };
  });
  return { ...spec, tasks };
}

test('a layer holds what comes after the layer before', () => {
  expect(layersOf(spec).map((tasks) => tasks.map(({ id }) => id))).toEqual([
    ['left', 'right'],
    ['join'],
    ['alarm'],
  ]);
});

describe('text', () => {
  test('shows each task once, with what it comes after and its trigger rule', () => {
    expect(renderGraph(spec, undefined, plain)).toBe(
      [
        '1 left  function',
        '  right function',
        '2 join  function ← left, right',
        '3 alarm function ← join [one_failed]',
      ].join('\n'),
    );
  });

  test('shows states, in letters and colours where asked', () => {
    expect(renderGraph(spec, states, { ...plain, isAscii: true }).split('\n')).toEqual([
      '1 S left  function   (success)',
      '  F right function   (failed)',
      '2 U join  function ← left, right  (upstream_failed)',
      '3   alarm function ← join [one_failed] (none)',
    ]);
    expect(renderGraph(spec, states, { ...plain, hasColour: true })).toContain('\u001b[31m✗\u001b[0m right');
  });
});

describe('Mermaid', () => {
  test('has nodes with trigger rules, edges, and states as classes', () => {
    expect(renderMermaid(spec, undefined)).toBe(
      [
        'flowchart LR',
        '  t0["left<br/>function"]',
        '  t1["right<br/>function"]',
        '  t2["join<br/>function"]',
        '  t3["alarm<br/>function<br/>one_failed"]',
        '  t0 --> t2',
        '  t1 --> t2',
        '  t2 --> t3',
      ].join('\n'),
    );
    const withStates = renderMermaid(spec, states);
    expect(withStates).toMatch(/classDef failed fill:#\w{6}/);
    expect(withStates).toContain('\n  class t1 failed\n');
    expect(withStates).toContain('\n  class t3 none');
  });

  test('nests groups as subgraphs, each once, around all of its tasks', () => {
    const text = renderMermaid(grouped({ left: 'a', join: 'a', right: 'a.b', alarm: 'a_b' }), undefined);
    expect(text.split('\n').slice(1, 11)).toEqual([
      '  subgraph g_a["a"]',
      '    t0["left<br/>function"]',
      '    subgraph g_a_46_b["b"]',
      '      t1["right<br/>function"]',
      '    end',
      '    t2["join<br/>function"]',
      '  end',
      '  subgraph g_a_95_b["a_b"]',
      '    t3["alarm<br/>function<br/>one_failed"]',
      '  end',
    ]);
  });

  test('writes what Mermaid would read as syntax as entities', () => {
    const [first] = spec.tasks;
    expect(renderMermaid({ ...spec, tasks: [{ ...first!, id: 'a"#<b>' }] }, undefined)).toContain(
      '"a#quot;#35;#lt;b#gt;<br/>function"',
    );
  });
});
