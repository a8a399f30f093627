import type { RunResult, TaskResult } from '../../core/run/run-result.js';
import type { TestProject } from './project.js';

/** A run as `millrace dag trigger --wait --json` prints it. */
export interface TriggeredRun {
  readonly workflowId: string;
  readonly result: RunResult;
}

/** Starts a run, waits for its end, and returns it, whatever it ended with. */
export async function triggerRun(
  project: TestProject,
  dagId: string,
  params?: object,
  ...args: string[]
): Promise<TriggeredRun> {
  const given = params === undefined ? [] : ['--params', JSON.stringify(params)];
  const outcome = await project.run('dag', 'trigger', dagId, '--wait', '--json', ...given, ...args);
  try {
    return JSON.parse(outcome.stdout) as TriggeredRun;
  } catch {
    throw new Error(`the run of ${dagId} did not come about: ${outcome.stdout}${outcome.stderr}`);
  }
}

/** State of the run and of each task. */
export function statesOf({ result }: TriggeredRun): { state: string; tasks: Record<string, string> } {
  return {
    state: result.state,
    tasks: Object.fromEntries(result.tasks.map(({ taskId, state }) => [taskId, state])),
  };
}

/** One task of a run's result. */
export function taskOf({ result }: TriggeredRun, taskId: string): TaskResult {
  const task = result.tasks.find((one) => one.taskId === taskId);
  if (task === undefined) throw new Error(`the run has no task "${taskId}"`);
  return task;
}

/** Lines that the functions of the DAGs wrote, which start with `prefix`. */
export function notes(project: TestProject, prefix = ''): string[] {
  return project
    .read('notes.txt')
    .split('\n')
    .filter((line) => line !== '' && line.startsWith(prefix));
}
