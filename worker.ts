#!/usr/bin/env node
import { loadSettings } from './config.js';
import { startWorkerService } from './client/services.js';

/** A worker process: `node dist/worker.js` in a project folder; ends cleanly on SIGTERM and SIGINT. */
const service = await startWorkerService(loadSettings());
process.stderr.write('worker: ready\n');
const signalled = new Promise<void>((resolve) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
});
await Promise.race([signalled, service.failed]);
await service.stop();
