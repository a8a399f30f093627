import { condition } from '@temporalio/workflow';
import type { Decision } from '../core/run/run.js';
import type { ApprovalResult } from '../core/dag/task-options.js';

/** The approvals of one run: which tasks ask, and what was answered. The first answer counts. */
export class Approvals {
  readonly #asking = new Set<string>();
  readonly #answers = new Map<string, ApprovalResult>();

  /** @param answered answers that were given before. */
  constructor(answered: readonly Decision[] = []) {
    for (const decision of answered) this.decide(decision);
  }

  /** Takes an answer, also one that comes before the task asks. False where it was answered already. */
  decide({ taskId, decision, by, comment = '' }: Decision): boolean {
    if (this.#answers.has(taskId)) return false;
    this.#answers.set(taskId, { decision, by, comment });
    return true;
  }

  get answers(): Decision[] {
    return [...this.#answers].map(([taskId, answer]) => ({ taskId, ...answer }));
  }

  get asking(): readonly string[] {
    return [...this.#asking].filter((taskId) => !this.#answers.has(taskId));
  }

  /** Waits for the answer; `undefined` where none came in time. */
  async wait(taskId: string, timeoutMs: number | undefined): Promise<ApprovalResult | undefined> {
    this.#asking.add(taskId);
    const isAnswered = (): boolean => this.#answers.has(taskId);
    if (timeoutMs === undefined) await condition(isAnswered);
    else await condition(isAnswered, timeoutMs);
    this.#asking.delete(taskId);
    return this.#answers.get(taskId);
  }

  /** Forgets the answer of a task that is cleared. */
  clear(taskId: string): void {
    this.#answers.delete(taskId);
  }
}
