import { Context } from '@temporalio/activity';
import { defineDag } from '../core/dag/dag-builder.js';
import type { DagDefinition } from '../core/dag/dag-definition.js';
import { limits } from '../core/limits.js';

/** What every step of every case hands on. */
export type StepResult = { readonly n: number };

/** A DAG and the workflow of `hand-written.mjs` that does the same work. */
export interface DagCase {
  readonly name: string;
  readonly definition: DagDefinition;
  readonly handWritten: { readonly workflow: string; readonly argument: number };
  /** Time of the interpreted runs over that of the hand-written ones, at most. */
  readonly goal: number;
  /** Runs in one measurement, and how many of them at a time. */
  readonly runs: number;
  readonly concurrency: number;
  readonly rounds: number;
}

/** What each step of each run returned, by workflow id: proof that both sides did the same work. */
export type Ledger = Map<string, Map<string, number>>;

/** The work of a step, the same on both sides: a number that depends on what came before. */
function step(
  ledger: Ledger,
  workflowId: string,
  name: string,
  inputs: Readonly<Record<string, StepResult>>,
): StepResult {
  const n = Object.values(inputs).reduce((sum, input) => sum + input.n, 1);
  const steps = ledger.get(workflowId) ?? new Map<string, number>();
  ledger.set(workflowId, steps);
  steps.set(name, n);
  return { n };
}

/** The activity of the hand-written workflows. It says that it is alive, as those of Millrace do. */
export function handWrittenActivities(ledger: Ledger): {
  work(name: string, inputs: Readonly<Record<string, StepResult>>): Promise<StepResult>;
} {
  return {
    work: async (name, inputs) => {
      const context = Context.current();
      const timer = setInterval(() => {
        context.heartbeat();
      }, limits.heartbeatEveryMs);
      try {
        return step(ledger, context.info.workflowExecution?.workflowId ?? '', name, inputs);
      } finally {
        clearInterval(timer);
      }
    },
  };
}

export function dagCases(ledger: Ledger, isQuick: boolean): DagCase[] {
  const many = isQuick ? { runs: 64, rounds: 2 } : { runs: 200, rounds: 5 };
  const single = { runs: 1, concurrency: 1, rounds: isQuick ? 3 : 61 };
  return [
    {
      name: `${String(many.runs * many.rounds)} runs of three tasks, 64 at a time`,
      definition: chainDag(ledger, 'three', 3, false),
      handWritten: { workflow: 'chain', argument: 3 },
      goal: 1.03,
      ...many,
      concurrency: 64,
    },
    {
      name: 'forty tasks in a row',
      definition: chainDag(ledger, 'forty', 40, false),
      handWritten: { workflow: 'chain', argument: 40 },
      goal: 1.03,
      ...single,
    },
    {
      name: 'a diamond of fifty',
      definition: diamondDag(ledger, 50),
      handWritten: { workflow: 'diamond', argument: 50 },
      goal: 1.03,
      ...single,
    },
    {
      name: 'forty short tasks in a row',
      definition: chainDag(ledger, 'short', 40, true),
      handWritten: { workflow: 'localChain', argument: 40 },
      goal: 1.2,
      ...single,
    },
  ];
}

function chainDag(ledger: Ledger, id: string, length: number, short: boolean): DagDefinition {
  return defineDag({
    id,
    tasks: ({ task }) => {
      let last = task('t0', { short, run: ({ workflowId }) => step(ledger, workflowId, 't0', {}) });
      for (let index = 1; index < length; index += 1) {
        const name = `t${String(index)}`;
        last = task(name, {
          short,
          inputs: { last },
          run: ({ workflowId }, inputs) => step(ledger, workflowId, name, inputs),
        });
      }
    },
  });
}

function diamondDag(ledger: Ledger, width: number): DagDefinition {
  return defineDag({
    id: 'diamond',
    maxActiveTasks: width,
    tasks: ({ task }) => {
      const first = task('first', { run: ({ workflowId }) => step(ledger, workflowId, 'first', {}) });
      const middle = Object.fromEntries(
        Array.from({ length: width }, (_none, index) => {
          const name = `m${String(index)}`;
          return [
            name,
            task(name, {
              inputs: { first },
              run: ({ workflowId }, inputs) => step(ledger, workflowId, name, inputs),
            }),
          ];
        }),
      );
      task('last', {
        inputs: middle,
        run: ({ workflowId }, inputs) => step(ledger, workflowId, 'last', inputs),
      });
    },
  });
}
