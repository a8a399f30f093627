import { describe, expect, test } from '@jest/globals';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../architecture/source-tree.js';
import { temporaryFolder } from '../helpers/folder.js';

interface Replayed {
  readonly outcomes: readonly {
    readonly name: string;
    readonly isCompatible: boolean;
    readonly reason?: string;
  }[];
  readonly failed: number;
}

const folder = temporaryFolder();
const recorded = (name: string) => join(root, 'tests', 'replay', 'histories', `${name}.history`);

function replay(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [join(root, 'dist/client.js'), 'replay', ...args], {
    cwd: folder,
    env: { ...process.env, NODE_OPTIONS: '' },
    encoding: 'utf8',
  });
}

/** A recorded history as Temporal's UI downloads it, in which another activity was asked for. */
function editedHistory(): string {
  const path = join(folder, 'edited.json');
  // A process of its own: protobufjs compares classes, and Jest loads them twice.
  const script = `
    const proto = require('@temporalio/proto');
    const ofProto = require('node:module').createRequire(require.resolve('@temporalio/proto'));
    const { toJsonString } = ofProto('protobufjs/ext/protojson');
    const { History } = proto.temporal.api.history.v1;
    const { readFileSync, writeFileSync } = require('node:fs');
    const [from, to] = process.argv.slice(1);
    const history = History.decode(readFileSync(from));
    for (const { activityTaskScheduledEventAttributes: scheduled } of history.events)
      if (scheduled?.activityType?.name === 'validate') scheduled.activityType.name = 'transform';
    writeFileSync(to, toJsonString(proto.lookupType('temporal.api.history.v1.History'), history));
  `;
  const env = { ...process.env, NODE_OPTIONS: '' };
  execFileSync(process.execPath, ['-e', script, recorded('run-dag'), path], { cwd: root, env });
  return path;
}

describe('millrace replay', () => {
  test('says of each recorded history whether the present code decides as it did', () => {
    const files = [recorded('run-dag'), recorded('backfill-dag'), editedHistory()];
    const { status, stdout } = replay(...files, '--json');
    const { outcomes, failed } = JSON.parse(stdout) as Replayed;
    expect(status).toBe(1);
    expect(failed).toBe(1);
    expect(outcomes.map(({ isCompatible }) => isCompatible)).toEqual([true, true, false]);
    expect(outcomes[2]?.reason).toMatch(/validate|transform|nondeterminism/i);
  });

  test('refuses what is no history, and nothing at all', () => {
    const path = join(folder, 'rubbish.json');
    writeFileSync(path, '{"events": []}');
    const rubbish = replay(path);
    expect(rubbish.status).toBe(78);
    expect(rubbish.stderr).toContain('HISTORY_INVALID');
    expect(rubbish.stderr).toContain(path);
    const nothing = replay();
    expect(nothing.status).toBe(2);
    expect(nothing.stderr).toContain('There is nothing to replay');
  });
});
