import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import type { Logger } from 'pino';

let isLoggingInstalled = false;

/** The SDK's runtime is one per process, and its logger with it. */
export function installLogging(logger: Logger): void {
  if (isLoggingInstalled) return;
  isLoggingInstalled = true;
  Runtime.install({
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
      logger[level === 'ERROR' ? 'error' : 'warn']({ meta }, message);
    }),
    // What the SDK's core says comes the same way; by itself it writes to stdout, which is for results.
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'WARN' }), forward: {} } },
    shutdownSignals: [],
  });
}
