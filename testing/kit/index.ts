export {
  DagTestEnvironment,
  type DagTestEnvironmentOptions,
  type DagTestOptions,
  type TestedRun,
  type TestedTask,
} from './dag-test-environment.js';
export { rows, type Fake, type FakeRows, type Fakes } from './fakes.js';
