import { randomUUID } from 'node:crypto';
import { httpRequest, inRequestScope } from '../../dist/connectors/http/index.js';
import { openOpsStore } from '../../dist/ops/store.js';
import { Secret } from '../../dist/security/secret.js';

/** A worker process that sends requests through one connection: its work as JSON. Says `ready`, then how it ended. */
const { place, url, dag, count, rules, sliceMs } = JSON.parse(process.argv[2] ?? '{}');
const budgets = await openOpsStore(place.url === undefined ? place : { url: new Secret(place.url) });
const { signal } = new AbortController();
process.stdout.write('ready\n');
await inRequestScope(
  { budgets: budgets.rates, connection: 'shop', dag, holder: randomUUID(), rules, isFirstTry: true, sliceMs },
  async () => {
    for (let sent = 0; sent < count; sent += 1) {
      const address = new URL(`${url}?dag=${dag}`);
      await httpRequest({ source: 'test', url: address, signal });
    }
  },
);
await budgets.close();
process.stdout.write('done\n');
