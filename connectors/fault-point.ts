/** Those that every run with a load passes. */
export const loadFaultPoints = [
  'before-stage',
  'after-stage',
  'before-commit',
  'in-commit',
  'after-commit',
  'before-report',
] as const;

/** Places in which a fault test may kill the process; each lies between two durable steps. */
export type FaultPoint =
  | (typeof loadFaultPoints)[number]
  | 'in-upload'
  | 'after-upload'
  | 'before-publish'
  | 'after-publish'
  | 'after-asset-start'
  | 'in-compare'
  | 'after-record'
  | 'oauth-answered'
  | 'oauth-saved'
  | 'inbox-before-fsync'
  | 'inbox-after-fsync'
  | 'hook-sent'
  | 'inbox-pruned';

const hits = new Map<FaultPoint, number>();

/**
 * Ends this process with SIGKILL when `MILLRACE_FAULT_POINT` names this point and this hit (`before-commit@3` is the
 * third passage). Costs one look at the environment otherwise.
 */
export function faultPoint(point: FaultPoint): void {
  const wanted = process.env['MILLRACE_FAULT_POINT'];
  if (wanted === undefined) return;
  const [name, nth = '1'] = wanted.split('@');
  if (name !== point) return;
  const count = (hits.get(point) ?? 0) + 1;
  hits.set(point, count);
  if (count === Number(nth)) process.kill(process.pid, 'SIGKILL');
}
