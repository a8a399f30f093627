import { describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../helpers/folder.js';
import { once, removeAbandoned } from './make-once.js';

const parent = temporaryFolder();

/** The id of a process that has ended. */
const endedProcess = () => String(spawnSync(process.execPath, ['--version']).pid);

describe('a folder made once', () => {
  test('is made by one of those that want it, although a lock was left by a process that has ended', async () => {
    const folder = join(parent, 'wanted');
    writeFileSync(`${folder}.lock`, endedProcess());
    let made = 0;
    const want = () =>
      once(folder, join(folder, 'product'), (target) => {
        made += 1;
        mkdirSync(target);
        writeFileSync(join(target, 'product'), 'x');
        return Promise.resolve();
      });
    expect(await Promise.all([want(), want(), want()])).toEqual(Array(3).fill(join(folder, 'product')));
    expect(made).toBe(1);
    expect(readdirSync(parent).filter((name) => name.startsWith('wanted'))).toEqual(['wanted']);
  });

  test('one that judged a lock abandoned late leaves the lock that came after it', () => {
    const lock = join(parent, 'held.lock');
    writeFileSync(lock, endedProcess());
    removeAbandoned(lock);
    expect(existsSync(lock)).toBe(false);
    writeFileSync(lock, String(process.pid));
    removeAbandoned(lock);
    expect(readFileSync(lock, 'utf8')).toBe(String(process.pid));
    expect(readdirSync(parent).filter((name) => name.startsWith('held'))).toEqual(['held.lock']);
  });
});
