import { expect, test } from '@jest/globals';
import { createSource } from '../../connectors/inbox/index.js';
import { seededRandom } from '../../testing/index.js';
import { TestProject } from '../helpers/project.js';
import { readAll } from '../sources/read-all.js';

const writeKey = 'kill-test-key';
const kills = Number(process.env['KILLS_PER_POINT'] ?? 5) * 2;

test(`kill -9 of the gateway before and after fsync, ${String(kills)} times: what was acknowledged is there`, async () => {
  const project = await TestProject.create({}, { gateway: { writeKeys: [writeKey] } });
  const random = seededRandom(99);
  const acknowledged: string[] = [];
  const sent: string[] = [];
  let next = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    const point = kill % 2 === 0 ? 'inbox-before-fsync' : 'inbox-after-fsync';
    const gateway = await project.startGateway(`${point}@${String(random.integer(1, 6))}`);
    for (let isAlive = true; isAlive; next += 1) {
      const id = `e-${String(next)}`;
      sent.push(id);
      const status = await fetch(`${gateway.url}/v1/track`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ writeKey, messageId: id, userId: 'u', event: 'E' }),
      }).then(
        (response) => response.status,
        () => undefined,
      );
      if (status === 200) acknowledged.push(id);
      isAlive = status !== undefined;
    }
    await gateway.ended;
    expect(gateway.child.signalCode).toBe('SIGKILL');
  }
  // A last start seals what the dead ones left open.
  await (await project.startGateway()).end();
  const source = createSource({
    projectDirectory: project.folder,
    dataDirectory: `${project.folder}/.millrace`,
  });
  const { rows } = await readAll(source, { stream: 'segment' });
  const ids = rows.map((row) => (JSON.parse(row) as { messageId: string }).messageId);
  expect(acknowledged.filter((id) => !ids.includes(id))).toEqual([]);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.filter((id) => !sent.includes(id))).toEqual([]);
  expect(acknowledged.length).toBeGreaterThan(kills);
}, 240_000);
